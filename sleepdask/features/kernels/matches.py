"""Counting templates that match: what sample entropy and approximate entropy rest on.

A template is a few samples in a row; two match if each sample of one is within a tolerance of its partner in
the other. The definition asks for all pairs, and the counts are exact, but most pairs are never looked at: with
the templates sorted by their first samples, those whose first samples match lie side by side. The other samples
are compared by rank: what matches a sample is a range of ranks, so that a comparison is a subtraction of 16-bit
integers, of which a vector register holds many.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.lanes import LANES
from sleepdask.features.kernels.rows import deviation, whole
from sleepdask.features.kernels.sorting import DIGIT, DIGITS, order_of
from sleepdask.jit import CODE, INTEGER, KEY, NOTHING, REAL, helper, kernel, readable, writable

MOST = (1 << 16) - 1
"""Largest number of samples of an epoch: ranks have 16 bits, and the pairs of more would take seconds."""


def sample_entropies(
    samples: Samples, starts: Bounds, stops: Bounds, length: int, tolerance: float, scales: Bounds
) -> Values:
    """Compute the sample entropy of coarse-grained epochs, dims (channel, epoch, scale).

    The tolerance is a share of the standard deviation of the epoch before it is coarse-grained. NaN where a
    sample is missing, all are equal, or no templates match.
    """
    out = np.full((samples.shape[0], starts.size, scales.size), np.nan)
    longest = int((stops - starts).max(initial=0))
    rooms, keys, numbers, ranks, ranges = _scratch(longest, length)
    _sample_entropies(samples, starts, stops, length, tolerance, scales, rooms, keys, numbers, ranks, ranges, out)
    return out


def approximate_entropies(samples: Samples, starts: Bounds, stops: Bounds, length: int, tolerance: float) -> Values:
    """Compute the approximate entropy of each epoch, dims (channel, epoch).

    NaN where a sample is missing, all are equal, or no two of the longer templates match.
    """
    out = np.full((samples.shape[0], starts.size), np.nan)
    longest = int((stops - starts).max(initial=0))
    rooms, keys, numbers, ranks, ranges = _scratch(longest, length)
    _approximate_entropies(samples, starts, stops, length, tolerance, rooms, keys, numbers, ranks, ranges, out)
    return out


def _scratch(longest: int, length: int) -> tuple[Any, Any, Any, Any, Any]:
    """Arrays for rows, keys, integers of each sample, ranks of templates, and the ranges that match each rank."""
    return (
        np.empty((2, longest)),
        np.empty((2, longest), np.uint64),
        np.empty((4, longest + 1), np.int64),
        np.empty((length + 1, longest), np.uint16),
        np.zeros((2, MOST + 1), np.uint16),
    )


@helper
def _rank(row: Any, tolerance: float, keys: Any, numbers: Any, ranks: Any, ranges: Any, digits: Any) -> None:
    """Sort a row, number its samples, and find which ranks match each rank: those at most the tolerance away.

    The order goes into numbers[0], the rank of each sample into ranks[0], the first rank that matches into
    ranges[0], and how many do into ranges[1].
    """
    size = row.size
    order = numbers[0]
    order_of(row, keys[0], keys[1], order, numbers[1], digits)
    for rank in range(size):
        ranks[0, order[rank]] = rank
    # The rounded difference of two samples grows with what lies between them, so that ranges only move up.
    low = 0
    high = 0
    for rank in range(size):
        value = row[order[rank]]
        while value - row[order[low]] > tolerance:
            low += 1
        while high < size and row[order[high]] - value <= tolerance:
            high += 1
        ranges[0, rank] = low
        ranges[1, rank] = high - low


@helper
def _arrange(size: int, templates: int, length: int, numbers: Any, ranks: Any) -> None:
    """Put the templates in the order of their first samples.

    ranks[k] then holds the rank of sample k of each template, numbers[2] the first sample of each, and
    numbers[3] how many templates begin with a sample of a rank below each.
    """
    count = 0
    for rank in range(size):
        numbers[3, rank] = count
        if numbers[0, rank] < templates:
            numbers[2, count] = numbers[0, rank]
            count += 1
    numbers[3, size] = count
    for k in range(1, length + 1):
        for t in range(templates):
            j = numbers[2, t] + k
            ranks[k, t] = ranks[0, j] if j < size else MOST  # which matches nothing


@helper
def _count_pairs(first: int, last: int, t: int, second: Any, third: Any, lows: Any, widths: Any) -> tuple[int, int]:
    """Count the templates from `first` to before `last` that match template t in two samples, and in three.

    All match it in their first sample.
    """
    low2 = lows[second[t]]
    width2 = widths[second[t]]
    low3 = lows[third[t]]
    width3 = widths[third[t]]
    shorter = 0
    longer = 0
    # Unsigned, as a signed index would be looked at for its sign at every template.
    for j in range(np.uint64(first), np.uint64(last)):
        match = np.uint16(second[j] - low2) < width2
        shorter += match
        longer += (np.uint16(third[j] - low3) < width3) & match
    return shorter, longer


@helper
def _count(first: int, last: int, t: int, length: int, ranks: Any, lows: Any, widths: Any) -> tuple[int, int]:
    """Count as `_count_pairs` does, with templates of any length."""
    shorter = 0
    longer = 0
    for j in range(first, last):
        k = 1
        while k <= length and np.uint16(ranks[k, j] - lows[ranks[k, t]]) < widths[ranks[k, t]]:
            k += 1
        shorter += k >= length
        longer += k > length
    return shorter, longer


@helper
def _sample_entropy(
    row: Any, length: int, tolerance: float, keys: Any, numbers: Any, ranks: Any, ranges: Any, digits: Any
) -> float:
    size = row.size
    templates = size - length
    if templates < 2:
        return np.nan
    # Less than the tolerance is at most the largest number below it.
    _rank(row, np.nextafter(tolerance, 0.0), keys, numbers, ranks, ranges, digits)
    _arrange(size, templates, length, numbers, ranks)
    second = ranks[1]
    third = ranks[min(2, length)]
    lows = ranges[0]
    widths = ranges[1]
    shorter = 0
    longer = 0
    for t in range(templates):
        rank = np.int64(ranks[0, numbers[2, t]])
        last = numbers[3, np.int64(lows[rank]) + widths[rank]]
        if length == 2:
            some = _count_pairs(t + 1, last, t, second, third, lows, widths)
        else:
            some = _count(t + 1, last, t, length, ranks, lows, widths)
        shorter += some[0]
        longer += some[1]
    return math.log(shorter / longer) if longer else np.nan


@helper
def _approximate_entropy(
    row: Any, length: int, tolerance: float, keys: Any, numbers: Any, ranks: Any, ranges: Any, digits: Any
) -> float:
    size = row.size
    templates = size - length + 1
    if templates < 2:
        return np.nan
    _rank(row, tolerance, keys, numbers, ranks, ranges, digits)
    _arrange(size, templates, length, numbers, ranks)
    second = ranks[1]
    third = ranks[min(2, length)]
    lows = ranges[0]
    widths = ranges[1]
    shorter = 0.0
    longer = 0.0
    matched = 0
    for t in range(templates):
        rank = np.int64(ranks[0, numbers[2, t]])
        first = numbers[3, np.int64(lows[rank])]
        last = numbers[3, np.int64(lows[rank]) + widths[rank]]
        if length == 2:
            some = _count_pairs(first, last, t, second, third, lows, widths)
        else:
            some = _count(first, last, t, length, ranks, lows, widths)
        shorter += math.log(some[0] / templates)
        if numbers[2, t] < templates - 1:  # the last template has no longer one
            longer += math.log(some[1] / (templates - 1))
            matched += some[1] - 1
    return shorter / templates - longer / (templates - 1) if matched else np.nan


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        REAL,
        readable(INTEGER, 1),
        writable(REAL, 2),
        writable(KEY, 2),
        writable(INTEGER, 2),
        writable(CODE, 2),
        writable(CODE, 2),
        writable(REAL, 3),
    )
)
def _sample_entropies(
    samples: Any,
    starts: Any,
    stops: Any,
    length: int,
    tolerance: float,
    scales: Any,
    rooms: Any,
    keys: Any,
    numbers: Any,
    ranks: Any,
    ranges: Any,
    out: Any,
) -> None:
    lanes = np.empty(LANES)
    digits = np.empty((DIGITS, 1 << DIGIT), np.int64)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], rooms[0])
            if size == 0:
                continue
            row = rooms[0, :size]
            within = tolerance * deviation(row, lanes)
            if not 0 < within < np.inf:  # squares that no float64 holds
                continue
            for k in range(scales.size):
                scale = scales[k]
                coarse = rooms[1, : size // scale]
                for j in range(coarse.size):
                    amount = 0.0
                    for i in range(scale):
                        amount += row[j * scale + i]
                    coarse[j] = amount / scale
                out[channel, epoch, k] = _sample_entropy(coarse, length, within, keys, numbers, ranks, ranges, digits)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        REAL,
        writable(REAL, 2),
        writable(KEY, 2),
        writable(INTEGER, 2),
        writable(CODE, 2),
        writable(CODE, 2),
        writable(REAL, 2),
    )
)
def _approximate_entropies(
    samples: Any,
    starts: Any,
    stops: Any,
    length: int,
    tolerance: float,
    rooms: Any,
    keys: Any,
    numbers: Any,
    ranks: Any,
    ranges: Any,
    out: Any,
) -> None:
    lanes = np.empty(LANES)
    digits = np.empty((DIGITS, 1 << DIGIT), np.int64)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], rooms[0])
            if size:
                row = rooms[0, :size]
                within = tolerance * deviation(row, lanes)
                if 0 < within < np.inf:  # squares that a float64 holds
                    out[channel, epoch] = _approximate_entropy(
                        row, length, within, keys, numbers, ranks, ranges, digits
                    )
