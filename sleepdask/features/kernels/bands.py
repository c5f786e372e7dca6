"""What a power spectrum comes down to: bands, edges, entropy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Values
from sleepdask.jit import INTEGER, NOTHING, REAL, readable, single, writable


def bin_range(low: float, high: float, spacing: float, *, closed: bool) -> tuple[int, int]:
    """Return the half-open range of bins from `low` to below `high`, or to `high` itself."""
    # A hair of tolerance: an edge that falls on a bin must do so whatever the rate rounds to.
    first = int(np.ceil(low / spacing - 1e-9))
    last = int(np.floor(high / spacing + 1e-9)) + 1 if closed else int(np.ceil(high / spacing - 1e-9))
    return first, max(first, last)


def simpson_weights(count: int) -> Values:
    """Return the weights of Simpson's rule on points at distance 1, as in `scipy.integrate.simpson`."""
    if count == 2:
        return np.array([0.5, 0.5])
    weights = np.zeros(count)
    odd = count if count % 2 else count - 1
    weights[:odd] = 2 / 3
    weights[1:odd:2] = 4 / 3
    weights[[0, odd - 1]] = 1 / 3
    if odd < count:
        # Cartwright's correction for the last interval.
        weights[-3:] += np.array([-1, 8, 5]) / 12
    return weights


def reduce_bands(power: Values, weights: Values, out: Values) -> None:
    """Write the weighted sum over the bins for each band into `out`, dims (epoch, band)."""
    # Zero weights are skipped, so that a bin outside a band cannot leak into it as a NaN.
    spans = np.zeros((len(weights), 2), np.int64)
    for band, row in enumerate(weights):
        used = np.flatnonzero(row)
        if used.size:
            spans[band] = used[0], used[-1] + 1
    _reduce(power, weights, spans, out)


@single(NOTHING(readable(REAL, 2), readable(REAL, 2), readable(INTEGER, 2), writable(REAL, 2)))
def _reduce(power: Any, weights: Any, spans: Any, out: Any) -> None:
    for epoch in range(power.shape[0]):
        for band in range(weights.shape[0]):
            amount = 0.0
            for k in range(spans[band, 0], spans[band, 1]):
                amount += weights[band, k] * power[epoch, k]
            out[epoch, band] = amount


@single(REAL[:, ::1](readable(REAL, 2)))
def decibels(power: Any) -> Any:
    """Return ten times the decimal logarithm; NaN where the power is not above zero."""
    out = np.full(power.shape, np.nan)
    for row in range(power.shape[0]):
        for column in range(power.shape[1]):
            if power[row, column] > 0:
                out[row, column] = 10 * math.log10(power[row, column])
    return out


def reduce_shape(
    power: Values, span: tuple[int, int], origin: int, spacing: float, shares: tuple[float, ...], out: Values
) -> None:
    """Write the spectral edges and then the spectral entropy into `out`, dims (epoch, value).

    Parameters
    ----------
    power
        Power density, dims (epoch, bin).
    span
        Half-open range of the bins to use.
    origin, spacing
        Number of the first bin of `power`, and the distance of bins in Hz.
    shares
        Share of the power that lies at or below each edge, 0 to 1.
    """
    _reduce_shape(power, *span, origin, spacing, np.array(shares, dtype=np.float64), out)


@single(NOTHING(readable(REAL, 2), INTEGER, INTEGER, INTEGER, REAL, readable(REAL, 1), writable(REAL, 2)))
def _reduce_shape(power: Any, first: int, last: int, origin: int, spacing: float, shares: Any, out: Any) -> None:
    for epoch in range(power.shape[0]):
        amount = 0.0
        information = 0.0
        for k in range(first, last):
            p = power[epoch, k]
            amount += p
            if p > 0:
                information += p * math.log(p)
        if not 0 < amount < np.inf:
            out[epoch] = np.nan
            continue
        for share in range(shares.size):
            below = 0.0
            k = first
            while k < last - 1 and below + power[epoch, k] < shares[share] * amount:
                below += power[epoch, k]
                k += 1
            out[epoch, share] = (origin + k) * spacing
        entropy = math.log(amount) - information / amount
        out[epoch, shares.size] = entropy / math.log(last - first)
