"""How many finite samples each epoch holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import Bounds, Samples
from sleepdask.jit import INTEGER, NOTHING, kernel, readable, writable

_LANES = 64


def finite_counts(samples: Samples, starts: Bounds, stops: Bounds) -> NDArray[np.int64]:
    """Count the samples of each epoch that are neither NaN nor infinite, dims (channel, epoch)."""
    counts = np.empty((samples.shape[0], starts.size), np.int64)
    _count(samples, starts, stops, counts)
    return counts


@kernel(lambda real: NOTHING(readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), writable(INTEGER, 2)))
def _count(samples: Any, starts: Any, stops: Any, counts: Any) -> None:
    # Zero times a sample is zero exactly if the sample is finite, so a clean row costs one pass of
    # vector additions, and only the others are looked at sample by sample.
    lanes = np.empty(_LANES, samples.dtype)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            size = row.size
            whole = size // _LANES * _LANES
            lanes[:] = 0
            for j in range(0, whole, _LANES):
                for k in range(_LANES):
                    lanes[k] += row[j + k] * 0
            for j in range(whole, size):
                lanes[0] += row[j] * 0
            if not np.isfinite(lanes.sum()):
                missing = 0
                for j in range(size):
                    missing += not np.isfinite(row[j])
                size -= missing
            counts[channel, epoch] = size
