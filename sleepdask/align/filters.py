"""The filter of anti-aliased down-sampling, at any distance between the two grids."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.signals.clock import Clock, Run

_ZEROS = 10  # crossings on each side, and the beta of the window: those of scipy.signal.resample_poly
_BETA = 5.0
_PHASES = 4096  # a ratio with more has each row of taps computed when needed


@dataclass(frozen=True)
class Placed:
    """Where the taps of each target lie in one run of the source.

    Parameters
    ----------
    firsts
        Sample of the run that the first tap of each target belongs to; may lie before or after it.
    rows
        Row of taps of each target.
    phases
        Share of a sample by which the targets of each row lie behind a sample of the source.
    """

    firsts: NDArray[np.int64]
    rows: NDArray[np.int64]
    phases: NDArray[np.float64]


def reach(ratio: Fraction) -> int:
    """Samples of the source on each side that a target needs; `ratio` is samples of the source to one of the target."""
    return -int(-_ZEROS * max(ratio, Fraction(1)) // 1) + 1


def taps(phases: NDArray[np.float64], ratio: Fraction) -> NDArray[np.float64]:
    """Weights of the samples around targets that lie some share of a sample behind one, dims (phase, tap).

    A sinc with its edge at the lower Nyquist frequency, in a Kaiser window: `resample_poly` has the same filter, but
    only for targets that begin on a sample.
    """
    wide = reach(ratio)
    away = np.arange(-wide, wide + 1) - phases[:, None]
    edge = float(min(1 / ratio, Fraction(1)))
    inside = 1.0 - (away * edge / _ZEROS) ** 2
    window = np.i0(_BETA * np.sqrt(np.maximum(inside, 0.0))) / np.i0(_BETA)
    weights = np.where(inside >= 0.0, edge * np.sinc(edge * away) * window, 0.0)
    return np.ascontiguousarray(weights)


def has_table(ratio: Fraction) -> bool:
    """Whether few enough distances between the two grids come up to keep a row of taps for each."""
    return ratio.denominator <= _PHASES


def placed(source: Clock, run: Run, target: Clock, onto: Run, start: int, stop: int) -> Placed:
    """Place the targets `start` to before `stop` of a run of the grid in a run of the source.

    Exact for ratios that have a table, and else to the nanosecond; the same for every part of the two clocks, so
    that values do not depend on chunks.
    """
    ratio = Fraction(target.num * source.den, target.den * source.num)
    numbers = np.arange(start, stop, dtype=np.int64)
    wide = reach(ratio)
    if has_table(ratio):
        away = Fraction((onto.start - run.start) * target.den + onto.phase, target.den) - Fraction(
            run.phase, source.den
        )
        steps = away * Fraction(source.den, source.num) * ratio.denominator
        base = steps.numerator // steps.denominator
        rest = float(steps - base)
        samples, rows = np.divmod(numbers * ratio.numerator + base, ratio.denominator)
        return Placed(samples - wide, rows, (np.arange(ratio.denominator) + rest) / ratio.denominator)
    since = times_of(target, onto, numbers) - run.start
    q, r = np.divmod(since, source.num)
    whole, part = np.divmod(r * source.den - run.phase, source.num)
    return Placed(q * source.den + whole - wide, np.arange(len(numbers)), part / source.num)


def times_of(clock: Clock, run: Run, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times in ns of samples of a run, counted from its first."""
    q, r = np.divmod(numbers, clock.den)
    times: NDArray[Any] = run.start + q * clock.num + (run.phase + r * clock.num) // clock.den
    return times
