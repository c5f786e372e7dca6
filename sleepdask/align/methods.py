"""How samples of one clock become values on another: what each stretch of the target needs, and what comes of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sleepdask.align.filters import has_table, placed, reach, taps
from sleepdask.align.steady import steady_spans, turn_of
from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.conversion import floating
from sleepdask.signals.timestamps import AnyClock
from sleepdask.times import Duration, duration_ns

Places = tuple[NDArray[np.int64], NDArray[np.float64]]

METHODS = ("nearest", "ffill", "bfill", "linear", "mean")
_TAPS = 1 << 20  # computed together, where each value of the target has some of its own
_BLOCK = 1 << 16  # values at a time, so that what says where they are taken from stays in the cache
_LEAST = 0.5  # of the weights of a filter that samples with a value must have


@dataclass(frozen=True)
class Alignment:
    """Rule that takes samples of one clock to another.

    Parameters
    ----------
    method
        One of `METHODS`.
    source, target
        Of the samples, and of what they become.
    limit
        ns: tolerance of ``"nearest"``, longest time that ``"ffill"`` and ``"bfill"`` hold a sample, longest distance
        between the two samples of ``"linear"``. None: what the source says of itself.
    """

    method: str
    source: AnyClock
    target: Clock
    limit: int | None = None

    @classmethod
    def of(
        cls, method: str, source: AnyClock, target: Clock, tolerance: Duration | None, limit: Duration | None
    ) -> Alignment:
        """Rule of what was asked for; `ParameterError` if that makes no sense."""
        if source.dated != target.dated:
            raise ParameterError("only one of the two clocks has a date", fix="give both the same start")
        check_method(method, tolerance, limit)
        if method == "nearest":
            half = int(Fraction(target.num, 2 * target.den))
            return cls(method, source, target, half if tolerance is None else duration_ns(tolerance, "tolerance"))
        if method == "mean" and isinstance(source, Clock) and source.rate < target.rate:
            raise ParameterError(
                "there is less than one sample to each value of the mean",
                expected=f"a rate of at most {float(source.rate):g} Hz",
                found=f"{float(target.rate):g} Hz",
                fix="use method='linear', 'ffill' or 'nearest'",
            )
        return cls(method, source, target, None if limit is None else duration_ns(limit, "limit"))

    @property
    def period(self) -> int:
        """How long a sample of the source holds, if none follows it, in ns; rounded up."""
        return -(-self.source.num // self.source.den) if isinstance(self.source, Clock) else self.source.period

    @property
    def gap(self) -> int:
        """Longest distance in ns of two samples of the source that is no gap."""
        return self.period if isinstance(self.source, Clock) else self.source.gap

    def part(self, start: int, stop: int) -> tuple[Alignment, int, int]:
        """Rule for some of the target alone, and the samples from `first` to before `after` that it needs."""
        first, after = (int(edge[0]) for edge in self.needed([start], [stop]))
        source, target = self.source.isel(slice(first, after)), self.target.isel(slice(start, stop))
        return replace(self, source=source, target=target), first, after

    def needed(self, starts: ArrayLike, stops: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First sample, and that after the last, which the values of each stretch of the target are made of."""
        low, high = (self.target.times(edge).astype(np.int64) for edge in (starts, np.asarray(stops) - 1))
        wide = self._reach
        dtype = self.source.dtype
        first = self.source.searchsorted((low - wide).astype(dtype)) - 1
        after = self.source.searchsorted((high + wide + 1).astype(dtype)) + 1
        return np.maximum(first, 0), np.minimum(after, self.source.size)

    @property
    def _reach(self) -> int:
        if self.method != "mean":
            return 0
        if isinstance(self.source, Clock):
            return (reach(self._ratio) + 1) * self.period
        return self._width

    @property
    def _ratio(self) -> Fraction:
        """Samples of the source to one of the target."""
        return self.source.rate / self.target.rate

    @property
    def _width(self) -> int:
        return round(Fraction(self.target.num, self.target.den))

    def apply(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Values of the whole target, from all samples of the source; dims (channel, time)."""
        samples = np.ascontiguousarray(samples, floating(samples.dtype))
        if samples.dtype.itemsize not in (4, 8):
            samples = samples.astype(np.float64)
        if self.method == "mean":
            return self._filtered(samples) if isinstance(self.source, Clock) else self._averaged(samples)
        return self._picked(samples)

    def _picked(self, samples: NDArray[Any]) -> NDArray[Any]:
        from sleepdask.align import kernels

        out = np.empty((len(samples), self.target.size), samples.dtype)
        for begin, first, (at, weights) in self._stretches():
            if self.method == "linear":
                kernels.interpolate(samples, at, weights, first, out, begin)
            else:
                kernels.take(samples, at, first, out, begin)
        return out

    def _stretches(self) -> Iterator[tuple[int, int, Places]]:
        """Stretches of the target: where each begins, the sample that its places count from, and its places.

        Where both clocks run on, places are worked out for one stretch, and hold for the next ones.
        """
        turn = turn_of(self.source, self.target)
        done = 0
        if turn is not None and turn[1] <= _BLOCK:
            assert isinstance(self.source, Clock)
            samples, values = (_BLOCK // turn[1] * each for each in turn)
            for begin, end in steady_spans(self.source, self.target):
                if end - begin < 2 * values:
                    continue
                yield from self._looked_up(done, begin)
                rule, first, _ = self.part(begin, begin + values)
                places = rule._places()
                for k in range((end - begin) // values):
                    yield begin + k * values, first + k * samples, places
                done = end - (end - begin) % values
        yield from self._looked_up(done, self.target.size)

    def _looked_up(self, start: int, stop: int) -> Iterator[tuple[int, int, Places]]:
        for begin in range(start, stop, _BLOCK):
            rule, first, _ = self.part(begin, min(begin + _BLOCK, stop))
            yield begin, first, rule._places()

    def _places(self) -> Places:
        """Sample of the source that each value is made of, -1 for none; and the share of the one after it."""
        from sleepdask.align import kernels

        stamps, times = stamps_of(self.source), stamps_of(self.target)
        at, weights = np.empty(len(times), np.int64), np.empty(len(times) if self.method == "linear" else 0)
        if self.method == "bfill":  # the same as ffill, with time running backwards
            stamps, times = (np.ascontiguousarray(-each[::-1]) for each in (stamps, times))
        kernels.last_until(stamps, times, at)
        if self.method == "linear":
            kernels.weigh_next(stamps, times, at, weights, self.gap if self.limit is None else self.limit)
        elif self.method == "nearest":
            assert self.limit is not None
            kernels.keep_nearest(stamps, times, at, self.limit)
        elif self.limit is not None:
            kernels.keep_within(stamps, times, at, self.limit)
        else:
            kernels.keep_held(stamps, times, at, self.period, self.gap)
        if self.method == "bfill":
            at = np.where(at < 0, -1, len(stamps) - 1 - at)[::-1].copy()
        return at, weights

    def _averaged(self, samples: NDArray[Any]) -> NDArray[Any]:
        from sleepdask.align import kernels

        stamps, width = stamps_of(self.source), self._width
        lows = stamps_of(self.target) - width // 2
        out = np.empty((len(samples), len(lows)), samples.dtype)
        at = np.empty(len(lows), np.int64)
        kernels.last_until(stamps, lows, at)
        kernels.average_near(samples, stamps, lows, at, width, self.period, self.gap, out)
        return out

    def _filtered(self, samples: NDArray[Any]) -> NDArray[Any]:
        assert isinstance(self.source, Clock)
        total, weight = np.zeros((2, len(samples), self.target.size))
        starts, ends = self.source.spans
        lows, highs = (
            self.target.searchsorted((edge + way * self._reach).astype(self.target.dtype))
            for edge, way in ((starts, -1), (ends, 1))
        )
        cuts = self.target.first.tolist()
        for n, (run, first) in enumerate(zip(self.source.runs, self.source.first.tolist(), strict=False)):
            part = np.ascontiguousarray(samples[:, first : first + run.size])
            low, high = int(lows[n]), int(highs[n])
            for k in range(max(0, bisect_right(cuts, low) - 1), bisect_left(cuts, high)):
                begin, end = max(low, cuts[k]), min(high, cuts[k + 1])
                self._add(part, run, k, slice(begin, end), total, weight)
        known = weight >= _LEAST
        return np.divide(total, weight, out=np.full_like(total, np.nan), where=known).astype(samples.dtype)

    def _add(
        self, part: NDArray[Any], run: Run, k: int, chosen: slice, total: NDArray[Any], weight: NDArray[Any]
    ) -> None:
        """Add what one run of the source gives to some values of the target, all of its run `k`."""
        from sleepdask.align import kernels

        assert isinstance(self.source, Clock)
        ratio, begin = self._ratio, int(self.target.first[k])
        every = chosen.stop - chosen.start
        if not has_table(ratio):
            every = max(1, _TAPS // (2 * reach(ratio) + 1))
        for low in range(chosen.start, chosen.stop, max(1, every)):
            here = slice(low, min(low + every, chosen.stop))
            place = placed(self.source, run, self.target, self.target.runs[k], here.start - begin, here.stop - begin)
            sums = [np.ascontiguousarray(each[:, here]) for each in (total, weight)]
            kernels.add_weighted(part, place.firsts, place.rows, taps(place.phases, ratio), *sums)
            total[:, here], weight[:, here] = sums


def check_method(method: str, tolerance: Duration | None, limit: Duration | None) -> None:
    """Raise `ParameterError` for a method that is not known, and for options that it does not have."""
    if method not in METHODS:
        expected = ", ".join(METHODS)
        raise ParameterError("unknown method", expected=expected, found=repr(method), fix=did_you_mean(method, METHODS))
    if tolerance is not None and method != "nearest":
        raise ParameterError(f"method {method!r} has no tolerance", fix="use limit=, or method='nearest'")
    if limit is not None and method in ("nearest", "mean"):
        has = "use tolerance=" if method == "nearest" else "leave it out"
        raise ParameterError(f"method {method!r} has no limit", fix=has)
    for name, value in (("tolerance", tolerance), ("limit", limit)):
        if value is not None and duration_ns(value, name) < 0:
            raise ParameterError(f"{name} is below 0", found=repr(value))


def stamps_of(clock: AnyClock) -> NDArray[np.int64]:
    """Time of every sample in ns."""
    from sleepdask.align.kernels import fill_times

    if not isinstance(clock, Clock):
        return clock.stamps
    out = np.empty(clock.size, np.int64)
    for run, first in zip(clock.runs, clock.first.tolist(), strict=False):
        fill_times(out[first : first + run.size], run.start, run.phase, clock.num, clock.den)
    return out
