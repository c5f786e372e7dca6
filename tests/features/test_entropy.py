"""Entropies against their definitions, antropy, and what was published."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waveforms import LIKE_EEG, WAVEFORMS, congruential, one, pink

from sleepdask.errors import ParameterError
from sleepdask.features import ApproximateEntropy, MultiscaleEntropy, PermutationEntropy, SampleEntropy
from sleepdask.features.entropy import MOST_SAMPLES
from sleepdask.features.kernels.matches import MOST

every_waveform = pytest.mark.parametrize("x", WAVEFORMS.values(), ids=WAVEFORMS)
ALL = [PermutationEntropy(), SampleEntropy(), ApproximateEntropy(), MultiscaleEntropy(scales=(1, 3))]
FROZEN = (0.9962346261016191, 0.9651610299423702, 1.6385287141991023, 1.2706876189971341)
every_entropy = pytest.mark.parametrize("feature", ALL, ids=lambda feature: feature.name)


def templates(x: np.ndarray, length: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, length)


def distances(x: np.ndarray) -> np.ndarray:
    return np.abs(x[:, np.newaxis] - x[np.newaxis]).max(axis=-1)


def sample_entropy(x: np.ndarray, length: int, r: float) -> float:
    """All pairs, counted one by one."""
    count = x.size - length
    shorter = int((distances(templates(x, length)[:count]) < r).sum()) - count
    longer = int((distances(templates(x, length + 1)) < r).sum()) - count
    return math.log(shorter / longer) if longer else math.nan


def approximate_entropy(x: np.ndarray, length: int, r: float) -> float:
    def phi(m: int) -> float:
        return float(np.mean(np.log((distances(templates(x, m)) <= r).mean(axis=0))))

    return phi(length) - phi(length + 1)


# --- permutation entropy --------------------------------------------------------------------------------


def permutation_entropy(x: np.ndarray, order: int, delay: int) -> float:
    count = x.size - (order - 1) * delay
    orders = Counter(tuple(np.argsort(x[j : j + order * delay : delay], kind="stable")) for j in range(count))
    return -sum(n / count * math.log2(n / count) for n in orders.values())


@every_waveform
@pytest.mark.parametrize("order", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("delay", [1, 3])
def test_permutation_entropy__like_antropy(x: np.ndarray, order: int, delay: int) -> None:
    antropy = pytest.importorskip("antropy")
    (value,) = one(PermutationEntropy(order, delay), x)
    assert value == pytest.approx(antropy.perm_entropy(x, order, delay, normalize=True), rel=1e-12, abs=1e-14)


@settings(max_examples=100, deadline=None)
@given(x=st.lists(st.integers(-3, 3), min_size=2, max_size=40), order=st.integers(2, 6), delay=st.integers(1, 4))
def test_permutation_entropy__as_defined(x: list[int], order: int, delay: int) -> None:
    values = np.array(x, float)
    (got,) = one(PermutationEntropy(order, delay, normalised=False), values)
    if values.size <= (order - 1) * delay or np.ptp(values) == 0:
        assert np.isnan(got)
    else:
        assert got == pytest.approx(permutation_entropy(values, order, delay), abs=1e-12)


def test_permutation_entropy__of_its_source() -> None:
    # Bandt & Pompe 2002: 0.918 and 1.522 bit.
    x = np.array([4.0, 7, 9, 10, 6, 11, 3])
    assert one(PermutationEntropy(2, normalised=False), x)[0] == pytest.approx(0.918, abs=5e-4)
    assert one(PermutationEntropy(3, normalised=False), x)[0] == pytest.approx(1.522, abs=5e-4)


def test_permutation_entropy__extremes() -> None:
    assert one(PermutationEntropy(), np.arange(50.0))[0] == 0
    noise = congruential(5000)
    assert 0.999 < one(PermutationEntropy(), noise)[0] <= 1
    assert one(PermutationEntropy(normalised=False), noise)[0] == pytest.approx(math.log2(6), rel=1e-3)


# --- templates that match -------------------------------------------------------------------------------


@every_waveform
def test_sample_entropy__like_antropy(x: np.ndarray) -> None:
    antropy = pytest.importorskip("antropy")
    expected = antropy.sample_entropy(x)
    assert one(SampleEntropy(), x)[0] == pytest.approx(
        expected if np.isfinite(expected) else np.nan, rel=1e-12, nan_ok=True
    )
    expected = antropy.sample_entropy(x, 3, 0.5 * float(np.std(x)))
    assert one(SampleEntropy(3, 0.5), x)[0] == pytest.approx(expected, rel=1e-12)


@every_waveform
def test_approximate_entropy__like_antropy(x: np.ndarray) -> None:
    antropy = pytest.importorskip("antropy")
    assert one(ApproximateEntropy(), x)[0] == pytest.approx(antropy.app_entropy(x), rel=1e-9, abs=1e-11)
    expected = antropy.app_entropy(x, 3, 0.5 * float(np.std(x)))
    assert one(ApproximateEntropy(3, 0.5), x)[0] == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("name", ["walk", "quantised", "few levels", "spiky", "short"])
@pytest.mark.parametrize("length", [1, 2, 3])
def test_sample_entropy__same_counts_as_all_pairs(name: str, length: int) -> None:
    x = WAVEFORMS[name][:900]
    assert one(SampleEntropy(length), x)[0] == sample_entropy(x, length, 0.2 * x.std())


@settings(max_examples=150, deadline=None)
@given(
    x=st.lists(st.integers(-4, 4) | st.integers(-400, 400).map(lambda n: n / 100), min_size=2, max_size=60),
    length=st.integers(1, 4),
    tolerance=st.sampled_from([0.05, 0.21, 0.61, 2.3]),
)
def test_matches__same_counts_as_all_pairs(x: list[float], length: int, tolerance: float) -> None:
    values = np.array(x, float)
    (sample,) = one(SampleEntropy(length, tolerance), values)
    (approximate,) = one(ApproximateEntropy(length, tolerance), values)
    if np.ptp(values) == 0:
        assert np.isnan([sample, approximate]).all()
        return
    r = tolerance * values.std()
    if values.size > length + 1:
        np.testing.assert_equal(sample, sample_entropy(values, length, r))
    else:
        assert np.isnan(sample)
    if values.size > length and (distances(templates(values, length + 1)) <= r).sum() > values.size - length:
        assert approximate == pytest.approx(approximate_entropy(values, length, r), abs=1e-12)
    else:
        assert np.isnan(approximate)


def test_matches__exactly_as_far_as_the_tolerance() -> None:
    # Half zeros, half ones: a standard deviation of 0.5, so that r = 1 is the distance of a zero from a one.
    x = np.array([0.0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0] * 3)
    assert one(SampleEntropy(2, 2.0), x)[0] == sample_entropy(x, 2, 1.0) > 0
    assert one(ApproximateEntropy(2, 2.0), x)[0] == pytest.approx(0, abs=1e-14)
    assert one(SampleEntropy(2, 2.001), x)[0] == 0


def test_approximate_entropy__of_its_example() -> None:
    # The heart rates 85, 80, 89 over and over, m = 2, r = 3: a widely used example, which is given without its sign.
    x = np.tile([85.0, 80.0, 89.0], 17)
    assert one(ApproximateEntropy(2, 3 / x.std()), x)[0] == pytest.approx(-1.0996541105257052e-05, rel=1e-8)


def test_sample_entropy__by_hand() -> None:
    # Of 1 2 1 2 1 3 the templates 12, 21, 12, 21 make two pairs; with one more sample 121, 212, 121, 213 make one.
    x = np.array([1.0, 2, 1, 2, 1, 3])
    assert one(SampleEntropy(), x)[0] == math.log(2)


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_multiscale_entropy__of_white_noise(scale: int) -> None:
    # Means of s samples have a standard deviation of 1 / sqrt(s): -ln P(|a - b| < 0.15), a - b twice that variance.
    x = np.random.default_rng(0).standard_normal(20_000)
    expected = -math.log(math.erf(0.15 * math.sqrt(scale) / 2))
    assert one(MultiscaleEntropy(scales=(scale,)), x)[0] == pytest.approx(expected, abs=0.05)


def test_multiscale_entropy__of_pink_noise_stays_where_it_is() -> None:
    # Costa 2002: that of white noise falls with the scale, that of 1/f noise does not.
    values = one(MultiscaleEntropy(scales=(1, 10)), pink(30_000))
    assert values[1] == pytest.approx(values[0], abs=0.15)


def test_multiscale_entropy__sample_entropy_of_means() -> None:
    x = WAVEFORMS["pink"][:1001]
    coarse = x[:999].reshape(-1, 3).mean(axis=1)
    first, third = one(MultiscaleEntropy(3, 0.3, (1, 3)), x)
    assert first == one(SampleEntropy(3, 0.3), x)[0]
    assert third == sample_entropy(coarse, 3, 0.3 * x.std())
    assert np.isnan(one(MultiscaleEntropy(scales=(600,)), x)[0])


# --- frozen ---------------------------------------------------------------------------------------------


def test_frozen_values() -> None:
    """By antropy 0.2.3 of the same numbers (perm_entropy normalised; its own defaults otherwise)."""
    assert one(PermutationEntropy(), LIKE_EEG)[0] == pytest.approx(FROZEN[0], rel=1e-12)
    assert one(PermutationEntropy(5, 2), LIKE_EEG)[0] == pytest.approx(FROZEN[1], rel=1e-12)
    assert one(SampleEntropy(), LIKE_EEG)[0] == pytest.approx(FROZEN[2], rel=1e-12)
    assert one(ApproximateEntropy(), LIKE_EEG)[0] == pytest.approx(FROZEN[3], rel=1e-10)


# --- what they do not depend on -------------------------------------------------------------------------


@every_entropy
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.sampled_from([0.25, 2.0, 1024.0]), shift=st.integers(-1000, 1000))
def test_scale_and_shift__same(feature: object, seed: int, factor: float, shift: int) -> None:
    x = np.random.default_rng(seed).integers(-20, 20, 200).astype(float)
    np.testing.assert_array_equal(one(feature, x * factor), one(feature, x))
    np.testing.assert_array_equal(one(feature, x + shift), one(feature, x))


@pytest.mark.parametrize("feature", [SampleEntropy(), ApproximateEntropy(), MultiscaleEntropy(scales=(1, 3))])
def test_upside_down__same(feature: object) -> None:
    np.testing.assert_allclose(one(feature, -LIKE_EEG), one(feature, LIKE_EEG), rtol=1e-12)


@every_entropy
def test_single_precision__as_the_same_numbers_in_double(feature: object) -> None:
    x = pink(2000).astype(np.float32)
    np.testing.assert_array_equal(one(feature, x), one(feature, x.astype(np.float64)))


# --- epochs that have no value --------------------------------------------------------------------------


@every_entropy
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 500, -1])
def test_missing_sample__nan(feature: object, dtype: str, missing: float, place: int) -> None:
    x = pink(1000).astype(dtype)
    assert np.isfinite(one(feature, x)).all()
    x[place] = missing
    assert np.isnan(one(feature, x)).all()


@every_entropy
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constant_epoch__nan(feature: object, dtype: str) -> None:
    assert np.isnan(one(feature, np.full(1000, 0.1, dtype))).all()


@every_entropy
@pytest.mark.parametrize("size", [0, 1, 2])
def test_short_epoch__nan(feature: object, size: int) -> None:
    assert np.isnan(one(feature, np.arange(float(size)))).all()


@pytest.mark.parametrize("feature", ALL[1:], ids=lambda feature: feature.name)
@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_squares_beyond_float64__nan(feature: object, size: float) -> None:
    assert np.isnan(one(feature, congruential(500) * size)).all()


def test_no_match__nan() -> None:
    x = np.array([0.0, 100, 1, 57, 3, 200, 12, 150])
    assert np.isnan(one(SampleEntropy(2, 0.01), x)).all()
    assert np.isnan(one(ApproximateEntropy(2, 0.01), x)).all()


# --- bounds, parameters, columns ------------------------------------------------------------------------


@pytest.mark.parametrize("feature", ALL[1:], ids=lambda feature: feature.name)
def test_too_many_samples__refused(feature: object) -> None:
    assert feature.most_samples == MOST_SAMPLES == MOST
    x = np.zeros((1, MOST_SAMPLES + 1), np.float32)
    with pytest.raises(ParameterError, match="at most 65535 samples"):
        one(feature, x[0])
    assert np.isnan(one(feature, x[0, 1:])).all()
    assert feature.lacks(1000, fixed=True, window=65.535) == ""
    assert feature.lacks(1000, fixed=True, window=66) == "epochs of at most 65535 samples"


def test_most_samples__all_ranks_are_used() -> None:
    x = np.arange(float(MOST_SAMPLES))
    x[::7] += 0.25
    # Within r = 0.0001 SD, about 1.9, lie the neighbours of each sample.
    assert one(SampleEntropy(2, 1e-4), x)[0] == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: PermutationEntropy(order=1), "order must be a whole number.*2 to 7"),
        (lambda: PermutationEntropy(order=8), "order"),
        (lambda: PermutationEntropy(order=3.0), "order"),
        (lambda: PermutationEntropy(delay=0), "delay"),
        (lambda: SampleEntropy(length=0), "length"),
        (lambda: SampleEntropy(tolerance=0), "tolerance"),
        (lambda: ApproximateEntropy(tolerance=float("nan")), "tolerance"),
        (lambda: MultiscaleEntropy(scales=()), "scales"),
        (lambda: MultiscaleEntropy(scales=(1, 1)), "scales"),
        (lambda: MultiscaleEntropy(scales=(0,)), "scale must"),
    ],
)
def test_parameters__refused(make: object, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make()


def test_columns_say_what_they_are() -> None:
    (permutation,) = PermutationEntropy(4, 2).outputs
    assert (permutation.name, permutation.units) == ("permutation_entropy", "1")
    assert "order 4, delay 2" in permutation.definition
    assert PermutationEntropy(normalised=False).outputs[0].units == "bit"
    (sample,) = SampleEntropy(3, 0.15).outputs
    assert "m = 3, r = 0.15 SD" in sample.definition
    names = [output.name for output in MultiscaleEntropy(scales=(1, 20)).outputs]
    assert names == ["multiscale_entropy_1", "multiscale_entropy_20"]
