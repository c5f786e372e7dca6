"""What lies between neighbouring samples: steps and crossings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, compact, total
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable


def step_lengths(samples: Samples, starts: Bounds, stops: Bounds) -> tuple[Values, NDArray[np.int64]]:
    """Sum the sizes of all steps between finite neighbours, and count the steps, both with dims (channel, epoch)."""
    lengths = np.empty((samples.shape[0], starts.size))
    steps = np.empty((samples.shape[0], starts.size), np.int64)
    _lengths(samples, starts, stops, lengths, steps)
    return lengths, steps


def crossings(samples: Samples, starts: Bounds, stops: Bounds) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count how often each epoch crosses its mean, and its steps between finite neighbours; dims (channel, epoch).

    A sample that equals the mean is on the side of the one before it, so that a touch is no crossing; none is
    counted where samples are missing.
    """
    room = np.empty(int((stops - starts).max(initial=0)), samples.dtype)
    counts = np.empty((samples.shape[0], starts.size), np.int64)
    steps = np.empty((samples.shape[0], starts.size), np.int64)
    _crossings(samples, starts, stops, room, counts, steps)
    return counts, steps


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), writable(REAL, 2), writable(INTEGER, 2)
    )
)
def _lengths(samples: Any, starts: Any, stops: Any, lengths: Any, steps: Any) -> None:
    lanes = np.empty(LANES)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            size = max(0, row.size - 1)
            full = size // LANES * LANES
            lanes[:] = 0.0
            for j in range(0, full, LANES):
                here = row[j : j + LANES]
                after = row[j + 1 : j + 1 + LANES]
                for k in range(LANES):
                    lanes[k] += abs(np.float64(after[k]) - np.float64(here[k]))
            for j in range(full, size):
                lanes[j - full] += abs(np.float64(row[j + 1]) - np.float64(row[j]))
            amount = 0.0
            for k in range(LANES):
                amount += lanes[k]
            if not np.isfinite(amount):
                amount = 0.0
                found = 0
                for j in range(size):
                    step = abs(np.float64(row[j + 1]) - np.float64(row[j]))
                    if np.isfinite(step):
                        amount += step
                        found += 1
                size = found
            lengths[channel, epoch] = amount
            steps[channel, epoch] = size


@helper
def _sides(row: Any, mean: float) -> tuple[int, int]:
    """Count crossings and steps of a row in which samples may be missing or equal the mean."""
    count = 0
    steps = 0
    side = 0
    for j in range(row.size):
        if not np.isfinite(row[j]):
            side = 0
            continue
        steps += j > 0 and np.isfinite(row[j - 1])
        here = (row[j] > mean) - (row[j] < mean)
        if here:
            count += here == -side
            side = here
    return count, steps


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        writable(real, 1),
        writable(INTEGER, 2),
        writable(INTEGER, 2),
    )
)
def _crossings(samples: Any, starts: Any, stops: Any, room: Any, counts: Any, steps: Any) -> None:
    lanes = np.empty(LANES)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            size = row.size
            amount = total(row, lanes)
            if np.isfinite(amount) and size:
                mean = amount / size
                here = row[: size - 1]
                after = row[1:]
                count = 0
                equal = 0
                for j in range(size - 1):
                    equal |= here[j] == mean
                    count += (here[j] > mean) != (after[j] > mean)
                if not equal and row[size - 1] != mean:
                    counts[channel, epoch] = count
                    steps[channel, epoch] = size - 1
                    continue
            else:
                size = compact(row, room)
                mean = total(room[:size], lanes) / size if size else 0.0
            counts[channel, epoch], steps[channel, epoch] = _sides(row, mean)
