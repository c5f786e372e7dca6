"""Sorting the samples of an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.jit import helper

DIGIT = 11  # bits
DIGITS = 6


@helper
def order_of(row: Any, keys: Any, moved: Any, order: Any, other: Any, counts: Any) -> None:
    """Write the order in which a row of finite float64 samples rises; equal ones stay in their order.

    Radix sort on the bits of the samples, 11 at a time: its time grows with their number alone. `keys`, `moved` hold
    unsigned 64-bit integers, `order` and `other` integers, all of the size of the row; `counts` has dims
    (digit, value).
    """
    size = row.size
    mask = np.uint64((1 << DIGIT) - 1)
    top = np.uint64(1 << 63)
    zero = np.uint64(0)
    bits = row.view(np.uint64)
    counts[:] = 0
    for j in range(size):
        # Unsigned integers that rise as the samples do.
        key = bits[j]
        key = ~key if key & top != zero else key | top
        keys[j] = key
        order[j] = j
        for d in range(DIGITS):
            counts[d, (key >> np.uint64(d * DIGIT)) & mask] += 1
    for d in range(DIGITS):
        shift = np.uint64(d * DIGIT)
        if counts[d, (keys[0] >> shift) & mask] == size:
            continue  # all share this digit
        before = 0
        for value in range(1 << DIGIT):
            count = counts[d, value]
            counts[d, value] = before
            before += count
        for j in range(size):
            digit = (keys[j] >> shift) & mask
            to = counts[d, digit]
            counts[d, digit] = to + 1
            moved[to] = keys[j]
            other[to] = order[j]
        for j in range(size):
            keys[j] = moved[j]
            order[j] = other[j]
