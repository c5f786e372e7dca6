"""Sample times that follow no rule: each of them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from dask.base import normalize_token
from numpy.typing import ArrayLike, NDArray

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Dated, Indices, Times, longest_runs
from sleepdask.times import time_dtype

_NONE = int(np.iinfo(np.int64).min)  # NaT
_LAST = int(np.iinfo(np.int64).max)
_GAP_PERIODS = 5  # a beat that was missed is no gap, nor is the pause between two bursts of a watch


@dataclass(frozen=True, eq=False)
class Timestamps(Dated):
    """When each sample was taken, where the distances differ: heart beats, values that a watch sends now and then.

    It answers what a `Clock` answers. A sample holds until the next one; where that is further away than `gap`, it
    holds for one period, and nothing is known of what comes between.

    Parameters
    ----------
    stamps
        ns since 1970 (or since the start, if nobody knows that), each later than the one before.
    period
        Usual distance in ns. It stays as it is when a part is selected.
    gap
        Longest distance in ns that is no gap.
    dated
        False if nobody knows when the recording started: times are then lengths of time since it did.

    Examples
    --------
    >>> beats = Timestamps.of([0, 900_000_000, 1_700_000_000, 60_000_000_000])
    >>> beats.searchsorted(np.datetime64(1, "s")).item(), beats.spans[0].tolist()
    (2, [0, 60000000000])
    """

    stamps: NDArray[np.int64]
    period: int
    gap: int
    dated: bool = True

    def __post_init__(self) -> None:
        given = np.asarray(self.stamps)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu") or not 0 < self.period <= self.gap:
            raise ParameterError("timestamps need a list of times, a period above 0, and a gap no shorter than it")
        stamps = np.array(given, np.int64) if given.flags.writeable else np.ascontiguousarray(given, np.int64)
        if np.any(stamps[1:] <= stamps[:-1]):
            k = int(np.argmax(stamps[1:] <= stamps[:-1]))
            last, found = (self.moment(int(stamps[n])) for n in (k, k + 1))
            raise ParameterError(
                "timestamps are out of order, or twice the same", expected=f"a time after {last}", found=str(found)
            )
        if stamps.size and (stamps[0] == _NONE or int(stamps[-1]) + self.period > _LAST):
            what = "one that is missing" if stamps[0] == _NONE else str(self.moment(int(stamps[-1])))
            raise ParameterError("timestamps need times that 64 bits hold", expected="1678 to 2262", found=what)
        stamps.flags.writeable = False
        object.__setattr__(self, "stamps", stamps)

    @classmethod
    def of(
        cls, stamps: ArrayLike, *, period: int | None = None, gap: int | None = None, dated: bool = True
    ) -> Timestamps:
        """Timestamps whose period is the median distance, and whose longest distance without a gap five of it.

        With fewer than two the period is 1 s. A `gap` shorter than the period counts as one period.
        """
        array = np.asarray(stamps)
        array = array.astype(time_dtype(dated=dated)).astype(np.int64) if array.dtype.kind in "mM" else array
        if period is None:
            usual = int(np.median(np.diff(array))) if array.size > 1 else 1_000_000_000
            period = max(1, min(usual, _LAST - int(array.max(initial=0))))
        return cls(array, period, min(_LAST, max(period, _GAP_PERIODS * period if gap is None else gap)), dated)

    @classmethod
    def joined(cls, each: Sequence[Timestamps]) -> Timestamps:
        """Timestamps of several, one after the other; period and longest distance are those of the largest.

        Raises
        ------
        ParameterError
            They overlap or are out of order, or only some of them know their date.
        """
        if len({one.dated for one in each}) > 1:
            raise ParameterError("timestamps without a date cannot be joined to those with a date")
        held = [one for one in each if one.size]
        for before, after in pairwise(held):
            if after.start <= before.stamps[-1]:
                raise ParameterError(
                    "timestamps that are joined overlap or are out of order",
                    expected=f"a start after {before.moment(int(before.stamps[-1]))}",
                    found=str(after.moment(after.start)),
                )
        usual = max(each, key=lambda one: one.size)  # few samples tell little of how far apart they come
        return cls(np.concatenate([one.stamps for one in each]), usual.period, usual.gap, usual.dated)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timestamps):
            return NotImplemented
        return self._rule == other._rule and np.array_equal(self.stamps, other.stamps)

    def __hash__(self) -> int:
        return hash((*self._rule, self.size, *self.stamps[[0, -1][: self.size]].tolist()))

    def __reduce__(self) -> tuple[type[Timestamps], tuple[object, ...]]:
        return Timestamps, (self.stamps, *self._rule)  # no cached arrays

    def __dask_tokenize__(self) -> object:
        return normalize_token((type(self).__name__, self.stamps, *self._rule))

    def __repr__(self) -> str:
        return f"Timestamps({self.size} from {self.moment(self.start)} to {self.moment(self.end)})"

    @property
    def _rule(self) -> tuple[int, int, bool]:
        return self.period, self.gap, self.dated

    @property
    def rate(self) -> Fraction:
        """Usual rate in Hz."""
        return Fraction(1_000_000_000, self.period)

    @property
    def pace(self) -> Fraction | None:
        """What two clocks must have in common to become one; of timestamps, nothing."""
        return None

    @property
    def size(self) -> int:
        """Number of samples."""
        return len(self.stamps)

    @property
    def start(self) -> int:
        """Time of the first sample in ns; 0 if there is none."""
        return int(self.stamps[0]) if self.size else 0

    @property
    def end(self) -> int:
        """Time in ns until which the last sample holds."""
        return int(self.stamps[-1]) + self.period if self.size else self.start

    @cached_property
    def first(self) -> Indices:
        """Sample number after each gap, with that of the first sample, and at the end the number of samples."""
        apart = np.diff(self.stamps).view(np.uint64)  # two times can be further apart than a signed integer holds
        return np.concatenate([[0], np.flatnonzero(apart > self.gap) + 1, [self.size]]).astype(np.int64)

    @property
    def spans(self) -> tuple[Indices, Indices]:
        """Start of each stretch without a gap, and the time until which its last sample holds, in ns."""
        if not self.size:
            return np.zeros(1, np.int64), np.zeros(1, np.int64)
        return self.stamps[self.first[:-1]], self.stamps[self.first[1:] - 1] + self.period

    def times(self, index: ArrayLike) -> Times:
        """Time of each sample number, of its `dtype`."""
        return self.stamps[np.asarray(index, np.int64)].astype(self.dtype)

    def searchsorted(self, times: ArrayLike) -> Indices:
        """Count the samples before each time; NaT counts none."""
        return np.searchsorted(self.stamps, np.asarray(times, self.dtype).astype(np.int64)).astype(np.int64)

    def bounds(self, low: ArrayLike, high: ArrayLike) -> tuple[Indices, Indices]:
        """Samples of each half-open window ``[low, high)``; across a gap, the longest run of each."""
        return longest_runs(self.searchsorted(low), self.searchsorted(high), self.first[1:-1])

    def expected(self, low: ArrayLike, high: ArrayLike) -> Indices:
        """Samples that each window would hold if it were recorded throughout, at least 1; dims (window,).

        These are the samples that it has (those of `bounds`), and as many of the usual distance as fit between them
        and the ends of the window where a gap, or the first or the last sample, comes before these.
        """
        low, high = (np.atleast_1d(np.asarray(t, self.dtype)).astype(np.int64) for t in (low, high))
        starts, stops = self.bounds(low, high)
        expected = np.maximum(1, (high - low) // self.period)
        held = np.flatnonzero(stops > starts)
        first, last = starts[held], stops[held] - 1
        before = np.where(np.isin(first, self.first[:-1]), (self.stamps[first] - low[held]) // self.period, 0)
        after = np.where(np.isin(last + 1, self.first[1:]), (high[held] - self.stamps[last] - 1) // self.period, 0)
        expected[held] = last + 1 - first + before + after
        return np.asarray(expected, np.int64)

    def isel(self, indexer: slice) -> Timestamps:
        """Timestamps of every sample that a slice with a positive step takes."""
        start, stop, step = indexer.indices(self.size)
        part, times = self.stamps[start:stop:step], min(step, max(1, self.size))
        return Timestamps(part, self.period * times, min(_LAST, self.gap * times), self.dated)


AnyClock = Clock | Timestamps
"""What tells the time of each sample: a rule, or all of them."""
