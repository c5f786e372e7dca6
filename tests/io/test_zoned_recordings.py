"""Recordings whose local start is put into a time zone: over nights in which clocks were changed, too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.signals.index import clock_of

WriteNight = Callable[..., Path]
HOUR = 3600


@pytest.fixture(scope="module")
def starting(write_night: WriteNight) -> Callable[..., Path]:
    """Night of 1 Hz that starts at a local time, with an annotation one hour after its start."""

    def write(start: str, seconds: int = 2 * HOUR) -> Path:
        notes = [(float(HOUR), 30.0, "Sleep stage N2"), (float(HOUR) + 30, 30.0, "Sleep stage R")]
        return write_night({"C3": 1}, seconds, notes, start=datetime.fromisoformat(start))

    return write


@pytest.mark.parametrize(
    ("start", "utc", "end"),
    [
        ("2024-10-26T22:00", "2024-10-26T20:00", "2024-10-27T06:00"),
        ("2024-03-30T22:00", "2024-03-30T21:00", "2024-03-31T07:00"),
        ("2024-10-27T03:00", "2024-10-27T02:00", "2024-10-27T12:00"),
    ],
)
def test_time_is_continuous(starting: Callable[..., Path], start: str, utc: str, end: str) -> None:
    path = starting(start, 10 * HOUR)
    naive, zoned = sd.open_recording(path), sd.open_recording(path, timezone="Europe/Berlin")
    assert zoned.attrs["time_zone"] == "Europe/Berlin"
    assert zoned.attrs["start"] == f"{utc}:00.000000000Z"
    assert naive.attrs["start"] == f"{start}:00.000000000"
    clock = clock_of(zoned["1Hz"].to_dataset())
    assert str(clock.times(0)) == f"{utc}:00.000000000"
    assert np.datetime64(clock.end, "ns") == np.datetime64(end, "ns")
    shift = np.datetime64(start, "ns") - np.datetime64(utc, "ns")
    assert np.array_equal(zoned["annotations/onset"].values, naive["annotations/onset"].values - shift)
    assert np.array_equal(zoned["1Hz/signal"].values, naive["1Hz/signal"].values)


def test_a_start_that_came_twice(starting: Callable[..., Path]) -> None:
    path = starting("2024-10-27T02:30")
    for policy in ("warn", "strict"):
        with pytest.raises(sd.FileFormatError, match=r"the start comes twice in Europe/Berlin.*put back") as refused:
            sd.open_recording(path, timezone="Europe/Berlin", policy=policy)
    assert "found 2024-10-27T02:30:00" in str(refused.value)
    assert "timezone='Europe/Berlin+02:00' or timezone='Europe/Berlin+01:00'" in str(refused.value)
    guessed = sd.open_recording(path, timezone="Europe/Berlin", policy="repair")
    assert guessed.attrs["start"] == "2024-10-27T00:30:00.000000000Z"
    assert guessed.attrs["findings"] == [
        "the start comes twice in Europe/Berlin, where the clock was put back; its clock is taken to stand at +02:00"
    ]
    for offset, utc in (("+02:00", "00:30"), ("+01:00", "01:30")):
        told = sd.open_recording(path, timezone=f"Europe/Berlin{offset}", policy="strict")
        assert told.attrs["start"] == f"2024-10-27T{utc}:00.000000000Z"
        assert told.attrs["time_zone"] == "Europe/Berlin"


def test_a_start_that_never_was(starting: Callable[..., Path]) -> None:
    path = starting("2024-03-31T02:30")
    with pytest.raises(sd.FileFormatError, match=r"the start never was in Europe/Berlin.*put forward"):
        sd.open_recording(path, timezone="Europe/Berlin")
    guessed = sd.open_recording(path, timezone="Europe/Berlin", policy="repair")
    assert guessed.attrs["start"] == "2024-03-31T01:30:00.000000000Z"
    assert "taken to stand at +01:00" in guessed.attrs["findings"][0]


def test_gaps_lie_where_they_are(broken_night: Path) -> None:
    naive, zoned = sd.open_recording(broken_night), sd.open_recording(broken_night, timezone="America/New_York")
    shift = np.timedelta64(4, "h")  # daylight time
    for node in ("100Hz", "1Hz"):
        assert np.array_equal(zoned[node]["time"].values, naive[node]["time"].values + shift)
        assert len(clock_of(zoned[node].to_dataset()).runs) == 2


def test_without_a_date_a_zone_says_nothing(scored_night: Path, tmp_path: Path) -> None:
    path = tmp_path / "undated.edf"
    raw = scored_night.read_bytes()
    path.write_bytes(raw[:88] + b"X".ljust(80) + b"XX.XX.XX" + raw[176:])
    plain, zoned = sd.open_recording(path), sd.open_recording(path, timezone="Europe/Berlin")
    assert zoned.attrs["time_zone"] == "Europe/Berlin"
    assert zoned.attrs["start"] == "NaT"
    assert zoned["100Hz"]["time"].dtype.kind == "m"
    assert set(zoned.attrs["findings"]) - set(plain.attrs["findings"]) == {
        "the recording has no date, so that its time zone Europe/Berlin says nothing; times count from its start"
    }
    one, other = (sd.compute(sd.extract(night, "statistics", start="1min")) for night in (plain, zoned))
    assert np.array_equal(one["start"].values, other["start"].values)
    assert one["stage"].values.tolist() == other["stage"].values.tolist()
    assert sd.to_dataframe(other).index.get_level_values("start").dtype.kind == "m"
    assert sd.overview(other)


def test_the_engine_of_xarray(scored_night: Path) -> None:
    zone = "Asia/Kolkata"
    want = sd.open_recording(scored_night, timezone=zone, chunks=None)
    tree = xr.open_datatree(scored_night, engine="edf", timezone=zone)
    assert tree.attrs == want.attrs
    assert want.attrs["start"] == "2024-03-11T17:17:30.000000000Z"
    dataset = xr.open_dataset(scored_night, engine="edf", rate=1, timezone=zone)
    assert dataset.attrs["time_zone"] == zone
    assert str(dataset["time"].values[0]) == "2024-03-11T17:17:30.000000000"
    groups = xr.open_groups(scored_night, engine="edf", timezone=zone)
    assert groups["/"].attrs == want.attrs
    with pytest.raises(sd.ParameterError, match=r"unknown time zone.*did you mean 'Asia/Kolkata'"):
        xr.open_dataset(scored_night, engine="edf", rate=1, timezone="Asia/Kolkatta")


def test_signals_in_memory() -> None:
    night = sd.recording_from_arrays({"C3": np.zeros(60)}, 1, start="2024-10-27T02:30+01:00", timezone="Europe/Berlin")
    assert night.attrs["start"] == "2024-10-27T01:30:00.000000000Z"
    with pytest.raises(sd.ParameterError, match="start comes twice"):
        sd.recording_from_arrays({"C3": np.zeros(60)}, 1, start="2024-10-27T02:30", timezone="Europe/Berlin")


def test_typed_times_are_local(starting: Callable[..., Path]) -> None:
    night = sd.open_recording(starting("2024-10-26T22:00", 10 * HOUR), timezone="Europe/Berlin")
    features = sd.extract(night, "hjorth", lights_off="23:30", lights_on="06:30", epoch="30min", hypnogram=None)
    assert features.sizes["epoch"] == 16  # eight hours, as the clock was put back
    assert str(features["start"].values[0]) == "2024-10-26T21:30:00.000000000"
    assert features.attrs["lights_off"] == "2024-10-26T21:30:00.000000000Z"
    assert features.attrs["time_zone"] == "Europe/Berlin"
    part = sd.extract(night, "hjorth", start="2024-10-27T02:00+01:00", end=features["start"].values[9], epoch="30min")
    assert part["start"].values.tolist() == features["start"].values[7:9].tolist()
    with pytest.raises(sd.ParameterError, match="start comes twice"):
        sd.extract(night, "hjorth", start="02:15")
    with pytest.raises(sd.ParameterError, match=r"within 2024-10-26T22:00:00\+02:00 to 2024-10-27T07:00:00\+01:00"):
        sd.extract(night, "hjorth", start="2024-10-28T00:00", end="2024-10-28T01:00")


def test_own_annotations_stay_where_they_are(starting: Callable[..., Path]) -> None:
    features = sd.extract(sd.open_recording(starting("2024-10-27T01:30"), timezone="Europe/Berlin"), "hjorth")
    scored = np.flatnonzero(features["stage"].values != "")
    assert scored.tolist() == [120, 121]
    assert str(features["start"].values[120]) == "2024-10-27T00:30:00.000000000"


def test_a_naive_recording_has_no_use_for_offsets(scored_night: Path) -> None:
    with pytest.raises(sd.ParameterError, match=r"start is not a local time.*without a time zone"):
        sd.extract(sd.open_recording(scored_night), "hjorth", start="2024-03-11T22:50+01:00")


def test_spectrograms_tell_their_zone(scored_night: Path) -> None:
    assert "time_zone" not in sd.spectrogram(sd.open_recording(scored_night), "C3").attrs
    power = sd.spectrogram(sd.open_recording(scored_night, timezone="Europe/Berlin"), "C3")
    assert power.attrs["time_zone"] == "Europe/Berlin"
    assert str(power["start"].values[0]) == "2024-03-11T21:47:30.000000000"
