"""Lempel-Ziv complexity against its definition, antropy, and what was published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waveforms import LIKE_EEG, WAVEFORMS, congruential, one, pink

from sleepdask.errors import ParameterError
from sleepdask.features import LempelZiv

BINARY = LempelZiv("mean", normalised=False)


def words(text: str) -> list[str]:
    """Words by their definition: each the shortest that does not occur before its own last letter."""
    found, start = [], 0
    while start < len(text):
        stop = start + 1
        while stop < len(text) and text[start:stop] in text[: stop - 1]:
            stop += 1
        found.append(text[start:stop])
        start = stop
    return found


def digits(text: str) -> np.ndarray:
    return np.array([float(digit) for digit in text])


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0001101001000101", 6),  # Lempel & Ziv 1976: 0.001.10.100.1000.101
        (
            "1001111011000010",
            6,
        ),  # a widely used example: 1.0.01.1110.1100.0010
        ("0101010101", 3),
        ("01", 2),
        ("0" * 20 + "1", 2),
    ],
)
def test_lempel_ziv__of_sources(text: str, count: int) -> None:
    assert len(words(text)) == count
    assert one(BINARY, digits(text))[0] == count


@settings(max_examples=300, deadline=None)
@given(text=st.text("01", min_size=2, max_size=200) | st.text("01", min_size=1, max_size=6).map(lambda t: t * 30))
def test_lempel_ziv__as_defined(text: str) -> None:
    if len(set(text)) == 2:
        assert one(BINARY, digits(text))[0] == len(words(text))
    else:
        assert np.isnan(one(BINARY, digits(text))[0])


@pytest.mark.parametrize("x", WAVEFORMS.values(), ids=WAVEFORMS)
@pytest.mark.parametrize("threshold", ["median", "mean"])
def test_lempel_ziv__like_antropy(x: np.ndarray, threshold: str) -> None:
    antropy = pytest.importorskip("antropy")
    binary = (x > getattr(np, threshold)(x)).astype(int)
    assert one(LempelZiv(threshold, normalised=False), x)[0] == antropy.lziv_complexity(binary)
    expected = antropy.lziv_complexity(binary, normalize=True)
    assert one(LempelZiv(threshold), x)[0] == pytest.approx(expected, rel=1e-12)


def test_frozen_values() -> None:
    """By antropy 0.2.3 of the same numbers above their median (normalised) and their mean (not normalised)."""
    assert one(LempelZiv(), LIKE_EEG)[0] == pytest.approx(0.6698988547075412, rel=1e-12)
    assert one(BINARY, LIKE_EEG)[0] == 28


def test_noise_is_near_one_and_a_sine_near_zero() -> None:
    assert one(LempelZiv(), congruential(20_000))[0] == pytest.approx(1, abs=0.1)
    assert one(LempelZiv(), np.sin(np.arange(20_000) / 10))[0] < 0.1


def test_a_sample_that_equals_the_threshold_is_zero() -> None:
    x = np.array([0.0, 1.0, 2.0, 1.0, 1.0])
    assert one(LempelZiv(normalised=False), x)[0] == len(words("00100"))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([0.25, 2.0, 1024.0]), shift=st.integers(-1000, 1000))
def test_scale_and_shift__same(seed: int, factor: float, shift: int) -> None:
    x = np.random.default_rng(seed).integers(-20, 20, 200).astype(float)
    assert one(LempelZiv(), x * factor) == one(LempelZiv(), x + shift) == one(LempelZiv(), x)


@pytest.mark.parametrize("threshold", ["median", "mean"])
def test_single_precision__as_the_same_numbers_in_double(threshold: str) -> None:
    x = pink(3000).astype(np.float32)
    assert one(LempelZiv(threshold), x) == one(LempelZiv(threshold), x.astype(np.float64))


@pytest.mark.parametrize("threshold", ["median", "mean"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_value__nan(threshold: str, dtype: str) -> None:
    x = pink(300).astype(dtype)
    x[40] = np.nan
    for epoch in (x, np.full(300, 0.1, dtype), x[:1], x[:0]):
        assert np.isnan(one(LempelZiv(threshold), epoch)).all()


def test_parameters_and_columns() -> None:
    with pytest.raises(ParameterError, match="threshold"):
        LempelZiv("mode")
    (output,) = LempelZiv("mean").outputs
    assert (output.name, output.units) == ("lempel_ziv", "1")
    assert "x > mean, as c log2(n) / n" in output.definition
    assert one(LempelZiv(), LIKE_EEG)[0] == one(LempelZiv(normalised=False), LIKE_EEG)[0] * (math.log2(400) / 400)
