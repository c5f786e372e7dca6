"""Samples that lie in flat stretches, counted without looking at most of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import Bounds, Samples
from sleepdask.jit import INTEGER, NOTHING, REAL, helper, kernel, readable, writable


def flat_counts(samples: Samples, starts: Bounds, stops: Bounds, shortest: int, tolerance: float) -> NDArray[np.int64]:
    """Count the samples of each epoch that lie in a flat stretch, and those of its longest one.

    A stretch is flat if it holds at least `shortest` samples that differ by no more than `tolerance`; one that is not
    finite ends it.

    Returns
    -------
    counts
        Dims (channel, epoch, 2): samples in flat stretches, samples of the longest one.
    """
    out = np.zeros((samples.shape[0], starts.size, 2), np.int64)
    longest = int((stops - starts).max(initial=0))
    queues = np.empty((2, longest if tolerance > 0 else 0), np.int64)
    _flat(samples, starts, stops, shortest, tolerance, queues, out)
    return out


@helper
def _near(row: Any, anchor: int, tolerance: float) -> tuple[int, int]:
    """Bounds of the samples around one that differ from it by no more than the tolerance."""
    value = np.float64(row[anchor])
    first = anchor
    while first > 0 and abs(row[first - 1] - value) <= tolerance:
        first -= 1
    after = anchor + 1
    while after < row.size and abs(row[after] - value) <= tolerance:
        after += 1
    return first, after


@helper
def _within(row: Any, first: int, after: int, shortest: int, tolerance: float, queues: Any, result: Any) -> None:
    """Count samples in the flat stretches of ``row[first:after]`` from `first` on, in one pass.

    `queues` hold where the candidates for the largest and the smallest sample of the stretch that ends here are.
    """
    highs, lows = queues[0], queues[1]
    high_head = high_tail = low_head = low_tail = 0
    begin = first
    counted = first
    for j in range(first, after):
        while high_tail > high_head and row[highs[high_tail - 1]] <= row[j]:
            high_tail -= 1
        highs[high_tail] = j
        high_tail += 1
        while low_tail > low_head and row[lows[low_tail - 1]] >= row[j]:
            low_tail -= 1
        lows[low_tail] = j
        low_tail += 1
        while np.float64(row[highs[high_head]]) - row[lows[low_head]] > tolerance:
            begin += 1
            if highs[high_head] < begin:
                high_head += 1
            if lows[low_head] < begin:
                low_head += 1
        size = j + 1 - begin
        if size >= shortest:
            result[0] += j + 1 - max(begin, counted)
            result[1] = max(result[1], size)
            counted = j + 1


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        REAL,
        writable(INTEGER, 2),
        writable(INTEGER, 3),
    )
)
def _flat(samples: Any, starts: Any, stops: Any, shortest: int, tolerance: float, queues: Any, out: Any) -> None:
    # A stretch of `shortest` samples holds one whose number is a multiple of that: only these are looked at, and
    # what lies around them.
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            result = out[channel, epoch]
            done = 0  # what lies before is counted
            for anchor in range(0, row.size, shortest):
                if anchor < done or not np.isfinite(row[anchor]):
                    continue
                first, after = _near(row, anchor, tolerance)
                if after - first < shortest:
                    continue
                if tolerance == 0:
                    result[0] += after - first
                    result[1] = max(result[1], after - first)
                    done = after
                else:
                    # Stretches overlap: the whole finite part around is searched at once.
                    while first > done and np.isfinite(row[first - 1]):
                        first -= 1
                    while after < row.size and np.isfinite(row[after]):
                        after += 1
                    _within(row, first, after, shortest, tolerance, queues, result)
                    done = after
