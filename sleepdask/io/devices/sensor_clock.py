"""The clock of a sensor beside that of the phone which receives it: one tells distances, the other the time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sleepdask.io.streams import NAT

_JUMP = 5_000_000_000  # ns by which one of the clocks was set anew; less is a delay on the way to the phone
_NEAR = 1_000_000_000  # ns around what is known of a clock where it is still the same one
_LATE = 10_000_000_000  # ns that a packet may be late
_BLOCKS = 200  # whose medians show the drift
_CLEAR = 4  # times the noise by which the clocks must part before a drift is believed


@dataclass(frozen=True)
class Tied:
    """Times of a sensor on the clock of a phone.

    Parameters
    ----------
    stamps
        ns; distances are the sensor's, those of rows without a time of the sensor the phone's.
    drift
        Of the sensor's clock over the longest stretch, in parts of one: 1e-6 is 86 ms a day that it is slow. 0 where it
        cannot be told from the noise of the phone's times.
    farthest
        Largest distance in ns between a time of the phone and the result.
    jumps
        How often one of the clocks was set anew.
    """

    stamps: NDArray[np.int64]
    drift: float
    farthest: int
    jumps: int


def tie(phone: NDArray[np.int64], sensor: NDArray[np.int64], resolution: int) -> Tied:
    """Put the times of a sensor on the clock of a phone.

    Between two jumps the phone's time is the sensor's, plus a distance that is constant or, where that is clear, grows
    steadily. Single times of the phone, which may be late, have no weight.

    Parameters
    ----------
    phone
        When each row was received, ns, `NAT` where unknown, in the order of the file.
    sensor
        When each was taken, ns of any origin, `NAT` where unknown.
    resolution
        What the phone's times were rounded to, in ns.

    Examples
    --------
    >>> second = 1_000_000_000
    >>> tied = tie(np.array([9, 10, 11, 14]) * second, np.array([1, 2, 3, 4]) * second, second)
    >>> (tied.stamps / second).tolist(), tied.drift
    ([9.0, 10.0, 11.0, 12.0], 0.0)
    """
    stamps = phone.copy()
    known = np.flatnonzero((phone != NAT) & (sensor != NAT))
    if not known.size:
        return Tied(stamps, 0.0, 0, 0)
    apart = phone[known] - sensor[known]
    edges = [0, *(np.flatnonzero(np.abs(np.diff(apart)) > _JUMP) + 1).tolist(), known.size]
    drift, longest, farthest = 0.0, -1, 0
    for first, after in pairwise(edges):
        rows = known[first:after]
        low, high = int(sensor[rows].min()), int(sensor[rows].max())
        # Rows up to the next stretch that have a time of the sensor only, and may have it from the same clock.
        end = int(known[after]) if after < known.size else len(phone)
        begin = int(rows[0]) if first else 0
        lone = np.arange(begin, end)
        lone = lone[(phone[lone] == NAT) & (sensor[lone] >= low - _NEAR) & (sensor[lone] <= high + _NEAR)]
        base, rate = _line(sensor[rows] - low, apart[first:after], resolution)
        for these in (rows, lone):
            stamps[these] = sensor[these] + base + np.rint(rate * (sensor[these] - low)).astype(np.int64)
        farthest = max(farthest, int(np.abs(stamps[rows] - phone[rows]).max()))
        if high - low > longest:
            drift, longest = rate, high - low
    return Tied(stamps, drift, farthest, len(edges) - 2)


def one_after_another(stamps: NDArray[np.int64], intervals: NDArray[np.floating]) -> tuple[NDArray[np.int64], int]:
    """Times of intervals between beats that keep their order, where packets came early or late.

    An interval whose time is not after that of the one before gets the time at which that one is over. One that is
    more than 10 s before it stays where it is: this is no delay.

    Parameters
    ----------
    stamps
        Times as they were written, ns, `NAT` where unknown.
    intervals
        In ns, NaN where unknown.

    Returns
    -------
    stamps, moved
        The times, and how many of them were changed.

    Examples
    --------
    >>> one_after_another(np.array([0, 1000, 900, 3000]), np.array([1000.0, 800.0, 700.0, 900.0]))
    (array([   0, 1000, 1800, 3000]), 1)
    """
    times, lengths = stamps.tolist(), np.nan_to_num(intervals).astype(np.int64).tolist()
    last, over = NAT, NAT
    for k, time in enumerate(times):
        if time == NAT:
            continue
        if k and time == stamps[k - 1] and lengths[k] == lengths[k - 1]:
            times[k] = times[k - 1]  # a row that is there twice stays so
            continue
        if last != NAT and last - _LATE <= time <= last:
            times[k] = time = max(over, last + 1)
        last, over = time, time + lengths[k]
    moved = np.array(times, np.int64).reshape(len(stamps))
    return moved, int((moved != stamps).sum())


def _line(elapsed: NDArray[np.int64], apart: NDArray[np.int64], resolution: int) -> tuple[int, float]:
    """Distance of two clocks at the first time of one, and how it grows: the line through most of it."""
    middle = int(apart[0]) + int(np.median(apart - apart[0]))  # the difference fits a float, the distance does not
    off = (apart - middle).astype(np.float64)
    blocks = np.array_split(np.argsort(elapsed, kind="stable"), min(_BLOCKS, len(elapsed)))
    x, y = (np.array([np.median(values[block]) for block in blocks]) for values in (elapsed, off))
    i, j = np.triu_indices(len(x), 1)
    later = x[j] > x[i]
    if not later.any():
        return middle, 0.0
    rate = float(np.median((y[j] - y[i])[later] / (x[j] - x[i])[later]))  # Theil 1950, Sen 1968
    left = off - rate * elapsed
    start = float(np.median(left))
    noise = max(float(np.median(np.abs(left - start))), resolution / 2)
    if abs(rate) * float(elapsed.max()) <= _CLEAR * noise:
        return middle, 0.0
    return middle + round(start), rate
