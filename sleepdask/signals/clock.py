"""Sample times as exact integers: one class for regular signals and for signals with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sleepdask.errors import ParameterError
from sleepdask.times import time_dtype, to_ns

Times = NDArray[Any]  # datetime64[ns], or timedelta64[ns] where nobody knows the start
Indices = NDArray[np.int64]

_LARGEST_PRODUCT = 2**62  # num * den is the largest intermediate of the arithmetic below


@dataclass(frozen=True)
class Run:
    """Samples without a gap; sample j lies ``floor((phase + j*num) / den)`` ns after `start`.

    The phase, 0 to below `den`, is the part of the first sample's time that nanoseconds cannot tell.
    """

    start: int
    size: int
    phase: int = 0


class Dated:
    """What tells times that are instants, or without a date lengths of time since a start that nobody knows."""

    dated: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """Kind of its times: datetime64[ns], or timedelta64[ns] since the start if nobody knows that."""
        return time_dtype(dated=self.dated)

    def moment(self, nanoseconds: int) -> np.datetime64 | np.timedelta64:
        """One time as NumPy has it."""
        return np.int64(nanoseconds).view(self.dtype)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Clock(Dated):
    """When each sample was taken.

    The period is ``num/den`` nanoseconds, so that 12.8 Hz, 1/3 Hz or 3001 samples in 30 s stay exact over
    weeks. Samples are numbered through all runs; between two runs lies a gap, in which nothing is
    invented. Clocks made by `regular`, `segmented`, `joined` and `isel` are in lowest terms, and equal
    exactly if they tell the same times.

    Parameters
    ----------
    runs
        Uninterrupted stretches, in order of time.
    num, den
        Period in ns as a fraction.
    dated
        False if nobody knows when the recording started: times are then lengths of time since it did.

    Examples
    --------
    >>> clock = Clock.regular("2024-03-11T23:00", size=10, num=30_000_000_000, den=3001)
    >>> clock.times([0, 1, 9]).astype(str).tolist()[1]
    '2024-03-11T23:00:00.009996667'
    >>> clock.searchsorted(np.datetime64("2024-03-11T23:00:00.02", "ns")).item()
    3
    """

    runs: tuple[Run, ...]
    num: int
    den: int
    dated: bool = True

    def __post_init__(self) -> None:
        if not self.runs:
            raise ParameterError("a clock needs at least one run")
        if any(run.size < 0 for run in self.runs):
            raise ParameterError("a run of a clock cannot have fewer than 0 samples")
        if self.num <= 0 or self.den <= 0:
            raise ParameterError("period of a clock must be above 0", found=f"{self.num}/{self.den}")
        if any(not 0 <= run.phase < self.den for run in self.runs):
            raise ParameterError("phase of a run must be at least 0 and below the denominator of the period")
        if self.num * self.den >= _LARGEST_PRODUCT:
            raise ParameterError("period too fine for exact 64-bit arithmetic", found=f"{self.num}/{self.den} ns")
        start, phase, size = self._columns
        lasts = start + periods(size - 1, self.num, self.den, phase)
        if np.any(start[1:] <= lasts[:-1]):
            k = int(np.argmax(start[1:] <= lasts[:-1]))
            raise ParameterError(
                "runs of a clock overlap or are out of order",
                expected=f"a start after {self.moment(int(lasts[k]))}",
                found=str(self.moment(int(start[k + 1]))),
            )

    @classmethod
    def regular(cls, start: object, size: int, num: int, den: int = 1, *, dated: bool = True) -> Clock:
        """Clock without gaps; in EDF `num` is the record duration in ns, `den` the samples in a record."""
        return cls.segmented([(start, size)], num, den, dated=dated)

    @classmethod
    def segmented(cls, runs: Sequence[tuple[object, int]], num: int, den: int = 1, *, dated: bool = True) -> Clock:
        """Clock of several uninterrupted runs, each given as (start, size) and in order of time."""
        return cls._reduced([Run(to_ns(start), int(size)) for start, size in runs], num, den, dated)

    @classmethod
    def joined(cls, clocks: Sequence[Clock], *, tolerance: int = 0) -> Clock:
        """Clock of several of one rate, one after the other; where one continues the last, no gap is made.

        It continues it if it begins when the last one ends, or up to `tolerance` ns earlier or later.

        Raises
        ------
        ParameterError
            The rates differ, the clocks overlap or are out of order, or only some of them know their date.
        """
        if len({clock.dated for clock in clocks}) > 1:
            raise ParameterError("a clock without a date cannot be joined to one with a date")
        if len({clock.rate for clock in clocks}) > 1:
            raise ParameterError(
                "only clocks of one rate can be joined in time",
                found=", ".join(f"{float(clock.rate):g} Hz" for clock in clocks),
            )
        den = lcm(*(clock.den for clock in clocks))
        num = clocks[0].num * den // clocks[0].den
        runs: list[Run] = []
        for clock in clocks:
            for run in (Run(run.start, run.size, run.phase * (den // clock.den)) for run in clock.runs if run.size):
                off = _moment(run, 0, num, den) - _moment(runs[-1], runs[-1].size, num, den) if runs else None
                if off is not None and abs(off) <= tolerance * den:
                    runs[-1] = Run(runs[-1].start, runs[-1].size + run.size, runs[-1].phase)
                else:
                    runs.append(run)
        return cls._reduced(runs or [Run(clocks[0].start, 0)], num, den, clocks[0].dated)

    @classmethod
    def _reduced(cls, runs: Sequence[Run], num: int, den: int, dated: bool) -> Clock:  # noqa: FBT001
        divisor = gcd(num, den, *(run.phase for run in runs))
        if divisor > 1:
            runs = [Run(run.start, run.size, run.phase // divisor) for run in runs]
            num, den = num // divisor, den // divisor
        return cls(tuple(runs), num, den, dated)

    def __reduce__(self) -> tuple[type[Clock], tuple[object, ...]]:
        return Clock, (self.runs, self.num, self.den, self.dated)  # the rule alone, no cached arrays

    @property
    def rate(self) -> Fraction:
        """Sampling rate in Hz, exact."""
        return Fraction(1_000_000_000 * self.den, self.num)

    @property
    def pace(self) -> Fraction | None:
        """What two clocks must have in common to become one: their rate."""
        return self.rate

    @cached_property
    def first(self) -> Indices:
        """Sample number that each run begins with, and at the end the number of samples."""
        return np.cumsum([0, *(run.size for run in self.runs)])

    @property
    def size(self) -> int:
        """Number of samples."""
        return int(self.first[-1])

    @property
    def start(self) -> int:
        """Time of the first sample, in ns since 1970 (or since the start, if that is unknown; so everywhere)."""
        return self.runs[0].start

    @property
    def end(self) -> int:
        """Time at which the last sample's period is over, in ns since 1970."""
        return _moment(self.runs[-1], self.runs[-1].size, self.num, self.den) // self.den

    @property
    def spans(self) -> tuple[Indices, Indices]:
        """Start of each run, and the time at which the period of its last sample is over, ns since 1970."""
        start, phase, size = self._columns
        return start, start + periods(size, self.num, self.den, phase)

    def times(self, index: ArrayLike) -> Times:
        """Time of each sample number, of this clock's `dtype`, rounded down to the nanosecond."""
        index = np.asarray(index, np.int64)
        start, phase, _ = self._columns
        k: Any = 0
        if len(self.runs) > 1:
            k = np.clip(np.searchsorted(self.first, index, "right") - 1, 0, len(self.runs) - 1)
        times: Times = start[k] + periods(index - self.first[k], self.num, self.den, phase[k])
        return times.view(self.dtype)

    def searchsorted(self, times: ArrayLike) -> Indices:
        """Count the samples before each time: the only way from a time to a sample number."""
        instants = np.asarray(times, self.dtype).astype(np.int64)
        start, phase, size = self._columns
        instants = np.clip(instants, start[0], self.end + 1)  # nothing more is counted beyond; NaT counts none
        k = np.clip(np.searchsorted(start, instants, "right") - 1, 0, None)
        q, r = np.divmod(instants - start[k], self.num)
        within = q * self.den - (phase[k] - r * self.den) // self.num  # ceil(((t - start) * den - phase) / num)
        return np.asarray(self.first[k] + np.clip(within, 0, size[k]), np.int64)

    def bounds(self, low: ArrayLike, high: ArrayLike) -> tuple[Indices, Indices]:
        """Samples of each half-open window ``[low, high)``; across a gap, the longest run of each."""
        return longest_runs(self.searchsorted(low), self.searchsorted(high), self.first[1:-1])

    def isel(self, indexer: slice) -> Clock:
        """Clock of every sample that a slice with a positive step takes."""
        start, stop, step = indexer.indices(self.size)
        runs = []
        for run, first in zip(self.runs, self.first.tolist(), strict=False):
            j = start if start >= first else first + (start - first) % step  # first sample from this run
            taken = -(-(min(stop, first + run.size) - j) // step)
            if taken > 0:
                begin, phase = divmod(_moment(run, j - first, self.num, self.den), self.den)
                runs.append(Run(begin, taken, phase))
        return Clock._reduced(runs or [Run(self.start, 0)], self.num * step, self.den, self.dated)

    @cached_property
    def _columns(self) -> tuple[Indices, Indices, Indices]:
        start, phase, size = np.array([(r.start, r.phase, r.size) for r in self.runs], np.int64).T
        return start, phase, size


def periods(count: Indices, num: int, den: int, phase: int | Indices = 0) -> Indices:
    """Lengths of so many periods of ``num / den``, ``floor((phase + count * num) / den)``, where none overflows.

    Examples
    --------
    >>> periods(np.array([0, 1, 3]), 10, 3).tolist()
    [0, 3, 10]
    """
    most = _LARGEST_PRODUCT // num
    if count.size and count.min() >= -most and count.max() <= most:
        return np.asarray((phase + count * num) // den, np.int64)
    q, r = np.divmod(count, den)  # split, so that count * num is never formed
    return np.asarray(q * num + (phase + r * num) // den, np.int64)


def _moment(run: Run, sample: int, num: int, den: int) -> int:
    """Exact time of a sample of a run in units of ``1/den`` ns; Python's integers do not overflow."""
    return run.start * den + run.phase + sample * num


def longest_runs(starts: ArrayLike, stops: ArrayLike, cuts: Indices) -> tuple[Indices, Indices]:
    """Sample bounds of windows, those with a gap inside (before a sample number of `cuts`) cut to their longest run.

    Of several that are as long it is the first.
    """
    starts, stops = np.atleast_1d(np.array(starts, np.int64)), np.atleast_1d(np.array(stops, np.int64))
    i, j = np.searchsorted(cuts, starts, "right"), np.searchsorted(cuts, stops, "left")
    cut = np.flatnonzero(j > i)
    if not cut.size:
        return starts, stops
    first, after, i, j = starts[cut], stops[cut], i[cut], j[cut] - 1
    begins, ends = _longest_between(i, j, cuts)
    for low, high in ((first, cuts[i]), (cuts[j], after)):  # the pieces before the first gap, and after the last one
        longer = high - low >= ends - begins if low is first else high - low > ends - begins
        begins, ends = np.where(longer, low, begins), np.where(longer, high, ends)
    starts[cut], stops[cut] = begins, ends
    return starts, stops


def _longest_between(i: Indices, j: Indices, cuts: Indices) -> tuple[Indices, Indices]:
    """Bounds of the first longest run between the cuts of number i and j, for each pair; of no length where i is j."""
    count = len(cuts)
    ranked = np.append(np.diff(cuts) * count + np.arange(count - 1)[::-1], 0)  # length first, then the place
    best = np.maximum.reduceat(ranked, np.stack([i, j], axis=1).ravel())[::2]
    k = np.where(i < j, count - 2 - best % count, i)
    return cuts[k], cuts[np.where(i < j, k + 1, k)]
