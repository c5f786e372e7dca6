"""Moments that merge, and the tree that makes their bits the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from numpy.typing import NDArray

from sleepdask.study.results.moments import Moments
from sleepdask.study.results.tree import FixedTree

VALUES = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6))
TABLES = hn.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(0, 30)), elements=VALUES)


def bits(moments: Moments) -> tuple[bytes, ...]:
    return moments.count.tobytes(), moments.mean.tobytes(), moments.m2.tobytes()


def check(moments: Moments, values: NDArray[np.float64]) -> None:
    for k, row in enumerate(values):
        there = row[~np.isnan(row)]
        assert moments.count[k] == there.size
        assert moments.means[k] == pytest.approx(
            there.mean() if there.size else np.nan, rel=1e-9, abs=1e-9, nan_ok=True
        )
        std = there.std(ddof=1) if there.size > 1 else np.nan
        assert moments.std[k] == pytest.approx(std, rel=1e-7, abs=1e-7, nan_ok=True)


@given(TABLES)
def test_moments_of_values(values: NDArray[np.float64]) -> None:
    check(Moments.of(values), values)


@given(TABLES, st.sets(st.integers(0, 30), max_size=6))
def test_merged_moments_are_those_of_all_values(values: NDArray[np.float64], cuts: set[int]) -> None:
    first, *rest = [Moments.of(part) for part in np.split(values, sorted(cuts), axis=1)]
    for part in rest:
        first = first.merge(part)
    check(first, values)


@given(TABLES)
def test_merging_with_nothing_changes_no_bit(values: NDArray[np.float64]) -> None:
    moments, nothing = Moments.of(values), Moments.of(np.full((len(values), 3), np.nan))
    assert bits(moments.merge(nothing)) == bits(nothing.merge(moments)) == bits(moments)


@given(TABLES)
def test_a_cell_does_not_depend_on_the_others(values: NDArray[np.float64]) -> None:
    whole = Moments.of(values)
    for k in range(len(values)):
        for order in ("C", "F"):
            alone = Moments.of(np.array(values[k : k + 1], order=order))
            assert (alone.mean[0], alone.m2[0]) == (whole.mean[k], whole.m2[k])
    assert bits(Moments.of(np.asfortranarray(values))) == bits(whole)


def test_values_far_from_zero_keep_their_spread() -> None:
    rng = np.random.default_rng(3)
    small = rng.normal(0, 1e-3, (1, 4000))
    parts = np.split(small + 1e9, 4, axis=1)
    merged = Moments.of(parts[0])
    for part in parts[1:]:
        merged = merged.merge(Moments.of(part))
    assert merged.std[0] == pytest.approx((small + 1e9 - 1e9).std(ddof=1), rel=1e-6)


def test_infinite_values_are_not_hidden() -> None:
    moments = Moments.of(np.array([[1.0, np.inf], [1.0, 2.0]])).merge(Moments.of(np.array([[3.0], [3.0]])))
    assert moments.means.tolist() == [np.inf, 2.0]
    assert np.isnan(moments.std[0])
    assert moments.std[1] == 1


def test_large_means_beside_nothing_do_not_overflow() -> None:
    nothing = Moments.of(np.array([[np.nan]]))
    merged = nothing.merge(Moments.of(np.array([[1e200, 1e200]])))
    assert (merged.means[0], merged.std[0]) == (1e200, 0)


@given(st.integers(1, 40), st.data())
def test_tree_has_one_shape_whoever_builds_it(n: int, data: Any) -> None:
    def merge(one: str, other: str) -> str:
        return f"({one} {other})"

    whole: FixedTree[str] = FixedTree(merge)
    for position in range(n):
        whole.add(0, position, str(position))
    cuts = sorted({0, n, *data.draw(st.sets(st.integers(1, n), max_size=6))})
    parts = []
    for start, stop in pairwise(cuts):
        part: FixedTree[str] = FixedTree(merge)
        for position in data.draw(st.permutations(range(start, stop))):
            part.add(0, position, str(position))
        parts.append(list(part.nodes()))
    again: FixedTree[str] = FixedTree(merge)
    for part_nodes in data.draw(st.permutations(parts)):
        for node in part_nodes:
            again.add(*node)
    assert again.result() == whole.result()


def test_few_nodes_wait_where_positions_come_in_order() -> None:
    tree: FixedTree[int] = FixedTree(int.__add__)
    for position in range(10_000):
        tree.add(0, position, position)
        assert len(tree) <= 14
    assert tree.result() == sum(range(10_000))


def test_an_empty_tree_has_no_result() -> None:
    assert FixedTree(int.__add__).result() is None
