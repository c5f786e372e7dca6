"""Checkme oximeters and Apple Watches: values and times equal a plain parse of their files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.io.devices.apple_watch import AppleWatchReader
from sleepdask.io.reader import Look
from sleepdask.io.readers import is_known
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

HEADER = "Time,Oxygen Level,Pulse Rate,Motion,O2 Reminder,PR Reminder\n"


def test_the_real_oximeter_night(test_data: Path) -> None:
    path = test_data / "resmed-night-a" / "checkme-o2-max-20260310.csv"
    night = sd.open_recording(path)
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    node = night["oximeter"]
    times = [datetime.strptime(row[0], "%H:%M:%S %b %d %Y") for row in rows]
    assert node["time"].values.tolist() == [int(np.datetime64(time, "ns").astype(int)) for time in times]
    want = [[np.nan if row[column] == "--" else float(row[column]) for row in rows] for column in (1, 2, 3)]
    np.testing.assert_array_equal(node["signal"].values, np.array(want, np.float32))
    assert np.isnan(node["signal"].values).any(axis=1).tolist() == [True, True, False]
    assert node["channel"].values.tolist() == ["spo2", "pulse", "motion"]
    assert node["unit"].values.tolist() == ["%", "bpm", ""]
    assert node["signal_type"].values.tolist() == ["spo2", "hr", "activity"]
    clock = clock_of(node.to_dataset())
    assert isinstance(clock, Clock)
    assert float(clock.rate) == 0.5
    assert (night.attrs["format"], night.attrs["findings"]) == ("Checkme oximeter", [])


@pytest.mark.parametrize(
    "times",
    [
        ["23:59:58 Mar 09 2026", "00:00:00 Mar 10 2026"],
        ["11:59:58 PM Mar 09, 2026", "12:00:00 AM Mar 10, 2026"],
        ["2026-03-09 23:59:58", "2026-03-10 00:00:00"],
    ],
)
def test_other_ways_in_which_it_writes_times(tmp_path: Path, times: list[str]) -> None:
    path = tmp_path / "o2.csv"
    path.write_text(
        HEADER + "".join(f'"{time}",96,60,0,0,0\n' if "," in time else f"{time},96,60,0,0,0\n" for time in times)
    )
    night = sd.open_recording(path)
    assert night["oximeter"]["time"].values.astype("datetime64[s]").astype(str).tolist() == [
        "2026-03-09T23:59:58",
        "2026-03-10T00:00:00",
    ]


def test_an_oximeter_whose_dates_could_be_two_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "o2.csv"
    path.write_text(HEADER + "23:59:58 03/09/2026,96,60,0,0,0\n")
    with pytest.raises(FileFormatError, match="most of its times cannot be read"):
        sd.open_recording(path)


def test_an_oximeter_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "o2.csv"
    path.write_text(HEADER + "00:00:00 Mar 10 2026,96,60,0,0,0\n00:00:02 Mar 10 2026,97,61,0,0,0\n00:00:04 Mar")
    night = sd.open_recording(path)
    assert night["oximeter"].sizes["time"] == 2
    assert len(night.attrs["findings"]) == 1


def watch_files(folder: Path, delimiter: str = " ") -> tuple[Path, Path]:
    rng = np.random.default_rng(2)
    moved = folder / "46343_acceleration.txt"
    seconds = np.round(-200 + np.arange(3000) / 50, 5)
    np.savetxt(
        moved, np.c_[seconds, rng.normal(size=(3000, 3))], fmt=["%.5f", "%.7f", "%.7f", "%.7f"], delimiter=delimiter
    )
    beats = folder / "46343_heartrate.txt"
    np.savetxt(beats, np.c_[-190 + rng.uniform(2, 8, 40).cumsum(), rng.integers(50, 90, 40)], fmt="%.5f,%d")
    (folder / "46343_labeled_sleep.txt").write_text("0 0\n30 2\n")
    return moved, beats


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_files_of_a_watch(tmp_path: Path, delimiter: str) -> None:
    moved, beats = watch_files(tmp_path, delimiter)
    night = sd.open_recording(moved, dtype="float64")
    table = np.loadtxt(moved, delimiter=delimiter)
    np.testing.assert_array_equal(night["acc"]["signal"].values, table[:, 1:].T)
    np.testing.assert_array_equal(night["acc"]["time"].values / np.timedelta64(1, "ns"), np.rint(table[:, 0] * 1e9))
    assert night["acc"]["unit"].values.tolist() == ["g"] * 3
    assert night.attrs["start"] == "NaT"
    assert isinstance(clock_of(night["acc"].to_dataset()), Clock)
    pulse = sd.open_recording(beats, dtype="float64")["hr"]
    table = np.loadtxt(beats, delimiter=",")
    np.testing.assert_array_equal(pulse["signal"].values[0], table[:, 1])
    np.testing.assert_array_equal(pulse["time"].values / np.timedelta64(1, "ns"), np.rint(table[:, 0] * 1e9))
    assert isinstance(clock_of(pulse.to_dataset()), Timestamps)
    assert pulse["signal_type"].values.tolist() == ["hr"]


def test_a_folder_of_one_recording_of_a_watch(tmp_path: Path) -> None:
    watch_files(tmp_path)
    night = sd.open_recording(tmp_path, timezone="Europe/Berlin")
    assert set(night.children) == {"acc", "hr"}
    assert night.attrs["findings"] == [
        "the recording has no date, so that its time zone Europe/Berlin says nothing; times count from its start"
    ]
    features = sd.compute(sd.extract(night, "statistics"))
    assert set(features.children) == {"acc", "hr"}
    (tmp_path / "7_heartrate.txt").write_text("1.5,60\n")
    assert not is_known(tmp_path)  # of two people


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("46343_labeled_sleep.txt", "0 0\n30 2\n"),
        ("46343_heartrate.txt", "1560279825.5,60\n1560279827.5,61\n"),  # times since 1970 are instants
        ("46343_heartrate.txt", "1,2,60\n"),
        ("46343_heartrate.txt", "time,hr\n1,60\n"),
        ("46343_acceleration.txt", "1 0.5\n"),
        ("heart.txt", "1,60\n"),
        ("46343_heartrate.txt", ""),
    ],
)
def test_what_is_no_file_of_a_watch(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert not AppleWatchReader().recognises(Look(path))
