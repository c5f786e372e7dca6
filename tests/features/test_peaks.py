"""Peaks of the spectrum: against a plain search, known sines, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from sleepdask.errors import ParameterError
from sleepdask.features import Sampling, SpectralPeak

# Vertices of np.polyfit(k, log P, 2) through the three bins, P by scipy.signal.welch(x, 128, nperseg=512) of
# `integer_signal`: frequency and power density in 8 to 12 and in 12 to 16 Hz.
FROZEN = [10.66196921, 246.12369745, 13.05584235, 3.71724482]


def one_epoch(feature: SpectralPeak, x: np.ndarray, rate: float) -> np.ndarray:
    size = x.shape[1]
    return feature.compute(x, np.array([0]), np.array([size]), Sampling(rate, size))[:, 0]


def by_search(f: np.ndarray, power: np.ndarray, low: float, high: float) -> tuple[float, float]:
    peaks, _ = signal.find_peaks(power)
    peaks = peaks[(f[peaks] >= low) & (f[peaks] < high)]
    if not peaks.size:
        return np.nan, np.nan
    best = peaks[power[peaks].argmax()]
    a, b, c = np.polyfit([-1, 0, 1], np.log(power[best - 1 : best + 2]), 2)
    return f[best] - b / (2 * a) * f[1], np.exp(c - b**2 / (4 * a))


def test_frozen_numbers(integer_signal: np.ndarray) -> None:
    got = one_epoch(SpectralPeak(), integer_signal, 128.0)[0]
    np.testing.assert_allclose(got, FROZEN, rtol=1e-8)
    f, power = signal.welch(integer_signal[0], 128.0, nperseg=512)
    np.testing.assert_allclose(FROZEN, [*by_search(f, power, 8, 12), *by_search(f, power, 12, 16)], rtol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(5))
def test_like_a_plain_search(dtype: str, seed: int) -> None:
    x = np.random.default_rng(seed).standard_normal((4, 1500)).cumsum(1).astype(dtype)
    bands = {"zero": (0, 2), "narrow": (8, 8.5), "middle": (8, 12), "top": (40, 50)}
    f, power = signal.welch(x.astype(np.float64), 100.0, nperseg=400)
    want = [[value for low, high in bands.values() for value in by_search(f, row, low, high)] for row in power]
    rtol = 1e-9 if dtype == "float64" else 1e-3
    np.testing.assert_allclose(one_epoch(SpectralPeak(bands=bands), x, 100.0), want, rtol=rtol)


@settings(max_examples=40, deadline=None)
@given(frequency=st.floats(8.3, 11.7), amplitude=st.floats(0.1, 1000), phase=st.floats(0, 6))
def test_sines_are_found_between_the_bins(frequency: float, amplitude: float, phase: float) -> None:
    x = amplitude * np.sin(2 * np.pi * frequency * np.arange(6000) / 100 + phase)[np.newaxis]
    found, power = one_epoch(SpectralPeak(bands={"alpha": (8, 12)}), x, 100.0)[0]
    assert found == pytest.approx(frequency, abs=0.02)
    # A Hann window of 4 s has a noise bandwidth of 1.5 bins; its main lobe is not quite a parabola.
    assert power == pytest.approx(amplitude**2 / 2 / (1.5 * 0.25), rel=0.1)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100))
def test_scale_and_shift(scale: float, shift: float) -> None:
    x = np.random.default_rng(3).standard_normal((2, 3000))
    plain = one_epoch(SpectralPeak(), x, 100.0)
    got = one_epoch(SpectralPeak(), scale * (x + shift), 100.0)
    np.testing.assert_allclose(got[:, ::2], plain[:, ::2], rtol=1e-9)
    np.testing.assert_allclose(got[:, 1::2], scale**2 * plain[:, 1::2], rtol=1e-7)


def test_a_spectrum_that_only_falls__nan() -> None:
    x = 0.9 ** np.arange(400.0)[np.newaxis]
    feature = SpectralPeak(window="boxcar", detrend=False)
    assert np.isnan(one_epoch(feature, x, 100.0)).all()


def test_constant_epoch__nan() -> None:
    assert np.isnan(one_epoch(SpectralPeak(), np.full((1, 3000), 4.0), 100.0)).all()


def test_short_and_gappy_epochs__nan() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3000))
    x[0, 150:2900] = np.nan
    values = SpectralPeak().compute(x, np.array([0, 0, 5]), np.array([3000, 399, 5]), Sampling(100.0, 3000))
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1, 0]).all()
    assert np.isnan(values[1, 1:]).all()


def test_beyond_half_the_rate__nan() -> None:
    assert SpectralPeak().minimal_rate == 32
    x = np.random.default_rng(0).standard_normal((1, 3000))
    got = one_epoch(SpectralPeak(), x, 30.0)[0]
    assert np.isfinite(got[:2]).all()
    assert np.isnan(got[2:]).all()
    assert np.isnan(one_epoch(SpectralPeak(), x, 0.4)).all()


def test_columns() -> None:
    outputs = SpectralPeak().outputs
    assert [(output.name, output.units) for output in outputs] == [
        ("spectral_peak_alpha", "Hz"),
        ("spectral_peak_alpha_power", "{unit}^2/Hz"),
        ("spectral_peak_sigma", "Hz"),
        ("spectral_peak_sigma_power", "{unit}^2/Hz"),
    ]
    assert "[8, 12) Hz, parabola through log P of three bins; Welch, 4 s hann" in outputs[0].definition


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"bands": ()}, "no band"),
        ({"bands": {"a": (1, 1.1)}}, r"narrower.*at least 0\.25 Hz"),
        ({"method": "multitaper", "segment": 1}, "narrower.*at least 8 Hz"),
    ],
)
def test_refusals(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        SpectralPeak(**arguments)
