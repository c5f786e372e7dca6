"""How far the running sum of an epoch strays from straight lines, in windows of several sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, total
from sleepdask.features.kernels.rows import slope, whole
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable

_PARTS = 8


def scaling_exponents(
    samples: Samples, starts: Bounds, stops: Bounds, sizes: Bounds, needed: Values, least: int
) -> Values:
    """Compute the exponent of detrended fluctuations, dims (channel, epoch).

    Parameters
    ----------
    samples, starts, stops
        As in `Feature.compute`.
    sizes
        Of the windows, rising.
    needed
        Number of samples that an epoch must hold for each size to be used.
    least
        Number of sizes without which the result is NaN, as it is where a sample is missing, all are equal, or the
        running sum does not stray at all.
    """
    longest = int((stops - starts).max(initial=0))
    out = np.full((samples.shape[0], starts.size), np.nan)
    _exponents(samples, starts, stops, sizes, needed, least, np.empty(longest), out)
    return out


@helper
def _strays(walk: Any, n: int, parts: Any) -> float:
    """Sum of squared distances of the walk from the lines through its windows of n samples.

    Each sum has eight parts, so that an addition need not wait for the one before.
    """
    middle = (n - 1) / 2
    spread = n * (n * n - 1.0) / 12
    full = n // _PARTS * _PARTS
    amount = 0.0
    for window in range(walk.size // n):
        here = walk[window * n : (window + 1) * n]
        # Distances from the first sample: the squares of a walk far from zero would lose digits.
        level = here[0]
        parts[:] = 0.0
        for j in range(0, full, _PARTS):
            for k in range(_PARTS):
                y = here[j + k] - level
                parts[0, k] += y
                parts[1, k] += y * (j + k - middle)
        for j in range(full, n):
            y = here[j] - level
            parts[0, j - full] += y
            parts[1, j - full] += y * (j - middle)
        mean = 0.0
        tilt = 0.0
        for k in range(_PARTS):
            mean += parts[0, k]
            tilt += parts[1, k]
        mean = mean / n + level
        tilt /= spread
        for j in range(0, full, _PARTS):
            for k in range(_PARTS):
                d = here[j + k] - mean - tilt * (j + k - middle)
                parts[2, k] += d * d
        for j in range(full, n):
            d = here[j] - mean - tilt * (j - middle)
            parts[2, j - full] += d * d
        for k in range(_PARTS):
            amount += parts[2, k]
    return amount


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(REAL, 1),
        INTEGER,
        writable(REAL, 1),
        writable(REAL, 2),
    )
)
def _exponents(samples: Any, starts: Any, stops: Any, sizes: Any, needed: Any, least: int, room: Any, out: Any) -> None:
    lanes = np.empty(LANES)
    parts = np.empty((3, _PARTS))
    x = np.empty(sizes.size)
    y = np.empty(sizes.size)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], room)
            walk = room[:size]
            used = 0
            while used < sizes.size and needed[used] <= size:
                used += 1
            if size == 0 or used < least:
                continue
            mean = total(walk, lanes) / size
            at = 0.0
            for j in range(size):
                at += walk[j] - mean
                walk[j] = at
            defined = True
            for i in range(used):
                n = sizes[i]
                square = _strays(walk, n, parts) / (size // n * n)
                x[i] = math.log(n)
                y[i] = math.log(square) / 2
                defined &= 0 < square < np.inf
            if defined:
                out[channel, epoch] = slope(x[:used], y[:used])
