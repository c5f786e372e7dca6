"""One epoch made ready for a measure that needs all of its samples in a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.kernels.lanes import squares, total
from sleepdask.jit import helper


@helper
def whole(row: Any, room: Any) -> int:
    """Copy a row to the front of `room` as float64; return its size, or 0 where it is no signal.

    It is none where a sample is NaN or infinite, and where all are equal.
    """
    size = row.size
    kept = room[:size]
    off = row.dtype.type(0)
    for j in range(size):
        kept[j] = row[j]
    # Zero times a sample is zero exactly if the sample is finite.
    missing = False
    different = False
    for j in range(size):
        missing |= row[j] * off != off
    for j in range(size):
        different |= row[j] != row[0]
    return size if different and not missing else 0


@helper
def deviation(row: Any, lanes: Any) -> float:
    """Return the standard deviation of a row, ddof 0."""
    mean = total(row, lanes) / row.size
    return math.sqrt(squares(row, mean, lanes) / row.size)


@helper
def slope(x: Any, y: Any) -> float:
    """Return the slope of the least-squares line of y over x."""
    size = x.size
    mean_x = 0.0
    mean_y = 0.0
    for j in range(size):
        mean_x += x[j]
        mean_y += y[j]
    mean_x /= size
    mean_y /= size
    above = 0.0
    below = 0.0
    for j in range(size):
        above += (x[j] - mean_x) * (y[j] - mean_y)
        below += (x[j] - mean_x) ** 2
    return above / below if below > 0 else np.nan
