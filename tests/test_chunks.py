"""The chunk rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.chunks import MAX_BYTES, MIN_BYTES, TOTAL_BYTES, chunk_edges, epochs_per_chunk

counts = st.integers(1, 50_000)
workers = st.integers(1, 1000)
sizes = st.integers(1, 10 * MAX_BYTES)


def cap(n_workers: int) -> int:
    return min(MAX_BYTES, TOTAL_BYTES // n_workers)


@given(counts, st.integers(1, TOTAL_BYTES // MIN_BYTES - 1), st.data())
def test_rule__holds_where_neither_floor_nor_cap_matters(n: int, n_workers: int, data: st.DataObject) -> None:
    rule = max(10, n // (n_workers * 2))
    smallest, largest = -(-min(MIN_BYTES, cap(n_workers)) // rule), cap(n_workers) // rule
    size = data.draw(st.integers(smallest, largest))
    assert epochs_per_chunk(n, n_workers, size) == min(n, rule)


@given(counts, workers, sizes)
def test_chunk__is_never_empty_nor_above_the_cap(n: int, n_workers: int, size: int) -> None:
    per_chunk = epochs_per_chunk(n, n_workers, size)
    assert 1 <= per_chunk <= n
    assert per_chunk == 1 or per_chunk * size <= cap(n_workers)


@given(counts, workers, st.integers(1, MIN_BYTES))
def test_chunk__is_worth_a_task(n: int, n_workers: int, size: int) -> None:
    per_chunk = epochs_per_chunk(n, n_workers, size)
    floor = min(MIN_BYTES, cap(n_workers))
    assert per_chunk == n or (per_chunk + 1) * size > floor


@given(counts, workers, sizes)
def test_edges__are_even_and_within_the_rule(n: int, n_workers: int, size: int) -> None:
    edges = chunk_edges(n, n_workers, size)
    lengths = np.diff(edges)
    per_chunk = epochs_per_chunk(n, n_workers, size)
    assert (edges[0], edges[-1]) == (0, n)
    assert lengths.min() >= 1
    assert lengths.max() - lengths.min() <= 1
    assert lengths.max() <= per_chunk
    needed = -(-n // per_chunk)
    rounds = -(-needed // n_workers)
    assert len(lengths) == (needed if needed <= n_workers else min(n, rounds * n_workers))  # no worker is left idle


@pytest.mark.parametrize(
    ("n", "n_workers", "size", "expected"),
    [
        (960, 2, 50_000, 240),
        (960, 16, 120_000, 35),  # floor of bytes
        (960, 16, 500_000, 30),
        (960, 64, 500_000, 8),  # byte cap of all workers together wins over ten epochs
        (960, 2, 8 * 7680 * 4, 68),
        (960, 2, 120, 960),
        (3, 8, 500_000, 3),
        (960, 2, 10**9, 1),
        (960, 10**9, 1000, 1),
    ],
)
def test_rule__examples(n: int, n_workers: int, size: int, expected: int) -> None:
    assert epochs_per_chunk(n, n_workers, size) == expected


def test_edges__leave_no_crumb() -> None:
    assert np.diff(chunk_edges(2650, 2, 36_000)).tolist() == [441, 442, 442, 441, 442, 442]


def test_edges__no_workers_count_as_one() -> None:
    assert chunk_edges(960, 0, 250_000) == chunk_edges(960, 1, 250_000)
