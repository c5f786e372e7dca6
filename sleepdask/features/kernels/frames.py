"""Loops around the transform: frames in, power out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.kernels.lanes import LANES, total
from sleepdask.features.kernels.selection import select
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, single, writable

# So many frames are put in order by comparing each with each, which is faster than choosing for each bin.
_FEW = 64


@kernel(
    lambda real: INTEGER(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        INTEGER,
        readable(real, 2),
        INTEGER,
        writable(INTEGER, 1),
        writable(real, 2),
        writable(INTEGER, 1),
    )
)
def gather(
    samples: Any,
    starts: Any,
    stops: Any,
    end: int,
    step: int,
    windows: Any,
    detrend: int,
    cursor: Any,
    frames: Any,
    owners: Any,
) -> int:
    """Fill `frames` with the next frames, less their mean and times each window in turn; return how many rows.

    The cursor holds the epoch (over all channels) and the offset in it that come next, and moves on;
    the end is the epoch to stop before. Each frame's epoch goes to `owners`. Frames that are not finite
    are left out.
    """
    size = windows.shape[1]
    lanes = np.empty(LANES)
    row = 0
    item = cursor[0]
    offset = cursor[1]
    while item < end and row + windows.shape[0] <= frames.shape[0]:
        channel = item // starts.size
        epoch = item - channel * starts.size
        begin = starts[epoch] + offset
        if begin + size > stops[epoch]:
            item += 1
            offset = 0
            continue
        offset += step
        source = samples[channel, begin : begin + size]
        amount = total(source, lanes)
        if not np.isfinite(amount):
            continue
        mean = windows.dtype.type(amount / size if detrend else 0.0)
        for window in windows:
            target = frames[row]
            for j in range(size):
                target[j] = (source[j] - mean) * window[j]
            owners[row] = item
            row += 1
    cursor[0] = item
    cursor[1] = offset
    return row


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        INTEGER,
        INTEGER,
        readable(INTEGER, 1),
        INTEGER,
        INTEGER,
        writable(REAL, 3),
        writable(INTEGER, 1),
    )
)
def collect(
    parts: Any, rows: int, tapers: int, owners: Any, first_item: int, first_bin: int, power: Any, counts: Any
) -> None:
    """Add the squared magnitudes of each row to its epoch's, or keep those of each frame apart for a median.

    `parts` holds real and imaginary parts in turn; `power` has dims (epoch, frame, bin), with one frame
    where they are added.
    """
    depth = power.shape[1]
    for row in range(rows):
        item = owners[row] - first_item
        target = power[item, counts[item] if depth > 1 else 0]
        source = parts[row, 2 * first_bin :]
        for k in range(target.size):
            real = np.float64(source[2 * k])
            imaginary = np.float64(source[2 * k + 1])
            target[k] += real * real + imaginary * imaginary
        if (row + 1) % tapers == 0:
            counts[item] += 1


@helper
def _median_bias(count: int) -> float:
    """Return the expected median over the expected mean of a periodogram's values."""
    bias = 1.0
    for i in range(2, count, 2):
        bias += 1.0 / (i + 1) - 1.0 / i
    return bias


@helper
def _order(rows: Any, count: int, ranks: int) -> None:
    """Put the smallest values of the first rows in ascending order into as many of them, for each column."""
    for i in range(ranks):
        low = rows[i]
        for j in range(i + 1, count):
            high = rows[j]
            # Whole rows at a time, without a branch, so that the loop fills vector registers.
            for k in range(low.size):
                a = low[k]
                b = high[k]
                low[k] = b if b < a else a
                high[k] = a if b < a else b


@helper
def _middle(column: Any, count: int) -> float:
    """Median of the first values of a column, whose order is lost."""
    middle = select(column, count, count // 2)
    if count % 2 == 0:
        # The values before the rank are the smaller ones.
        lower = column[0]
        for frame in range(1, count // 2):
            lower = max(lower, column[frame])
        middle = 0.5 * (lower + middle)
    return middle


@single(NOTHING(writable(REAL, 3), readable(INTEGER, 1), readable(REAL, 1), writable(REAL, 2)))
def medians(power: Any, counts: Any, gains: Any, out: Any) -> None:
    """Take the median over the frames of each epoch, free of its bias, as power density; their order is lost."""
    column = np.empty(power.shape[1])
    for item in range(power.shape[0]):
        count = counts[item]
        if count == 0:
            out[item] = np.nan
            continue
        half = count // 2
        bias = _median_bias(count)
        if count <= _FEW:
            _order(power[item], count, half + 1)
        for k in range(out.shape[1]):
            if count > _FEW:
                for frame in range(count):
                    column[frame] = power[item, frame, k]
                middle = _middle(column, count)
            elif count % 2:
                middle = power[item, half, k]
            else:
                middle = 0.5 * (power[item, half - 1, k] + power[item, half, k])
            out[item, k] = middle * gains[k] / bias
