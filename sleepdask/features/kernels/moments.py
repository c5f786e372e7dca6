"""Count, mean, extremes and central moments of each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, compact, extremes, squares, total
from sleepdask.jit import INTEGER, NOTHING, REAL, kernel, readable, writable

COUNT, MEAN, MIN, MAX, M2, M3, M4 = range(7)


def moments(samples: Samples, starts: Bounds, stops: Bounds, order: int) -> Values:
    """Compute count, mean, min, max and the sums of centred powers 2, 3 and 4 of the finite samples.

    Parameters
    ----------
    samples, starts, stops
        As in `Feature.compute`.
    order
        Highest power that is needed, 1 to 4; those above 2 come together, and what is not computed is NaN.

    Returns
    -------
    moments
        Dims (channel, epoch, moment); all NaN but the count where an epoch holds no finite sample.
    """
    room = np.empty(int((stops - starts).max(initial=0)), samples.dtype)
    kept = room.view()
    kept.flags.writeable = False
    out = np.full((samples.shape[0], starts.size, 7), np.nan)
    _moments(samples, starts, stops, order, room, kept, out)
    return out


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        writable(real, 1),
        readable(real, 1),
        writable(REAL, 3),
    )
)
def _moments(samples: Any, starts: Any, stops: Any, order: int, room: Any, kept: Any, out: Any) -> None:
    lanes = np.empty(LANES)
    third = np.empty(LANES)
    fourth = np.empty(LANES)
    lows = np.empty(LANES, samples.dtype)
    highs = np.empty(LANES, samples.dtype)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            amount = total(row, lanes)
            if not np.isfinite(amount):
                row = kept[: compact(row, room)]
                amount = total(row, lanes)
            size = row.size
            result = out[channel, epoch]
            result[COUNT] = size
            if size == 0:
                continue
            mean = amount / size
            low, high = extremes(row, lows, highs)
            result[MEAN] = mean
            result[MIN] = low
            result[MAX] = high
            whole = size // LANES * LANES
            if order == 2:
                result[M2] = squares(row, mean, lanes)
            elif order > 2:
                lanes[:] = 0.0
                third[:] = 0.0
                fourth[:] = 0.0
                for j in range(0, whole, LANES):
                    for k in range(LANES):
                        d = row[j + k] - mean
                        square = d * d
                        lanes[k] += square
                        third[k] += square * d
                        fourth[k] += square * square
                for j in range(whole, size):
                    d = row[j] - mean
                    square = d * d
                    lanes[j - whole] += square
                    third[j - whole] += square * d
                    fourth[j - whole] += square * square
                result[M2:] = 0.0
                for k in range(LANES):
                    result[M2] += lanes[k]
                    result[M3] += third[k]
                    result[M4] += fourth[k]
            if low == high:
                # The mean of equal float64 samples may be off by a rounding; their moments are zero.
                result[MEAN] = low
                result[M2:] = 0.0 if order > 2 else np.nan
                if order == 2:
                    result[M2] = 0.0
