"""Whether times that a device wrote down follow a rule, which has to be shown, and how far they are from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from sleepdask.signals.clock import Clock, periods
from sleepdask.signals.timestamps import AnyClock, Timestamps

_SECOND = 1_000_000_000
_TOLERANCE = 0.01  # of a period: a spectrum of samples that far off is wrong by less than the noise of any sensor
_COARSE = 0.25  # of a period, that rounding may put a time to either side
_FEW = 3  # samples that show no rule yet
_TELLING = 4096  # distances whose median is looked at first
_ENOUGH = 10  # samples between two gaps, on average; and for each hundredth of a period that times may be off
_LONG = 1.5  # periods from which on a distance is a gap
_SIMPLE = 10  # largest denominator of a rate that is likely to be meant, such as 12.8 Hz
_WIDEST = 2**62  # ns, 146 years: differences of times within it do not overflow
_LARGEST_PRODUCT = 2**60  # of numerator and denominator of a period

_Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Fit:
    """A clock for times that were written down.

    Parameters
    ----------
    clock
        A `Clock` if a rule holds, else `Timestamps`.
    jitter
        Largest distance in ns of a written time from that of the clock; 0 for timestamps.
    drift
        Of the written times against the rate that the device states, in parts of one: 1e-6 is 86 ms a day that the
        device's clock is slow. 0 if it states none, or if it is less than what jitter can make.
    """

    clock: AnyClock
    jitter: int = 0
    drift: float = 0.0


def fit_clock(
    stamps: NDArray[np.int64],
    *,
    resolution: int = 1,
    period: Fraction | None = None,
    gap: int | None = None,
    dated: bool = True,
) -> Fit:
    """Find the clock that times follow: a regular one only if each time is as near to it as it was written down.

    Parameters
    ----------
    stamps
        ns, each later than the one before.
    resolution
        What the times were rounded to, in ns. They may be off by this, but by no more than a quarter of a period; or
        by a hundredth of a period if that is more. Where nobody states the period, and there are fewer than ten samples
        for each hundredth, rounding must explain all of it, and be finer than that: some heart beats would else follow
        a rule.
    period
        In ns, as the device states it. None: it is told from the times.
    gap
        Longest distance in ns that is no gap, of timestamps; default five periods.
    dated
        Whether they are instants.

    Returns
    -------
    fit
        Of all rates that hold the one that is simplest: what the device states, whole Hz, whole milliseconds, simple
        fractions of Hz, what is measured.

    Raises
    ------
    ParameterError
        The stamps are out of order, or one is missing.

    Examples
    --------
    >>> times = np.array([*range(0, 1_000, 20), *range(3_000, 4_000, 20)])
    >>> times[::7] += 1
    >>> clock = fit_clock(times * 1_000_000, resolution=1_000_000).clock
    >>> clock.rate, len(clock.runs)
    (Fraction(50, 1), 2)
    >>> type(fit_clock(np.array([0, 900, 1_700, 2_650]) * 1_000_000).clock).__name__
    'Timestamps'
    """
    fit = None
    if len(stamps) >= _FEW and np.all(stamps[1:] > stamps[:-1]) and int(stamps[-1]) - int(stamps[0]) <= _WIDEST:
        fit = _regular(np.asarray(stamps), resolution, period, dated=dated)
    return Fit(Timestamps.of(stamps, gap=gap, dated=dated)) if fit is None else fit


def _regular(stamps: _Numbers, resolution: int, period: Fraction | None, *, dated: bool) -> Fit | None:
    """Fit of a rule, if one holds."""
    if period is None or period <= 0:
        return _told(stamps, resolution, dated=dated)
    fit = _Stretches.of(stamps, float(period), resolution).fit([_exact(period)], dated=dated, stated=True)
    fit = _told(stamps, resolution, dated=dated) if fit is None else fit
    return None if fit is None else _with_drift(fit, stamps, resolution, period)


def _told(stamps: _Numbers, resolution: int, *, dated: bool) -> Fit | None:
    """Fit of a rule that is told from the times alone."""
    for usual in _usual(stamps):
        told = _Stretches.of(stamps, usual, resolution)
        if (fit := told.fit(_candidates(told.measured), dated=dated)) is not None:
            return fit
    return None


def _usual(stamps: _Numbers) -> Iterator[float]:
    """Median distance: that of some thousand, which is the same if there is a rule; then that of all, if it is not."""
    some = np.linspace(0, len(stamps) - 2, min(len(stamps) - 1, _TELLING)).astype(np.int64)
    told = float(np.median(stamps[some + 1] - stamps[some]))
    yield told
    if len(some) < len(stamps) - 1 and (exact := float(np.median(np.diff(stamps)))) != told:
        yield exact


@dataclass(frozen=True)
class _Stretches:
    """Times between gaps.

    Parameters
    ----------
    stamps
        Of all samples, ns.
    firsts
        Number of the first sample of each stretch, and at the end the number of samples.
    resolution
        Of the stamps, ns.
    """

    stamps: _Numbers
    firsts: _Numbers
    resolution: int

    @classmethod
    def of(cls, stamps: _Numbers, usual: float, resolution: int) -> _Stretches:
        """Stretches of times whose usual distance is known."""
        gaps = np.flatnonzero(np.diff(stamps) > _LONG * usual) + 1
        return cls(stamps, np.concatenate([[0], gaps, [len(stamps)]]), resolution)

    @property
    def sizes(self) -> _Numbers:
        return np.diff(self.firsts)

    @cached_property
    def numbers(self) -> _Numbers:
        """Number of each sample in its stretch."""
        return np.arange(len(self.stamps)) - np.repeat(self.firsts[:-1], self.sizes)

    @cached_property
    def since(self) -> _Numbers:
        """Time of each sample since the first one of its stretch."""
        return self.stamps - np.repeat(self.stamps[self.firsts[:-1]], self.sizes)

    @property
    def measured(self) -> float:
        """Period in ns of the lines of one slope that are nearest to all times; 0 if no stretch has two samples."""
        across = self.numbers - np.repeat((self.sizes - 1) / 2, self.sizes)
        spread = float(across @ across)
        return float(across @ self.since) / spread if spread else 0.0

    def fit(self, candidates: Iterable[Fraction], *, dated: bool, stated: bool = False) -> Fit | None:
        """First of the periods that all times follow, if any."""
        if len(self.sizes) > 1 and len(self.stamps) < _ENOUGH * len(self.sizes):
            return None
        numbers, since = self.numbers, self.since
        lasts = self.firsts[1:] - 1
        for period in candidates:
            about = float(period)
            rounding, coarse = min(self.resolution, int(about)), int(_COARSE * about)
            slack = max(int(_TOLERANCE * about), min(rounding, coarse))
            if not stated and len(self.stamps) * about < _ENOUGH * slack / _TOLERANCE:
                slack, rounding = 0, min(rounding, coarse)
            # The last sample of each stretch tells whether it is worth to look at all; nothing can overflow after it.
            if np.any(np.abs(since[lasts] - about * numbers[lasts]) > 2 * slack + rounding + 1e-12 * since[lasts] + 2):
                continue
            off = since - periods(numbers, period.numerator, period.denominator)
            low, high = (extreme.reduceat(off, self.firsts[:-1]) for extreme in (np.minimum, np.maximum))
            shift = (low + high) // 2
            worst, width = int((high - shift).max()), int((high - low).max())
            if worst <= slack or width <= max(1, rounding - 1):
                starts = self.stamps[self.firsts[:-1]] + shift
                runs = list(zip(starts.tolist(), self.sizes.tolist(), strict=True))
                return Fit(Clock.segmented(runs, period.numerator, period.denominator, dated=dated), worst)
        return None


def _exact(period: Fraction) -> Fraction:
    """Period that a clock can have: itself, or one that differs by less than a nanosecond in years."""
    if period.numerator * period.denominator < _LARGEST_PRODUCT:
        return period
    return period.limit_denominator(max(1, isqrt(int(_LARGEST_PRODUCT / period))))


def _candidates(measured: float) -> Iterator[Fraction]:
    """Periods in ns that may be meant, the simplest first."""
    exact = Fraction(measured)
    hertz = _SECOND / exact
    rates = [
        Fraction(round(hertz)),
        Fraction(1_000, max(1, round(exact / 1_000_000))),
        hertz.limit_denominator(_SIMPLE),
    ]
    yield from (_exact(_SECOND / rate) for rate in rates if rate)
    yield Fraction(max(1, round(exact)))
    yield _exact(exact)


def _with_drift(fit: Fit, stamps: _Numbers, resolution: int, stated: Fraction) -> Fit:
    """Fit that tells the drift, if there is more of it than jitter can make."""
    clock = fit.clock
    assert isinstance(clock, Clock)
    stretches = _Stretches(stamps, clock.first, resolution)
    own = stretches.fit([_exact(Fraction(stretches.measured))], dated=clock.dated, stated=True)
    drift = stretches.measured / float(stated) - 1
    steps = int(stretches.sizes.max()) - 1
    noise = 2 * max(resolution, fit.jitter if own is None else own.jitter)
    return Fit(clock, fit.jitter, drift if abs(drift) * steps * float(stated) > noise else 0.0)
