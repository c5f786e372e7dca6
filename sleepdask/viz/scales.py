"""Scales: from values to percent of a width, with ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LEAST = 1e-290  # what is less is nothing: floats of less have fewer digits
_DECADES = 2.0  # from which on a scale of positive values is logarithmic
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Where values lie on a width.

    Parameters
    ----------
    low, high
        Values at its ends; what is beyond them by rounding is at the ends.
    ticks
        Round values between them.
    logarithmic
        Whether equal ratios have equal lengths.

    Examples
    --------
    >>> Scale(0, 10, (0, 5, 10)).percent(2.5), Scale(1, 100, (1, 10, 100), logarithmic=True).percent(10)
    (25.0, 50.0)
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def percent(self, value: float) -> float:
        """Position of a value; what lies outside is at the nearer end."""
        change = math.log if self.logarithmic else float
        value = min(max(value, self.low), self.high)
        share = (change(value) - change(self.low)) / (change(self.high) - change(self.low))
        return 100 * min(share, 1.0)


def scale_of(values: Iterable[float], most: int = 5) -> Scale | None:
    """Scale on which all finite values lie; logarithmic where they are positive and span two decades. None without any.

    Examples
    --------
    >>> scale_of([0.2, 7.8]).ticks, scale_of([3.0, 4000.0]).ticks
    ((0.0, 2.0, 4.0, 6.0, 8.0), (1.0, 10.0, 100.0, 1000.0, 10000.0))
    """
    finite = [value if abs(value) > _LEAST else 0.0 for value in values if math.isfinite(value)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    if low > 0 and math.log10(high) - math.log10(low) >= _DECADES:
        return _decades(low, high, most)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    step = round_step((high - low) / (most - 1))
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(float(f"{k * step:.12g}") for k in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def round_step(at_least: float) -> float:
    """Smallest of 1, 2, 5 times a power of ten that is not below a positive number.

    Examples
    --------
    >>> round_step(0.3), round_step(20.0), round_step(21.0)
    (0.5, 20.0, 50.0)
    """
    unit = 10.0 ** math.floor(math.log10(at_least))
    return next(float(f"{step * unit:.12g}") for step in (*_STEPS, 20.0) if step * unit >= at_least * (1 - 1e-9))


def _decades(low: float, high: float, most: int) -> Scale:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = math.ceil((last - first) / (most - 1))
    return Scale(10.0**first, 10.0**last, tuple(10.0**k for k in range(first, last + 1, every)), logarithmic=True)
