"""Threads of their own, and waiting for what happens elsewhere, for tests that must not hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

PATIENCE = 60.0  # seconds after which a test that hangs fails


class Job:
    """Function that runs in a thread of its own, which cannot keep the tests from ending."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._result: object = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:
            self._error = error

    def end(self, patience: float = PATIENCE) -> Any:
        """Wait, and give or raise what the function did."""
        self._thread.join(patience)
        assert not self._thread.is_alive(), "the thread hangs"
        if self._error:
            raise self._error
        return self._result


def run_together(*functions: Callable[[], object]) -> list[Any]:
    """Run functions at the same time; gives their results, or raises the first error."""
    return [job.end() for job in [Job(function) for function in functions]]


def wait_until(condition: Callable[[], Any], what: str = "what never came", seconds: float = PATIENCE) -> Any:
    """Wait until a condition gives something true, and return that."""
    deadline = monotonic() + seconds
    while not (value := condition()):
        assert monotonic() < deadline, f"waited {seconds:g} s for {what}"
        sleep(0.01)
    return value
