"""The order of samples, as NumPy sorts them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sleepdask.features.kernels.sorting import DIGIT, DIGITS, order_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MANY = st.integers(0, 3).map(float) | FINITE | st.floats(-1, 1, width=32)


def order(x: np.ndarray) -> np.ndarray:
    keys = np.empty((2, x.size), np.uint64)
    found, other = np.empty((2, x.size), np.int64)
    order_of(x, keys[0], keys[1], found, other, np.empty((DIGITS, 1 << DIGIT), np.int64))
    return found


@settings(max_examples=300, deadline=None)
@given(x=st.lists(MANY, min_size=1, max_size=60))
def test_order__of_any_numbers(x: list[float]) -> None:
    values = np.array(x) + 0.0  # without negative zeros, which come before others here
    np.testing.assert_array_equal(order(values), np.argsort(values, kind="stable"))


def test_order__zeros_of_both_signs_lie_side_by_side() -> None:
    values = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, -5e-324, 0.0, -0.0])
    np.testing.assert_array_equal(values[order(values)], np.sort(values))


def test_order__of_many() -> None:
    for dtype in (np.float32, np.int16):
        values = (1000 * np.random.default_rng(0).standard_normal(20_000)).astype(dtype).astype(np.float64)
        np.testing.assert_array_equal(order(values), np.argsort(values, kind="stable"))
