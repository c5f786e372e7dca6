"""How far two stretches of samples are apart: normalised cross-correlation where values may be missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LEAST = 0.5  # of the samples of a window that must have a value in both
_FLAT = 1e-9  # share of the variance below which samples do not vary


def correlations(a: Floats, b: Floats) -> Floats:
    """Pearson correlation of `a` with each stretch of `b` that is as long; NaN with too few pairs, or no variance.

    Parameters
    ----------
    a, b
        Samples on one grid; `b` has at least as many. NaN is missing.

    Returns
    -------
    correlations
        One for each sample of `b` that `a` can begin at, over the pairs of which both have a value.

    Examples
    --------
    >>> correlations(np.array([1.0, 2.0, 4.0]), np.array([5.0, 2.0, 4.0, 8.0, 1.0])).round(3).tolist()
    [-0.143, 1.0, -0.59]
    """
    lags, size = len(b) - len(a) + 1, len(b)
    (x, x_there), (y, y_there) = _prepared(a), _prepared(b)
    forward = [np.conj(np.fft.rfft(each, size)) for each in (x_there, x, x * x)]
    backward = [np.fft.rfft(each, size) for each in (y_there, y, y * y)]
    pairs, sum_y, sum_yy = (np.fft.irfft(forward[0] * each, size)[:lags] for each in backward)
    sum_x, sum_xy = (np.fft.irfft(forward[1] * each, size)[:lags] for each in backward[:2])
    sum_xx = np.fft.irfft(forward[2] * backward[0], size)[:lags]
    pairs = np.rint(pairs)
    with np.errstate(invalid="ignore", divide="ignore"):
        var_x, var_y = sum_xx - sum_x**2 / pairs, sum_yy - sum_y**2 / pairs
        result = (sum_xy - sum_x * sum_y / pairs) / np.sqrt(var_x * var_y)
    good = (pairs >= _LEAST * len(a)) & (var_x > _FLAT * pairs) & (var_y > _FLAT * pairs)
    return np.where(good, np.clip(result, -1.0, 1.0), np.nan)


def highest(values: Floats) -> tuple[float, float, float]:
    """Place of the highest peak between two samples, its height, and that of the next one.

    The place is that of the parabola through the peak and its neighbours, in samples. NaN if the highest value is
    none above 0, or lies at the edge or beside a missing one, as it may then rise further. The next one is the highest
    value outside of the stretch around the peak that is above half of it.
    """
    known = np.isfinite(values)
    k = int(np.argmax(np.where(known, values, -np.inf))) if known.any() else 0
    if not 0 < k < len(values) - 1 or not known[k - 1 : k + 2].all() or values[k] <= 0:
        return np.nan, np.nan, np.nan
    before, peak, after = values[k - 1 : k + 2].tolist()
    bend = before - 2 * peak + after
    place = k + (0.5 * (before - after) / bend if bend < 0 else 0.0)
    low = np.flatnonzero(~(values > peak / 2))
    first, last = low[low < k].max(initial=-1), low[low > k].min(initial=len(values))
    rest = np.concatenate([values[: first + 1], values[last:]])
    rest = rest[np.isfinite(rest)]
    return place, peak, float(rest.max()) if rest.size else 0.0


def _prepared(values: Floats) -> tuple[Floats, Floats]:
    """Values less their mean and over their deviation, 0 where there is none; and where there are some."""
    there = np.isfinite(values)
    if not there.any():
        return np.zeros_like(values), there.astype(np.float64)
    known = values[there]
    spread = float(known.std())
    scaled = np.zeros_like(values)
    if spread > 0:
        scaled[there] = (known - known.mean()) / spread
    return scaled, there.astype(np.float64)
