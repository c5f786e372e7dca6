"""Graphs with their views merged: fewer tasks, the same results, nothing else touched."""

from __future__ import annotations

from operator import add, getitem
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
from dask.local import get_sync
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.parallel.backends import open_backend
from sleepdask.parallel.backends.views import merge_views
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.graphs import compute_on
from sleepdask.parallel.light import light


@light
def source() -> list[int]:
    return [1, 2, 3]


SOURCE = (source,)


@pytest.mark.parametrize(
    ("graph", "keys", "left"),
    [
        ({"x": SOURCE, "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (add, "a", "b")}, ["y"], {"y"}),
        ({"x": SOURCE, "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (add, "a", "b")}, ["y", "a"], None),
        ({"x": SOURCE, "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (add, "a", "b")}, ["y", "x"], None),
        ({"x": SOURCE, "a": (getitem, "x", 0), "y": (abs, "a")}, ["y"], {"y"}),
        ({"x": SOURCE, "a": (getitem, "x", slice(2)), "b": (getitem, "a", 1), "y": (add, "b", "b")}, ["y"], {"y"}),
        ({"x": SOURCE, "y": (max, "x")}, ["y"], {"y"}),
        ({"x": (list, [1, 2]), "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (add, "a", "b")}, ["y"], None),
        ({"x": SOURCE, "a": (getitem, "x", 0), "b": (max, "x"), "y": (add, "a", "b")}, ["y"], None),
        ({"x": SOURCE}, ["x"], None),
        (
            {"x": SOURCE, "a": (getitem, "x", 0), "b": (getitem, "x", 1), "y": (abs, "a"), "z": (abs, "b")},
            ["y", "z"],
            None,
        ),
    ],
    ids=[
        "merged",
        "a view is wanted",
        "the source is wanted",
        "one view",
        "a view of a view",
        "no view",
        "not light",
        "another user",
        "nothing else",
        "two collectors",
    ],
)
def test_what_is_merged(graph: dict[str, Any], keys: list[str], left: set[str] | None) -> None:
    merged = merge_views(graph, keys)
    assert set(merged) == (left or set(graph))
    assert get_sync(merged, keys) == get_sync(graph, keys)


def test_two_sources_of_one_collector() -> None:
    graph = {"x": SOURCE, "u": SOURCE, "y": (sum, ["a", "b", "c", "d"])} | {
        name: (getitem, source, i) for name, source, i in [("a", "x", 0), ("b", "x", 1), ("c", "u", 1), ("d", "u", 2)]
    }
    merged = merge_views(graph, "y")
    assert set(merged) == {"y"}
    assert get_sync(merged, "y") == 8


@pytest.mark.parametrize("reverse", [False, True])
def test_a_small_result_of_a_small_result(reverse: bool) -> None:
    graph = {"x": SOURCE, "a": (getitem, "x", slice(2)), "z": (tail, "a"), "b": (getitem, "z", 0), "y": (abs, "b")}
    merged = merge_views(dict(reversed(graph.items())) if reverse else graph, ["y"])
    assert get_sync(merged, ["y"]) == get_sync(graph, ["y"]) == (2,)


def test_a_view_at_a_place_that_is_a_view() -> None:
    graph = {"x": SOURCE, "u": SOURCE, "i": (getitem, "x", 0), "v": (getitem, "u", "i"), "y": (abs, "v")}
    assert get_sync(merge_views(graph, ["y"]), ["y"]) == (2,)


@light
def tail(numbers: list[int]) -> list[int]:
    return numbers[1:]


@light
def joined(blocks: list[list[Any]]) -> Any:
    return np.block(blocks)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(1, 3), st.booleans())
def test_same_results(indices: list[int], chunk: int, wanted: bool) -> None:
    numbers = da.arange(24, chunks=24).reshape(6, 4).rechunk((6, chunk))
    together = da.blockwise(joined, "kl", numbers, "ij", new_axes={"k": 6, "l": 4}, concatenate=False, dtype=int)
    views = [together[i] for i in indices]
    collections = [da.stack(views).sum(0), *(views if wanted else [])]
    with open_backend(ParallelConfig(backend="sync")) as backend:
        got = compute_on(backend, collections, ParallelConfig(), progress=False)
    for one, other in zip(got, dask.compute(*collections, scheduler="sync"), strict=True):
        assert np.array_equal(one, other)


def test_a_night_has_few_tasks(scored_night: Path) -> None:
    lazy = sd.extract(sd.open_recording(scored_night), "statistics,hjorth", workers=1)
    totals: list[int | None] = []

    class Counting:
        def start(self, total: int | None) -> None:
            totals.append(total)

        def advance(self, count: int = 1) -> None: ...
        def finish(self) -> None: ...

    sd.compute(lazy, backend="sync", progress=Counting())
    assert totals[0] is not None
    assert totals[0] <= 6 + 1  # a task a chunk, and one that takes them all in
