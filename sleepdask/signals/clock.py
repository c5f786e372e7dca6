"""Sample times as exact integers: one class for regular signals and for signals with gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import gcd

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sleepdask.errors import ParameterError

Times = NDArray[np.datetime64]
Indices = NDArray[np.int64]

_LARGEST_PRODUCT = 2**62  # num * den is the largest intermediate of the arithmetic below


@dataclass(frozen=True)
class Run:
    """Samples without a gap; sample j lies ``floor((offset + j*stride) * num/den)`` ns after `start`."""

    start: int
    size: int
    offset: int = 0


@dataclass(frozen=True)
class Clock:
    """When each sample was taken.

    The period is ``num/den`` nanoseconds, a fraction in lowest terms, so that 12.8 Hz, 1/3 Hz or 3001
    samples in 30 s stay exact over weeks. Samples are numbered through all runs; between two runs lies a
    gap, in which nothing is invented.

    Parameters
    ----------
    runs
        Uninterrupted stretches, in order of time.
    num, den
        Period in ns as a fraction.
    stride
        Ticks between neighbouring samples (above 1 after taking every n-th sample).

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
    stride: int = 1

    def __post_init__(self) -> None:
        if not self.runs:
            raise ParameterError("a clock needs at least one run")
        if any(run.size < 0 for run in self.runs):
            raise ParameterError("a run of a clock cannot have fewer than 0 samples")
        if self.num <= 0 or self.den <= 0 or self.stride <= 0:
            raise ParameterError("period and stride of a clock must be above 0", found=f"{self.num}/{self.den}")
        if self.num * self.den >= _LARGEST_PRODUCT:
            raise ParameterError("period too fine for exact 64-bit arithmetic", found=f"{self.num}/{self.den}")
        start, offset, size = self._columns
        begins, lasts = start + self._elapsed(offset), self._elapsed(offset + (size - 1) * self.stride) + start
        if np.any(begins[1:] <= lasts[:-1]):
            k = int(np.argmax(begins[1:] <= lasts[:-1]))
            raise ParameterError(
                "runs of a clock overlap or are out of order",
                expected=f"a start after {np.datetime64(int(lasts[k]), 'ns')}",
                found=str(np.datetime64(int(begins[k + 1]), "ns")),
            )

    @classmethod
    def regular(cls, start: object, size: int, num: int, den: int = 1) -> Clock:
        """Clock without gaps; in EDF `num` is the record duration in ns, `den` the samples in a record."""
        return cls.segmented([(start, size)], num, den)

    @classmethod
    def segmented(cls, runs: Sequence[tuple[object, int]], num: int, den: int = 1) -> Clock:
        """Clock of several uninterrupted runs, each given as (start, size) and in order of time."""
        divisor = gcd(num, den)
        made = tuple(Run(to_ns(start), int(size)) for start, size in runs)
        return cls(made, num // divisor, den // divisor)

    @classmethod
    def joined(cls, clocks: Sequence[Clock]) -> Clock:
        """Clock of several of one rate, one after the other; where one continues the last, no gap is made.

        Raises
        ------
        ParameterError
            The rates differ, or the clocks overlap or are out of order.
        """
        clock = clocks[0]
        if len({(c.num, c.den, c.stride) for c in clocks}) > 1:
            raise ParameterError(
                "only clocks of one rate can be joined in time",
                found=", ".join(f"{float(c.rate):g} Hz" for c in clocks),
            )
        runs: list[Run] = []
        for run in (run for c in clocks for run in c.runs if run.size):
            if runs:
                last = runs[-1]
                after = last.offset + last.size * clock.stride
                if run.start + clock._elapsed(np.int64(run.offset)) == last.start + clock._elapsed(np.int64(after)):
                    runs[-1] = Run(last.start, last.size + run.size, last.offset)
                    continue
            runs.append(run)
        return cls(tuple(runs) or clock.runs[:1], clock.num, clock.den, clock.stride)

    def __reduce__(self) -> tuple[type[Clock], tuple[object, ...]]:
        return Clock, (self.runs, self.num, self.den, self.stride)  # the rule alone, no cached arrays

    @property
    def rate(self) -> Fraction:
        """Sampling rate in Hz, exact."""
        return Fraction(1_000_000_000 * self.den, self.num * self.stride)

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
        """Time of the first sample, in ns since 1970."""
        run = self.runs[0]
        return run.start + int(self._elapsed(np.int64(run.offset)))

    @property
    def end(self) -> int:
        """Time at which the last sample's period is over, in ns since 1970."""
        run = self.runs[-1]
        return run.start + int(self._elapsed(np.int64(run.offset + run.size * self.stride)))

    def times(self, index: ArrayLike) -> Times:
        """Time of each sample number, datetime64[ns], rounded down to the nanosecond."""
        index = np.asarray(index, np.int64)
        k = np.clip(np.searchsorted(self.first, index, "right") - 1, 0, len(self.runs) - 1)
        start, offset, _ = self._columns
        elapsed = self._elapsed(offset[k] + (index - self.first[k]) * self.stride)
        return (start[k] + elapsed).astype("datetime64[ns]")

    def searchsorted(self, times: ArrayLike) -> Indices:
        """Count the samples before each time: the only way from a time to a sample number."""
        start, offset, size = self._columns
        begins = start + self._elapsed(offset)
        instants = np.maximum(np.asarray(times, "datetime64[ns]").astype(np.int64), begins[0])  # NaT counts none
        k = np.clip(np.searchsorted(begins, instants, "right") - 1, 0, None)
        q, r = np.divmod(instants - start[k], self.num)
        tick = q * self.den - (-r * self.den) // self.num  # ceil((t - start) * den / num)
        within = -((offset[k] - tick) // self.stride)
        return np.asarray(self.first[k] + np.clip(within, 0, size[k]), np.int64)

    def bounds(self, low: ArrayLike, high: ArrayLike) -> tuple[Indices, Indices]:
        """Samples of each half-open window ``[low, high)``; across a gap, the longest run of each."""
        starts, stops = np.atleast_1d(self.searchsorted(low)), np.atleast_1d(self.searchsorted(high))
        cuts = self.first[1:-1]
        i, j = np.searchsorted(cuts, starts, "right"), np.searchsorted(cuts, stops, "left")
        for w in np.flatnonzero(j > i):
            edges = np.concatenate([[starts[w]], cuts[i[w] : j[w]], [stops[w]]])
            k = int(np.argmax(np.diff(edges)))
            starts[w], stops[w] = edges[k], edges[k + 1]
        return starts, stops

    def isel(self, indexer: slice) -> Clock:
        """Clock of every sample that a slice with a positive step takes."""
        start, stop, step = indexer.indices(self.size)
        runs = []
        for run, first in zip(self.runs, self.first.tolist(), strict=False):
            j = start if start >= first else first + (start - first) % step  # first sample from this run
            taken = -(-(min(stop, first + run.size) - j) // step)
            if taken > 0:
                runs.append(Run(run.start, taken, run.offset + (j - first) * self.stride))
        return Clock(tuple(runs) or (Run(self.start, 0),), self.num, self.den, self.stride * step)

    @cached_property
    def _columns(self) -> tuple[Indices, Indices, Indices]:
        start, offset, size = np.array([(r.start, r.offset, r.size) for r in self.runs], np.int64).T
        return start, offset, size

    def _elapsed(self, tick: Indices | np.int64) -> Indices:
        q, r = np.divmod(tick, self.den)  # split, so that tick * num (which overflows) is never formed
        return np.asarray(q * self.num + r * self.num // self.den, np.int64)


def to_ns(time: object) -> int:
    """Nanoseconds since 1970 of anything NumPy reads as a time, or the integer itself."""
    if isinstance(time, int | np.integer):
        return int(time)
    return int(np.datetime64(time, "ns").astype(np.int64))  # type: ignore[call-overload]
