"""What goes to a worker and comes back: a function, a batch of items, and what became of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import takewhile
from threading import Event
from time import perf_counter
from types import CodeType
from typing import Any
from uuid import uuid4

import cloudpickle

from sleepdask.errors import ParameterError, SleepdaskError
from sleepdask.parallel.outcome import Outcome, attempt


class RemoteError(SleepdaskError):
    """Stands for an error in a worker that pickling would lose or change; its text begins with the original type."""


@dataclass(frozen=True)
class Batch:
    """Items that go out together; `first` is the index of the first of them."""

    first: int
    items: tuple[Any, ...]

    def singles(self) -> list[Batch]:
        """One batch an item."""
        return [Batch(self.first + k, (item,)) for k, item in enumerate(self.items)]


@dataclass
class Done:
    """What comes back for a batch: a value for each item, and an outcome for each that failed."""

    first: int
    values: list[Any] = field(default_factory=list)
    failures: dict[int, Outcome[Any]] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of(cls, outcome: Outcome[Any]) -> Done:
        """Result of a single item that failed."""
        return cls(outcome.index, [None], {outcome.index: outcome}, outcome.seconds)

    def pairs(self) -> Iterator[tuple[int, Any]]:
        """Index and value of all that did not fail."""
        return (pair for pair in enumerate(self.values, self.first) if pair[0] not in self.failures)

    def kept(self) -> list[Any]:
        """Values of all that did not fail."""
        return [value for _, value in self.pairs()] if self.failures else self.values


@dataclass(frozen=True)
class Call:
    """A function, and what becomes of an item that fails, after so many tries again: see `ParallelConfig.on_error`."""

    function: Callable[[Any], Any]
    retries: int = 0
    on_error: str = "raise"

    @property
    def detailed(self) -> bool:
        """Whether the value of each item is its `Outcome`."""
        return self.on_error == "return"

    def __call__(self, batch: Batch, stop: Event | None = None) -> Done:
        """Call the function with each item of a batch, until `stop` is set: nobody wants the rest then."""
        began = perf_counter()
        done = (self._detailed if self.detailed else self._plain)(batch, stop)
        done.seconds = perf_counter() - began
        return done

    def _detailed(self, batch: Batch, stop: Event | None) -> Done:
        items = enumerate(_until(stop, batch.items), batch.first)
        return Done(batch.first, [attempt(self.function, i, item, self.retries) for i, item in items])

    def _plain(self, batch: Batch, stop: Event | None) -> Done:
        """As long as nothing fails, an item costs no more than in any loop."""
        done = Done(batch.first)
        function, append = self.function, done.values.append
        for item in _until(stop, batch.items):
            try:
                append(function(item))
            except (Exception, SystemExit) as error:
                outcome = attempt(function, batch.first + len(done.values), item, self.retries, error)
                append(outcome.value)
                if not outcome.ok:
                    done.failures[outcome.index] = outcome
                    if self.on_error == "raise":
                        break
        return done


def _until(stop: Event | None, items: tuple[Any, ...]) -> Iterable[Any]:
    return items if stop is None else takewhile(lambda _: not stop.is_set(), items)


class PickledCall:
    """A `Call` on its way to other processes, unpickled once in each."""

    def __init__(self, call: Call) -> None:
        self.token = uuid4().hex
        self.data = pickled(call, "the function")

    def __sizeof__(self) -> int:
        return len(self.data)

    def __hash__(self) -> int:
        return hash(self.token)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PickledCall) and self.token == other.token

    def __call__(self, batch: bytes) -> bytes:
        """Run in another process, and send back what can travel."""
        done = _unpickled(self)(cloudpickle.loads(batch))
        done.failures = {index: _portable(outcome) for index, outcome in done.failures.items()}
        done.values = [_portable(value) if isinstance(value, Outcome) else value for value in done.values]
        try:
            return pickled(done, "a result")
        except ParameterError:
            _take_out(done)
            return pickled(done, "a result")


@lru_cache(maxsize=4)
def _unpickled(call: PickledCall) -> Call:
    loaded: Call = cloudpickle.loads(call.data)
    return loaded


def pickled(thing: Any, what: str) -> bytes:
    """Pickle, by value what no other process could import."""
    file = io.BytesIO()
    try:
        _Pickler(file).dump(thing)
    except Exception as error:
        raise ParameterError(
            f"{what} cannot be sent to another process", found=f"{type(error).__name__}: {error}",
            fix="use threads, or make what it needs inside the function",
        ) from error  # fmt: skip
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Keeps the files that functions come from, so that tracebacks show their lines: cloudpickle takes them out."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, CodeType):
            return _with_file, (thing.co_filename, *self.dispatch_table[CodeType](thing))
        return super().reducer_override(thing)


def _with_file(name: str, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    return make(*arguments).replace(co_filename=name)


def _portable(outcome: Outcome[Any]) -> Outcome[Any]:
    """Same outcome, with an error that can be pickled and unpickled."""
    if outcome.error is not None:
        try:
            faithful = str(cloudpickle.loads(cloudpickle.dumps(outcome.error))) == outcome.message
        except Exception:
            faithful = False
        if not faithful:
            return replace(outcome, error=RemoteError(f"{outcome.error_type}: {outcome.message}"))
    return outcome


def _take_out(done: Done) -> None:
    """Turn values that cannot be pickled into failures that say so."""
    for k, value in enumerate(done.values):
        try:
            pickled(value, "the result")
        except ParameterError as error:
            if isinstance(value, Outcome):
                done.values[k] = replace(value, value=None, error=error)
            else:
                done.values[k] = None
                done.failures[done.first + k] = Outcome(done.first + k, error=error)
