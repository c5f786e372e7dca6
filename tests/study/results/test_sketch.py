"""Quantiles from sketches: how near they are, and that merging leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.results.sketch import ACCURACY, Sketch

PROBABILITIES = (0.0, 0.01, 0.05, 0.25, 1 / 3, 0.5, 0.75, 0.95, 0.999, 1.0)
SIZES = st.floats(1e-300, 1e300)
VALUES = st.one_of(st.just(0.0), st.just(np.nan), SIZES, SIZES.map(lambda x: -x), st.sampled_from([1.0, -2.5, 1e3]))
TABLES = hn.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(0, 30)), elements=VALUES)


def same(one: Sketch, other: Sketch) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one.arrays().values(), other.arrays().values(), strict=True))


def check_quantiles(values: NDArray[np.float64], got: NDArray[np.float64]) -> None:
    """Each quantile lies between what its two neighbours become when each is off by the accuracy."""
    values = np.sort(values[~np.isnan(values)])
    if not values.size:
        assert np.isnan(got).all()
        return
    for q, value in zip(PROBABILITIES, got, strict=True):
        position = q * (values.size - 1)
        rank = int(position)
        lower, upper = values[rank], values[min(rank + 1, values.size - 1)]
        share = position - rank
        off = ACCURACY * (abs(lower) * (1 - share) + abs(upper) * share)
        assert abs(value - (lower * (1 - share) + upper * share)) <= off * (1 + 1e-12)
    assert got[0] == values[0]
    assert got[-1] == values[-1]


@given(TABLES)
def test_quantiles_are_as_near_as_they_say(values: NDArray[np.float64]) -> None:
    sketch = Sketch.of(values)
    for row, got in zip(values, sketch.quantiles(PROBABILITIES), strict=True):
        check_quantiles(row, got)
    assert sketch.count.tolist() == (~np.isnan(values)).sum(axis=1).tolist()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_quantiles_of_many_values_against_numpy(scale: float) -> None:
    rng = np.random.default_rng(1)
    values = rng.lognormal(2, 2, (3, 20_001)) * scale * np.array([[1], [-1], [1]])
    want = np.quantile(values, PROBABILITIES, axis=1).T
    got = Sketch.of(values).quantiles(PROBABILITIES)
    assert (np.abs(got / want - 1) <= ACCURACY).all()
    assert (np.abs(got / want - 1) > ACCURACY / 20).any()  # it is a sketch, and this test can fail


def test_values_at_the_edges_of_buckets_stay_within_the_accuracy() -> None:
    gamma = (1 + ACCURACY) / (1 - ACCURACY)
    edges = gamma ** np.arange(-60_000, 60_001, 37.0)
    values = np.concatenate([np.nextafter(edges, 0), edges, np.nextafter(edges, np.inf)])
    middle = np.stack([values * 0, values, values * 4], axis=1)  # least and greatest are given exactly
    got = Sketch.of(middle).quantiles([0.5])[:, 0]
    assert (np.abs(got / values - 1) <= ACCURACY).all()


@given(TABLES, st.data())
def test_order_and_grouping_of_merges_leave_no_trace(values: NDArray[np.float64], data: Any) -> None:
    columns = data.draw(st.permutations(range(values.shape[1])))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, values.shape[1] - 1)), max_size=5)))
    parts = [Sketch.of(part) for part in np.split(values[:, columns], cuts, axis=1)]
    while len(parts) > 1:
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        at = data.draw(st.integers(0, len(parts) - 1))
        parts[at] = parts[at].merge(one)
    assert same(parts[0], Sketch.of(values))


@given(TABLES)
def test_arrays_bring_it_back(values: NDArray[np.float64]) -> None:
    sketch = Sketch.of(values)
    assert same(Sketch.from_arrays(sketch.arrays()), sketch)


def test_infinite_values_have_their_places() -> None:
    sketch = Sketch.of(np.array([[-np.inf, 1.0, 2.0, np.inf, np.inf]]))
    got = sketch.quantiles([0, 0.25, 0.5, 0.75, 1])[0]
    assert got[[0, 3, 4]].tolist() == [-np.inf, np.inf, np.inf]
    assert got[1:3] == pytest.approx([1, 2], rel=ACCURACY)


def test_the_greatest_and_smallest_numbers_have_buckets() -> None:
    tiny, huge = np.finfo(float).tiny, np.finfo(float).max
    got = Sketch.of(np.array([[0, tiny, tiny * 2], [huge / 2, huge / 1.5, huge]])).quantiles([0, 0.5, 1])
    assert got == pytest.approx(np.array([[0, tiny, tiny * 2], [huge / 2, huge / 1.5, huge]]), rel=ACCURACY, abs=0)


def test_size_depends_on_the_range_of_values_and_not_on_their_number() -> None:
    rng = np.random.default_rng(2)
    sketch = Sketch.of(rng.uniform(1, 1000, (1, 100_000)))
    assert sketch.codes.size < np.log(1000) / 0.01 + 2


def test_what_cannot_be_is_refused() -> None:
    sketch = Sketch.of(np.array([[1.0, 2.0]]))
    with pytest.raises(ParameterError, match="no probability"):
        sketch.quantiles([1.5])
    with pytest.raises(ParameterError, match="expected 1 cells; found 2"):
        sketch.merge(Sketch.of(np.ones((2, 2))))
    arrays = sketch.arrays()
    for change in (
        {"codes": arrays["codes"][::-1]},
        {"counts": arrays["counts"] * 0},
        {"codes": arrays["codes"] + 10**9},
        {"low": np.array([np.nan])},
        {"counts": arrays["counts"][:1]},
    ):
        with pytest.raises(FileFormatError, match="not a sketch"):
            Sketch.from_arrays(arrays | change)
    with pytest.raises(FileFormatError, match="KeyError"):
        Sketch.from_arrays({})
