"""Straight lines through spectra on logarithmic axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.jit import INTEGER, NOTHING, REAL, readable, single, writable


@single(NOTHING(readable(REAL, 2), readable(INTEGER, 1), readable(REAL, 1), writable(REAL, 2)))
def log_log_lines(power: Any, bins: Any, frequencies: Any, out: Any) -> None:
    """Fit log10 power on log10 frequency by least squares.

    Writes slope, intercept and share of the variance explained into `out`, dims (epoch, value): NaN where the power
    of a bin is not above zero and finite, and the last also where the power is the same in all bins. Sums run bin
    by bin.

    Parameters
    ----------
    power
        Dims (epoch, bin).
    bins, frequencies
        The bins to use, at least two, and their frequencies in Hz, above zero.
    """
    count = bins.size
    x = np.empty(count)
    y = np.empty(count)
    mean_x = 0.0
    for k in range(count):
        x[k] = math.log10(frequencies[k])
        mean_x += x[k]
    mean_x /= count
    xx = 0.0
    for k in range(count):
        x[k] -= mean_x
        xx += x[k] * x[k]
    for epoch in range(power.shape[0]):
        mean_y = 0.0
        for k in range(count):
            p = power[epoch, bins[k]]
            y[k] = math.log10(p) if 0 < p < np.inf else np.nan
            mean_y += y[k]
        mean_y /= count
        xy = 0.0
        yy = 0.0
        for k in range(count):
            deviation = y[k] - mean_y
            xy += x[k] * deviation
            yy += deviation * deviation
        slope = xy / xx
        out[epoch, 0] = slope
        out[epoch, 1] = mean_y - slope * mean_x
        # Deviations that are mere rounding of the powers and their mean are none.
        rounding = count * np.finfo(np.float64).eps * max(1.0, abs(mean_y))
        out[epoch, 2] = xy * xy / (xx * yy) if yy > count * rounding * rounding else np.nan
