"""Quality features against plain NumPy, and against what is planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from sleepdask.errors import ParameterError
from sleepdask.features import parse_features
from sleepdask.features.base import Feature, Sampling
from sleepdask.features.quality import Amplitude, Clipping, FlatLine, LineNoise

RATE = 100.0
KINDS = ["float32", "float64"]


def one(feature: Feature, x: np.ndarray, rate: float = RATE) -> np.ndarray:
    return feature.compute(x[np.newaxis], np.array([0]), np.array([x.size]), Sampling(rate, x.size))[0, 0]


def noise(size: int = 3000, seed: int = 0) -> np.ndarray:
    return 20 * np.random.default_rng(seed).standard_normal(size)


def plain_flat(x: np.ndarray, shortest: int, tolerance: float) -> list[float]:
    """Mark every window of `shortest` samples with a small enough range, and search the longest stretch."""
    marked = np.zeros(x.size, bool)
    longest = 0
    for i in range(x.size - shortest + 1):
        for j in range(i + shortest, x.size + 1):
            if not np.ptp(x[i:j]) <= tolerance:
                break
            marked[i:j] = True
            longest = max(longest, j - i)
    return [marked.sum(), longest]


@pytest.mark.parametrize("dtype", KINDS)
@given(
    x=st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0, np.nan, np.inf]), min_size=1, max_size=60),
    shortest=st.integers(2, 7),
    tolerance=st.sampled_from([0.0, 1.0, 2.0]),
)
def test_flat__like_its_definition(dtype: str, x: list[float], shortest: int, tolerance: float) -> None:
    row = np.array(x, dtype)
    finite = int(np.isfinite(row).sum())
    got = one(FlatLine(duration=shortest, tolerance=tolerance), row, rate=1.0)
    with np.errstate(invalid="ignore"):
        count, longest = plain_flat(np.where(np.isinf(row), np.nan, row), shortest, tolerance)
    expected = [count / finite, longest] if finite >= shortest else [np.nan, np.nan]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("seconds", [5, 7.5, 30])
@pytest.mark.parametrize("begin", [0, 0.13, 4.99])
def test_flat__planted_stretch_is_found_to_the_sample(dtype: str, seconds: float, begin: float) -> None:
    x = noise().astype(dtype)
    a = round(begin * RATE)
    b = min(a + round(seconds * RATE), x.size)
    x[a:b] = x[a]
    fraction, longest = one(FlatLine(), x)
    assert fraction == (b - a) / x.size if b - a >= 500 else fraction == 0
    assert longest == (b - a) / RATE if b - a >= 500 else longest == 0


def test_flat__short_stretches_and_noise_are_none() -> None:
    x = noise()
    assert one(FlatLine(), x).tolist() == [0, 0]
    x[100:599] = 3
    assert one(FlatLine(), x).tolist() == [0, 0]
    x[599] = 3
    assert one(FlatLine(), x).tolist() == [500 / 3000, 5]


def test_flat__noisy_lead_with_a_tolerance() -> None:
    x = noise()
    x[1000:2000] = 7 + np.random.default_rng(1).integers(-1, 2, 1000) * 0.1
    assert one(FlatLine(), x)[0] == 0
    fraction, longest = one(FlatLine(tolerance=0.21), x)
    assert fraction == pytest.approx(1 / 3, abs=2 / 3000)
    assert longest == pytest.approx(10, abs=0.02)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("feature", [FlatLine(), Clipping(), Amplitude(), LineNoise(lines=(40,))])
def test_constant_epoch(dtype: str, feature: Feature) -> None:
    got = one(feature, np.full(3000, 0.1, dtype)).tolist()
    expected = {"flat": [1, 30], "clipping": [np.nan], "amplitude": [0, 0], "line_noise": [np.nan, np.nan]}
    np.testing.assert_array_equal(got, expected[feature.name])


@pytest.mark.parametrize("feature", [FlatLine(), Clipping(), Amplitude(), LineNoise(lines=(40,))])
@pytest.mark.parametrize("x", [[], [np.nan] * 600, [np.inf] * 600])
def test_nothing_finite__nan(feature: Feature, x: list[float]) -> None:
    assert np.isnan(one(feature, np.array(x))).all()


def plain_clipped(x: np.ndarray, run: int) -> float:
    x = np.where(np.isinf(x), np.nan, x)
    finite = x[np.isfinite(x)]
    if not finite.size or finite.min() == finite.max():
        return np.nan
    count = 0
    for edge in (finite.min(), finite.max()):
        runs = np.split(x == edge, np.flatnonzero(np.diff(x == edge)) + 1)
        count += sum(part.size for part in runs if part[0] and part.size >= run)
    return count / finite.size


@pytest.mark.parametrize("dtype", KINDS)
@given(x=st.lists(st.sampled_from([-1.0, 0.0, 1.0, np.nan, np.inf]), min_size=1, max_size=150), run=st.integers(2, 5))
def test_clipping__like_its_definition(dtype: str, x: list[float], run: int) -> None:
    row = np.array(x, dtype)
    np.testing.assert_array_equal(one(Clipping(run), row)[0], plain_clipped(row, run))


def test_clipping__sine_that_is_cut_off() -> None:
    t = np.arange(3000) / RATE
    x = 100 * np.sin(2 * np.pi * 0.5 * t)
    assert one(Clipping(), x)[0] == 0
    # Cut at 0.8 of its amplitude it is at its limits for 1 - 2 asin(0.8) / pi of the time.
    assert one(Clipping(), np.clip(x, -80, 80))[0] == pytest.approx(1 - 2 * np.arcsin(0.8) / np.pi, abs=0.01)


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("size", [2, 64, 65, 66, 200, 3000])
@pytest.mark.parametrize("gaps", [False, True])
def test_amplitude__like_numpy(dtype: str, size: int, gaps: bool) -> None:
    x = (1000 + 10 * noise(size)).astype(dtype)
    if gaps and size > 10:
        x[[0, 7, 8, 30, -1]] = [np.nan, np.inf, np.nan, -np.inf, np.nan]
    wide = x.astype(np.float64)
    finite = wide[np.isfinite(wide)]
    steps = np.abs(np.diff(np.where(np.isinf(wide), np.nan, wide)))
    got = one(Amplitude(limit=150), x)
    # Medians of float32 samples are exact to their own precision.
    assert got[0] == pytest.approx(np.mean(np.abs(finite - np.median(finite)) > 150), abs=1e-12)
    assert got[1] == np.nanmax(steps)


def test_amplitude__one_sample_has_no_jump() -> None:
    assert one(Amplitude(), np.array([5.0]))[0] == 0
    assert np.isnan(one(Amplitude(), np.array([5.0]))[1])
    assert np.isnan(one(Amplitude(), np.array([5.0, np.nan, 6.0]))[1])


@given(shift=st.integers(-1000, 1000), power=st.integers(-3, 6))
def test_shift_and_scale(shift: int, power: int) -> None:
    x = np.round(noise(600))
    x[50:80] = x.max()
    scale = 2.0**power
    moved = x * scale + shift
    np.testing.assert_array_equal(one(Clipping(), moved), one(Clipping(), x))
    np.testing.assert_array_equal(one(FlatLine(0.2), moved), one(FlatLine(0.2), x))
    np.testing.assert_array_equal(one(Amplitude(40 * scale), moved), one(Amplitude(40), x) * [1, scale])
    np.testing.assert_allclose(one(LineNoise(lines=(30,)), moved), one(LineNoise(lines=(30,)), x), rtol=1e-6)


def plain_line(x: np.ndarray, rate: float, line: float) -> list[float]:
    f, p = signal.welch(x, rate, "hann", nperseg=int(4 * rate))
    away = np.abs(f - line)
    near, around = p[away <= 1], p[(away > 1) & (away <= 5)]
    return [near.mean() / around.mean(), max(near.sum() - near.size * around.mean(), 0) / p[f >= 0.5].sum()]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize(("rate", "lines"), [(256.0, (50, 60)), (200.0, (50, 60)), (128.0, (50, 60)), (512.0, (50,))])
def test_line_noise__like_scipy(dtype: str, tolerance: float, rate: float, lines: tuple[float, ...]) -> None:
    t = np.arange(int(30 * rate)) / rate
    x = noise(t.size) + 15 * np.sin(2 * np.pi * 50 * t)
    got = one(LineNoise(lines=lines), x.astype(dtype), rate)
    expected = [value for line in lines for value in plain_line(x, rate, line)]
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# scipy.signal.welch(x, 200, "hann", nperseg=800) of the signal below, and the definition of both outputs.
LINE = (37.52596121777, 0.4802785304272)


def test_line_noise__frozen() -> None:
    state, x = 1, []
    for i in range(6000):
        state = (1103515245 * state + 12345) % 2**31
        x.append((state >> 16) % 201 - 100 + (80, 0, -80, 0)[i % 4])
    np.testing.assert_allclose(one(LineNoise(lines=(50,)), np.array(x, float), 200.0), LINE, rtol=1e-9)


def test_line_noise__share_of_a_known_line() -> None:
    t = np.arange(6000) / 200
    for amplitude in (0.0, 5.0, 20.0, 80.0):
        x = noise(t.size) + amplitude * np.sin(2 * np.pi * 50 * t)
        ratio, share, other, _ = one(LineNoise(), x, 200.0)
        assert share == pytest.approx(amplitude**2 / 2 / (amplitude**2 / 2 + 400), abs=0.02)
        assert 0.5 < other < 2
        assert ratio > 10 if amplitude > 10 else ratio < 10


def test_line_noise__beyond_half_the_rate() -> None:
    assert LineNoise().minimal_rate == 102
    got = one(LineNoise(), noise(), 110.0)
    assert np.isfinite(got[:2]).all()
    assert np.isnan(got[2:]).all()


def test_line_noise__gap_leaves_segments_out() -> None:
    x = noise(6000)
    x[900] = np.nan
    assert np.isfinite(one(LineNoise(), x, 200.0)).all()
    assert np.isnan(one(LineNoise(), x[200:1500], 200.0)).all()


def test_from_text() -> None:
    made = parse_features("flat:duration=2:tolerance=0.5,clipping:run=4,amplitude:limit=300,line_noise:lines=60")
    assert made == (FlatLine(2, 0.5), Clipping(4), Amplitude(300), LineNoise((60,)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: FlatLine(duration=0), "duration"),
        (lambda: FlatLine(tolerance=-1), "tolerance"),
        (lambda: FlatLine(tolerance=np.nan), "tolerance"),
        (lambda: Clipping(run=1), "run"),
        (lambda: Clipping(run=True), "run"),
        (lambda: Amplitude(limit=np.inf), "limit"),
        (lambda: LineNoise(lines=()), "no line"),
        (lambda: LineNoise(lines=(50, 50)), "lines"),
        (lambda: LineNoise(lines=(5,)), "lines"),
        (lambda: LineNoise(width=0.1), "narrower"),
        (lambda: LineNoise(width=5), "narrower"),
        (lambda: LineNoise(segment=0), "segment"),
    ],
)
def test_bad_parameters(make: object, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make()
