"""Samples at the ends of an epoch's range, beyond a limit, and far from the sample before."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, extremes, total
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable


def clipped_counts(samples: Samples, starts: Bounds, stops: Bounds, run: int) -> NDArray[np.int64]:
    """Count the samples of each epoch in runs of at least `run` that all are its largest, or all its smallest.

    Returns
    -------
    counts
        Dims (channel, epoch); -1 where all finite samples are equal, or there is none.
    """
    out = np.empty((samples.shape[0], starts.size), np.int64)
    _clipped(samples, starts, stops, run, out)
    return out


def beyond_and_jump(samples: Samples, starts: Bounds, stops: Bounds, centre: Values, limit: float) -> Values:
    """Count the samples further than `limit` from the `centre` of their epoch, and find the largest jump.

    Parameters
    ----------
    samples, starts, stops
        As in `Feature.compute`.
    centre
        Dims (channel, epoch).
    limit
        In the unit of the samples.

    Returns
    -------
    values
        Dims (channel, epoch, 2): the number, and the largest absolute difference of two finite neighbours, NaN
        where there are none.
    """
    out = np.full((samples.shape[0], starts.size, 2), np.nan)
    _beyond(samples, starts, stops, centre, limit, out)
    return out


@helper
def _finite_extremes(row: Any) -> tuple[float, float]:
    low = np.inf
    high = -np.inf
    for j in range(row.size):
        if np.isfinite(row[j]):
            low = min(low, row[j])
            high = max(high, row[j])
    return low, high


@kernel(
    lambda real: NOTHING(readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), INTEGER, writable(INTEGER, 2))
)
def _clipped(samples: Any, starts: Any, stops: Any, run: int, out: Any) -> None:
    lanes = np.empty(LANES)
    lows = np.empty(LANES, samples.dtype)
    highs = np.empty(LANES, samples.dtype)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            if np.isfinite(total(row, lanes)):
                low, high = extremes(row, lows, highs)
            else:
                low, high = _finite_extremes(row)
            if not low < high:
                out[channel, epoch] = -1
                continue
            # A run holds a sample whose number is a multiple of its length: the others need no look.
            count = 0
            done = 0
            for anchor in range(0, row.size, run):
                value = row[anchor]
                if anchor < done or (value != low and value != high):
                    continue
                first = anchor
                while first > 0 and row[first - 1] == value:
                    first -= 1
                done = anchor + 1
                while done < row.size and row[done] == value:
                    done += 1
                if done - first >= run:
                    count += done - first
            out[channel, epoch] = count


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), readable(REAL, 2), REAL, writable(REAL, 3)
    )
)
def _beyond(samples: Any, starts: Any, stops: Any, centre: Any, limit: float, out: Any) -> None:
    lanes = np.empty(LANES)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            middle = centre[channel, epoch]
            count = 0
            for j in range(row.size):
                away = abs(row[j] - middle)
                count += (away > limit) & (away < np.inf)
            out[channel, epoch, 0] = count
            lanes[:] = -1.0
            steps = max(row.size - 1, 0)
            whole = steps // LANES * LANES
            for j in range(0, whole, LANES):
                here = row[j : j + LANES]
                after = row[j + 1 : j + 1 + LANES]
                for k in range(LANES):
                    step = abs(np.float64(after[k]) - np.float64(here[k]))
                    lanes[k] = step if (step > lanes[k]) & (step < np.inf) else lanes[k]
            for j in range(whole, steps):
                step = abs(np.float64(row[j + 1]) - np.float64(row[j]))
                if step > lanes[0] and step < np.inf:
                    lanes[0] = step
            largest = lanes.max()
            if largest >= 0:
                out[channel, epoch, 1] = largest
