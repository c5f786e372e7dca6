"""Cutting work into batches: nothing is lost, nothing is copied, nothing is pulled early."""

from __future__ import annotations

import tracemalloc
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.parallel.batching import Batches, batch_items, chunk_for_workers, items_per_chunk

MILLION = 1_000_000


class Recorded(list[Any]):
    """List that keeps the slices which are taken of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.slices: list[slice] = []

    def __getitem__(self, index: Any) -> Any:
        assert isinstance(index, slice)
        self.slices.append(index)
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("gone through")


@pytest.mark.parametrize(
    ("n", "workers", "minimum", "expected"),
    [
        (960, 4, 10, 120),
        (50, 4, 10, 10),
        (50, 4, 1, 6),
        (0, 1, 10, 10),
        (99, 1, 1, 49),
        (3, 8, 1, 1),
        (MILLION, 16, 10, 31_250),
    ],
)
def test_items_per_chunk__examples(n: int, workers: int, minimum: int, expected: int) -> None:
    assert items_per_chunk(n, workers, minimum) == expected


def test_items_per_chunk__is_ten_at_least_if_nothing_else_is_said() -> None:
    assert items_per_chunk(30, 2) == 10


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((-1, 1), "n"), ((1, 0), "workers"), ((1, -2), "workers"), ((1, 1, 0), "minimum")],
)
def test_items_per_chunk__refuses_what_makes_no_sense(arguments: tuple[int, ...], name: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{name} is too small; expected [01] or more; found {arguments[-1]}|0"):
        items_per_chunk(*arguments)


@given(st.lists(st.integers()), st.integers(1, 12))
def test_batches__make_up_the_items(items: list[int], size: int) -> None:
    batches = batch_items(items, size)
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(1 <= len(batch) <= size for batch in batches)
    assert list(batch_items(iter(items), size)) == list(batches)


@given(st.lists(st.integers()), st.integers(1, 12))
def test_parts__make_up_the_items_and_are_even(items: list[int], workers: int) -> None:
    parts = chunk_for_workers(items, workers)
    assert [item for part in parts for item in part] == items
    assert len(parts) == min(len(items), workers)
    sizes = [len(part) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert not sizes or sizes[0] - 1 <= sizes[-1] >= 1


@given(st.integers(0, 40), st.integers(1, 12), st.slices(50), st.integers(-50, 50))
def test_batches__are_indexed_like_a_list(n: int, size: int, part: slice, index: int) -> None:
    for batches in (batch_items(range(n), size), chunk_for_workers(range(n), size)):
        listed = list(batches)
        assert list(batches[part]) == listed[part]
        assert isinstance(batches[part], Batches)
        if -len(listed) <= index < len(listed):
            assert batches[index] == listed[index]
        else:
            with pytest.raises(IndexError):
                batches[index]


@pytest.mark.parametrize(
    "items", [list(range(25)), range(25), tuple(range(25)), "abcdefghijklmnopqrstuvwxy", np.arange(25)]
)
def test_batches__are_slices_of_their_items(items: Any) -> None:
    batches = batch_items(items, 10)
    assert len(batches) == 3
    assert [type(batch) for batch in batches] == [type(items)] * 3
    assert batches == [items[:10], items[10:20], items[20:]]


def test_parts__nine_for_four() -> None:
    assert chunk_for_workers(range(9), 4) == [range(3), range(3, 5), range(5, 7), range(7, 9)]
    assert chunk_for_workers("abc", 8) == ["a", "b", "c"]
    assert chunk_for_workers("", 8) == []


def test_tables_are_cut_into_rows() -> None:
    table = pd.DataFrame({"epoch": range(5)})
    assert [part["epoch"].tolist() for part in batch_items(table, 2)] == [[0, 1], [2, 3], [4]]


def test_equality() -> None:
    batches = batch_items([1, 2, 3], 2)
    assert batches == [[1, 2], [3]] == batches
    assert batches == chunk_for_workers([1, 2, 3], 2)
    assert batches == [np.array([1, 2]), np.array([3])]
    assert batches != [[1, 2]]
    assert batches != [[1, 2], [4]]
    assert batches != 5
    square = np.arange(6).reshape(3, 2)
    assert batch_items(square, 2) == [square[:2], square[2:]]
    assert batch_items(square, 2) == [square[:2].tolist(), square[2:].tolist()]
    assert batch_items(square, 2) != [square[:2], square[:2]]


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        (batch_items([0] * 25, 10), "<3 batches of a list: 10, 10, 5 items>"),
        (batch_items(range(MILLION), 10), "<100000 batches of a range: 10, 10, 10, 10, 10, 10, ... items>"),
        (batch_items((), 10), "<0 batches of a tuple: no items>"),
    ],
)
def test_repr(batches: object, expected: str) -> None:
    assert repr(batches) == expected


@pytest.mark.parametrize("cut", [lambda items: batch_items(items, 10), lambda items: chunk_for_workers(items, 16)])
def test_a_million__are_sliced_one_batch_at_a_time(cut: Any) -> None:
    items = Recorded(range(MILLION))
    batches = cut(items)
    assert (repr(batches), len(batches), len(batches[2:7])) != ("", 0, 0)
    assert items.slices == []
    second = batches[1]
    assert items.slices == [slice(second[0], second[-1] + 1)]
    next(iter(batches))
    assert len(items.slices) == 2


def test_a_million__are_not_copied() -> None:
    values = np.arange(MILLION)
    kinds: list[Any] = [values.tolist(), range(MILLION), values]
    tracemalloc.start()
    try:
        for many in kinds:
            batches = batch_items(many, 10)
            assert len(batches) == 100_000
            assert sum(len(batch) for batch in batches) == MILLION
        assert all(np.shares_memory(batch, values) for batch in chunk_for_workers(values, 16))
        assert np.shares_memory(batch_items(values, 10)[-1], values)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000  # with what other threads do meanwhile; one list of pointers would take eight million bytes


def test_generator__is_pulled_one_batch_at_a_time() -> None:
    pulled = []

    def items() -> Iterator[int]:
        for i in range(25):
            pulled.append(i)
            yield i

    batches = batch_items(items(), 10)
    assert pulled == []
    assert next(batches) == list(range(10))
    assert len(pulled) == 10
    assert [len(batch) for batch in batches] == [10, 5]


@pytest.mark.parametrize("items", [{"a": 1, "b": 2, "c": 3}, {"a", "b", "c"}, deque("abc"), iter("abc")])
def test_what_takes_no_slices__gives_lists(items: Any) -> None:
    expected = list(items) if not isinstance(items, Iterator) else ["a", "b", "c"]
    assert list(batch_items(items, 2)) == [expected[:2], expected[2:]]


@pytest.mark.parametrize("items", [[1], iter([1])])
def test_batch_size__is_checked_at_once(items: Any) -> None:
    with pytest.raises(ParameterError, match="batch_size is too small; expected 1 or more; found 0"):
        batch_items(items, 0)


def test_parts__need_workers_and_a_sequence() -> None:
    with pytest.raises(ParameterError, match="num_workers is too small; expected 1 or more; found 0"):
        chunk_for_workers([1], 0)
    with pytest.raises(ParameterError, match="expected a sequence; found generator; make it a list"):
        chunk_for_workers((i for i in range(3)), 2)  # type: ignore[arg-type]
