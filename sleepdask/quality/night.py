"""One column of a night compared with itself: pure functions of NumPy arrays, the same bits for any other columns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def scores(values: Values, least: int) -> Values:
    """Standardise values: how many standard deviations (ddof 0) each lies from the mean of those that are finite.

    Sums are exact, and thus do not depend on the order. All are NaN where fewer than `least` values are finite, or all
    of them are equal.

    Examples
    --------
    >>> scores(np.array([1.0, 3.0, np.nan]), least=2).tolist()
    [-1.0, 1.0, nan]
    """
    known = values[np.isfinite(values)]
    if known.size < max(least, 1) or known.min() == known.max():
        return np.full(values.shape, np.nan)
    mean = math.fsum(known) / known.size
    spread = math.sqrt(math.fsum((known - mean) ** 2) / known.size)
    return np.where(np.isfinite(values), (values - mean) / spread, np.nan)


def local_mean(values: Values, window: int) -> Values:
    """Mean of the finite values among the `window` around each, an odd number.

    At both ends it is that of the first, or last, whole window; of a shorter night that of all of it. NaN where no more
    than half of the window is finite.

    Examples
    --------
    >>> local_mean(np.array([1.0, 2.0, 6.0, 4.0, 5.0]), 3).tolist()
    [3.0, 3.0, 4.0, 5.0, 5.0]
    """
    size = min(window, values.size)
    if size == 0:
        return values.copy()
    known = np.isfinite(values)
    places = values.size - size + 1
    total, count = np.zeros(places), np.zeros(places)
    for shift in range(size):
        total += np.where(known, values, 0.0)[shift : shift + places]
        count += known[shift : shift + places]
    means = np.divide(total, count, out=np.full(places, np.nan), where=2 * count > window)
    around: Values = means[np.clip(np.arange(values.size) - window // 2, 0, places - 1)]
    return around
