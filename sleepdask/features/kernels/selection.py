"""Order statistics of a few values."""

from __future__ import annotations

from typing import Any

from sleepdask.jit import helper


@helper
def select(values: Any, size: int, rank: int) -> float:
    """Return the value of a rank (0 is the smallest); those behind it in `values` are then not smaller.

    Hoare's partition about the middle value: it halves runs of equal values, which recordings of
    integers are full of.
    """
    first = 0
    last = size - 1
    while first < last:
        pivot = values[(first + last) // 2]
        i = first
        j = last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            last = j
        elif rank >= i:
            first = i
        else:
            break
    return values[rank]  # type: ignore[no-any-return]


@helper
def smallest(values: Any, start: int, stop: int) -> float:
    """Return the smallest of values[start:stop]."""
    result = values[start]
    for j in range(start + 1, stop):
        result = min(result, values[j])
    return result  # type: ignore[no-any-return]
