"""A cache that threads share: each value is computed once, the least recently used make room."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from sleepdask.errors import ConcurrencyError, ParameterError

MAX_BYTES = 256 << 20

T = TypeVar("T")


def dask_sizeof(value: Any) -> int:
    """Bytes of a value as Dask counts them; Dask is imported when first used.

    Examples
    --------
    >>> dask_sizeof(bytearray(1000)) >= 1000
    True
    """
    from dask.sizeof import sizeof

    return int(sizeof(value))


# Shared by all caches, because a circle may run through several of them. This lock and those of the caches are
# re-entrant, because a finalizer may run, and use a cache, while its thread holds them.
_graph_lock = threading.RLock()
_computing: ContextVar[tuple[_Flight, ...]] = ContextVar("computing", default=())


class _Flight:
    """A computation in progress, and what comes of it."""

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None
        self._waits_for: set[_Flight] = set()

    @contextmanager
    def needed_by(self, outer: tuple[_Flight, ...]) -> Iterator[None]:
        """Let other computations wait for this one, unless it waits for one of them."""
        with _graph_lock:
            if self._waits_for_any(outer):
                raise ConcurrencyError(
                    "a value is needed to compute itself",
                    where=f"cache key {self.key!r}",
                    fix="compute it without asking the cache for it",
                )
            for flight in outer:
                flight._waits_for.add(self)
        try:
            yield
        finally:
            with _graph_lock:
                for flight in outer:
                    flight._waits_for.discard(self)

    def _waits_for_any(self, targets: tuple[_Flight, ...]) -> bool:
        """Search all that this computation waits for, and itself."""
        seen: set[_Flight] = set()
        ahead = {self}
        while ahead:
            flight = ahead.pop()
            if flight in targets:
                return True
            seen.add(flight)
            ahead |= flight._waits_for - seen
        return False


class ThreadSafeCache:
    """Values by key, for any number of threads; the least recently used make room for new ones.

    Parameters
    ----------
    max_bytes
        Bytes of all values together; None: no bound. A larger value is not kept at all.
    sizeof
        Gives the bytes of a value, once, when it is stored. Dask counts of a view only the part it shows, though it
        holds its whole array: better store a copy.

    Raises
    ------
    ParameterError
        `max_bytes` is negative.

    Examples
    --------
    >>> cache = ThreadSafeCache()
    >>> cache.get_or_compute("C3", lambda: 6 * 7), cache.get_or_compute("C3", lambda: 1 / 0)
    (42, 42)
    >>> cache.get_hit_rate()
    50.0
    """

    def __init__(self, max_bytes: int | None = MAX_BYTES, sizeof: Callable[[Any], int] = dask_sizeof) -> None:
        if max_bytes is not None and max_bytes < 0:
            raise ParameterError("max_bytes is negative", expected="0 or more, or None", found=max_bytes)
        self._max_bytes = math.inf if max_bytes is None else max_bytes
        self._sizeof = sizeof
        self._lock = threading.RLock()
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()  # value and bytes, last used last
        self._flights: dict[Hashable, _Flight] = {}
        self._bytes = self._hits = self._misses = self._sets = self._clears = 0

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Give the value of a key, or the default if it has none, even while it is being computed.

        Examples
        --------
        >>> ThreadSafeCache().get("C3", default="nothing")
        'nothing'
        """
        with self._lock:
            if key in self._entries:
                return self._hit(key)
            self._misses += 1
            return default

    def set(self, key: Hashable, value: Any) -> None:
        """Store a value; it also wins over a computation of the key that is in progress.

        Examples
        --------
        >>> cache = ThreadSafeCache()
        >>> cache.set("C3", None)
        >>> "C3" in cache
        True
        """
        size = self._sizeof(value)
        with self._lock:
            self._sets += 1
            self._flights.pop(key, None)
            self._keep(key, value, size)

    def get_or_compute(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Give the value of a key, computed in this thread unless it is there or another thread computes it already.

        The computation holds no lock and may use the cache. If it raises, all that wait for it get the same error and
        nothing is kept, so that the next call computes again; if it is interrupted, by an error that is no
        `Exception`, those that wait get a `ConcurrencyError`. If the cache is cleared or the key is set in the
        meantime, the result still goes to those that wait for it, but is not kept.

        Parameters
        ----------
        key
            Key of the value.
        compute
            Gives the value; called without arguments.

        Raises
        ------
        ConcurrencyError
            The value is needed to compute itself, perhaps by way of other threads, keys and caches, so that it would
            be waited for without end. Threads that a computation starts count as its parts only if they run in a copy
            of its context, as `asyncio.to_thread` runs them.

        Examples
        --------
        >>> cache = ThreadSafeCache()
        >>> cache.get_or_compute("sum", lambda: cache.get_or_compute("part", lambda: 1) + 1)
        2
        """
        with self._lock:
            if key in self._entries:
                return cast("T", self._hit(key))
            if leads := key not in self._flights:
                self._flights[key] = _Flight(key)
                self._misses += 1
            flight = self._flights[key]
        with flight.needed_by(_computing.get()):
            if leads:
                self._compute(flight, compute)
            else:
                self._wait(flight)
        return cast("T", flight.value)

    def contains(self, key: Hashable) -> bool:
        """Tell whether a key has a value; counts neither as a hit nor as a use.

        Examples
        --------
        >>> ThreadSafeCache().contains("C3")
        False
        """
        with self._lock:
            return key in self._entries

    __contains__ = contains

    def size(self) -> int:
        """Count the values.

        Examples
        --------
        >>> ThreadSafeCache().size()
        0
        """
        with self._lock:
            return len(self._entries)

    __len__ = size

    def clear(self) -> None:
        """Drop all values; counts of hits, misses and sets go on.

        Examples
        --------
        >>> cache = ThreadSafeCache()
        >>> cache.set("C3", 42)
        >>> cache.clear()
        >>> len(cache)
        0
        """
        with self._lock:
            self._clears += 1
            self._flights.clear()
            entries, self._entries = self._entries, OrderedDict()
            self._bytes = 0
        del entries  # large values take a while to free

    def get_stats(self) -> dict[str, float]:
        """Count what happened, and what is there.

        A computed value counts as one miss and one set, one that another thread computed as a hit.

        Returns
        -------
        dict
            ``hits``, ``misses``, ``sets`` and ``clears`` so far, ``size`` and ``bytes`` now, ``hit_rate`` in percent.

        Examples
        --------
        >>> ThreadSafeCache().get_stats()
        {'hits': 0, 'misses': 0, 'sets': 0, 'clears': 0, 'size': 0, 'bytes': 0, 'hit_rate': 0.0}
        """
        with self._lock:
            return {
                "hits": self._hits,
                "misses": self._misses,
                "sets": self._sets,
                "clears": self._clears,
                "size": len(self._entries),
                "bytes": self._bytes,
                "hit_rate": self.get_hit_rate(),
            }

    def get_hit_rate(self) -> float:
        """Give the percentage of values that were there when asked for, 0 if none was asked for.

        Examples
        --------
        >>> ThreadSafeCache().get_hit_rate()
        0.0
        """
        with self._lock:
            asked = self._hits + self._misses
            return 100 * self._hits / asked if asked else 0.0

    def _hit(self, key: Hashable) -> Any:
        self._hits += 1
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def _compute(self, flight: _Flight, compute: Callable[[], Any]) -> None:
        token = _computing.set((*_computing.get(), flight))
        try:
            flight.value = compute()
            size = self._sizeof(flight.value)
            with self._lock:
                self._sets += 1
                if self._flights.get(flight.key) is flight:
                    self._keep(flight.key, flight.value, size)
        except BaseException as error:
            flight.error = error
            raise
        finally:
            _computing.reset(token)
            with self._lock:
                if self._flights.get(flight.key) is flight:
                    del self._flights[flight.key]
            flight.done.set()

    def _wait(self, flight: _Flight) -> None:
        flight.done.wait()
        if isinstance(flight.error, Exception):
            raise flight.error
        if flight.error is not None:
            raise ConcurrencyError(
                "the computation was interrupted in another thread", where=f"cache key {flight.key!r}"
            ) from flight.error
        with self._lock:
            self._hits += 1

    def _keep(self, key: Hashable, value: Any, size: int) -> None:
        if key in self._entries:
            self._drop(key)
        if size <= self._max_bytes:
            self._entries[key] = value, size
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key)  # freed last, because its finalizer may use the cache
        self._bytes -= entry[1]
