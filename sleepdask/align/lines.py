"""The straight line that most of some points lie on, whatever the others say."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_PAIRS = 5_000  # that lines are drawn through
_POINTS = 1_000  # that the slope is taken of


def consensus_line(x: Floats, y: Floats, tolerance: float, steepest: float) -> tuple[float, float, NDArray[np.bool_]]:
    """Slope and height at 0 of the line with the most points within the tolerance of it, and which points these are.

    Lines through pairs of points, and level ones through each, no steeper than `steepest`, are tried; the line is then
    that of Theil and Sen through the points of the best: the median of slopes, and of what remains.

    Examples
    --------
    >>> x = np.arange(6.0)
    >>> slope, height, on = consensus_line(x, np.where(x == 4, 90, 2 + 0.5 * x), tolerance=0.1, steepest=1)
    >>> slope, height, int(on.sum())
    (0.5, 2.0, 5)
    """
    nowhere = np.zeros(len(x), bool)
    if not len(x):
        return np.nan, np.nan, nowhere
    slopes, through = [np.zeros(len(x))], [np.arange(len(x))]
    i, j = _pairs(len(x), _PAIRS)
    if len(i):
        steep = (y[j] - y[i]) / (x[j] - x[i])
        fit = np.abs(steep) <= steepest
        slopes.append(steep[fit])
        through.append(i[fit])
    best, most = nowhere, (0, 0.0)
    for slope, point in zip(np.concatenate(slopes).tolist(), np.concatenate(through).tolist(), strict=True):
        off = np.abs(y - y[point] - slope * (x - x[point]))
        on = off <= tolerance
        score = (int(on.sum()), -float(off[on].sum()))
        if score > most:
            best, most = on, score
    for _ in range(2):  # points that the better line has gained or lost
        slope, height = _theil_sen(x[best], y[best])
        slope = float(np.clip(slope, -steepest, steepest))
        height = float(np.median(y[best] - slope * x[best]))
        again = np.abs(y - height - slope * x) <= tolerance
        if again.sum() < best.sum():
            break
        best = again
    return slope, height, best


def _theil_sen(x: Floats, y: Floats) -> tuple[float, float]:
    i, j = _pairs(len(x), _POINTS * _POINTS // 2)
    slope = float(np.median((y[j] - y[i]) / (x[j] - x[i]))) if len(i) else 0.0
    return slope, float(np.median(y - slope * x))


def _pairs(count: int, most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs of points, or as many as can be, spread over all."""
    total = count * (count - 1) // 2
    if total <= most:
        pairs = np.array(list(combinations(range(count), 2)), np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]
    random = np.random.default_rng(0)
    i, step = random.integers(0, count, most), random.integers(1, count, most)
    j = (i + step) % count
    return np.minimum(i, j), np.maximum(i, j)
