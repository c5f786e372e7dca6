"""EDF written by other libraries is read back: the stored numbers, the times, the texts, nothing lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import edfio
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd

pyedflib = pytest.importorskip("pyedflib")
START = datetime(2024, 3, 11, 22, 47, 30)
ascii_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)


@dataclass
class Channel:
    label: str
    unit: str
    rate: int
    physical: tuple[float, float]
    digital: tuple[int, int]
    numbers: np.ndarray

    @property
    def exact(self) -> list[Fraction]:
        """Physical values as the specification defines them."""
        (low, high), (least, most) = self.physical, self.digital
        gain = Fraction(str(high)) - Fraction(str(low))
        return [Fraction(str(low)) + gain * (int(n) - least) / (most - least) for n in self.numbers]


@dataclass
class Written:
    seconds: int
    channels: list[Channel]
    notes: list[tuple[Fraction, Fraction | None, str]]


@st.composite
def nights(draw: st.DrawFn) -> Written:
    seconds = draw(st.integers(1, 6))
    channels = []
    for label in draw(st.lists(ascii_texts, min_size=1, max_size=4, unique=True)):
        rate = draw(st.sampled_from([1, 7, 50]))
        least, most = sorted(draw(st.lists(st.integers(-32768, 32767), min_size=2, max_size=2, unique=True)))
        low, high = draw(st.lists(st.integers(-9_999, 9_999), min_size=2, max_size=2, unique=True))
        size = draw(st.sampled_from([1, 2, 4]))  # exact in eight characters: edfio writes -0.009 as -0.008990
        seed = draw(st.integers(0, 2**32 - 1))
        numbers = np.random.default_rng(seed).integers(least, most, seconds * rate, "i2", endpoint=True)
        unit = draw(st.sampled_from(["uV", "mV", "%", "degC", "L/min", "", "bpm", "strange"]))
        channels.append(Channel(label, unit, rate, (low / size, high / size), (least, most), numbers))
    times = st.integers(0, 10_000 * seconds).map(lambda n: Fraction(n, 10_000))
    texts = st.text(
        st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=10
    )  # EDFlib cuts at 40 bytes
    few = min(4, seconds)  # EDFlib keeps one a data record
    notes = draw(st.lists(st.tuples(times, st.none() | times, texts), max_size=few))
    return Written(seconds, channels, notes)


def write_edfio(night: Written, path: Path) -> None:
    signals = [
        edfio.EdfSignal.from_digital(
            c.numbers,
            c.rate,
            label=c.label,
            physical_dimension=c.unit,
            physical_range=c.physical,
            digital_range=c.digital,
        )
        for c in night.channels
    ]
    notes = [edfio.EdfAnnotation(float(o), None if d is None else float(d), text) for o, d, text in night.notes]
    recording = edfio.Recording(startdate=START.date())
    edfio.Edf(signals, recording=recording, starttime=START.time(), data_record_duration=1, annotations=notes).write(
        path
    )


def write_pyedflib(night: Written, path: Path) -> None:
    writer = pyedflib.EdfWriter(str(path), len(night.channels), file_type=pyedflib.FILETYPE_EDFPLUS)
    writer.setStartdatetime(START)
    for k, c in enumerate(night.channels):
        header = {"label": c.label, "dimension": c.unit, "sample_frequency": c.rate, "transducer": "", "prefilter": ""}
        ranges = dict(
            zip(("physical_min", "physical_max", "digital_min", "digital_max"), (*c.physical, *c.digital), strict=True)
        )
        writer.setSignalHeader(k, header | ranges)
    writer.writeSamples([c.numbers.astype(np.int32) for c in night.channels], digital=True)
    for onset, duration, text in night.notes:
        writer.writeAnnotation(float(onset), -1 if duration is None else float(duration), text)
    writer.close()


WRITERS = {"edfio": write_edfio, "pyedflib": write_pyedflib}


def check(night: Written, recording: xr.DataTree) -> None:
    """Compare what was read with what was written."""
    assert recording.attrs["start"] == "2024-03-11T22:47:30.000000000"
    for c in night.channels:
        node = recording[f"{c.rate}Hz"].to_dataset()
        signal = node["signal"].sel(channel=c.label)
        assert node["physical_dimension"].sel(channel=c.label).item() == c.unit
        (low, high), (least, most) = c.physical, c.digital
        numbers = np.rint((signal.values - low) / (high - low) * (most - least) + least)
        np.testing.assert_array_equal(numbers, c.numbers)
        slack = 4 * np.spacing(max(abs(low), abs(high)) * max(1, max(abs(least), abs(most)) / (most - least)))
        assert max(abs(Fraction(v) - want) for v, want in zip(signal.values.tolist(), c.exact, strict=True)) <= slack
        assert node["time"].values[0] == np.datetime64(START, "ns")
        assert node.sizes["time"] == night.seconds * c.rate
    got = []
    if "annotations" in recording.children:
        found = recording["annotations"].to_dataset()
        onsets = found["onset"].values - np.datetime64(START, "ns")
        columns = (onsets.astype(int), found["duration"].values.astype(int), found["text"].values)
        got = list(zip(*(column.tolist() for column in columns), strict=True))
    assert sorted(got) == sorted((nanoseconds(o), nanoseconds(d), text) for o, d, text in night.notes)


def nanoseconds(seconds: Fraction | None) -> int:
    return np.iinfo(np.int64).min if seconds is None else round(seconds * 10**9)


@pytest.mark.parametrize("writer", list(WRITERS))
@settings(max_examples=30)
@given(night=nights(), seed=st.integers(0, 9))
def test_any_night_is_read_back(writer: str, night: Written, seed: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        WRITERS[writer](night, path)
        recording = sd.open_recording(path, dtype="float64", chunks={"time": 5 + seed})
        check(night, recording)
        exact = {c.label: c for c in night.channels}
        for signal in edfio.read_edf(path).signals:
            np.testing.assert_array_equal(signal.digital, exact[signal.label].numbers)
        sd.save_recording(recording, Path(folder) / "night.zarr", backend="sync")
        check(night, sd.open_recording(Path(folder) / "night.zarr"))


def test_mne_reads_the_same(tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    rng = np.random.default_rng(0)
    channels = [
        Channel(label, "uV", 100, (-250.5, 250.0), (-2048, 2047), rng.integers(-2048, 2048, 1000, "i2"))
        for label in ("C3", "C4")
    ]
    night = Written(10, channels, [(Fraction(5, 2), Fraction(3), "Arousal")])
    write_edfio(night, tmp_path / "night.edf")
    raw = mne.io.read_raw_edf(tmp_path / "night.edf", verbose="error")
    recording = sd.open_recording(tmp_path / "night.edf", dtype="float64")
    np.testing.assert_allclose(recording["100Hz/signal"].values, raw.get_data() * 1e6, rtol=1e-12, atol=1e-10)
    assert raw.annotations.description.tolist() == ["Arousal"]
    assert raw.info["meas_date"].replace(tzinfo=None) == START
    check(night, recording)
