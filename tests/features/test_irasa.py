"""IRASA against YASA, SciPy's resampling, frozen numbers and signals whose spectrum is known."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features.base import Sampling
from sleepdask.features.irasa import Irasa
from sleepdask.features.kernels import irasa as kernel
from sleepdask.features.kernels import polyphase
from sleepdask.features.kernels.columns import middle_rows
from sleepdask.features.kernels.welch import Frames

SMALL = Irasa(fit_range=(1, 10), bands={"low": (2, 5)}, segment=2.0, factors=(1.1, 1.25, 1.4))


def noise(size: int = 3000, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((channels, size)).cumsum(1)


def compute(feature: Irasa, x: np.ndarray, rate: float = 100.0, epochs: int = 1) -> dict[str, np.ndarray]:
    size = x.shape[1] // epochs
    starts = np.arange(epochs) * size
    values = feature.compute(x, starts, starts + size, Sampling(rate, size))
    assert values.shape == (len(x), epochs, len(feature.outputs))
    return {output.name: values[..., i] for i, output in enumerate(feature.outputs)}


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-13), ("float32", 2e-6)])
@pytest.mark.parametrize(("up", "down"), [(11, 10), (10, 11), (23, 20), (20, 39), (3, 1), (1, 3), (37, 100)])
@pytest.mark.parametrize("size", [1, 17, 801])
def test_resampling__like_scipy(dtype: str, limit: float, up: int, down: int, size: int) -> None:
    x = noise(size, 3).astype(dtype)
    want = signal.resample_poly(x, up, down, axis=1)
    filters = polyphase.resampler(up, down, dtype)
    assert filters.size(size) == want.shape[1]
    middle = want.shape[1] // 2
    for first, last in ((0, want.shape[1]), (middle, want.shape[1])):
        low, high = filters.reach(first, last)
        padded = np.empty((high - low, 3), dtype)
        polyphase.side_by_side(x, np.arange(3), np.zeros(3, np.int64), size, low, np.zeros(3), padded)
        got = np.empty((3, last - first), dtype)
        polyphase.resample(padded, low, filters, first, np.empty((5, 3), dtype), got)
        np.testing.assert_allclose(got, want[:, first:last], rtol=0, atol=limit * np.abs(x).max())


@pytest.mark.parametrize("count", range(1, 40))
def test_middle_rows__like_numpy(count: int) -> None:
    rows = np.random.default_rng(count).integers(0, 9, (count, 7)).astype(float)
    got = np.empty(7)
    want = np.median(rows, axis=0)
    middle_rows(rows, count, got)
    np.testing.assert_array_equal(got, want)
    assert (np.diff(rows, axis=0) >= 0).all()


@pytest.mark.parametrize(("dtype", "limit"), [("float64", 1e-9), ("float32", 2e-4)])
@pytest.mark.parametrize("rate", [100, 128])
def test_irasa__like_yasa(dtype: str, limit: float, rate: int, caplog: pytest.LogCaptureFixture) -> None:
    yasa = pytest.importorskip("yasa")
    x = (noise(30 * rate) + 50).astype(dtype)
    f, aperiodic, oscillatory, line = yasa.irasa(x.astype(np.float64), sf=rate)
    feature = Irasa(preset="yasa")
    frequencies, power, got = feature.spectra(x, np.array([0]), np.array([x.shape[1]]), float(rate))
    np.testing.assert_allclose(frequencies, f, rtol=1e-12)
    np.testing.assert_allclose(got[:, 0], aperiodic, rtol=limit)
    np.testing.assert_allclose(power[:, 0] - got[:, 0], oscillatory, rtol=0, atol=limit * oscillatory.max())
    values = compute(feature, x, float(rate))
    np.testing.assert_allclose(values["irasa_slope"][:, 0], line["Slope"], rtol=max(limit, 1e-7))
    np.testing.assert_allclose(np.log(10) * values["irasa_offset"][:, 0], line["Intercept"], rtol=max(limit, 1e-7))
    np.testing.assert_allclose(values["irasa_r2"][:, 0], line["R^2"], rtol=max(limit, 1e-7))


# `irasa(x, sf=100)` of YASA 0.8.1 on the signal below: Slope, Intercept / ln(10), R^2, and 0.25 Hz times the sums of
# the oscillatory power in the bands.
YASA = {
    "irasa_slope": -1.8468864377950975,
    "irasa_offset": 4.238307264335383 / np.log(10),
    "irasa_r2": 0.8687443923537765,
    "irasa_oscillatory_delta": 421.55028228338597,
    "irasa_oscillatory_theta": 32.714326529632345,
    "irasa_oscillatory_alpha": 2.737992597313532,
    "irasa_oscillatory_sigma": 132.98207084799466,
}


def exact_signal() -> np.ndarray:
    """Return 30 s at 100 Hz, from integers alone, with a square wave of 12.5 Hz."""
    i = np.arange(3000)
    return ((((i * i * 31 + i * 17) % 101 - 50).cumsum() + 80 * (i // 4 % 2)) / 4)[np.newaxis]


def test_irasa__frozen_numbers_of_yasa() -> None:
    got = compute(Irasa(preset="yasa"), exact_signal())
    for name, want in YASA.items():
        assert got[name].item() == pytest.approx(want, rel=1e-8), name
    assert got["irasa_peak_sigma"] == 12.5


def test_mean_over_segments__by_definition() -> None:
    x, factors = noise(3000), (1.1, 1.2, 1.35)
    feature = Irasa(factors=factors, centre=False)
    kept = slice(4, 101)
    power = signal.welch(x, 100, nperseg=400)[1]
    means = []
    for h in factors:
        ratio = Fraction(str(h))
        both = [(ratio.numerator, ratio.denominator), (ratio.denominator, ratio.numerator)]
        up, down = (
            signal.welch(signal.resample_poly(x, a, b, axis=1), 100 * a / b, nperseg=400)[1][:, kept] for a, b in both
        )
        means.append(np.sqrt(up * down))
    aperiodic = np.median(means, axis=0)
    frequencies, got, rest = feature.spectra(x, np.array([0]), np.array([3000]), 100.0)
    np.testing.assert_allclose(got[:, 0], power[:, kept], rtol=1e-9)
    np.testing.assert_allclose(rest[:, 0], aperiodic, rtol=1e-9)
    values = compute(feature, x)
    above = 0.25 * (power[:, kept] - aperiodic)
    for name, low, high in feature.bands:
        inside = (frequencies >= low) & (frequencies < high)
        np.testing.assert_allclose(values[f"irasa_oscillatory_{name}"][:, 0], above[:, inside].sum(1), rtol=1e-9)
    slope, offset = np.polyfit(np.log10(frequencies), np.log10(aperiodic.T), 1)
    np.testing.assert_allclose(values["irasa_slope"][:, 0], slope, rtol=1e-9)
    np.testing.assert_allclose(values["irasa_offset"][:, 0], offset, rtol=1e-9)


def colored(exponent: float, size: int, rate: float, seed: int) -> np.ndarray:
    """Noise whose power falls as 1/f^exponent."""
    rng = np.random.default_rng(seed)
    f = np.fft.rfftfreq(size, 1 / rate)
    f[0] = f[1]
    spectrum = f ** (-exponent / 2) * (rng.standard_normal(f.size) + 1j * rng.standard_normal(f.size))
    return np.fft.irfft(spectrum, size)[np.newaxis] * 1000


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_known_spectrum__slope_and_oscillation(exponent: float) -> None:
    x = colored(exponent, 60_000, 200.0, seed=4)
    still = compute(Irasa(), x, 200.0)
    assert still["irasa_slope"].item() == pytest.approx(-exponent, abs=0.1)
    amplitude = 3 * x.std()
    wave = compute(Irasa(), x + amplitude * np.sin(2 * np.pi * 13 * np.arange(60_000) / 200), 200.0)
    assert wave["irasa_slope"].item() == pytest.approx(-exponent, abs=0.1)
    assert wave["irasa_oscillatory_sigma"].item() == pytest.approx(amplitude**2 / 2, rel=0.05)
    assert wave["irasa_peak_sigma"] == 13
    assert abs(wave["irasa_oscillatory_alpha"].item()) < 0.02 * amplitude**2


@settings(max_examples=20, deadline=None)
@given(scale=st.integers(-20, 20), shift=st.integers(-1000, 1000), seed=st.integers(0, 99))
def test_scale_and_shift(scale: int, shift: int, seed: int) -> None:
    x = noise(1000, 1, seed)
    got = compute(SMALL, x)
    scaled = compute(SMALL, x * 2.0**scale)
    np.testing.assert_allclose(scaled["irasa_slope"], got["irasa_slope"], rtol=1e-9)
    np.testing.assert_allclose(scaled["irasa_offset"], got["irasa_offset"] + 2 * scale * np.log10(2), atol=1e-9)
    np.testing.assert_allclose(scaled["irasa_oscillatory_low"], got["irasa_oscillatory_low"] * 4.0**scale, rtol=1e-9)
    np.testing.assert_array_equal(scaled["irasa_peak_low"], got["irasa_peak_low"])
    shifted = compute(SMALL, x + shift)
    np.testing.assert_allclose(shifted["irasa_slope"], got["irasa_slope"], rtol=1e-6)
    single = compute(SMALL, x.astype(np.float32))
    np.testing.assert_allclose(single["irasa_slope"], got["irasa_slope"], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("preset", ["default", "yasa"])
def test_constant_epoch__no_line(preset: str) -> None:
    x = noise(6000, 1)
    x[0, :3000] = 7.1
    got = compute(Irasa(preset=preset), x, epochs=2)
    assert all(np.isnan(got[name][0, 0]) for name in got if "oscillatory" not in name)
    assert all(got[name][0, 0] == 0 for name in got if "oscillatory" in name)
    assert np.isfinite(got["irasa_slope"][0, 1])


@pytest.mark.parametrize("average", ["mean", "median"])
def test_short_and_empty_epochs__nan(average: str) -> None:
    feature = Irasa(average=average)
    assert feature.minimal_window == pytest.approx(7.6)
    starts, stops = np.array([0, 0, 0, 50, 0]), np.array([0, 1, 758, 3000, 759])
    values = feature.compute(noise(), starts, stops, Sampling(100.0, 3000))
    assert np.isnan(values[:, :3]).all()
    assert np.isfinite(values[:, 3:, :7]).all()


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_missing_samples__segments_are_left_out(missing: float) -> None:
    x = noise(6000, 1)
    gappy = x.copy()
    gappy[0, :300] = missing
    got = compute(Irasa(), gappy)
    np.testing.assert_allclose(got["irasa_slope"], compute(Irasa(), x)["irasa_slope"], atol=0.3)
    assert got["irasa_slope"] != compute(Irasa(), x)["irasa_slope"]
    gappy[0, ::300] = missing
    assert all(np.isnan(values).all() for values in compute(Irasa(), gappy).values())


def test_too_low_rate__nan() -> None:
    assert Irasa().minimal_rate == pytest.approx(95)
    assert Irasa(preset="yasa").minimal_rate > 60
    assert all(np.isnan(values).all() for values in compute(Irasa(), noise(), 94.0).values())
    assert not Irasa().lacks(100, fixed=True)


def test_no_peak__nan() -> None:
    falling = np.array([[9.0, 8, 7, 6, 5], [1, 3, 2, 5, 4], [-3, -1, -2, -1, -3]])
    got = kernel.find_peaks(falling, np.array([[0, 3], [2, 5], [0, 5]]), 8, 0.5)
    np.testing.assert_array_equal(got, [[np.nan] * 3, [4.5, 5.5, 5.5], [np.nan] * 3])


@pytest.mark.parametrize("longest_whole", [0, 1 << 16])
@pytest.mark.parametrize("median", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks__same_bits(longest_whole: int, median: bool, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(2500, 2).astype(dtype)
    x[0, 1300] = np.nan
    starts, stops = np.array([0, 400, 900]), np.array([900, 1900, 2500])
    frames = Frames(100, 50, 100.0, median=median)
    factors = [Fraction(11, 10), Fraction(3, 2)]
    as_shipped = kernel.separate(x, starts, stops, frames, factors, (1, 40), centre=True)
    monkeypatch.setattr(kernel, "_WHOLE", longest_whole)
    whole = kernel.separate(x, starts, stops, frames, factors, (1, 40), centre=True)
    np.testing.assert_allclose(whole[1], as_shipped[1], rtol=1e-12)
    assert np.isfinite(whole[1]).all()
    for rows, tile, block, power in ((1, 1, 1, 1), (3, 7, 3000, 3000), (2, 16, 1 << 14, 1 << 13)):
        monkeypatch.setattr(kernel, "_ROWS", rows)
        monkeypatch.setattr(kernel, "_TILE", tile)
        monkeypatch.setattr(kernel, "_BLOCK_BYTES", block)
        monkeypatch.setattr(kernel, "_POWER_BYTES", power)
        for got, want in zip(
            kernel.separate(x, starts, stops, frames, factors, (1, 40), centre=True), whole, strict=True
        ):
            np.testing.assert_array_equal(got, want)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["default", "yasa"])
def test_night_long_epoch__little_memory(preset: str) -> None:
    x = np.random.default_rng(0).standard_normal((1, 12 * 3600 * 256), np.float32)
    feature = Irasa(preset=preset, factors=(1.1, 1.9))
    compute(feature, x[:, :256_000], 256.0)
    tracemalloc.start()
    compute(feature, x, 256.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 << 20


def test_spectra_of_a_channel__lazy_and_in_two_parts() -> None:
    x = noise(12_000)
    night = sd.recording_from_arrays({"C3": x[0], "C4": x[1]}, 100, unit="mV")
    spectra = sd.features.irasa_spectra(night, "C4")
    assert all(part.chunks for part in spectra.values())
    assert spectra["aperiodic"].attrs["units"] == "mV^2/Hz"
    computed = sd.compute(spectra)
    size = np.arange(4) * 3000
    frequencies, power, aperiodic = Irasa().spectra(x[1:], size, size + 3000, 100.0)
    np.testing.assert_array_equal(computed["frequency"], frequencies)
    np.testing.assert_array_equal(computed["aperiodic"], aperiodic[0])
    np.testing.assert_array_equal(computed["oscillatory"], (power - aperiodic)[0])
    with pytest.raises(ParameterError, match="one channel"):
        sd.features.irasa_spectra(night, "C*")
    with pytest.raises(ParameterError, match="at least 95 Hz"):
        sd.features.irasa_spectra(sd.recording_from_arrays({"C3": x[0]}, 90), "C3")


def test_settings_are_resolved() -> None:
    feature = Irasa(preset="yasa", bands={"slow": [1, 4]}, peaks=False)
    assert feature.parameters["fit_range"] == (1.0, 30.0)
    assert feature.parameters["window"] == "hamming"
    assert feature.parameters["average"] == "median"
    assert feature.parameters["centre"] is False
    assert [output.name for output in feature.outputs] == [
        "irasa_slope",
        "irasa_offset",
        "irasa_r2",
        "irasa_oscillatory_slow",
    ]
    assert hash(feature) == hash(Irasa(preset="yasa", bands=(("slow", 1, 4),), peaks=False))
    assert [band[0] for band in Irasa(fit_range=(4, 12)).bands] == ["theta", "alpha"]
    assert Irasa(fit_range=(20, 24)).bands == ()
    assert np.isfinite(compute(Irasa(fit_range=(20, 24)), noise())["irasa_slope"]).all()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"preset": "yasha"}, "unknown preset"),
        ({"factors": (1.5,)}, "factors"),
        ({"factors": (1.5, 1.5)}, "factors"),
        ({"factors": (1.0, 1.5)}, "factors"),
        ({"factors": (1.123, 1.5)}, "factors"),
        ({"factors": (1.1, 5)}, "factors"),
        ({"fit_range": (0, 30)}, "range of the fit"),
        ({"fit_range": (0.1, 30)}, "range of the fit"),
        ({"fit_range": (10, 10.5)}, "range of the fit"),
        ({"fit_range": (1, np.inf)}, "range of the fit"),
        ({"fit_range": 3}, "range of the fit"),
        ({"bands": {"low": (0.5, 4)}}, "beyond the range"),
        ({"bands": {"high": (20, 30)}}, "beyond the range"),
        ({"bands": {}}, "no band"),
        ({"window": "han"}, "unknown window"),
        ({"average": "mode"}, "unknown average"),
        ({"segment": 0}, "segment"),
    ],
)
def test_irasa__refuses(arguments: dict, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        Irasa(**arguments)
