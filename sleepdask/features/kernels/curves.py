"""What the steps of a waveform add up to: its length, its turns, how far it goes."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, extremes
from sleepdask.features.kernels.rows import whole
from sleepdask.jit import INTEGER, NOTHING, REAL, kernel, readable, writable

SIZE, LENGTH, REACH, TURNS = range(4)


def curves(samples: Samples, starts: Bounds, stops: Bounds) -> Values:
    """Measure the curve of each epoch.

    Returns
    -------
    curves
        Dims (channel, epoch, measure): the number of samples, the sum of the sizes of all steps, the largest
        distance from the first sample, and how often a fall follows what is none or the other way round. NaN
        where a sample is missing or all are equal.
    """
    longest = int((stops - starts).max(initial=0))
    out = np.full((samples.shape[0], starts.size, 4), np.nan)
    _curves(samples, starts, stops, np.empty(longest), out)
    return out


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), writable(REAL, 1), writable(REAL, 3)
    )
)
def _curves(samples: Any, starts: Any, stops: Any, room: Any, out: Any) -> None:
    lanes = np.empty(LANES)
    lows = np.empty(LANES)
    highs = np.empty(LANES)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], room)
            if size == 0:
                continue
            steps = size - 1
            full = steps // LANES * LANES
            lanes[:] = 0.0
            for j in range(0, full, LANES):
                here = room[j : j + LANES]
                after = room[j + 1 : j + 1 + LANES]
                for k in range(LANES):
                    lanes[k] += abs(after[k] - here[k])
            for j in range(full, steps):
                lanes[j - full] += abs(room[j + 1] - room[j])
            length = 0.0
            for k in range(LANES):
                length += lanes[k]
            low, high = extremes(room[:size], lows, highs)
            turns = 0
            here = room[: size - 2]
            middle = room[1 : size - 1]
            after = room[2:size]
            for j in range(size - 2):
                turns += (middle[j] < here[j]) != (after[j] < middle[j])
            out[channel, epoch, SIZE] = size
            out[channel, epoch, LENGTH] = length
            out[channel, epoch, REACH] = max(high - room[0], room[0] - low)
            out[channel, epoch, TURNS] = turns
