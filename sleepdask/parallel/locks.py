"""Locks that threads share: many readers or one writer, a counter, methods that exclude each other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from sleepdask.errors import ConcurrencyError

Owner = TypeVar("Owner")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_making_lock = threading.Lock()


class RWLock:
    """Lock held by any number of readers, or by one writer.

    A writer that waits stops new readers, and a writer that has finished first lets in the readers that waited for
    it, so that neither side starves; writers take turns in the order in which they came. Whoever holds the lock may
    take it again, and a writer may also read. Only a thread that merely reads cannot start to write.

    Examples
    --------
    >>> lock = RWLock()
    >>> with lock.writer(), lock.reader():
    ...     print("a writer may read")
    a writer may read
    >>> with lock.reader(), lock.writer():
    ...     print("not reached")
    Traceback (most recent call last):
    sleepdask.errors.ConcurrencyError: a thread that reads asks to write; end reading before, or write from the start
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._reads: dict[int, int] = {}  # how often each thread that is let in reads
        self._held_back: set[int] = set()  # threads that wait to read
        self._writer: int | None = None
        self._writes = 0
        self._queue: deque[int] = deque()  # threads that wait to write

    @contextmanager
    def reader(self, timeout: float | None = None) -> Iterator[None]:
        """Hold the lock for reading, together with other readers.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None waits as long as it takes.

        Raises
        ------
        TimeoutError
            The lock was not free in time.

        Examples
        --------
        >>> with RWLock().reader(timeout=1):
        ...     print("reading")
        reading
        """
        me = threading.get_ident()
        with self._condition:
            if me not in self._reads and self._writer != me and (self._writer is not None or self._queue):
                self._wait_to_read(me, timeout)
            self._reads[me] = self._reads.get(me, 0) + 1
        try:
            yield
        finally:
            with self._condition:
                self._reads[me] -= 1
                if not self._reads[me]:
                    self._stop_reading(me)

    @contextmanager
    def writer(self, timeout: float | None = None) -> Iterator[None]:
        """Hold the lock for writing, alone.

        Parameters
        ----------
        timeout
            Seconds to wait at most; None waits as long as it takes.

        Raises
        ------
        TimeoutError
            The lock was not free in time.
        ConcurrencyError
            The thread reads, and would wait for itself.

        Examples
        --------
        >>> with RWLock().writer(timeout=1):
        ...     print("writing")
        writing
        """
        me = threading.get_ident()
        with self._condition:
            if self._writer != me:
                self._wait_to_write(me, timeout)
            self._writes += 1
        try:
            yield
        finally:
            with self._condition:
                self._writes -= 1
                if not self._writes:
                    self._writer = None
                    self._let_readers_in()

    def _wait_to_read(self, me: int, timeout: float | None) -> None:
        self._held_back.add(me)
        try:
            if not self._condition.wait_for(lambda: me in self._reads, timeout):
                raise TimeoutError(f"no reading within {timeout} s: a writer holds the lock or waits for it")
        except BaseException:
            self._held_back.discard(me)
            self._stop_reading(me)  # an interrupt may come after it was let in
            raise

    def _stop_reading(self, me: int) -> None:
        self._reads.pop(me, None)
        self._condition.notify_all()

    def _wait_to_write(self, me: int, timeout: float | None) -> None:
        if me in self._reads:
            raise ConcurrencyError(
                "a thread that reads asks to write", fix="end reading before, or write from the start"
            )
        self._queue.append(me)
        try:
            if not self._condition.wait_for(lambda: self._is_turn_of(me), timeout):
                raise TimeoutError(f"no writing within {timeout} s: others hold the lock")
        except BaseException:
            self._queue.remove(me)
            if self._writer is None and not self._queue:
                self._let_readers_in()
            self._condition.notify_all()  # an interrupt may come when it is this writer's turn
            raise
        self._writer = self._queue.popleft()

    def _is_turn_of(self, writer: int) -> bool:
        return self._queue[0] == writer and self._writer is None and not self._reads

    def _let_readers_in(self) -> None:
        """Hand the lock to all readers that wait, before another writer can take it."""
        self._reads.update(dict.fromkeys(self._held_back, 0))
        self._held_back.clear()
        self._condition.notify_all()


class AtomicCounter:
    """Whole number that threads change together without losing a step.

    Examples
    --------
    >>> done = AtomicCounter()
    >>> done.increment(), done.increment(4), done.decrement()
    (1, 5, 4)
    >>> done.reset()
    >>> done.value
    0
    """

    def __init__(self, initial: int = 0) -> None:
        self._lock = threading.Lock()
        self._value = initial

    @property
    def value(self) -> int:
        """Number as it is now."""
        return self._value

    def increment(self, delta: int = 1) -> int:
        """Add to the number.

        Returns
        -------
        int
            The new number.

        Examples
        --------
        >>> AtomicCounter(40).increment(2)
        42
        """
        with self._lock:
            self._value += delta
            return self._value

    def decrement(self, delta: int = 1) -> int:
        """Subtract from the number.

        Returns
        -------
        int
            The new number.

        Examples
        --------
        >>> AtomicCounter(44).decrement(2)
        42
        """
        return self.increment(-delta)

    def reset(self, value: int = 0) -> None:
        """Start again from a number.

        Examples
        --------
        >>> counter = AtomicCounter(7)
        >>> counter.reset(1)
        >>> counter.value
        1
        """
        with self._lock:
            self._value = value

    def __repr__(self) -> str:
        return f"AtomicCounter({self._value})"


Method = Callable[Concatenate[Owner, Arguments], Result]


@overload
def synchronized(lock_attr: Method[Owner, Arguments, Result], /) -> Method[Owner, Arguments, Result]: ...
@overload
def synchronized(
    lock_attr: str = "_lock",
) -> Callable[[Method[Owner, Arguments, Result]], Method[Owner, Arguments, Result]]: ...
def synchronized(lock_attr: Any = "_lock") -> Any:
    """Let one thread at a time run the decorated methods of an instance.

    Written with or without parentheses.

    Parameters
    ----------
    lock_attr
        Attribute of the instance that holds the lock, any context manager. An instance without it gets a re-entrant
        lock, so that such methods may call each other.

    Examples
    --------
    >>> class Tally:
    ...     def __init__(self):
    ...         self.counts = {}
    ...     @synchronized
    ...     def add(self, name):
    ...         self.counts[name] = self.counts.get(name, 0) + 1
    >>> tally = Tally()
    >>> tally.add("spindle")
    >>> tally.counts
    {'spindle': 1}
    """
    if callable(lock_attr):
        return synchronized()(lock_attr)

    def decorate(method: Method[Owner, Arguments, Result]) -> Method[Owner, Arguments, Result]:
        @wraps(method)
        def locked(self: Owner, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            with _lock_of(self, lock_attr):
                return method(self, *args, **kwargs)

        return locked

    return decorate


def _lock_of(instance: object, name: str) -> Any:
    lock = getattr(instance, name, None)
    if lock is None:
        with _making_lock:
            lock = getattr(instance, name, None)  # another thread may have been faster
            if lock is None:
                lock = threading.RLock()
                setattr(instance, name, lock)
    return lock
