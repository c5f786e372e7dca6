"""Line length and zero crossings against their definitions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waveforms import LIKE_EEG, one, pink

from sleepdask.features import LineLength, ZeroCrossings

FROZEN = (140.90601210677997, 0.3531479000169924, 16.290726817042607)
SAMPLES = st.integers(-3, 3).map(float) | st.sampled_from([math.nan, math.inf, -math.inf])


def crossings(x: list[float]) -> tuple[int, int]:
    """Crossings and steps, sample by sample."""
    finite = [v for v in x if math.isfinite(v)]
    mean = sum(finite) / len(finite) if finite else 0
    count = steps = 0
    last, before = None, False  # the last side of this run; whether the sample before is there
    for value in x:
        if not math.isfinite(value):
            last, before = None, False
            continue
        steps += before
        before = True
        if value != mean:
            count += last is not None and last != (value > mean)
            last = value > mean
    return count, steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2, 3, 64, 65, 66, 129, 3000])
def test_line_length__as_defined(dtype: str, size: int) -> None:
    x = pink(size + 2, size)[:size].astype(dtype)
    steps = np.abs(np.diff(x.astype(np.float64)))
    np.testing.assert_allclose(one(LineLength(), x), [steps.sum(), steps.mean()], rtol=1e-12)


@settings(max_examples=200, deadline=None)
@given(x=st.lists(SAMPLES, max_size=150))
def test_line_length__with_gaps(x: list[float]) -> None:
    values = np.array(x)
    with np.errstate(invalid="ignore"):
        steps = np.abs(np.diff(values))
    kept = steps[np.isfinite(steps)]
    total, mean = one(LineLength(), values)
    assert mean == pytest.approx(kept.mean(), rel=1e-12) if kept.size else np.isnan(mean)
    if kept.size and kept.size == values.size - 1:
        assert total == kept.sum()
    else:
        assert np.isnan(total)


@pytest.mark.parametrize(("expected", "whole"), [(99, True), (100, True), (101, False), (200, False)])
def test_line_length__of_an_epoch_cut_short_has_no_sum(expected: int, whole: bool) -> None:
    total, mean = one(LineLength(), LIKE_EEG[:100], expected=expected)
    assert np.isfinite(mean)
    assert np.isfinite(total) == whole


def test_line_length__frozen_and_constant() -> None:
    """By NumPy of the same numbers."""
    np.testing.assert_allclose(one(LineLength(), LIKE_EEG), FROZEN[:2], rtol=1e-12)
    np.testing.assert_array_equal(one(LineLength(), np.full(100, 0.1, np.float32)), [0, 0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(-100, 100), shift=st.integers(-1000, 1000))
def test_line_length__scales_with_the_signal(seed: int, factor: float, shift: int) -> None:
    x = np.random.default_rng(seed).integers(-20, 20, 200).astype(float)
    np.testing.assert_allclose(
        one(LineLength(), x * factor), abs(factor) * one(LineLength(), x), rtol=1e-12, atol=1e-300
    )
    np.testing.assert_array_equal(one(LineLength(), x + shift), one(LineLength(), x))


@settings(max_examples=200, deadline=None)
@given(x=st.lists(SAMPLES, max_size=150) | st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=60))
def test_zero_crossings__as_defined(x: list[float]) -> None:
    (rate,) = one(ZeroCrossings(), np.array(x), rate=4.0)
    count, steps = crossings(x)
    np.testing.assert_equal(rate, count * 4.0 / steps if steps else np.nan)


@pytest.mark.parametrize("frequency", [0.7, 3.0, 11.3])
def test_zero_crossings__of_a_sine(frequency: float) -> None:
    x = 1e3 + np.sin(2 * np.pi * frequency * np.arange(30_000) / 100 + 0.3)
    assert one(ZeroCrossings(), x)[0] == pytest.approx(2 * frequency, abs=0.01)


@pytest.mark.parametrize(
    ("x", "count"),
    [
        ([1, -1, 1, -1], 3),
        ([1, 0, 1, -2], 1),  # a touch
        ([1, 0, 0, -1], 1),  # through zero
        ([0, 0, 1, -1], 1),  # no side at first
        ([1, 1, np.nan, -1, -1], 0),  # across a gap
        ([3, 3, 3, 3], 0),
    ],
)
def test_zero_crossings__by_hand(x: list[float], count: int) -> None:
    steps = sum(np.isfinite(a) and np.isfinite(b) for a, b in pairwise(x))
    assert one(ZeroCrossings(), np.array(x, float), rate=1.0)[0] == count / steps


@pytest.mark.parametrize("factor", [-1024.0, -1.0, 0.25, 8.0])
def test_zero_crossings__scale_and_shift(factor: float) -> None:
    x = np.round(pink(2000))
    assert one(ZeroCrossings(), x * factor) == one(ZeroCrossings(), x) == one(ZeroCrossings(), x + 64.0)


def test_zero_crossings__frozen() -> None:
    """By NumPy of the same numbers: np.diff(x > x.mean()).sum() / 3.99 s."""
    assert one(ZeroCrossings(), LIKE_EEG)[0] == pytest.approx(FROZEN[2], rel=1e-14)


@pytest.mark.parametrize("feature", [LineLength(), ZeroCrossings()])
@pytest.mark.parametrize("x", [[], [1.0], [1.0, np.nan, 2.0], [np.nan] * 5])
def test_no_neighbours__nan(feature: object, x: list[float]) -> None:
    assert np.isnan(one(feature, np.array(x))).all()


@pytest.mark.parametrize("feature", [LineLength(), ZeroCrossings()])
def test_single_precision__as_the_same_numbers_in_double(feature: object) -> None:
    x = pink(2000).astype(np.float32)
    np.testing.assert_array_equal(one(feature, x), one(feature, x.astype(np.float64)))


def test_columns() -> None:
    columns = [(output.name, output.units) for f in (LineLength(), ZeroCrossings()) for output in f.outputs]
    assert columns == [("line_length", "{unit}"), ("line_length_mean", "{unit}"), ("zero_crossing_rate", "1/s")]
