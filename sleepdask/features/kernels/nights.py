"""Columns of features over the epochs of one night: scaled, smoothed, shifted. Plain NumPy, in a fixed order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]


def less_middle(columns: Columns, low: float, high: float, width: float) -> Columns:
    """Each column (axis 0) less its median, divided by the distance of two of its quantiles over `width`.

    What is not finite is left out and gives NaN; so does a column whose two quantiles are equal.
    """
    made = np.full(columns.shape, np.nan)
    for k, column in enumerate(columns.T):
        known = np.isfinite(column)
        if known.any():
            bottom, middle, top = np.quantile(column[known], [low, 0.5, high])
            if top > bottom:
                made[known, k] = (column[known] - middle) / ((top - bottom) / width)
    return made


def less_middle_by_deviation(columns: Columns, width: float) -> Columns:
    """Each column (axis 0) less its median, divided by its median absolute deviation over `width`; as `less_middle`."""
    made = np.full(columns.shape, np.nan)
    for k, column in enumerate(columns.T):
        known = np.isfinite(column)
        if known.any():
            middle = np.median(column[known])
            spread = np.median(np.abs(column[known] - middle))
            if spread > 0:
                made[known, k] = (column[known] - middle) / (spread / width)
    return made


def weighted_mean(columns: Columns, weights: NDArray[np.float64], before: int) -> Columns:
    """Weighted mean of each value (axis 0) and its neighbours, the first weight for the one `before` places earlier.

    Neighbours that are not finite, or would lie outside, are left out with their weights; a value that is not finite
    itself gives NaN.
    """
    count = len(columns)
    known = np.isfinite(columns)
    filled = np.where(known, columns, 0.0)
    total, share = np.zeros(columns.shape), np.zeros(columns.shape)
    for place, weight in enumerate(weights.tolist()):  # one after the other: sums do not depend on other columns
        by = place - before
        to, of = slice(max(0, -by), count - max(0, by)), slice(max(0, by), count - max(0, -by))
        if to.start < to.stop:
            total[to] += weight * filled[of]
            share[to] += weight * known[of]
    with np.errstate(invalid="ignore"):
        return np.where(known, total / np.where(share > 0, share, np.nan), np.nan)


def shifted(columns: Columns, by: int) -> Columns:
    """Value `by` places earlier (axis 0), or later if it is negative; NaN where there is none."""
    made = np.full(columns.shape, np.nan)
    count = len(columns)
    if abs(by) < count:
        made[max(0, by) : count + min(0, by)] = columns[max(0, -by) : count - max(0, by)]
    return made
