"""Sums, extremes and gaps of one row: what several kernels share.

A sum runs in 64 lanes that are added in order at the end. The order of additions is thus fixed by the
row's length alone, on every processor, and the loop still fills vector registers; 64 rather than 16
lanes hide the latency of the additions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.jit import helper

LANES = 64


@helper
def total(row: Any, lanes: Any) -> float:
    """Sum of a row in float64; not finite if a sample is not."""
    size = row.size
    whole = size // LANES * LANES
    lanes[:] = 0.0
    for j in range(0, whole, LANES):
        for k in range(LANES):
            lanes[k] += row[j + k]
    for j in range(whole, size):
        lanes[j - whole] += row[j]
    result = 0.0
    for k in range(LANES):
        result += lanes[k]
    return result


@helper
def squares(row: Any, mean: float, lanes: Any) -> float:
    """Sum of the squared distances of a row's samples from their mean, in float64."""
    size = row.size
    whole = size // LANES * LANES
    lanes[:] = 0.0
    for j in range(0, whole, LANES):
        for k in range(LANES):
            d = row[j + k] - mean
            lanes[k] += d * d
    for j in range(whole, size):
        d = row[j] - mean
        lanes[j - whole] += d * d
    result = 0.0
    for k in range(LANES):
        result += lanes[k]
    return result


@helper
def extremes(row: Any, lows: Any, highs: Any) -> tuple[float, float]:
    """Smallest and largest sample of a row without gaps."""
    size = row.size
    whole = size // LANES * LANES
    lows[:] = np.inf
    highs[:] = -np.inf
    for j in range(0, whole, LANES):
        for k in range(LANES):
            value = row[j + k]
            lows[k] = value if value < lows[k] else lows[k]
            highs[k] = value if value > highs[k] else highs[k]
    for j in range(whole, size):
        lows[0] = min(lows[0], row[j])
        highs[0] = max(highs[0], row[j])
    return lows.min(), highs.max()


@helper
def compact(row: Any, room: Any) -> int:
    """Write the finite samples of a row to the front of `room`; return how many there are."""
    size = 0
    for j in range(row.size):
        if np.isfinite(row[j]):
            room[size] = row[j]
            size += 1
    return size


@helper
def is_constant(row: Any) -> bool:
    """Whether all samples are equal; others are told from each other after a few."""
    j = 1
    while j < row.size and row[j] == row[0]:
        j += 1
    return bool(j >= row.size)
