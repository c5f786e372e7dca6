"""Whether times that a device wrote down follow a rule, which has to be shown, and how far they are from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from sleepdask.signals.clock import Clock
from sleepdask.signals.timestamps import AnyClock, Timestamps

_SECOND = 1_000_000_000
_TOLERANCE = 0.01  # of a period: a spectrum of samples that far off is wrong by less than the noise of any sensor
_FEW = 3  # samples that show no rule yet
_LONG = 1.5  # periods from which on a distance is a gap
_SAMPLES_A_RUN = 10  # fewer between two gaps, on average, is no regular signal with gaps


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
        device's clock is slow. 0 if it states none.
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
        What the times were rounded to, in ns. They may be off by this, or by a hundredth of a period if that is more.
    period
        In ns, as the device states it. None: it is told from the times.
    gap
        Longest distance in ns that is no gap, of timestamps; default five periods.
    dated
        Whether they are instants.

    Returns
    -------
    fit
        Of all rates that hold the one that is simplest: what the device states, whole Hz, whole milliseconds, what is
        measured.

    Examples
    --------
    >>> fit_clock(np.array([0, 20, 39, 60, 81, 200, 220]) * 1_000_000, resolution=1_000_000).clock.rate
    Fraction(50, 1)
    >>> type(fit_clock(np.array([0, 900, 1_700, 2_650]) * 1_000_000).clock).__name__
    'Timestamps'
    """
    irregular = Fit(Timestamps.of(stamps, gap=gap, dated=dated))
    if len(stamps) < _FEW:
        return irregular
    usual = Fraction(int(np.median(np.diff(stamps)))) if period is None else period
    if len(stamps) == 0 or usual <= 0:
        return irregular
    edges = np.flatnonzero(np.diff(stamps) > _LONG * float(usual)) + 1
    firsts = np.concatenate([[0], edges, [len(stamps)]])
    sizes = np.diff(firsts)
    if len(sizes) > 1 and len(stamps) < _SAMPLES_A_RUN * len(sizes):
        return irregular
    measured = _measured(stamps, firsts)
    if measured is None:
        return irregular
    tolerance = max(resolution, int(_TOLERANCE * float(usual)))
    for candidate in _candidates(measured, period):
        starts, worst = _starts(stamps, firsts, candidate)
        if worst > tolerance:
            continue
        clock = Clock.segmented(
            list(zip(starts, sizes.tolist(), strict=True)), candidate.numerator, candidate.denominator, dated=dated
        )
        drift = 0.0 if period is None else float(measured / period - 1)
        return Fit(clock, worst, drift)
    return irregular


def _measured(stamps: NDArray[np.int64], firsts: NDArray[np.int64]) -> Fraction | None:
    """Mean period over all stretches; None if none has two samples."""
    lasts = firsts[1:] - 1
    steps = int((lasts - firsts[:-1]).sum())
    return Fraction(int((stamps[lasts] - stamps[firsts[:-1]]).sum()), steps) if steps else None


def _candidates(measured: Fraction, stated: Fraction | None) -> Iterator[Fraction]:
    """Periods in ns that may be meant, the simplest first."""
    if stated is not None:
        yield stated
    hertz = round(_SECOND / measured)
    if hertz:
        yield Fraction(_SECOND, hertz)
    milliseconds = round(measured / 1_000_000)
    if milliseconds:
        yield Fraction(milliseconds * 1_000_000)
    yield Fraction(round(measured)) if measured >= 1 else measured
    yield measured.limit_denominator(isqrt(int(2**60 / measured)))


def _starts(stamps: NDArray[np.int64], firsts: NDArray[np.int64], period: Fraction) -> tuple[Sequence[int], int]:
    """When each stretch begins so that its times are as near to the rule as can be, and the largest distance left."""
    starts, worst = [], 0
    for first, after in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
        samples = np.arange(after - first)
        q, r = np.divmod(samples, period.denominator)
        elapsed = q * period.numerator + r * period.numerator // period.denominator
        off = stamps[first:after] - stamps[first] - elapsed
        low, high = int(off.min()), int(off.max())
        shift = 0 if high == low == 0 else (low + high) // 2
        starts.append(int(stamps[first]) + shift)
        worst = max(worst, high - shift, shift - low)
    return starts, worst
