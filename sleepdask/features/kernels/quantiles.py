"""Exact quantiles of each epoch, without sorting it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES, compact, extremes, total
from sleepdask.features.kernels.selection import select, smallest
from sleepdask.jit import CODE, INTEGER, NOTHING, REAL, helper, kernel, readable, writable

_BUCKETS = 2048
_STRIDE = 32
_FEW = 64


def quantiles(samples: Samples, starts: Bounds, stops: Bounds, probabilities: tuple[float, ...]) -> Values:
    """Compute quantiles of the finite samples with linear interpolation.

    Samples are counted into buckets of equal width; only the bucket that holds a wanted rank is looked
    into. The result is that of sorting, at a fraction of its time.

    Returns
    -------
    quantiles
        Dims (channel, epoch, probability), NaN where an epoch holds no finite sample.
    """
    longest = int((stops - starts).max(initial=0))
    room = np.empty(longest, samples.dtype)
    kept = room.view()
    kept.flags.writeable = False
    out = np.full((samples.shape[0], starts.size, len(probabilities)), np.nan)
    # Codes beyond the row fill the last stride: they match no bucket.
    codes = np.full(longest + _STRIDE, _BUCKETS, np.uint16)
    _quantiles(samples, starts, stops, np.array(probabilities), room, kept, np.empty_like(room), codes, out)
    return out


def median_deviations(samples: Samples, starts: Bounds, stops: Bounds) -> Values:
    """Compute the median distance of the finite samples from their median, dims (channel, epoch).

    NaN where an epoch holds no finite sample. It is exact: distances are those of float64.
    """
    longest = int((stops - starts).max(initial=0))
    room = np.empty(longest, samples.dtype)
    kept = room.view()
    kept.flags.writeable = False
    out = np.full((samples.shape[0], starts.size), np.nan)
    codes = np.full(longest + _STRIDE, _BUCKETS, np.uint16)
    _median_deviations(samples, starts, stops, room, kept, np.empty((2, longest)), codes, out)
    return out


@helper
def _encode(row: Any, low: Any, high: Any, codes: Any, counts: Any) -> None:
    """Give each sample its bucket, and count the samples that lie below each bucket."""
    # The code grows with the sample whatever is rounded, so buckets hold disjoint ranges.
    scale = row.dtype.type(_BUCKETS / (np.float64(high) - np.float64(low)) * (1 - 1e-6))
    low = row.dtype.type(low)
    size = row.size
    for j in range(size):
        codes[j] = np.uint16(np.int32((row[j] - low) * scale))
    codes[size : size + _STRIDE] = _BUCKETS
    # Neighbours often share a bucket: two tables keep one count from waiting for the other.
    counts[:] = 0
    for j in range(0, size - 1, 2):
        counts[0, codes[j] + 1] += 1
        counts[1, codes[j + 1] + 1] += 1
    if size % 2:
        counts[0, codes[size - 1] + 1] += 1
    for bucket in range(_BUCKETS):
        counts[0, bucket + 1] += counts[0, bucket] + counts[1, bucket + 1]


@helper
def _gather(row: Any, codes: Any, bucket: Any, found: Any) -> int:
    """Collect the samples of one bucket."""
    size = 0
    code = np.uint16(bucket)
    for j in range(0, row.size, _STRIDE):
        hits = np.uint16(0)
        for k in range(_STRIDE):
            hits |= np.uint16(codes[j + k] == code)
        if hits:
            for k in range(j, min(j + _STRIDE, row.size)):
                if codes[k] == code:
                    found[size] = row[k]
                    size += 1
    return size


@helper
def _neighbours(row: Any, rank: int, codes: Any, below: Any, found: Any) -> tuple[float, float]:
    """Return the samples of a rank and of the next one."""
    bucket = np.searchsorted(below, rank, side="right") - 1
    size = _gather(row, codes, bucket, found)
    local = rank - below[bucket]
    value = np.float64(select(found, size, local))
    if rank + 1 == row.size:
        return value, value
    if local + 1 == size:
        bucket = np.searchsorted(below, rank + 1, side="right") - 1
        size = _gather(row, codes, bucket, found)
        local = -1
    return value, np.float64(smallest(found, local + 1, size))


@helper
def _fill(row: Any, lows: Any, highs: Any, codes: Any, counts: Any) -> None:
    """Count a row into buckets."""
    low, high = extremes(row, lows, highs)
    spread = _BUCKETS / (np.float64(high) - np.float64(low))
    single = row.size <= _FEW or not 1e-30 < spread < 1e30
    if single:
        # Few samples, or a range too narrow or too wide to divide: one bucket for all.
        codes[: row.size] = 0
        codes[row.size : row.size + _STRIDE] = _BUCKETS
        counts[0, 1:] = row.size
    else:
        _encode(row, low, high, codes, counts)


@helper
def _quantile(row: Any, probability: float, codes: Any, below: Any, found: Any) -> Any:
    """Return a quantile of a row that was counted into buckets."""
    position = probability * (row.size - 1)
    rank = int(position)
    share = position - rank
    a, b = _neighbours(row, rank, codes, below, found)
    return a + (b - a) * share if share < 0.5 else b - (b - a) * (1 - share)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(REAL, 1),
        writable(real, 1),
        readable(real, 1),
        writable(real, 1),
        writable(CODE, 1),
        writable(REAL, 3),
    )
)
def _quantiles(
    samples: Any,
    starts: Any,
    stops: Any,
    probabilities: Any,
    room: Any,
    kept: Any,
    found: Any,
    codes: Any,
    out: Any,
) -> None:
    lanes = np.empty(LANES)
    lows = np.empty(LANES, samples.dtype)
    highs = np.empty(LANES, samples.dtype)
    counts = np.zeros((2, _BUCKETS + 1), np.int64)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            if not np.isfinite(total(row, lanes)):
                row = kept[: compact(row, room)]
            if row.size == 0:
                continue
            _fill(row, lows, highs, codes, counts)
            for q in range(probabilities.size):
                out[channel, epoch, q] = _quantile(row, probabilities[q], codes, counts[0], found)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        writable(real, 1),
        readable(real, 1),
        writable(REAL, 2),
        writable(CODE, 1),
        writable(REAL, 2),
    )
)
def _median_deviations(
    samples: Any, starts: Any, stops: Any, room: Any, kept: Any, rooms: Any, codes: Any, out: Any
) -> None:
    lanes = np.empty(LANES)
    lows = np.empty(LANES)
    highs = np.empty(LANES)
    counts = np.zeros((2, _BUCKETS + 1), np.int64)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            if not np.isfinite(total(row, lanes)):
                row = kept[: compact(row, room)]
            size = row.size
            if size == 0:
                continue
            values = rooms[0, :size]
            for j in range(size):
                values[j] = row[j]
            _fill(values, lows, highs, codes, counts)
            median = _quantile(values, 0.5, codes, counts[0], rooms[1])
            for j in range(size):
                values[j] = abs(values[j] - median)
            _fill(values, lows, highs, codes, counts)
            out[channel, epoch] = _quantile(values, 0.5, codes, counts[0], rooms[1])
