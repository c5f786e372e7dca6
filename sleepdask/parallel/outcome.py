"""What became of one item of a map."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Outcome(Generic[R]):
    """What became of an item: its value, or its error with the traceback.

    Examples
    --------
    >>> outcome = attempt(float, 3, "many")
    >>> outcome.ok, outcome.index, outcome.error_type, outcome.message
    (False, 3, 'ValueError', "could not convert string to float: 'many'")
    """

    index: int
    value: R | None = None
    error: BaseException | None = None
    traceback: str = ""
    attempts: int = 1
    seconds: float = 0.0
    worker: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.error is None

    @property
    def error_type(self) -> str:
        """Name of the error's class; empty if there is none."""
        return "" if self.error is None else type(self.error).__name__

    @property
    def message(self) -> str:
        """Text of the error; empty if there is none."""
        if self.error is None:
            return ""
        try:
            return str(self.error)
        except Exception as broken:
            return f"(its text cannot be made: {type(broken).__name__})"

    def unwrap(self) -> R:
        """Give the value, or raise the error with a note of the item and the worker's traceback."""
        if self.error is None:
            return self.value  # type: ignore[return-value]
        note = f"item {self.index}{self.worker and f', on {self.worker}'}\n{self.traceback}".rstrip()
        if note not in getattr(self.error, "__notes__", []):
            self.error.add_note(note)
        if isinstance(self.error, StopIteration):  # it would end a loop around this, as if all were well
            raise RuntimeError(f"item {self.index} raised StopIteration") from self.error
        raise self.error


def attempt(
    function: Callable[[Any], R], index: int, item: Any, retries: int = 0, failed: BaseException | None = None
) -> Outcome[R]:
    """Call a function with one item, again if it fails; `failed` is the error of a try before this."""
    began, attempts, error = perf_counter(), int(failed is not None), failed
    while attempts <= retries:
        attempts += 1
        try:
            value = function(item)
        except (Exception, SystemExit) as again:
            error = again
        else:
            return Outcome(index, value, None, "", attempts, perf_counter() - began, here())
    text = "" if error is None else "".join(traceback.format_exception(_without_us(error)))
    return Outcome(index, None, error, text, attempts, perf_counter() - began, here())


def _without_us(error: BaseException) -> BaseException:
    """Drop the frame of this package, so that a traceback begins in the function."""
    return error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)


def here() -> str:
    """Process and thread in which this is called."""
    return f"pid {os.getpid()}, {threading.current_thread().name}"
