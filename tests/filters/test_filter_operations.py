"""Which channels are filtered, what is left out, what is refused; references and rates."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, cut, node, noise, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.filters.resampling import resampled_clock
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

LABELS = ["C3", "E1", "EMG chin", "ECG", "SpO2", "M1", "M2", "C4", "F3-M2"]


def clock(size: int = 3000, period: int = 10 * MS) -> Clock:
    return Clock.regular(START, size, period)


def whole_night() -> xr.DataTree:
    fast, slow = clock(), clock(600, 50 * MS)
    beats = Timestamps.of(START + np.arange(30) * 1000 * MS + np.arange(30) ** 2)
    return recording(
        {
            "fast": node(noise(fast, len(LABELS)), fast, LABELS),
            "slow": node(noise(slow, 2), slow, ["EEG slow", "Flow"]),
            "beats": node(noise(beats, 1), beats, ["RR"]),
        }
    )


def channels(made: xr.DataTree) -> dict[str, list[str]]:
    return {name: each["channel"].values.tolist() for name, each in made.children.items()}


def changed(made: xr.DataTree, night: xr.DataTree) -> set[str]:
    return {
        str(name)
        for key, each in made.children.items()
        for name in each["channel"].values
        if not np.array_equal(each["signal"].sel(channel=name), night[key]["signal"].sel(channel=name))
    }


def test_electric_types_are_filtered_and_the_others_stay() -> None:
    night = whole_night()
    made = sd.filters.highpass(night, 1)
    assert changed(made, night) == {*LABELS, "EEG slow"} - {"SpO2"}
    assert channels(made) == channels(night)
    assert "filter_notes" not in made.attrs


def test_a_channel_too_slow_for_the_band__left_out_with_a_note() -> None:
    night = whole_night()
    made = sd.filters.bandpass(night, 1, 30)
    assert channels(made) == channels(night) | {"slow": ["Flow"]}
    assert made.attrs["filter_notes"] == [
        "slow: EEG slow left out, as its rate is 20 Hz: no band-pass 1-30 Hz, zero-phase FIR, Hamming-windowed sincs"
    ]
    features = sd.extract(made, sd.features.Statistics(), epoch="10s")
    assert made.attrs["filter_notes"][0] in features.attrs["notes"]
    with pytest.raises(ParameterError, match="EEG slow: its rate is 20 Hz"):
        sd.filters.bandpass(night, 1, 30, channels=["C3", "EEG slow"])
    only = sd.filters.bandpass(night, 1, 30, channels="C3")
    assert changed(only, night) == {"C3"}
    assert channels(only) == channels(night)


def test_types_and_names() -> None:
    night = whole_night()
    assert changed(sd.filters.lowpass(night, 5, types="emg"), night) == {"EMG chin"}
    assert changed(sd.filters.lowpass(night, 5, channels=["e*", "C3"]), night) == {"E1", "EMG chin", "ECG", "C3",
                                                                                   "EEG slow"}  # fmt: skip


def test_no_channel_left__refused() -> None:
    slow = recording({"slow": node(np.zeros((1, 600)), clock(600, 50 * MS), ["C3 EEG"])})
    with pytest.raises(ParameterError, match="no channel is left"):
        sd.filters.bandpass(slow, 1, 30)


def test_samples_at_any_times() -> None:
    night = whole_night()
    with pytest.raises(ParameterError, match="RR: it has no fixed rate"):
        sd.filters.lowpass(night, 0.1, channels="RR")
    made = sd.filters.lowpass(night, 0.1, types="unknown")
    assert "beats" not in made.children
    assert made.attrs["filter_notes"][0].startswith("beats: RR left out, as it has no fixed rate")


def test_a_notch_at_half_the_rate_and_above__the_channel_stays_as_it_is() -> None:
    night = whole_night()
    made = sd.filters.notch(night, 20)
    assert changed(made, night) == {*LABELS} - {"SpO2"}
    (note,) = made.attrs["filter_notes"]
    assert note == "slow: no notch_fir, as its rate is 20 Hz (EEG slow stay as they are)"
    assert made["fast"].attrs["filters"][0]["parameters"]["frequencies"] == [20.0, 40.0]
    assert sd.filters.notch(night, 20, harmonics=1)["fast"].attrs["filters"][0]["parameters"]["frequencies"] == [20.0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda n: sd.filters.bandpass(n, 35, 0.3), "must begin below its end"),
        (lambda n: sd.filters.bandpass(n, 0, 35), "above 0"),
        (lambda n: sd.filters.lowpass(n, float("nan")), "above 0"),
        (lambda n: sd.filters.bandpass(n, 1, 35, method="fri"), "did you mean 'fir'"),
        (lambda n: sd.filters.bandpass(n, 1, 35, order=4), "method 'fir' has no order"),
        (lambda n: sd.filters.bandpass(n, 1, 35, method="iir", low_transition=1), "method 'iir' has no transition"),
        (lambda n: sd.filters.bandpass(n, 1, 35, method="iir", order=0), "an order is 1 to 12"),
        (lambda n: sd.filters.highpass(n, 1, transition=2), "would end below 0 Hz"),
        (lambda n: sd.filters.notch(n, 50, quality=3), "method 'fir' has no quality"),
        (lambda n: sd.filters.notch(n, 50, width=2, method="iir"), "method 'iir' has no width"),
        (lambda n: sd.filters.notch(n, 0.5), "below 0 Hz"),
        (lambda n: sd.filters.notch(n, 10, width=10), "two stop bands overlap"),
        (lambda n: sd.filters.notch(n, 10, harmonics=0), "at least 1"),
        (lambda n: sd.filters.detrend(n, 0), "above 0"),
        (lambda n: sd.filters.highpass(n, 1, channels="C9"), "no channel matches 'C9'"),
        (lambda n: sd.filters.highpass(n, 1, types="egg"), "unknown signal type"),
        (lambda n: sd.filters.highpass(n, 1, types="light"), "no channel is of type light"),
        (lambda n: sd.filters.highpass(n, 1, types="eeg", channels="C3"), "both channels and types"),
        (lambda n: sd.filters.highpass(n, 1e-6, method="iir"), "too long for this rate"),
        (lambda n: sd.filters.highpass(n, 1e-6), "too long for this rate"),
        (lambda n: sd.filters.resample(n, 0), "rate must be above 0"),
        (lambda n: sd.filters.resample(n, 10, channels="RR"), "no fixed rate"),
        (lambda n: sd.filters.rereference(n, ["M1", "M3"]), "there is no reference 'M3'"),
        (lambda n: sd.filters.rereference(n, ["M1", "M1"]), "this is no reference"),
        (lambda n: sd.filters.rereference(n, "RR"), "no channel can be given this reference"),
        (lambda n: sd.filters.rereference(n, "M1", channels="F3-M2"), "no channel can be given this reference"),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        call(whole_night())


def test_reference_by_name() -> None:
    night = whole_night()
    made = sd.filters.rereference(night, ["M1", "M2"])
    raw, new = night["fast/signal"].values, made["fast/signal"].values
    mean = (raw[5] + raw[6]) / 2
    for row, label in enumerate(LABELS):
        expected = raw[row] - mean if label in ("C3", "C4", "E1") else raw[row]
        np.testing.assert_allclose(new[row], expected, rtol=1e-12)
    assert channels(made) == channels(night)
    assert made["fast"]["derived"].values.tolist() == [
        f"{label} - (M1 + M2) / 2" if label in ("C3", "C4", "E1") else "" for label in LABELS
    ]
    assert made["fast"]["signal_type"].values.tolist() == night["fast"]["signal_type"].values.tolist()
    assert made["fast"].attrs["filters"] == [
        {
            "name": "rereference",
            "parameters": {"to": ["M1", "M2"]},
            "definition": "sample - the mean of M1, M2",
            "channels": ["C3", "E1", "C4"],
        }
    ]
    notes = made.attrs["filter_notes"]
    assert notes[0] == "fast: F3-M2 stay as they are, as they are differences already"
    assert notes[1].startswith("channel EEG slow: EEG slow, M1, M2 are on different nodes")


def test_average_reference() -> None:
    night = whole_night()
    made = sd.filters.rereference(night)
    raw, new = night["fast/signal"].values, made["fast/signal"].values
    eeg = [0, 5, 6, 7]
    np.testing.assert_allclose(new[eeg], raw[eeg] - raw[eeg].mean(0), rtol=0, atol=1e-12)
    assert changed(made, night) == {"C3", "M1", "M2", "C4"}
    assert any(
        "EEG slow stays as it is, as there is nothing to average it with" in n for n in made.attrs["filter_notes"]
    )


@pytest.mark.parametrize(
    ("label", "is_one"),
    [("C3", False), ("EEG C3-REF", False), ("EEG C3-Ref1", False), ("EEG C3", False), ("C3-M2", True),
     ("EEG Fpz-Cz", True), ("F3:M2", True), ("C3/A2", True)],
)  # fmt: skip
def test_labels_of_differences(label: str, is_one: bool) -> None:
    night = recording({"x": node(noise(clock(), 2), clock(), [label, "M2"])})
    if is_one:
        with pytest.raises(ParameterError, match="differences already"):
            sd.filters.rereference(night, "M2")
    else:
        assert changed(sd.filters.rereference(night, "M2"), night) == {label}


def test_derived_channels_keep_their_reference() -> None:
    night = recording({"x": node(noise(clock(), 3), clock(), ["C3", "C4", "M2"])})
    derived = sd.derive_channels(night, {"left": ("C3", "M2")})
    made = sd.filters.rereference(derived, "M2", channels=["left", "C4"])
    assert changed(made, derived) == {"C4"}


def test_reference_on_chunks_and_selections__same_bits() -> None:
    night = whole_night()
    expected = sd.filters.rereference(night)["fast/signal"].values
    chunked = sd.filters.rereference(cut(night, {"time": 700, "channel": 2}))["fast/signal"]
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(chunked.values, expected)
    np.testing.assert_array_equal(sd.filters.rereference(night)["fast/signal"][7, 100:200].values, expected[7, 100:200])


@pytest.mark.parametrize(("old", "new"), [(256, 100), (100, 256), (200, 100), (100, 12.8), (128, 1)])
def test_resampled_values_are_those_of_the_polyphase_filter(old: float, new: float) -> None:
    samples = np.random.default_rng(0).normal(size=20_000)
    night = sd.recording_from_arrays({"C3": samples}, rate=old)
    made = sd.filters.resample(night, new)
    (name, found), *others = made.children.items()
    assert name == f"{new:g}Hz"
    assert not others
    ratio = Fraction(str(new)) / Fraction(str(old))
    expected = signal.resample_poly(samples, ratio.numerator, ratio.denominator)
    size = found.sizes["time"]
    assert size == int(19_999 * ratio) + 1
    inner = slice(int(20 * max(ratio, 1)) + 1, -int(20 * max(ratio, 1)) - 1)
    # its weights are divided by the sum over all phases, ours by that of each
    np.testing.assert_allclose(found["signal"].values[0][inner], expected[:size][inner], rtol=0, atol=2e-2)
    assert np.isfinite(found["signal"].values).all()
    assert clock_of(found.to_dataset()).rate == Fraction(str(new))


def test_only_what_is_meant_gets_the_rate() -> None:
    night = whole_night()
    made = sd.filters.resample(night, 20)
    assert channels(made) == {
        "fast": ["SpO2"], "slow": ["EEG slow", "Flow"], "beats": ["RR"],
        "20Hz": [each for each in LABELS if each != "SpO2"],
    }  # fmt: skip
    assert made["20Hz"].attrs["filters"][0]["name"] == "resample"
    everything = sd.filters.resample(night, 20, channels=["C*", "SpO2"])
    assert channels(everything)["20Hz"] == ["C3", "SpO2", "C4"]
    features = sd.compute(sd.extract(made, sd.features.Statistics(), epoch="10s"))
    assert np.isfinite(features["20Hz"]["std"].values).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.sampled_from([7, 50, 64, 100, 256]),
       st.lists(st.integers(1, 300), min_size=1, max_size=4))  # fmt: skip
def test_resampled_bits_are_the_same_for_every_chunking(runs: list[int], rate: int, chunks: list[int]) -> None:
    pairs, start = [], START
    for size in runs:
        pairs.append((start, size))
        start += size * 10 * MS + 3_333_333
    old = Clock.segmented(pairs, 10 * MS)
    new = resampled_clock(old, Fraction(rate))
    assert [run.start for run in new.runs] == [start for start, _ in pairs]
    assert all(new.times(int(last) - 1) <= old.times(int(end) - 1) for last, end in zip(new.first[1:], old.first[1:],
                                                                                    strict=True))  # fmt: skip
    night = recording({"x": node(noise(old, 2), old, ["C3", "C4"])})
    made = sd.filters.resample(night, rate)
    (name,) = made.children
    whole = made[name]["signal"].values
    sizes, left = [], old.size
    for size in [*chunks, old.size]:
        sizes.append(min(size, left))
        left -= sizes[-1]
    lazy = sd.filters.resample(cut(night, {"time": tuple(s for s in sizes if s)}), rate)[name]["signal"]
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(lazy.values, whole)
