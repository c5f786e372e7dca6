"""The length of the curve of an epoch at several coarsenesses, and the dimension that it tells of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.rows import slope, whole
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable

_LANES = 64


def higuchi_dimensions(samples: Samples, starts: Bounds, stops: Bounds, kmax: int) -> Values:
    """Compute Higuchi's fractal dimension, dims (channel, epoch).

    NaN where a sample is missing, all are equal, there are fewer than two steps of `kmax`, or a curve has no length.
    """
    longest = int((stops - starts).max(initial=0))
    out = np.full((samples.shape[0], starts.size), np.nan)
    _dimensions(samples, starts, stops, kmax, np.empty(longest), out)
    return out


@helper
def _curve_length(row: Any, k: int, lanes: Any) -> Any:
    """Mean length of the k curves of every k-th sample.

    A lane takes the steps of one curve only, so that all curves are summed in one pass.
    """
    size = row.size
    steps = size - k
    width = lanes.size // k * k
    full = steps // width * width
    lanes[:] = 0.0
    for j in range(0, full, width):
        here = row[j : j + width]
        after = row[j + k : j + k + width]
        for i in range(width):
            lanes[i] += abs(after[i] - here[i])
    for j in range(full, steps):
        lanes[j - full] += abs(row[j + k] - row[j])
    amount = 0.0
    for m in range(k):
        length = 0.0
        for i in range(m, width, k):
            length += lanes[i]
        amount += length / ((size - m - 1) // k)
    return amount * (size - 1) / (k * k * k)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        writable(REAL, 1),
        writable(REAL, 2),
    )
)
def _dimensions(samples: Any, starts: Any, stops: Any, kmax: int, room: Any, out: Any) -> None:
    lanes = np.empty(max(_LANES, kmax))
    x = np.empty(kmax)
    y = np.empty(kmax)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], room)
            if size < 2 * kmax:
                continue
            row = room[:size]
            defined = True
            for k in range(1, kmax + 1):
                length = _curve_length(row, k, lanes)
                x[k - 1] = -math.log(k)
                y[k - 1] = math.log(length)
                defined &= 0 < length < np.inf
            if defined:
                out[channel, epoch] = slope(x, y)
