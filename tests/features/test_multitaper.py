"""Multitaper spectra against MNE, the formula with SciPy's tapers, and frozen numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal.windows import dpss

from sleepdask.errors import ParameterError
from sleepdask.features import BandPower, Sampling
from sleepdask.features.multitaper import Multitaper

# psd_array_multitaper(x, 128, bandwidth=2 * NW * 128 / 3840, adaptive=False, normalization="full") of MNE 1.13.2 on
# `integer_signal`, over the mean energy of its tapers (by their eigenvalues), which MNE takes to be 1.
BINS = [1, 15, 30, 300, 960, 1920]
FROZEN = {
    4.0: (
        -4.029579883091383e-05,
        [70.48327275534155, 60.40260032674092, 28.082062888171503, 2.5230232943182513, 58.721763003965364,
         0.32274816717666505],
    ),
    2.5: (
        -3.593933911283376e-05,
        [76.2325111213891, 53.87416044274721, 24.091750420319176, 3.177009310900694, 95.020296621328,
         0.49021570786385704],
    ),
}  # fmt: skip


def one_epoch(settings: Multitaper, x: np.ndarray, rate: float) -> np.ndarray:
    size = x.shape[1]
    return settings.spectra(x, np.array([0]), np.array([size]), Sampling(rate, size))[:, 0]


@pytest.mark.parametrize("nw", FROZEN)
def test_spectra__frozen_numbers(nw: float, integer_signal: np.ndarray) -> None:
    settings = Multitaper(time_half_bandwidth=nw, weights="eigenvalue")
    energy, want = FROZEN[nw]
    got = one_epoch(settings, integer_signal, 128.0)[0, BINS] * (1 + energy)
    np.testing.assert_allclose(got, want, rtol=1e-9)


@pytest.mark.parametrize(("size", "rate"), [(3000, 100.0), (1281, 64.0), (7, 0.5)])
@pytest.mark.parametrize("nw", [1, 2.5, 3])
def test_spectra__like_mne(size: int, rate: float, nw: float) -> None:
    mne = pytest.importorskip("mne")
    x = np.random.default_rng(size).standard_normal((2, size)).cumsum(1)
    want, f = mne.time_frequency.psd_array_multitaper(
        x, rate, bandwidth=2 * nw * rate / size, adaptive=False, normalization="full", verbose=False
    )
    tapers, ratios = dpss(size, nw, int(2 * nw), sym=False, return_ratios=True)
    tapers, ratios = tapers[ratios > 0.9], ratios[ratios > 0.9]  # as MNE does
    settings = Multitaper(time_half_bandwidth=nw, tapers=len(tapers), weights="eigenvalue")
    energy = np.sum(ratios * np.sum(tapers**2, axis=1)) / ratios.sum()
    np.testing.assert_allclose(settings.frequencies(Sampling(rate, size)), f, rtol=1e-12)
    got = one_epoch(settings, x, rate) * energy
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-12 * want.max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weights", ["uniform", "eigenvalue"])
@pytest.mark.parametrize("detrend", [True, False])
@pytest.mark.parametrize("segment", [None, 4.0])
def test_spectra__by_definition(dtype: str, weights: str, detrend: bool, segment: float | None) -> None:
    x = (np.random.default_rng(1).standard_normal((2, 3000)).cumsum(1) + 30).astype(dtype)
    size = 3000 if segment is None else 400
    tapers, ratios = dpss(size, 3, 4, sym=False, return_ratios=True)
    share = ratios if weights == "eigenvalue" else np.ones(4)
    frames = np.stack([x[:, a : a + size] for a in range(0, 3001 - size, size // 2)], axis=1).astype(np.float64)
    if detrend:
        frames -= frames.mean(axis=-1, keepdims=True)
    power = np.abs(np.fft.rfft(frames[:, :, None] * tapers)) ** 2
    power = np.tensordot(power, share, axes=(2, 0)).mean(axis=1)
    power *= 2 / (100 * np.sum(share * np.sum(tapers**2, axis=1)))
    power[:, [0, -1]] /= 2
    settings = Multitaper(time_half_bandwidth=3, tapers=4, weights=weights, segment=segment, detrend=detrend)
    got = one_epoch(settings, x, 100.0)
    limit = {"float32": 1e-4, "float64": 1e-8}[dtype]
    assert (np.abs(got - power) <= limit * power + 1e-9 * limit * power.max()).all()


@pytest.mark.parametrize("weights", ["uniform", "eigenvalue"])
def test_white_noise__keeps_its_density(weights: str) -> None:
    x = 3 * np.random.default_rng(0).standard_normal((1, 60_000))
    starts = np.arange(0, 60_000, 1000)
    power = Multitaper(weights=weights).spectra(x, starts, starts + 1000, Sampling(100.0, 1000))
    assert power[..., 4:-4].mean() == pytest.approx(2 * 9 / 100, rel=0.02)


def test_whole_epoch__cut_short_is_nan() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3000))
    x[1, 1500] = np.nan
    starts, stops = np.array([0, 0, 0, 5]), np.array([1000, 999, 1001, 5])
    power = Multitaper().spectra(x, starts, stops, Sampling(100.0, 1000))
    assert np.isfinite(power[:, [0, 2]]).all()
    assert np.isnan(power[:, [1, 3]]).all()
    # One sample more, as epochs of a fraction of samples have, changes nothing.
    np.testing.assert_array_equal(power[:, 0], power[:, 2])
    power = Multitaper().spectra(x, np.array([1000]), np.array([2000]), Sampling(100.0, 1000))
    assert np.isfinite(power[0]).all()
    assert np.isnan(power[1]).all()


def test_constant_epoch__no_power() -> None:
    got = one_epoch(Multitaper(), np.full((1, 1024), 5.0), 100.0)
    assert (got == 0).all()


def test_segment_without_enough_samples__refused() -> None:
    with pytest.raises(ParameterError, match=r"segment too short for its tapers.*at least 9 samples"):
        one_epoch(Multitaper(), np.ones((1, 8)), 1.0)


@pytest.mark.parametrize("build", [Multitaper, lambda **given: BandPower(method="multitaper", **given)])
@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"time_half_bandwidth": 0.9}, "at least 1"),
        ({"time_half_bandwidth": 0}, "above 0"),
        ({"tapers": 8}, "1 to 2 NW - 1 = 7"),
        ({"tapers": 0}, "tapers out of range"),
        ({"tapers": True}, "tapers out of range"),
        ({"weights": "adaptive"}, "unknown weights"),
        ({"segment": 0}, "segment must be"),
        ({"overlap": 1}, "overlap out of range"),
    ],
)
def test_refusals(build: Callable[..., object], arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        build(**arguments)


def test_tapers__as_many_as_are_concentrated() -> None:
    for nw in (1, 1.5, 2, 2.5, 4, 7.25):
        tapers = Multitaper(time_half_bandwidth=nw).tapers
        assert tapers == int(2 * nw) - 1
        assert dpss(2000, nw, tapers, return_ratios=True)[1].min() > 0.9
