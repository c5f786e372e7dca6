"""The second pass over features: against pandas and SciPy, lazy, and the same for any chunks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features import join_features, lag, robust_zscore, scale_5_95, smooth
from sleepdask.features.kernels import nights
from sleepdask.features.second_pass_text import parse_steps, with_second_pass
from sleepdask.io.tables import describe, flat_table, tree_from_table

EPOCHS = 40
STEPS: dict[str, Callable[[xr.DataTree], xr.DataTree]] = {
    "iqr": robust_zscore,
    "mad": lambda features: robust_zscore(features, spread="mad"),
    "scale": scale_5_95,
    "centred": lambda features: smooth(features, 15),
    "trailing": lambda features: smooth(features, "2min", kind="trailing"),
    "lag": lag,
}


def tree(values: np.ndarray) -> xr.DataTree:
    """Features of two channels, in memory."""
    root = xr.Dataset(
        coords={
            "epoch": np.arange(len(values)),
            "start": ("epoch", np.arange(len(values)) * np.timedelta64(30, "s")),
            "stage": ("epoch", np.full(len(values), "")),
        },
        attrs={"step_seconds": 30.0, "epoch_seconds": 30.0},
    )
    attrs = {"units": "uV", "definition": "level", "parameters": "{}"}
    node = xr.Dataset(
        {
            "level": (("epoch", "channel"), values, attrs),
            "status": ("epoch", np.full(len(values), "ok")),
            "coverage": ("epoch", np.ones(len(values))),
            "reason": ("epoch", np.full(len(values), "", object)),
        },
        coords={"channel": ["C3", "C4"]},
    )
    return xr.DataTree.from_dict({"/": root, "/a": node})


def noise(seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((EPOCHS, 2)).cumsum(0)


def only(features: xr.DataTree) -> np.ndarray:
    (name,) = [name for name in features["a"].data_vars if name not in ("status", "coverage", "reason")]
    return features["a"][name].values


def test_zscore__like_scipy() -> None:
    x = noise()
    want = (x - np.median(x, axis=0)) / stats.iqr(x, axis=0, scale="normal")
    np.testing.assert_allclose(only(robust_zscore(tree(x))), want, rtol=1e-12)
    want = (x - np.median(x, axis=0)) / stats.median_abs_deviation(x, axis=0, scale="normal")
    np.testing.assert_allclose(only(robust_zscore(tree(x), spread="mad")), want, rtol=1e-12)


def test_scale__numbers_of_sklearn() -> None:
    """From sklearn.preprocessing.robust_scale(x, quantile_range=(5, 95)), version 1.9.1."""
    x = np.array([[0.0, 5], [1, 3], [2, 8], [3, 1], [10, 4]])
    want = [[-5 / 21, 1 / 6], [-5 / 42, -1 / 6], [0, 2 / 3], [5 / 42, -0.5], [20 / 21, 0]]
    np.testing.assert_allclose(only(scale_5_95(tree(x))), want, atol=1e-8)


def test_scale__like_sklearn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = noise()
    want = preprocessing.robust_scale(x, quantile_range=(5, 95))
    np.testing.assert_allclose(only(scale_5_95(tree(x))), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("window", [1, 3, 15, 99])
def test_smooth__like_pandas(window: int, gaps: bool) -> None:
    x = noise()
    if gaps:
        x[5:9, 0] = np.nan
        x[0, 1] = x[-1, 1] = np.nan
    rolling = pd.DataFrame(x).rolling
    for weights, kind in (("triangular", "triang"), ("mean", None)):
        want = rolling(window, center=True, min_periods=1, win_type=kind).mean().to_numpy(copy=True)
        want[np.isnan(x)] = np.nan
        np.testing.assert_allclose(only(smooth(tree(x), window, weights=weights)), want, rtol=1e-9, atol=1e-9)
    want = rolling(window, min_periods=1).mean().to_numpy(copy=True)
    want[np.isnan(x)] = np.nan
    np.testing.assert_allclose(only(smooth(tree(x), window, kind="trailing")), want, rtol=1e-9, atol=1e-9)


def test_smooth__trailing_triangle_looks_back_only() -> None:
    x = np.zeros((6, 2))
    x[2] = 6
    got = only(smooth(tree(x), 3, kind="trailing", weights="triangular"))[:, 0]
    np.testing.assert_allclose(got, [0, 0, 3, 2, 1, 0])


@pytest.mark.parametrize("by", [1, 3, -2, 40, -41])
def test_lag__like_pandas(by: int) -> None:
    x = noise()
    np.testing.assert_array_equal(only(lag(tree(x), by)), pd.DataFrame(x).shift(by))


@pytest.mark.parametrize("name", STEPS)
def test_nan_and_infinity_stay_nan_and_do_not_count(name: str) -> None:
    x = noise()
    gone = x.copy()
    gone[7, 0], gone[20, 0] = np.nan, np.inf
    got = only(STEPS[name](tree(gone)))
    if name == "lag":
        assert np.isnan(got[8, 0])
        assert np.isinf(got[21, 0])
        return
    assert np.isnan(got[[7, 20], 0]).all()
    assert np.isfinite(np.delete(got[:, 0], [7, 20])).all()
    if name not in ("centred", "trailing"):
        alone = only(STEPS[name](tree(np.delete(x, [7, 20], axis=0))))[:, 0]
        np.testing.assert_array_equal(np.delete(got[:, 0], [7, 20]), alone)
    np.testing.assert_array_equal(got[:, 1], only(STEPS[name](tree(x)))[:, 1])


@pytest.mark.parametrize("name", ["iqr", "mad", "scale"])
@pytest.mark.parametrize("value", [0.0, 0.1, np.nan])
def test_constant_column__nan(name: str, value: float) -> None:
    assert np.isnan(only(STEPS[name](tree(np.full((EPOCHS, 2), value))))).all()


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_scale_and_shift_do_not_matter_or_pass_through(scale: float, shift: float, seed: int) -> None:
    x = noise(seed)
    for name, step in STEPS.items():
        before, after = only(step(tree(x))), only(step(tree(scale * x + shift)))
        want = before if name in ("iqr", "mad", "scale") else scale * before + shift
        np.testing.assert_allclose(after, want, rtol=1e-6, atol=1e-6 * max(1, abs(shift), scale))


@given(cut=st.integers(1, EPOCHS - 1), name=st.sampled_from(sorted(STEPS)))
@settings(max_examples=20)
def test_same_bits_for_any_chunks(cut: int, name: str) -> None:
    whole = tree(noise())
    parts = whole.chunk({"epoch": cut, "channel": 1})
    lazy = STEPS[name](parts)
    assert all(value.chunks for value in lazy["a"].data_vars.values() if value.dtype.kind == "f")
    np.testing.assert_array_equal(only(sd.compute(lazy, backend="sync")), only(STEPS[name](whole)))


def test_a_column_does_not_depend_on_the_others() -> None:
    x = noise()
    for weights in (np.ones(5), np.array([1.0, 2, 3, 2, 1])):
        both = nights.weighted_mean(x, weights, 2)
        np.testing.assert_array_equal(nights.weighted_mean(x[:, 1:].copy(), weights, 2), both[:, 1:])


def test_attributes_say_what_was_done() -> None:
    features = tree(noise())
    made = {name: step(features)["a"] for name, step in STEPS.items()}
    names = {name: next(iter(node.data_vars)) for name, node in made.items()}
    assert list(names.values()) == [
        "level_robust",
        "level_robust",
        "level_norm",
        "level_c15",
        "level_p2min",
        "level_lag1",
    ]
    units = {name: made[name][names[name]].attrs["units"] for name in STEPS}
    assert list(units.values()) == ["1", "1", "1", "uV", "uV", "uV"]
    definition = scale_5_95(smooth(features, "7.5min"))["a/level_c7_5min_norm"].attrs["definition"]
    assert definition == (
        "level; centred triangular mean over 15 epochs, NaN left out; less its median over the night, divided by the"
        " distance of its 5th and 95th percentile"
    )
    assert made["lag"]["level_lag1"].attrs["definition"] == "level; 1 epoch earlier"
    assert features["a/level"].attrs["definition"] == "level"
    assert next(iter(lag(features, -2, suffix="")["a"].data_vars)) == "level"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: smooth(f, 4), "a centred window has an odd number of epochs"),
        (lambda f: smooth(f, "2min"), "odd number of epochs; found '2min', 4 epochs"),
        (lambda f: smooth(f, "45s"), "no whole number of epochs; expected a multiple of 30 s"),
        (lambda f: smooth(f, 0), "at least one epoch"),
        (lambda f: smooth(f, 7.5), "the window is neither"),
        (lambda f: smooth(f, True), "the window is neither"),
        (lambda f: smooth(f, 3, kind="forward"), "unknown kind; expected one of centred, trailing"),
        (lambda f: smooth(f, 3, weights="hann"), "unknown weights"),
        (lambda f: robust_zscore(f, spread="std"), "unknown spread"),
        (lambda f: lag(f, 0), "not 0"),
        (lambda f: lag(f, 1.5), "whole number"),
        (lambda f: lag(f["a"]), "these are no features; expected the tree of extract; found a node, /a"),
        (lambda f: join_features(), "no features are given"),
        (lambda f: join_features(f, f), "two trees have a feature of one name; found level"),
        (lambda f: join_features(f, lag(tree(noise()[:30]))), "the epochs differ"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[xr.DataTree], object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        call(tree(noise()))


def test_a_night_stays_lazy_and_becomes_a_table(scored_night: Path) -> None:
    features = sd.extract(sd.open_recording(scored_night), "statistics:aggregations=std,hjorth")
    both = join_features(features, scale_5_95(smooth(features, "90s")), lag(features))
    assert all(value.chunks for node in both.leaves for value in node.data_vars.values() if "channel" in value.dims)
    table = sd.to_dataframe(both, backend="threads", progress=False)
    assert table["C3"].columns.tolist() == [
        f"{name}{suffix}"
        for suffix in ("", "_c90s_norm", "_lag1")
        for name in ("std", "hjorth_activity", "hjorth_mobility", "hjorth_complexity")
    ]
    np.testing.assert_array_equal(table["C4"]["std_lag1"].values[1:], table["C4"]["std"].values[:-1])
    done = sd.compute(both, backend="sync")
    back = tree_from_table(flat_table(done), json.loads(json.dumps(describe(done))))
    xr.testing.assert_allclose(back["100Hz"].to_dataset(), done["100Hz"].to_dataset())


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("robust_zscore:spread=mad", STEPS["mad"]),
        ("smooth:window=15", STEPS["centred"]),
        ("smooth : window=2min : kind=trailing", STEPS["trailing"]),
        ("lag:epochs=-2", lambda features: lag(features, -2)),
        ("smooth:window=3+scale_5_95", lambda features: scale_5_95(smooth(features, 3))),
    ],
)
def test_steps_out_of_a_text(text: str, step: Callable[[xr.DataTree], xr.DataTree]) -> None:
    features = tree(noise())
    both = with_second_pass(features, [text])
    xr.testing.assert_identical(both, join_features(features, step(features)))
    assert with_second_pass(features, []) is features


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unknown second pass ''"),
        ("smoth:window=3", "unknown second pass 'smoth'.*did you mean 'smooth'"),
        ("smooth", "smooth: parameter 'window' is needed"),
        ("lag:epoch=1", "lag: unknown parameter 'epoch'; expected some of epochs, suffix"),
        ("lag+", "unknown second pass ''"),
    ],
)
def test_texts_that_are_no_steps(text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        parse_steps(text)
