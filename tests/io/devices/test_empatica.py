"""Empatica E4: each file of a session against a plain parse, its start and rate, intervals, tags, what is refused."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

SECOND = 1_000_000_000
START = 1_560_279_825


def write(folder: Path, name: str, *lines: object) -> Path:
    file = folder / name
    file.write_text("\n".join([*map(str, lines), ""]))
    return file


@pytest.fixture
def real(test_data: Path) -> Path:
    return test_data / "empatica-e4"


@pytest.mark.parametrize(
    ("name", "start", "rate", "unit", "kind"),
    [
        ("acc", START, 32, "g", "acc"),
        ("bvp", START, 64, "", "ppg"),
        ("eda", START, 4, "uS", "unknown"),
        ("temp", START, 4, "degC", "temperature"),
        ("hr", START + 10, 1, "bpm", "hr"),
    ],
)
def test_each_real_file_equals_a_plain_parse(
    real: Path, name: str, start: int, rate: int, unit: str, kind: str
) -> None:
    rows = np.loadtxt(real / f"{name.upper()}.csv", delimiter=",", skiprows=2, ndmin=2).T
    node = sd.open_recording(real, chunks=None, dtype="float64")[name]
    np.testing.assert_array_equal(node["signal"].values, rows / 64 if name == "acc" else rows)
    assert set(node["unit"].values) == {unit}
    assert set(node["signal_type"].values) == {kind}
    assert set(node["sensor"].values) == {"Empatica E4"}
    clock = clock_of(node.to_dataset())
    assert (clock.start, clock.rate, clock.size) == (start * SECOND, rate, rows.shape[1])
    alone = sd.open_recording(real / f"{name.upper()}.csv", chunks=None, dtype="float64")
    assert alone.attrs["findings"] == []
    assert alone[name].to_dataset().identical(node.to_dataset())


def test_real_intervals_are_at_their_ends(real: Path) -> None:
    table = pd.read_csv(real / "IBI.csv", skiprows=1, header=None)
    node = sd.open_recording(real, chunks=None, dtype="float64")["ibi"]
    np.testing.assert_array_equal(node["signal"].values[0], table[1])
    assert (node["unit"].item(), node["signal_type"].item()) == ("s", "rr")
    stamps = node["time"].values.astype("datetime64[ns]").astype(np.int64)
    np.testing.assert_array_equal(stamps, START * SECOND + np.rint(table[0] * 1e6).astype(np.int64) * 1000)
    assert isinstance(clock_of(node.to_dataset()), Timestamps)
    # Most begin where the one before ends, so that the time of an interval is its end.
    begins = stamps[1:] - np.rint(table[1][1:] * 1e9).astype(np.int64)
    assert np.mean(np.abs(begins - stamps[:-1]) < 2000) > 0.95


def test_the_real_session(real: Path) -> None:
    recording = sd.open_recording(real)
    assert list(recording.children) == ["acc", "bvp", "eda", "hr", "ibi", "temp"]
    assert (recording.attrs["start"], recording.attrs["time_zone"]) == ("2019-06-11T19:03:45.000000000Z", "UTC")
    (finding,) = recording.attrs["findings"]  # the files were cut at 10,000 rows by who published them
    assert finding.startswith("its files end up to 1 h 20 min")


def test_features_of_the_real_session(real: Path) -> None:
    features = [sd.features.Statistics(), sd.features.BandPower(bands={"pulse": (0.5, 3)})]
    table = sd.to_dataframe(sd.compute(sd.extract(sd.open_recording(real), features)))
    raw = np.loadtxt(real / "ACC.csv", delimiter=",", skiprows=2)[960:1920] / 64
    assert table[("acc_x", "mean")].iloc[1] == pytest.approx(raw[:, 0].mean(), rel=1e-6)
    assert table[("bvp", "bandpower_pulse")].iloc[:5].notna().all()
    ibi = pd.read_csv(real / "IBI.csv", skiprows=1, header=None)
    inside = ibi[1][(ibi[0] >= 5400) & (ibi[0] < 5430)]
    assert table[("ibi", "mean")].iloc[180] == pytest.approx(inside.mean(), rel=1e-6)


def test_nothing_is_computed_and_it_pickles(real: Path, no_compute: None) -> None:
    recording = sd.open_recording(real)
    assert pickle.loads(pickle.dumps(recording))["acc"]["signal"].shape == (3, 9998)


def test_tags_are_annotations(tmp_path: Path) -> None:
    write(tmp_path, "HR.csv", f"{START}.00", "1.000000", *range(60, 90))
    write(tmp_path, "tags.csv", f"{START + 20}.25", f"{START + 3}.01", "oops")
    recording = sd.open_recording(tmp_path)
    notes = recording["annotations"]
    onsets = notes["onset"].values.astype("datetime64[ns]").astype(np.int64)
    assert onsets.tolist() == [START * SECOND + 3_010_000_000, START * SECOND + 20_250_000_000]
    assert notes["text"].values.tolist() == ["tag", "tag"]
    assert recording.attrs["findings"] == ["tags: 1 tag without a time that can be read; left out"]
    assert "annotations" not in sd.open_recording(tmp_path, annotations=False).children


def test_a_zone_is_what_times_are_shown_in(tmp_path: Path) -> None:
    file = write(tmp_path, "EDA.csv", f"{START}.5", "4.000000", 0.1, 0.2)
    recording = sd.open_recording(file, timezone="Europe/Berlin")
    assert recording.attrs["start"] == "2019-06-11T19:03:45.500000000Z"
    assert recording.attrs["time_zone"] == "Europe/Berlin"


@given(rate=st.fractions(Fraction(1, 4), 256, max_denominator=8), offset=st.integers(0, 10**6 - 1))
def test_start_and_rate_are_exact(tmp_path_factory: pytest.TempPathFactory, rate: Fraction, offset: int) -> None:
    text = f"{float(rate):.6f}"
    file = write(tmp_path_factory.mktemp("e4"), "BVP.csv", f"{START}.{offset:06}", text, 1, 2, 3)
    clock = clock_of(sd.open_recording(file)["bvp"].to_dataset())
    assert clock.start == START * SECOND + offset * 1000
    assert float(clock.rate / Fraction(text)) == pytest.approx(1, abs=1e-13)


def test_an_empty_stream_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, "HR.csv", f"{START}.00", "1.000000", 60, 61)
    write(tmp_path, "IBI.csv", f"{START}.00, IBI")
    recording = sd.open_recording(tmp_path)
    assert list(recording.children) == ["hr"]
    assert any(finding.startswith("ibi: ") for finding in recording.attrs["findings"])


@pytest.mark.parametrize("rows", [("1,2,3", "4,5", "6,7,8"), ("1,2,3", "1,2,3,4", "1,2,3"), ("1,2,3", "", "1,2,3")])
def test_a_row_that_would_shift_the_others_is_refused(tmp_path: Path, rows: tuple[str, ...]) -> None:
    file = write(tmp_path, "ACC.csv", ", ".join([f"{START}.0"] * 3), ", ".join(["32.0"] * 3), *rows)
    with pytest.raises(FileFormatError, match="time of all that follow is not known"):
        sd.open_recording(file)


def test_a_cell_that_is_no_number_is_missing(tmp_path: Path) -> None:
    file = write(tmp_path, "EDA.csv", f"{START}.0", "4.0", 0.1, "x", "", 0.4, 0.5, 0.6)
    recording = sd.open_recording(file, chunks=None, dtype="float64")
    np.testing.assert_array_equal(recording["eda"]["signal"].values[0], [0.1, np.nan, np.nan, 0.4, 0.5, 0.6])
    assert recording.attrs["findings"] == ["eda: 1 cell that is no number; missing there"]


def test_two_sessions_in_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("a_HR.csv", "b_HR.csv"):
        write(tmp_path, name, f"{START}.00", "1.000000", 60)
    with pytest.raises(FileFormatError, match="two files have HR"):
        sd.open_recording(tmp_path)


def test_starts_that_are_far_apart_are_told(tmp_path: Path) -> None:
    write(tmp_path, "HR.csv", f"{START}.00", "1.000000", *range(60, 90))
    write(tmp_path, "EDA.csv", f"{START + 600}.00", "4.000000", 1, 2)
    first, _ = sd.open_recording(tmp_path).attrs["findings"]
    assert first == "its files start up to 10 min apart: hr first, eda last; each is read as it is"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("HR.csv", ("time,value", "1,2")),
        ("HR.csv", (f"{START}.0", "0.000000", "60")),
        ("HR.csv", (f"{START}.0", "nan", "60")),
        ("HR.csv", ("12.0", "1.0", "60")),
        ("ACC.csv", (f"{START}.0, {START}.0, {START + 1}.0", "32.0, 32.0, 32.0", "1,2,3")),
        ("ACC.csv", (f"{START}.0, {START}.0, {START}.0", "32.0, 32.0, 16.0", "1,2,3")),
        ("IBI.csv", (f"{START}.0, other", "1,2")),
        ("other.csv", (f"{START}.0", "1.0", "60")),
    ],
)
def test_what_is_no_file_of_an_e4_is_not_taken_for_one(tmp_path: Path, name: str, lines: tuple[str, ...]) -> None:
    with pytest.raises(FileFormatError):
        sd.open_recording(write(tmp_path, name, *lines))


@given(data=st.data())
def test_a_file_that_is_cut_off_has_the_values_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["ACC.csv", "BVP.csv", "IBI.csv"]))
    rows = {
        "ACC.csv": [", ".join([f"{START}.0"] * 3), ", ".join(["32.0"] * 3), *(f"{k - 99},{k},-12" for k in range(90))],
        "BVP.csv": [f"{START}.0", "64.0", *(f"{k * 1.37:.2f}" for k in range(90))],
        "IBI.csv": [f"{START}.0, IBI", *(f"{k * 0.75 + 10:.6f},0.{750_000 + k}" for k in range(90))],
    }[name]
    folder = tmp_path_factory.mktemp("cut")
    whole = write(folder, name, *rows)
    raw = whole.read_bytes()
    (folder / "cut").mkdir()
    cut = folder / "cut" / name
    cut.write_bytes(raw[: data.draw(st.integers(len("\n".join(rows[:2])) + 1, len(raw) - 1))])
    node = name[:3].lower()
    try:
        part = sd.open_recording(cut, chunks=None)[node]
    except FileFormatError:
        return
    full = sd.open_recording(whole, chunks=None)[node]
    size = part.sizes["time"]
    assert size < full.sizes["time"]
    np.testing.assert_array_equal(part["signal"].values, full["signal"].values[:, :size])
    np.testing.assert_array_equal(part["time"].values, full["time"].values[:size])
