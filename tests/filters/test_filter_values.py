"""Values against SciPy and MNE on whole nights, and against frozen numbers; edges, offsets, gaps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from clocked import MS, START
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

import sleepdask as sd
from sleepdask.filters.base import CUT, ZeroPhase, half_of, transform_of
from sleepdask.filters.fir import FirBand, FirNotch, Trend, whole
from sleepdask.filters.iir import Butterworth, IirNotch
from sleepdask.filters.operations import filtered

TOLERANCE = 1e-6  # of the signal's standard deviation: what the documentation states


def night_of(samples: Any, rate: float = 100) -> Any:
    return sd.recording_from_arrays({"C3": samples}, rate=rate)


def made(samples: Any, design: ZeroPhase, rate: float = 100) -> NDArray[Any]:
    recording = filtered(night_of(samples, rate), design)
    (node,) = recording.children.values()
    values: NDArray[Any] = node["signal"].values[0]
    return values


def both(side: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([side[:0:-1], side])


def night(hours: float = 1.0, rate: int = 100, offset: float = 3000.0) -> NDArray[Any]:
    """Brown and white noise with an offset of 3 mV, in uV."""
    random = np.random.default_rng(3)
    size = int(hours * 3600 * rate)
    slow = signal.lfilter([1], [1, -0.99], random.normal(size=size))
    return offset + 5 * slow + 3 * random.normal(size=size)


@pytest.mark.parametrize(("low", "high"), [(0.3, 35.0), (0.5, None), (None, 30.0), (12.0, 15.0), (0.1, 40.0)])
@pytest.mark.parametrize("rate", [100, 128.5, 256])
def test_fir_is_that_of_mne(low: float | None, high: float | None, rate: float) -> None:
    mne = pytest.importorskip("mne")
    expected = mne.filter.create_filter(None, rate, low, high, verbose="error")
    ours = both(FirBand(low, high).response(rate))
    zeros = (len(expected) - len(ours)) // 2  # its length is rounded up
    np.testing.assert_allclose(np.pad(ours, zeros), expected, rtol=0, atol=1e-15)
    samples = night(0.05)
    theirs = mne.filter.filter_data(samples, 100, low, high, verbose="error")
    inner = slice(2000, -2000)  # its signal goes on as zeros, ours as its reflection, beyond what one gives
    scale = TOLERANCE * samples.std()
    np.testing.assert_allclose(made(samples, FirBand(low, high))[inner], theirs[inner], rtol=0, atol=scale)


def test_fir_notch_is_that_of_mne() -> None:
    mne = pytest.importorskip("mne")
    random = np.random.default_rng(1).normal(size=20_000)
    theirs = mne.filter.notch_filter(random, 256, [50, 100], verbose="error")
    ours = made(random, FirNotch((50.0, 100.0)), 256)
    np.testing.assert_allclose(ours[2000:-2000], theirs[2000:-2000], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("design", "rate"),
    [
        (Butterworth(0.3, 35.0), 100), (Butterworth(0.5, None, 2), 100), (Butterworth(None, 30.0, 6), 100),
        (Butterworth(12.0, 15.0, 3), 256), (Butterworth(0.1, None, 1), 64), (IirNotch((50.0, 100.0)), 256),
    ],
)  # fmt: skip
def test_iir_is_that_of_sosfiltfilt_over_the_whole_night(design: ZeroPhase, rate: int) -> None:
    samples = night(rate=rate)
    half = half_of(design, Fraction(rate))
    if isinstance(design, Butterworth):
        edges = [edge for edge in (design.low, design.high) if edge is not None]
        kind = "bandpass" if len(edges) == 2 else "highpass" if design.low else "lowpass"
        sections = signal.butter(design.order, edges if len(edges) == 2 else edges[0], kind, fs=rate, output="sos")
    else:
        assert isinstance(design, IirNotch)
        each = [signal.tf2sos(*signal.iirnotch(f, design.quality, rate)) for f in design.frequencies]
        sections = np.concatenate(each)
    expected = signal.sosfiltfilt(sections, samples, padtype="odd", padlen=half)
    scale = TOLERANCE * samples.std()
    ours = made(samples, design, rate)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=scale)


@pytest.mark.parametrize("design", [FirBand(0.3, 35.0), FirNotch((20.0, 40.0)), Trend(30.0), Butterworth(1.0, 30.0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_convolution_is_that_of_the_padded_whole(design: ZeroPhase, dtype: str) -> None:
    samples = night().astype(dtype)
    side = design.response(100.0)
    half = len(side) - 1
    exact = samples.astype(np.float64)
    begin, end = 2 * exact[0] - exact[half:0:-1], 2 * exact[-1] - exact[-2 : -half - 2 : -1]
    expected = signal.oaconvolve(np.concatenate([begin, exact, end]), both(side), "valid")
    ours = made(samples, design)
    assert ours.dtype == dtype
    tolerance = 1e-9 if dtype == "float64" else 1e-7 * np.abs(expected).max() / exact.std()
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance * exact.std())


def test_frozen_values() -> None:
    """Made with SciPy 1.17 (oaconvolve of a firwin design; sosfiltfilt of a butter design) on the odd-padded signal."""
    samples = np.sin(np.arange(8000) ** 1.3 / 50) * 50 + 300
    at = [0, 1, 100, 4000, 7998, 7999]
    np.testing.assert_allclose(made(samples, FirBand(0.5, 30.0))[at], FROZEN["fir"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(made(samples, Butterworth(0.5, 30.0, 2))[at], FROZEN["iir"], rtol=0, atol=1e-6)


FROZEN = {
    "fir": [0.0, 1.0012153250437945, 48.90380259282323, 47.999887130360705, 12.838167300730115, 0.0],
    "iir": [0.0, 0.818352421876547, 48.84262503839627, 48.01077326500308, 13.063310343106522, 0.0],
}


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([FirBand(1.0, 30.0), Butterworth(2.0, 20.0), FirNotch((25.0,)), Trend(5.0)]),
    st.integers(1700, 4000), st.floats(-1e4, 1e4), st.floats(0.01, 100),
)  # fmt: skip
def test_shift_and_scale(design: ZeroPhase, size: int, offset: float, scale: float) -> None:
    samples = np.random.default_rng(0).normal(size=size)
    gain = whole(design.response(100.0))
    expected = made(samples, design) * scale + offset * gain
    found = made(samples * scale + offset, design)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * (abs(offset) + scale))


@pytest.mark.parametrize("design", [FirBand(0.5, 30.0), FirBand(0.5, None), Butterworth(0.5, 30.0), Trend(10.0)])
def test_a_constant_and_a_line_leave_nothing_up_to_both_ends(design: ZeroPhase) -> None:
    line = 4000.0 + 0.5 * np.arange(9000)
    assert np.abs(made(line, design)).max() <= 2 * CUT * np.abs(line).max()
    assert np.abs(made(np.full(9000, 3000.0), design)).max() <= 2 * CUT * 3000


@pytest.mark.parametrize("design", [FirBand(None, 30.0), Butterworth(None, 30.0), FirNotch((25.0,)), IirNotch((25.0,))])
def test_a_line_goes_through_unchanged_up_to_both_ends(design: ZeroPhase) -> None:
    line = 4000.0 + 0.5 * np.arange(9000)
    np.testing.assert_allclose(made(line, design), line, rtol=2 * CUT)


def test_no_shift_in_time() -> None:
    seconds = np.arange(20_000) / 100
    wave = np.sin(2 * np.pi * 10 * seconds)
    for design in (FirBand(1.0, 30.0), Butterworth(1.0, 30.0)):
        np.testing.assert_allclose(made(wave, design)[3000:-3000], wave[3000:-3000], rtol=0, atol=4e-3)


def test_gain_at_the_edges() -> None:
    frequencies = 2 * np.pi * np.array([0.5, 30.0]) / 100
    for design, expected in ((Butterworth(0.5, 30.0), 0.5), (FirBand(0.75, 26.25, 0.5, 7.5), 0.5)):
        side = design.response(100.0)
        gain = side[0] + 2 * np.cos(np.outer(frequencies, np.arange(1, len(side)))) @ side[1:]
        np.testing.assert_allclose(gain, expected, atol=5e-3)


def test_integers_are_computed_in_float64() -> None:
    samples = (night(0.02) * 10).astype(np.int16)
    ours = made(samples, FirBand(1.0, 30.0))
    assert ours.dtype == np.float64
    np.testing.assert_array_equal(ours, made(samples.astype(np.float64), FirBand(1.0, 30.0)))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_missing_at_the_very_ends(odd: float) -> None:
    samples = night(0.02)
    design = FirBand(5.0, 30.0)
    half = transform_of(design, Fraction(100)).half
    for at in (0, 10, len(samples) - 11, len(samples) - 1):
        changed = samples.copy()
        changed[at] = odd
        ours = made(changed, design)
        expected = np.abs(np.arange(len(samples)) - at) <= half
        np.testing.assert_array_equal(np.isnan(ours), expected)


def test_a_run_not_longer_than_half_of_the_response__nan() -> None:
    from clocked import node, recording

    from sleepdask.signals.clock import Clock

    clock = Clock.segmented([(START, 165), (START + 10_000 * MS, 166)], 10 * MS)
    lazy = sd.filters.bandpass(recording({"x": node(np.ones((1, 331)), clock, ["C3"])}), 1, 35)
    values = lazy["x/signal"].values[0]
    assert np.isnan(values[:165]).all()
    assert np.isfinite(values[165:]).all()
    assert lazy.attrs["filter_notes"] == [
        "x: 1 of 2 stretches without a gap are not longer than the 1.65 s that the filter needs on either side:"
        " no values there"
    ]


def test_a_real_night_deviates_less_than_stated(real_night: Any) -> None:
    recording = sd.open_recording(real_night, chunks=None, dtype="float64")
    half = half_of(Butterworth(0.3, 35.0), Fraction(100))
    part = slice(0, 2_000_000)
    raw = recording["100Hz/signal"][:1, part].values[0]
    sections = signal.butter(4, [0.3, 35.0], "bandpass", fs=100, output="sos")
    expected = signal.sosfiltfilt(sections, raw, padtype="odd", padlen=half)
    short = sd.recording_from_arrays({"C3": raw}, rate=100)
    ours = sd.filters.bandpass(short, 0.3, 35, method="iir")["100Hz/signal"].values[0]
    assert np.abs(ours - expected).max() < TOLERANCE * raw.std()
    lazy = sd.filters.bandpass(recording, 0.3, 35, method="iir")["100Hz/signal"]
    inner = slice(1_000_000, 1_010_000)
    np.testing.assert_array_equal(lazy[0, inner].values, ours[inner])
