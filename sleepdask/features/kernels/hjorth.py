"""Variances of each epoch and of its first and second differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, is_constant, total
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable


def variances(samples: Samples, starts: Bounds, stops: Bounds) -> Values:
    """Compute the variances (ddof 0) of the samples and of their first and second differences.

    Differences are taken only between finite samples that lie side by side.

    Returns
    -------
    variances
        Dims (channel, epoch, difference), NaN where an epoch holds fewer than three finite samples,
        and where it holds no difference of an order.
    """
    out = np.full((samples.shape[0], starts.size, 3), np.nan)
    _variances(samples, starts, stops, out)
    return out


@helper
def _difference(row: Any, j: int, order: int) -> float:
    """Return a sample, or its first or second difference; not finite if a sample in it is not."""
    value = np.float64(row[j])
    if order == 1:
        value = np.float64(row[j + 1]) - value
    elif order == 2:
        value = (np.float64(row[j + 2]) - row[j + 1]) - (np.float64(row[j + 1]) - value)
    return value


@helper
def _variances_with_gaps(row: Any, result: Any) -> None:
    for order in range(3):
        count = 0
        amount = 0.0
        low = np.inf
        high = -np.inf
        for j in range(row.size - order):
            value = _difference(row, j, order)
            if np.isfinite(value):
                count += 1
                amount += value
                low = min(low, value)
                high = max(high, value)
        if count == 0 or (order == 0 and count < 3):
            return
        mean = amount / count
        squares = 0.0
        for j in range(row.size - order):
            value = _difference(row, j, order)
            if np.isfinite(value):
                squares += (value - mean) ** 2
        result[order] = squares / count if low < high else 0.0


@helper
def _squares(row: Any, order: int, mean: float, lanes: Any) -> float:
    """Sum of squared deviations of the samples (order 0) or their differences, without gaps."""
    size = row.size - order
    whole = size // LANES * LANES
    lanes[:] = 0.0
    for j in range(0, whole, LANES):
        # Views of one stretch: an index with an offset would be checked for its sign at every sample,
        # and one loop for all orders has too many streams for the compiler to make vectors of.
        here = row[j : j + LANES]
        after = row[j + 1 : j + 1 + LANES]
        if order == 0:
            for k in range(LANES):
                d = here[k] - mean
                lanes[k] += d * d
        elif order == 1:
            for k in range(LANES):
                d = np.float64(after[k]) - np.float64(here[k]) - mean
                lanes[k] += d * d
        else:
            later = row[j + 2 : j + 2 + LANES]
            for k in range(LANES):
                middle = np.float64(after[k])
                d = (np.float64(later[k]) - middle) - (middle - np.float64(here[k])) - mean
                lanes[k] += d * d
    for j in range(whole, size):
        lanes[j - whole] += (_difference(row, j, order) - mean) ** 2
    amount = 0.0
    for k in range(LANES):
        amount += lanes[k]
    return amount


@kernel(lambda real: NOTHING(readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), writable(REAL, 3)))
def _variances(samples: Any, starts: Any, stops: Any, out: Any) -> None:
    lanes = np.empty(LANES)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            size = row.size
            result = out[channel, epoch]
            if size < 3:
                continue
            amount = total(row, lanes)
            if not np.isfinite(amount):
                _variances_with_gaps(row, result)
            elif is_constant(row):
                result[:] = 0.0
            else:
                # The sum of differences is the difference of the ends.
                slope = (np.float64(row[size - 1]) - row[0]) / (size - 1)
                curve = (_difference(row, size - 2, 1) - _difference(row, 0, 1)) / (size - 2)
                result[0] = _squares(row, 0, amount / size, lanes) / size
                result[1] = _squares(row, 1, slope, lanes) / (size - 1)
                result[2] = _squares(row, 2, curve, lanes) / (size - 2)
