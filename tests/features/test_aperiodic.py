"""The line through the spectrum: against NumPy's polynomial, laws of scale, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from sleepdask.errors import ParameterError
from sleepdask.features import Aperiodic, Sampling, create, parse_features

# np.polyfit(log10 f, log10 P, 1) and the squared correlation, P by scipy.signal.welch(x, 128, nperseg=512) of
# `integer_signal`, 1 to 40 Hz.
FROZEN = [-1.0774309, 1.77196563, 0.6295113398819226]


def one_epoch(feature: Aperiodic, x: np.ndarray, rate: float) -> np.ndarray:
    size = x.shape[1]
    return feature.compute(x, np.array([0]), np.array([size]), Sampling(rate, size))[:, 0]


def walk(size: int = 3000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, size)).cumsum(1)


def test_frozen_numbers(integer_signal: np.ndarray) -> None:
    np.testing.assert_allclose(one_epoch(Aperiodic(), integer_signal, 128.0)[0], FROZEN, rtol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fit_range", [(0, 50), (1, 40), (30, 45), (2.1, 3.3)])
@pytest.mark.parametrize("exclude", [(), ((0, 0.4), (2.5, 2.5001), (9, 16), (48, 60))])
def test_like_polyfit(dtype: str, fit_range: tuple[float, float], exclude: tuple[tuple[float, float], ...]) -> None:
    x = walk().astype(dtype)
    f, power = signal.welch(x.astype(np.float64), 100.0, nperseg=400)
    used = (f > 0) & (f >= fit_range[0]) & (f <= fit_range[1])
    for low, high in exclude:
        used &= (f < low) | (f > high)
    a, b = np.log10(f[used]), np.log10(power[:, used])
    want = np.stack([[*np.polyfit(a, row, 1), np.corrcoef(a, row)[0, 1] ** 2] for row in b])
    got = one_epoch(Aperiodic(fit_range=fit_range, exclude=exclude), x, 100.0)
    np.testing.assert_allclose(got, want, rtol=1e-9 if dtype == "float64" else 1e-3)


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100))
def test_scale_and_shift(scale: float, shift: float) -> None:
    slope, offset, r2 = one_epoch(Aperiodic(), walk(), 100.0).T
    got = one_epoch(Aperiodic(), scale * (walk() + shift), 100.0).T
    np.testing.assert_allclose(got[0], slope, rtol=1e-6)
    np.testing.assert_allclose(got[1], offset + 2 * np.log10(scale), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(got[2], r2, rtol=1e-6)


@pytest.mark.parametrize("method", ["welch", "multitaper"])
def test_slope_of_known_processes(method: str) -> None:
    # White noise is flat, a random walk falls with the square of the frequency.
    x = np.random.default_rng(1).standard_normal((1, 60_000))
    feature = Aperiodic(fit_range=(1, 15), method=method)
    assert one_epoch(feature, x, 100.0)[0, 0] == pytest.approx(0, abs=0.03)
    assert one_epoch(feature, x.cumsum(1), 100.0)[0, 0] == pytest.approx(-2, abs=0.06)


def test_constant_epoch__nan() -> None:
    assert np.isnan(one_epoch(Aperiodic(), np.full((1, 3000), 4.0), 100.0)).all()


def test_flat_spectrum__no_r2() -> None:
    x = np.zeros((1, 400))
    x[0, 7] = 1
    slope, offset, r2 = one_epoch(Aperiodic(window="boxcar", detrend=False), x, 100.0)[0]
    assert slope == pytest.approx(0, abs=1e-12)
    assert offset == pytest.approx(np.log10(2 / (400 * 100)))
    assert np.isnan(r2)


def test_short_and_gappy_epochs__nan() -> None:
    x = walk()
    x[0, 150:2900] = np.nan
    values = Aperiodic().compute(x, np.array([0, 0, 5]), np.array([3000, 399, 5]), Sampling(100.0, 3000))
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1, 0]).all()
    assert np.isnan(values[1, 1:]).all()


def test_beyond_half_the_rate__nan() -> None:
    assert Aperiodic().minimal_rate == 80
    assert np.isnan(one_epoch(Aperiodic(), walk(), 79.0)).all()
    assert np.isfinite(one_epoch(Aperiodic(), walk(), 80.0)).all()


def test_fewer_than_three_bins__nan() -> None:
    two = Aperiodic(fit_range=(2, 3), exclude=((2.5, 3),))
    assert np.isnan(one_epoch(two, walk(), 100.0)).all()
    assert np.isfinite(one_epoch(Aperiodic(fit_range=(2, 3), exclude=((2.75, 3),)), walk(), 100.0)).all()
    assert np.isnan(one_epoch(Aperiodic(exclude=((0, 100),)), walk(), 100.0)).all()


def test_definition_tells_range_and_settings() -> None:
    slope = Aperiodic(exclude=((48, 52),), method="multitaper").outputs[0]
    assert slope.definition == (
        "slope of log10 P on log10 f, least squares, 1 <= f <= 40 Hz, without 48 to 52 Hz; "
        "multitaper, whole epoch, 7 DPSS of NW 4, uniform weights, mean removed"
    )


def test_out_of_text_and_lists() -> None:
    want = Aperiodic(fit_range=(30, 45), exclude=((33, 34), (40.5, 41)))
    assert parse_features("aperiodic:fit_range=30-45:exclude=33-34+40.5-41") == (want,)
    assert create("aperiodic", {"fit_range": [30, 45], "exclude": [[33, 34], ["40.5", 41]]}) == want
    assert create("aperiodic", want.parameters) == want


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"fit_range": (4, 4)}, "fit_range makes no sense"),
        ({"fit_range": (-1, 4)}, "fit_range makes no sense"),
        ({"fit_range": (1, np.inf)}, "fit_range makes no sense"),
        ({"fit_range": (1,)}, "fit_range makes no sense"),
        ({"fit_range": 40}, "fit_range makes no sense"),
        ({"exclude": (48, 52)}, "exclude makes no sense"),
        ({"exclude": ((52, 48),)}, "exclude makes no sense"),
        ({"fit_range": (4, 4.4)}, r"too narrow.*at least 0\.5 Hz"),
        ({"fit_range": (4, 7), "segment": 4, "method": "multitaper"}, r"too narrow.*at least 4 Hz"),
        ({"weights": "uniform"}, "the method welch has no weights"),
    ],
)
def test_refusals(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        Aperiodic(**arguments)
