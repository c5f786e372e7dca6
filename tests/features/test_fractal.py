"""Fractal dimensions and DFA against their definitions, antropy, and signals of a known dimension."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waveforms import LIKE_EEG, WAVEFORMS, one, pink

from sleepdask.errors import ParameterError
from sleepdask.features import DFA, HiguchiFD, KatzFD, PetrosianFD

ALL = [HiguchiFD(), PetrosianFD(), KatzFD(), DFA()]
every_feature = pytest.mark.parametrize("feature", ALL, ids=lambda feature: feature.name)
every_waveform = pytest.mark.parametrize("x", WAVEFORMS.values(), ids=WAVEFORMS)


# --- definitions ----------------------------------------------------------------------------------------


def higuchi(x: np.ndarray, kmax: int) -> float:
    lengths = []
    for k in range(1, kmax + 1):
        curves = [np.abs(np.diff(x[m::k])) for m in range(k)]
        lengths.append(np.mean([c.sum() * (x.size - 1) / (c.size * k * k) for c in curves]))
    return float(np.polyfit(-np.log(np.arange(1, kmax + 1)), np.log(lengths), 1)[0])


def dfa(x: np.ndarray, sizes: list[int]) -> float:
    walk = np.cumsum(x - x.mean())
    strays = []
    for n in sizes:
        windows = walk[: walk.size // n * n].reshape(-1, n).T
        line = np.polynomial.polynomial.polyvander(np.arange(n), 1)
        rest = windows - line @ np.linalg.lstsq(line, windows, rcond=None)[0]
        strays.append(np.sqrt((rest**2).mean()))
    return float(np.polyfit(np.log(sizes), np.log(strays), 1)[0])


@every_waveform
@pytest.mark.parametrize("kmax", [2, 7, 10, 25])
def test_higuchi__as_defined(x: np.ndarray, kmax: int) -> None:
    assert one(HiguchiFD(kmax), x)[0] == pytest.approx(higuchi(x, kmax), rel=1e-9)


@every_waveform
def test_dfa__as_defined(x: np.ndarray) -> None:
    sizes = sorted({int(4 * 1.2**i) for i in range(60) if 4 * 1.2**i <= 0.1 * x.size})
    # A walk of a signal far from zero has rounding in both: it is 1e5 times what is looked for.
    assert one(DFA(), x)[0] == pytest.approx(dfa(x, sizes), rel=1e-6)
    sizes = sorted({int(8 * 1.5**i) for i in range(60) if 8 * 1.5**i <= 0.5 * x.size})
    assert one(DFA(8, 0.5, 1.5), x)[0] == pytest.approx(dfa(x, sizes), rel=1e-6)


# --- other programs -------------------------------------------------------------------------------------


@every_waveform
def test_fractals__like_antropy(x: np.ndarray) -> None:
    antropy = pytest.importorskip("antropy")
    # Its regressions add 1e-9 to a divisor: hence the bounds of these two.
    assert one(HiguchiFD(), x)[0] == pytest.approx(antropy.higuchi_fd(x), rel=1e-9)
    assert one(DFA(), x)[0] == pytest.approx(antropy.detrended_fluctuation(x), rel=1e-7)
    assert one(PetrosianFD(), x)[0] == pytest.approx(antropy.petrosian_fd(x), rel=1e-12)
    expected = antropy.katz_fd(x)
    assert one(KatzFD(), x)[0] == pytest.approx(expected if 0 < expected < np.inf else np.nan, rel=1e-12, nan_ok=True)


def test_frozen_values() -> None:
    """By antropy 0.2.3 of the same numbers, with its defaults."""
    assert one(HiguchiFD(), LIKE_EEG)[0] == pytest.approx(1.947941372209297, rel=1e-9)
    assert one(PetrosianFD(), LIKE_EEG)[0] == pytest.approx(1.0409796081396376, rel=1e-12)
    assert one(KatzFD(), LIKE_EEG)[0] == pytest.approx(3.5515350231070775, rel=1e-12)
    assert one(DFA(), LIKE_EEG)[0] == pytest.approx(0.7604279604746822, rel=1e-8)


# --- signals of a known dimension -----------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1.2, 1.5, 1.8])
def test_higuchi__of_weierstrass_curves(dimension: float) -> None:
    t = np.arange(20_000) / 20_000
    curve = sum(1.5 ** (-(2 - dimension) * i) * np.cos(2 * np.pi * 1.5**i * t) for i in range(40))
    assert one(HiguchiFD(), curve)[0] == pytest.approx(dimension, abs=0.08)


def test_higuchi__of_noise_and_of_a_line() -> None:
    noise = np.random.default_rng(0).standard_normal(20_000)
    assert one(HiguchiFD(), noise)[0] == pytest.approx(2, abs=0.01)
    assert one(HiguchiFD(), noise.cumsum())[0] == pytest.approx(1.5, abs=0.03)
    assert one(HiguchiFD(), np.arange(500.0))[0] == pytest.approx(1, abs=1e-12)


def test_dfa__of_noises() -> None:
    noise = np.random.default_rng(0).standard_normal(30_000)
    assert one(DFA(16), noise)[0] == pytest.approx(0.5, abs=0.03)
    assert one(DFA(16), pink(30_000))[0] == pytest.approx(1.0, abs=0.05)
    assert one(DFA(16), noise.cumsum())[0] == pytest.approx(1.5, abs=0.05)


def test_katz__by_hand() -> None:
    # Steps 1, 3, 2: L = 6, a = 2; furthest from the first: 4.
    assert one(KatzFD(), np.array([0.0, 1.0, 4.0, 2.0]))[0] == pytest.approx(math.log(3) / math.log(2), rel=1e-14)


def test_petrosian__by_hand() -> None:
    # Steps up, up, down, none, up: two turns, as none counts as up.
    expected = math.log(6) / (math.log(6) + math.log(6 / 6.8))
    assert one(PetrosianFD(), np.array([0.0, 1, 2, 1, 1, 2]))[0] == pytest.approx(expected, rel=1e-14)
    assert one(PetrosianFD(), np.arange(9.0))[0] == 1


# --- what they do not depend on -------------------------------------------------------------------------


@every_feature
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([0.25, 3.0, 1024.0]), shift=st.integers(-1000, 1000))
def test_scale_and_shift__same(feature: object, seed: int, factor: float, shift: int) -> None:
    x = np.random.default_rng(seed).integers(-20, 20, 300).astype(float)
    np.testing.assert_allclose(one(feature, x * factor), one(feature, x), rtol=1e-11)
    np.testing.assert_allclose(one(feature, x + shift), one(feature, x), rtol=1e-10)


@pytest.mark.parametrize("feature", [HiguchiFD(), KatzFD(), DFA(), PetrosianFD()])
def test_upside_down__same(feature: object) -> None:
    np.testing.assert_allclose(one(feature, -LIKE_EEG), one(feature, LIKE_EEG), rtol=1e-12)


@every_feature
def test_single_precision__as_the_same_numbers_in_double(feature: object) -> None:
    x = pink(2000).astype(np.float32)
    np.testing.assert_array_equal(one(feature, x), one(feature, x.astype(np.float64)))


# --- epochs that have no value --------------------------------------------------------------------------


@every_feature
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 500, -1])
def test_missing_sample__nan(feature: object, dtype: str, missing: float, place: int) -> None:
    x = pink(1000).astype(dtype)
    assert np.isfinite(one(feature, x)).all()
    x[place] = missing
    assert np.isnan(one(feature, x)).all()


@every_feature
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_epoch__nan(feature: object, dtype: str) -> None:
    assert np.isnan(one(feature, np.full(1000, 0.1, dtype))).all()


@pytest.mark.parametrize(("feature", "size"), [(HiguchiFD(), 20), (HiguchiFD(4), 8), (PetrosianFD(), 3), (DFA(), 70)])
def test_short_epoch__nan(feature: object, size: int) -> None:
    x = np.arange(100.0) ** 2 % 17
    assert np.isfinite(one(feature, x[:size])).all()
    for shorter in (size - 1, 1, 0):
        assert np.isnan(one(feature, x[:shorter])).all()


@every_feature
def test_sums_beyond_float64__nan(feature: object) -> None:
    x = np.where(np.arange(200) % 3 == 0, 1.7e308, -1.7e308)
    values = one(feature, x)
    assert np.isfinite(values).all() if feature.name == "petrosian_fd" else np.isnan(values).all()


def test_a_curve_without_length__nan() -> None:
    x = np.tile([0.0, 1.0, 5.0], 100)
    assert np.isnan(one(HiguchiFD(), x)[0])
    assert np.isfinite(one(HiguchiFD(2), x)[0])


def test_a_curve_that_reaches_nowhere__nan() -> None:
    assert np.isnan(one(KatzFD(), np.tile([0.0, 1.0], 50))[0])
    assert np.isnan(one(KatzFD(), np.tile([0.0, 1.0, -1.0], 50))[0])
    assert np.isnan(one(KatzFD(), np.array([0.0, 1.0]))[0])


# --- parameters, columns --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: HiguchiFD(kmax=1), "kmax"),
        (lambda: HiguchiFD(kmax=2.5), "kmax"),
        (lambda: DFA(shortest=3), "shortest"),
        (lambda: DFA(longest=0), "longest"),
        (lambda: DFA(longest=1.5), "longest"),
        (lambda: DFA(ratio=1.0), "ratio"),
        (lambda: DFA(ratio=float("inf")), "ratio"),
    ],
)
def test_parameters__refused(make: object, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make()


def test_columns_say_what_they_are() -> None:
    names = [(output.name, output.units) for feature in ALL for output in feature.outputs]
    assert names == [("higuchi_fd", "1"), ("petrosian_fd", "1"), ("katz_fd", "1"), ("dfa_alpha", "1")]
    assert "k = 1 to 7" in HiguchiFD(7).outputs[0].definition
    assert "floor(8 x 1.5^i) samples, up to 0.25" in DFA(8, 0.25, 1.5).outputs[0].definition
