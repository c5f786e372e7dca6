"""Statistics against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sleepdask.errors import ParameterError
from sleepdask.features.base import Sampling
from sleepdask.features.registry import create, parse_features
from sleepdask.features.statistics import AGGREGATIONS, Statistics

SAMPLING = Sampling(rate=100.0, expected=3000)


def one(feature: Statistics, x: np.ndarray) -> np.ndarray:
    return feature.compute(x[np.newaxis], np.array([0]), np.array([x.size]), SAMPLING)[0, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [2, 17, 64, 65, 3000, 3001])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("gaps", [False, True])
def test_statistics__like_scipy(
    dtype: str, size: int, offset: float, gaps: bool, plain_statistics: Callable[..., dict[str, float]]
) -> None:
    rng = np.random.default_rng(size)
    x = (offset + 20 * rng.standard_normal(size) ** 3).astype(dtype)
    if gaps and size > 10:
        x[3], x[5], x[7] = np.nan, np.inf, -np.inf
    got = dict(zip(AGGREGATIONS, one(Statistics(), x), strict=True))
    scale = float(np.abs(x[np.isfinite(x)]).max())
    for name, want in plain_statistics(x, SAMPLING.expected).items():
        bound = {"var": scale**2, "skew": max(1, abs(want)), "kurtosis": max(1, abs(want))}.get(name, scale)
        assert got[name] == pytest.approx(want, rel=0, abs=1e-9 * bound), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_statistics__empty_epoch(dtype: str) -> None:
    for x in (np.empty(0, dtype), np.full(70, np.nan, dtype)):
        values = one(Statistics(), np.append(x, x[:0]))
        assert values[-1] == 1
        assert np.isnan(values[:-1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_statistics__constant_epoch(dtype: str) -> None:
    values = dict(zip(AGGREGATIONS, one(Statistics(), np.full(1000, 0.1, dtype)), strict=True))
    level = float(np.asarray(0.1, dtype))
    assert values["mean"] == values["median"] == values["min"] == values["max"] == level
    assert values["std"] == values["var"] == values["iqr"] == values["range"] == 0
    assert np.isnan(values["skew"])
    assert np.isnan(values["kurtosis"])
    assert values["rms"] == pytest.approx(level)


def test_statistics__one_sample() -> None:
    values = dict(zip(AGGREGATIONS, one(Statistics(), np.array([2.0])), strict=True))
    assert values["mean"] == values["median"] == values["rms"] == 2
    assert np.isnan([values["std"], values["var"], values["skew"]]).all()
    assert one(Statistics(("std",), ddof=0), np.array([2.0]))[0] == 0


def test_statistics__more_samples_than_expected() -> None:
    assert one(Statistics(("missing_fraction",)), np.zeros(3001))[0] == 0


def test_statistics__order_and_subset() -> None:
    x = np.random.default_rng(0).standard_normal(500)
    everything = dict(zip(AGGREGATIONS, one(Statistics(), x), strict=True))
    for names in (("max", "mean"), ("iqr",), ("median", "std"), ("kurtosis", "iqr", "missing_fraction")):
        feature = Statistics(aggregations=names)
        assert [output.name for output in feature.outputs] == list(names)
        np.testing.assert_array_equal(one(feature, x), [everything[name] for name in names])


def test_statistics__only_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    from sleepdask.features.kernels import moments, quantiles

    orders = []
    real = moments.moments
    monkeypatch.setattr(moments, "moments", lambda *args: orders.append(args[3]) or real(*args))
    monkeypatch.setattr(quantiles, "quantiles", lambda *args: pytest.fail("not needed"))
    one(Statistics(("mean", "min", "missing_fraction")), np.arange(9.0))
    one(Statistics(("mean", "std")), np.arange(9.0))
    one(Statistics(("skew",)), np.arange(9.0))
    assert orders == [1, 2, 4]


def test_statistics__definitions() -> None:
    outputs = {output.name: output for output in Statistics(ddof=0).outputs}
    assert outputs["std"].units == "{unit}"
    assert outputs["var"].units == "{unit}^2"
    assert "ddof 0" in outputs["var"].definition
    assert Statistics(["mean"]) == Statistics(("mean",))
    assert hash(Statistics(["mean"])) == hash(Statistics(("mean",)))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"aggregations": ("meen",)}, "did you mean 'mean'"),
        ({"aggregations": ("mean", "kurtossis")}, "did you mean 'kurtosis'"),
        ({"aggregations": ()}, "no aggregation"),
        ({"aggregations": ("mean", "mean")}, "twice"),
        ({"ddof": -1}, "ddof"),
        ({"ddof": 0.5}, "ddof"),
    ],
)
def test_statistics__refuses(arguments: dict, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        Statistics(**arguments)


# --- percentiles and the median absolute deviation ------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 17, 64, 65, 3000, 3001])
@pytest.mark.parametrize("gaps", [False, True])
def test_percentiles_and_mad__like_numpy_and_scipy(dtype: str, size: int, gaps: bool) -> None:
    x = (50 + 20 * np.random.default_rng(size).standard_normal(size) ** 3).astype(dtype)
    if gaps and size > 10:
        x[3], x[5], x[7] = np.nan, np.inf, -np.inf
    kept = x[np.isfinite(x)].astype(np.float64)
    shares = (0, 2.5, 5, 25, 50, 75, 95, 99.9, 100)
    values = one(Statistics(("mad",), percentiles=shares), x)
    assert values[0] == pytest.approx(stats.median_abs_deviation(kept), rel=1e-13)
    np.testing.assert_allclose(values[1:], np.percentile(kept, shares), rtol=1e-13)


@settings(max_examples=100, deadline=None)
@given(x=st.lists(st.integers(-9, 9) | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=300))
def test_percentiles_and_mad__of_any_numbers(x: list[float]) -> None:
    values = np.array(x, float)
    mad, low, high = one(Statistics(("mad",), percentiles=(5, 95)), values)
    bound = 1e-13 * np.abs(values).max()
    assert mad == pytest.approx(np.median(np.abs(values - np.median(values))), rel=0, abs=bound)
    np.testing.assert_allclose([low, high], np.percentile(values, (5, 95)), rtol=0, atol=bound)


def test_percentiles__those_of_median_and_iqr() -> None:
    x = np.random.default_rng(5).standard_normal(1000)
    median, iqr, low, middle, high = one(Statistics(("median", "iqr"), percentiles=(25, 50, 75)), x)
    assert (middle, high - low) == (median, iqr)


def test_percentiles__with_all_other_statistics() -> None:
    x = np.random.default_rng(5).standard_normal(1000)
    feature = Statistics((*AGGREGATIONS, "mad"), percentiles=(5,))
    np.testing.assert_array_equal(one(feature, x)[:-2], one(Statistics(), x))
    np.testing.assert_array_equal(one(feature, x)[-2:], one(Statistics(("mad",), percentiles=(5,)), x))


def test_percentiles__columns() -> None:
    feature = Statistics((), percentiles=(2.5, 50))
    assert [(output.name, output.units) for output in feature.outputs] == [
        ("percentile_2_5", "{unit}"),
        ("percentile_50", "{unit}"),
    ]
    assert feature.outputs[0].definition == "2.5th percentile, linear interpolation"
    assert "not scaled" in Statistics(("mad",)).outputs[0].definition


def test_percentiles_and_mad__are_extra() -> None:
    names = [output.name for output in Statistics().outputs]
    assert names == list(AGGREGATIONS)
    assert len(names) == 12
    assert Statistics().parameters == {"aggregations": AGGREGATIONS, "ddof": 1}
    assert Statistics(percentiles=(5,)).parameters["percentiles"] == (5.0,)
    assert create("statistics", Statistics(("mad",), percentiles=(5,)).parameters).percentiles == (5.0,)
    assert parse_features("statistics:aggregations=mad:percentiles=5+95") == (
        Statistics(("mad",), percentiles=(5, 95)),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_percentiles_and_mad__no_sample_and_constant(dtype: str) -> None:
    feature = Statistics(("mad",), percentiles=(5, 95))
    assert np.isnan(one(feature, np.full(70, np.nan, dtype))).all()
    assert np.isnan(one(feature, np.empty(0, dtype))).all()
    level = np.asarray(0.1, dtype)
    np.testing.assert_array_equal(one(feature, np.full(700, level)), [0, level, level])


@pytest.mark.parametrize("percentiles", [(-1,), (101,), (5, 5.0), (float("nan"),)])
def test_percentiles__refused(percentiles: tuple[float, ...]) -> None:
    with pytest.raises(ParameterError, match="percentiles out of range"):
        Statistics(percentiles=percentiles)
