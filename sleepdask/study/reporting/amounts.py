"""Amounts over many recordings: five numbers, counts in equal bins, and texts as people write amounts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sleepdask.viz.scales import round_step

NOTHING = "\N{EN DASH}"  # where there is no value
_MOST_BINS = 24
_LEAST = 1e-6  # what is less is nothing
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Amounts:
    """Smallest, median, 95th percentile, largest and sum of some values; zeros where there is none."""

    count: int
    smallest: float
    median: float
    high: float
    largest: float
    total: float


@dataclass(frozen=True)
class Bins:
    """Counts in bins between edges; with `open_end` the last also holds what is above."""

    counts: tuple[int, ...]
    edges: tuple[float, ...]
    open_end: bool


def amounts(values: Sequence[float]) -> Amounts:
    """Describe values.

    Examples
    --------
    >>> amounts([1.0, 2.0, 9.0])
    Amounts(count=3, smallest=1.0, median=2.0, high=8.3, largest=9.0, total=12.0)
    """
    if not len(values):
        return Amounts(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    median, high = (round(float(q), 9) for q in np.quantile(values, [0.5, 0.95]))
    return Amounts(len(values), float(min(values)), median, high, float(max(values)), math.fsum(values))


def bins(values: Sequence[float]) -> Bins | None:
    """Count values from 0 on in bins of a round width; None where all are equal, or nothing.

    Where a few lie far above all others the last bin is open, so that they do not squeeze the others into one.

    Examples
    --------
    >>> bins([0.5, 1.5, 1.6, 3.0])
    Bins(counts=(0, 1, 0, 2, 0, 0, 1), edges=(0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5), open_end=False)
    """
    known = amounts(values)
    if known.largest < _LEAST or known.smallest == known.largest:
        return None
    open_end = known.high > 0 and known.largest > 3 * known.high
    top = 1.5 * known.high if open_end else known.largest
    width = round_step(top / (min(_MOST_BINS, 4 + 2 * math.isqrt(len(values)))))
    number = max(1, math.ceil(top / width - 1e-9)) if open_end else math.floor(top / width + 1e-9) + 1
    places = np.minimum(np.floor(np.asarray(values, float) / width + 1e-9), number - 1).astype(int)
    counts = np.bincount(places, minlength=number)
    edges = tuple(float(f"{k * width:.12g}") for k in range(number + 1))
    return Bins(tuple(int(count) for count in counts), edges, open_end)


def count_text(number: float) -> str:
    """Whole number with separators.

    Examples
    --------
    >>> count_text(12345)
    '12,345'
    """
    return f"{round(number):,}"


def share_text(part: float, whole: float) -> str:
    """Percentage; what is not all is never said to be 100 %, nor what is something 0 %.

    Examples
    --------
    >>> [share_text(part, 10_000) for part in (3333, 9930, 9999, 1, 0)]
    ['33 %', '99.3 %', '>99.9 %', '<0.1 %', '0 %']
    """
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 0.1 or 99.9 < percent < 100:
        return "<0.1 %" if percent < 1 else ">99.9 %"
    return f"{percent:.1f} %" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f} %"


def duration_text(seconds: float) -> str:
    """Length of time in at most two units.

    Examples
    --------
    >>> [duration_text(s) for s in (0.034, 4.26, 59.7, 200, 7500, 360000)]
    ['0.03 s', '4.3 s', '1 min', '3 min 20 s', '2 h 5 min', '4 d 4 h']
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    for large, small, size, unit in (("min", "s", 60, 1), ("h", "min", 3600, 60), ("d", "h", 86400, 3600)):
        whole = round(seconds / unit) * unit
        if whole < size:
            return f"{whole:.0f} {small}"
        if whole < size * (60 if large == "min" else 48 if large == "h" else math.inf):
            first, rest = divmod(whole, size)
            return f"{first:,.0f} {large}" + (f" {rest / unit:.0f} {small}" if rest else "")
    raise AssertionError  # the last of them has no end


def hours_text(hours: float) -> str:
    """Hours with as many digits as say something.

    Examples
    --------
    >>> hours_text(7.94), hours_text(3975.2)
    ('7.9 h', '3,975 h')
    """
    return f"{hours:,.0f} h" if hours >= 100 else f"{hours:.1f} h"


def size_text(size: float) -> str:
    """Bytes in the unit that fits.

    Examples
    --------
    >>> size_text(512), size_text(3 * 2**20), size_text(1.5 * 2**40)
    ('512 B', '3.0 MiB', '1.5 TiB')
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"


def value_text(value: float) -> str:
    """Three significant digits, as in print.

    Examples
    --------
    >>> [value_text(x) for x in (0.12345, 1234.5, 0.0, 12.0)]
    ['0.123', '1,234', '0', '12.0']
    """
    if not math.isfinite(value):
        return NOTHING
    if abs(value) < 1e-300:  # zero, or less than powers of ten reach
        return "0"
    sign, size = ("\N{MINUS SIGN}" if value < 0 else ""), abs(value)
    exponent = int(f"{size:.2e}".split("e")[1])
    if not -4 < exponent < 6:
        return f"{sign}{size / 10.0**exponent:.2f} \N{MULTIPLICATION SIGN} 10{str(exponent).translate(_SUPERSCRIPTS)}"
    return f"{sign}{size:,.{max(0, 2 - exponent)}f}"
