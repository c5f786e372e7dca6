"""Quantiles without sorting are those of sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sleepdask.features.kernels.quantiles import quantiles

PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)


def check(x: np.ndarray) -> None:
    got = quantiles(x[np.newaxis], np.array([0]), np.array([x.size]), PROBABILITIES)[0, 0]
    kept = x[np.isfinite(x)].astype(np.float64)
    want = np.quantile(kept, PROBABILITIES) if kept.size else np.full(len(PROBABILITIES), np.nan)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 31, 32, 63, 64, 65, 66, 1000, 3000, 7681])
def test_quantiles__any_size(dtype: str, size: int) -> None:
    rng = np.random.default_rng(size)
    normal = rng.standard_normal(size)
    for x in (
        normal,
        np.round(normal * 3),
        normal.cumsum() * 1e-6,
        np.exp(9 * normal),
        np.where(np.arange(size) == size // 2, 1e9, normal),
        np.where(normal > 0.5, np.nan, normal),
        np.zeros(size),
        1e7 + np.round(normal),
    ):
        check(x.astype(dtype))


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(65, 200), elements=st.floats(width=32)))
def test_quantiles__any_float32(x: np.ndarray) -> None:
    check(x)


def test_quantiles__extreme_ranges() -> None:
    rng = np.random.default_rng(1)
    for scale in (1e-310, 1e-45, 1e-20, 1e30, 1e150):
        check(rng.standard_normal(200) * scale)
    check((rng.standard_normal(200) * 1e-44).astype(np.float32))
    check((rng.standard_normal(200) * 1e37).astype(np.float32))
    check(np.linspace(-3e38, 3e38, 200).astype(np.float32))
