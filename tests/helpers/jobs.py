"""Functions in threads of their own, for tests that must not hang."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
