"""Band power, edges and entropy against SciPy, YASA and frozen numbers of Luna."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from scipy.integrate import simpson

from sleepdask.errors import ParameterError
from sleepdask.features import create
from sleepdask.features.base import Sampling
from sleepdask.features.kernels.bands import simpson_weights
from sleepdask.features.kernels.windows import taper
from sleepdask.features.multitaper import Multitaper
from sleepdask.features.spectral import BandPower
from sleepdask.features.welch import WINDOWS, Welch

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def noise(size: int, seed: int = 0, channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((channels, size)).cumsum(1) + 3 * rng.standard_normal((channels, size))
    return x + 100


def compute(feature: BandPower, x: np.ndarray, rate: float, epochs: int = 1) -> dict[str, np.ndarray]:
    size = x.shape[1] // epochs
    starts = np.arange(epochs) * size
    values = feature.compute(x, starts, starts + size, Sampling(rate, size))
    assert values.shape == (len(x), epochs, len(feature.outputs))
    return {output.name: values[..., i] for i, output in enumerate(feature.outputs)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("average", ["mean", "median"])
@pytest.mark.parametrize(
    ("rate", "segment"), [(256.0, 4.0), (100.0, 4.0), (100.0, 0.5), (100.0, 5.03), (12.8, 4.0), (61.0, 1.0), (1.0, 4.0)]
)
def test_spectra__like_scipy(dtype: str, average: str, rate: float, segment: float) -> None:
    x = noise(int(30 * rate)).astype(dtype)
    size = int(segment * rate + 1e-9)
    f, want = signal.welch(x.astype(np.float64), rate, nperseg=size, noverlap=size // 2, average=average)
    welch = Welch(segment=segment, average=average)
    got = welch.spectra(x, np.array([0]), np.array([x.shape[1]]), Sampling(rate, x.shape[1]))[:, 0]
    np.testing.assert_allclose(welch.frequencies(Sampling(rate, x.shape[1])), f, rtol=1e-12)
    limit = 1e-12 * want.max(axis=1, keepdims=True)
    assert (np.abs(got - want) <= TOLERANCE[dtype] * want + limit).all()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("detrend", [True, False])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.75])
def test_spectra__settings_like_scipy(window: str, detrend: bool, overlap: float) -> None:
    x = noise(3001)
    weights = signal.windows.tukey(400, 0.5) if window == "tukey50" else signal.get_window(window, 400)
    np.testing.assert_allclose(taper(window, 400), weights, rtol=1e-12, atol=1e-15)
    _, want = signal.welch(x, 100.0, weights, noverlap=int(400 * overlap), detrend="constant" if detrend else False)
    got = Welch(window=window, detrend=detrend, overlap=overlap).spectra(
        x, np.array([0]), np.array([3001]), Sampling(100.0, 3001)
    )[:, 0]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12 * want.max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bandpower__by_definition(dtype: str) -> None:
    x = noise(4 * 3000).astype(dtype)
    feature = BandPower()
    got = compute(feature, x, 100.0, epochs=4)
    f, power = signal.welch(x.astype(np.float64).reshape(2, 4, 3000), 100.0, nperseg=400)
    inside = (f >= 0.5) & (f < 40)
    p = power[..., inside]
    total = 0.25 * p.sum(-1)
    rtol = TOLERANCE[dtype]
    for name, low, high in feature.bands:
        want = 0.25 * power[..., (f >= low) & (f < high)].sum(-1)
        np.testing.assert_allclose(got[f"bandpower_{name}"], want, rtol=rtol)
        np.testing.assert_allclose(got[f"bandpower_{name}_relative"], want / total, rtol=rtol)
    share = np.cumsum(p, -1) / p.sum(-1, keepdims=True)
    for edge in (95, 50):
        want = f[inside][np.argmax(share >= edge / 100, -1)]
        np.testing.assert_array_equal(got[f"spectral_edge_{edge}"], want)
    p = p / p.sum(-1, keepdims=True)
    entropy = -np.sum(p * np.log2(p), -1) / np.log2(inside.sum())
    np.testing.assert_allclose(got["spectral_entropy"], entropy, rtol=rtol)


@pytest.mark.parametrize("count", range(2, 12))
def test_simpson_weights(count: int) -> None:
    y = np.random.default_rng(count).standard_normal(count)
    assert simpson_weights(count) @ y == pytest.approx(simpson(y), rel=1e-12)


@pytest.mark.parametrize("rate", [100, 256])
def test_bandpower__like_yasa(rate: int) -> None:
    yasa = pytest.importorskip("yasa")
    x = noise(30 * rate)
    got = compute(BandPower(preset="yasa"), x, float(rate))
    absolute = yasa.bandpower(x, rate, relative=False)
    relative = yasa.bandpower(x, rate)
    for band in ("Delta", "Theta", "Alpha", "Sigma", "Beta", "Gamma"):
        np.testing.assert_allclose(got[f"bandpower_{band.lower()}"][:, 0], absolute[band], rtol=1e-9)
        np.testing.assert_allclose(got[f"bandpower_{band.lower()}_relative"][:, 0], relative[band], rtol=1e-9)


# `EPOCH & PSD epoch` of lunapi 1.7.0 on `integer_signal`: power in uV^2, relative power.
LUNA = {
    "slow": (190.6605901296, 0.3812163363951),
    "delta": (92.48729177741, 0.1849237249844),
    "theta": (38.02429430421, 0.07602767912763),
    "alpha": (103.0735424483, 0.2060904049689),
    "sigma": (8.046968590442, 0.0160895121695),
    "beta": (27.2266521066, 0.05443833233352),
    "gamma": (40.61817293517, 0.08121401002106),
}


def test_bandpower__like_luna(integer_signal: np.ndarray) -> None:
    got = compute(BandPower(preset="luna"), integer_signal, 128.0)
    for band, (power, relative) in LUNA.items():
        assert got[f"bandpower_{band}"].item() == pytest.approx(power, rel=1e-9)
        assert got[f"bandpower_{band}_relative"].item() == pytest.approx(relative, rel=1e-9)


def test_bandpower__gap_leaves_segments_out() -> None:
    x = noise(3000)
    gappy = x.copy()
    gappy[0, 450] = np.nan
    gappy[1] = np.inf
    got = compute(BandPower(), gappy, 100.0)
    # Segments of 400 every 200: those from 200 and 400 hold the gap.
    whole = [0, *range(600, 2601, 200)]
    power = np.mean([signal.welch(x[0, a : a + 400], 100.0, nperseg=400)[1] for a in whole], axis=0)
    assert got["bandpower_delta"][0, 0] == pytest.approx(0.25 * power[2:16].sum(), rel=1e-9)
    assert all(np.isnan(values[1]).all() for values in got.values())


@pytest.mark.parametrize("average", ["mean", "median"])
def test_bandpower__short_and_empty_epochs(average: str) -> None:
    x = noise(3000)
    starts, stops = np.array([0, 0, 0, 50]), np.array([0, 399, 400, 3000])
    values = BandPower(average=average).compute(x, starts, stops, Sampling(100.0, 3000))
    assert np.isnan(values[:, :2]).all()
    assert np.isfinite(values[:, 2:]).all()


def test_bandpower__flat_epoch() -> None:
    got = compute(BandPower(), np.full((1, 3000), 7.0, np.float32), 100.0)
    assert got["bandpower_delta"] == 0
    assert np.isnan(got["bandpower_delta_relative"]).all()
    assert np.isnan(got["spectral_edge_95"]).all()
    assert np.isnan(got["spectral_entropy"]).all()


def test_bandpower__beyond_half_the_rate() -> None:
    feature = BandPower(bands={"low": (1, 4), "high": (8, 12)})
    assert feature.minimal_rate == 24
    got = compute(feature, noise(600), 20.0)
    assert np.isfinite(got["bandpower_low"]).all()
    rest = set(got) - {"bandpower_low"}
    assert all(np.isnan(got[name]).all() for name in rest)
    assert all(np.isfinite(values).all() for values in compute(feature, noise(720), 24.0).values())


def test_bandpower__settings_are_resolved() -> None:
    feature = BandPower(preset="yasa", edges=[90, 12.5], entropy=False, relative=False)
    assert feature.parameters["window"] == "hamming"
    assert feature.parameters["average"] == "median"
    assert feature.parameters["integration"] == "simpson"
    assert feature.minimal_rate == 80
    assert feature.minimal_window == 4
    assert [output.name for output in feature.outputs][-3:] == [
        "bandpower_gamma",
        "spectral_edge_90",
        "spectral_edge_12_5",
    ]
    assert "hamming" in feature.outputs[0].definition
    same = BandPower(bands={"a": (1, 4)}), BandPower(bands=(("a", 1.0, 4.0),))
    assert same[0] == same[1]
    assert hash(same[0]) == hash(same[1])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"preset": "lunar"}, "unknown preset"),
        ({"bands": {}}, "no band"),
        ({"bands": {"a": (4, 4)}}, "without width"),
        ({"bands": {"a": (-1, 4)}}, "without width"),
        ({"bands": {"a": (1, np.nan)}}, "without width"),
        ({"bands": {"a": (1, 1.1)}}, "narrower"),
        ({"bands": (("a", 1, 4), ("a", 4, 8))}, "names"),
        ({"bands": (("a", 1),)}, "not a band"),
        ({"bands": (("a", "x", 1),)}, "not a band"),
        ({"segment": 0}, "segment"),
        ({"overlap": 1}, "overlap"),
        ({"window": "han"}, "unknown window"),
        ({"average": "mode"}, "unknown average"),
        ({"integration": "trapz"}, "unknown integration"),
        ({"edges": (0,)}, "edges"),
        ({"edges": (50, 50)}, "edges"),
        ({"ratios": ("delta",)}, "not a ratio"),
        ({"ratios": ("delta/beta", "delta/beta")}, "not a ratio"),
        ({"ratios": ("delta/beto",)}, "two of delta.*did you mean 'beta'"),
        ({"method": "welsh"}, "unknown method"),
        ({"tapers": 3}, "the method welch has no tapers"),
        ({"method": "multitaper", "window": "hann"}, "the method multitaper has no window"),
        ({"method": "multitaper", "average": "median"}, "the method multitaper has no average"),
        ({"method": "multitaper", "segment": 2}, "narrower than the frequency resolution; expected at least 4 Hz"),
    ],
)
def test_bandpower__refuses(arguments: dict, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        BandPower(**arguments)


@pytest.mark.parametrize("integration", ["sum", "simpson"])
@pytest.mark.parametrize("segment", [None, 10.0])
def test_bandpower__multitaper_by_definition(integration: str, segment: float | None) -> None:
    x = noise(3000)
    settings = Multitaper(time_half_bandwidth=3, segment=segment)
    sampling = Sampling(100.0, 3000)
    power = settings.spectra(x, np.array([0]), np.array([3000]), sampling)[:, 0]
    f = settings.frequencies(sampling)
    feature = BandPower(method="multitaper", time_half_bandwidth=3, segment=segment, integration=integration)
    got = compute(feature, x, 100.0)
    for name, low, high in feature.bands:
        if integration == "sum":
            want = f[1] * power[:, (f >= low) & (f < high)].sum(-1)
        else:
            want = simpson(power[:, (f >= low) & (f <= high)], dx=f[1])
        np.testing.assert_allclose(got[f"bandpower_{name}"][:, 0], want, rtol=1e-9)


def test_bandpower__multitaper_minimal_window() -> None:
    assert BandPower(method="multitaper").minimal_window == pytest.approx(8 / 3.5)
    assert BandPower(method="multitaper", preset="luna").minimal_window == 16
    assert BandPower(method="multitaper", segment=5).minimal_window == 5


def test_bandpower__log_and_ratios() -> None:
    x = noise(6000)
    x[1, :3000] = 4
    feature = BandPower(log=True, ratios=("delta/theta", "alpha/theta"))
    got = compute(feature, x, 100.0, epochs=2)
    plain = compute(BandPower(), x, 100.0, epochs=2)
    for name, values in plain.items():
        np.testing.assert_array_equal(got[name], values)
    np.testing.assert_allclose(got["bandpower_delta_db"][0], 10 * np.log10(plain["bandpower_delta"][0]), rtol=1e-12)
    for name in ("delta", "alpha"):
        want = plain[f"bandpower_{name}"][0] / plain["bandpower_theta"][0]
        np.testing.assert_array_equal(got[f"bandpower_{name}_theta_ratio"][0], want)
    extra = [output.name for output in feature.outputs if output.name not in plain]
    assert extra == [*(f"bandpower_{name}_db" for name, _, _ in feature.bands), "bandpower_delta_theta_ratio",
                     "bandpower_alpha_theta_ratio"]  # fmt: skip
    assert all(np.isnan(got[name][1, 0]) and np.isfinite(got[name][1, 1]) for name in extra)


def test_bandpower__of_old_results_is_the_same() -> None:
    feature = BandPower()
    assert feature.parameters == {
        "preset": "default",
        "bands": (
            ("delta", 0.5, 4.0),
            ("theta", 4.0, 8.0),
            ("alpha", 8.0, 12.0),
            ("sigma", 12.0, 16.0),
            ("beta", 16.0, 30.0),
            ("gamma", 30.0, 40.0),
        ),
        "segment": 4.0,
        "overlap": 0.5,
        "window": "hann",
        "detrend": True,
        "average": "mean",
        "integration": "sum",
        "relative": True,
        "edges": (95.0, 50.0),
        "entropy": True,
    }
    assert feature.outputs[0].definition == (
        "bin width x sum over 0.5 <= f < 4 Hz; "
        "Welch, 4 s hann segments, 50 % overlap, mean of each removed, mean over segments"
    )
    other = BandPower(method="multitaper", log=True, ratios=("delta/beta",))
    assert {"method", "log", "ratios", "tapers", "weights"} <= set(other.parameters)
    assert create("bandpower", other.parameters) == other
