"""How far the running sum of an epoch strays from straight lines, in windows of several sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, total
from sleepdask.features.kernels.rows import slope, whole
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable


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
def _strays(walk: Any, n: int) -> float:
    """Sum of squared distances of the walk from the lines through its windows of n samples.

    Plain sums: a processor works on the next windows while one waits for its additions.
    """
    middle = (n - 1) / 2
    spread = n * (n * n - 1.0) / 12
    amount = 0.0
    for window in range(walk.size // n):
        # Unsigned, as a signed index would be looked at for its sign at every sample.
        begin = np.uint64(window * n)
        # Distances from the first sample: sums far from zero would lose digits.
        first = walk[begin]
        level = 0.0
        tilt = 0.0
        for j in range(np.uint64(n)):
            y = walk[begin + j] - first
            level += y
            tilt += y * (np.float64(j) - middle)
        level = level / n + first
        tilt /= spread
        squares = 0.0
        for j in range(np.uint64(n)):
            d = walk[begin + j] - level - tilt * (np.float64(j) - middle)
            squares += d * d
        amount += squares
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
                square = _strays(walk, n) / (size // n * n)
                x[i] = math.log(n)
                y[i] = math.log(square) / 2
                defined &= 0 < square < np.inf
            if defined:
                out[channel, epoch] = slope(x[:used], y[:used])
