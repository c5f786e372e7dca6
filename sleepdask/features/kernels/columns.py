"""Medians of many columns at once: rows are exchanged by a network, so that whole rows fill vector registers."""

from __future__ import annotations

from typing import Any

from sleepdask.jit import helper


@helper
def sort_columns(rows: Any, count: int) -> None:
    """Sort each column of the first `count` rows in place, without NaN.

    Batcher's merge exchange (Knuth, The Art of Computer Programming, vol. 3, 5.2.2, algorithm M): what is compared
    depends on the number of rows alone.
    """
    half = 1
    while 2 * half < count:
        half *= 2
    p = half
    while p > 0:
        q = half
        r = 0
        d = p
        while True:
            for i in range(count - d):
                if i & p == r:
                    upper = rows[i]
                    lower = rows[i + d]
                    for k in range(upper.size):
                        a = upper[k]
                        b = lower[k]
                        upper[k] = a if a < b else b
                        lower[k] = b if a < b else a
            if q == p:
                break
            d = q - p
            q //= 2
            r = p
        p //= 2


@helper
def middle_rows(rows: Any, count: int, out: Any) -> None:
    """Write the median of each column of the first `count` rows, at least one, which are sorted by this."""
    sort_columns(rows, count)
    upper = rows[count // 2]
    lower = rows[(count - 1) // 2]
    for k in range(out.size):
        out[k] = 0.5 * lower[k] + 0.5 * upper[k]
