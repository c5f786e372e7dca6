"""Hjorth parameters against their definition and antropy."""

from __future__ import annotations

import numpy as np
import pytest

from sleepdask.features.base import Sampling
from sleepdask.features.time_domain import Hjorth


def one(x: np.ndarray) -> np.ndarray:
    return Hjorth().compute(x[np.newaxis], np.array([0]), np.array([x.size]), Sampling(100.0, 3000))[0, 0]


def by_definition(x: np.ndarray) -> list[float]:
    first, second = np.diff(x), np.diff(x, 2)
    variances = [np.var(part[np.isfinite(part)]) for part in (x, first, second)]
    mobility = np.sqrt(variances[1] / variances[0])
    return [variances[0], mobility, np.sqrt(variances[2] / variances[1]) / mobility]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [4, 65, 66, 67, 130, 3000, 3001])
@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("gaps", [False, True])
def test_hjorth__like_its_definition(dtype: str, size: int, offset: float, gaps: bool) -> None:
    x = (np.random.default_rng(size).standard_normal(size).cumsum() + offset).astype(dtype)
    if gaps and size > 10:
        x[[0, 7, 8, 30, -1]] = np.nan
    np.testing.assert_allclose(one(x), by_definition(x.astype(np.float64)), rtol=1e-9)


def test_hjorth__like_antropy() -> None:
    antropy = pytest.importorskip("antropy")
    x = np.random.default_rng(0).standard_normal(3000).cumsum()
    np.testing.assert_allclose(one(x)[1:], antropy.hjorth_params(x), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hjorth__constant(dtype: str) -> None:
    x = np.full(500, 0.1, dtype)
    np.testing.assert_array_equal(one(x), [0, np.nan, np.nan])
    x[40] = np.nan
    np.testing.assert_array_equal(one(x), [0, np.nan, np.nan])


def test_hjorth__ramp() -> None:
    values = one(np.arange(200.0))
    assert values[1] == 0
    assert np.isnan(values[2])


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0], [1.0, np.nan, 2.0], [np.nan] * 5])
def test_hjorth__too_short(x: list[float]) -> None:
    assert np.isnan(one(np.array(x))).all()


def test_hjorth__no_neighbours() -> None:
    values = one(np.array([1.0, np.nan, 2.0, np.nan, 4.0]))
    assert values[0] == pytest.approx(np.var([1, 2, 4]))
    assert np.isnan(values[1:]).all()


def test_hjorth__units() -> None:
    assert [output.units for output in Hjorth().outputs] == ["{unit}^2", "1", "1"]
