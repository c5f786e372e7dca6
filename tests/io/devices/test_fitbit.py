"""Fitbit: an account export equals its JSON, dates are month first, levels keep the names of the vendor."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

FOLDER = "raw-accel-and-fitbit"


def write(folder: Path, name: str, rows: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps(rows))
    return path


def times(node: Any) -> list[datetime]:
    return node["time"].values.astype("datetime64[us]").astype(datetime).tolist()  # type: ignore[no-any-return]


def heart(time: str, bpm: object, confidence: int = 3) -> dict[str, Any]:
    return {"dateTime": time, "value": {"bpm": bpm, "confidence": confidence}}


def test_real_heart_rate_equals_its_json(test_data: Path) -> None:
    file = test_data / FOLDER / "heart_rate-1995-06-24.json"
    rows = {
        datetime.strptime(row["dateTime"], "%m/%d/%y %H:%M:%S"): row["value"] for row in json.loads(file.read_text())
    }
    rows = dict(sorted(rows.items()))
    node = sd.open_recording(file, chunks=None)["hr"]
    assert node["channel"].values.tolist() == ["hr", "hr_confidence"]
    assert node["signal_type"].values.tolist() == ["hr", "status"]
    assert times(node) == list(rows)
    assert node["signal"].values.tolist() == [[row[name] for row in rows.values()] for name in ("bpm", "confidence")]
    assert isinstance(clock_of(node.to_dataset()), Timestamps)


def test_real_steps_equal_their_json(test_data: Path) -> None:
    file = test_data / FOLDER / "steps-1995-06-23_Fitbit.json"
    rows = json.loads(file.read_text())
    node = sd.open_recording(file, chunks=None)["steps"]
    assert times(node) == [datetime.strptime(row["dateTime"], "%m/%d/%y %H:%M:%S") for row in rows]
    assert node["signal"].values.tolist() == [[float(row["value"]) for row in rows]]
    assert (node["signal_type"].item(), node["unit"].item()) == ("activity", "steps")


def test_real_sleep_levels_equal_their_json(test_data: Path) -> None:
    file = test_data / FOLDER / "sleep-1995-06-23_Fitbit.json"
    want = sorted(
        (datetime.fromisoformat(entry["dateTime"]), entry["level"] + suffix, entry["seconds"])
        for log in json.loads(file.read_text())
        for part, suffix in (("data", ""), ("shortData", ", short"))
        for entry in log["levels"].get(part, [])
    )
    night = sd.open_recording(file)
    notes = night["annotations"]
    onsets = notes["onset"].values.astype("datetime64[us]").astype(datetime).tolist()
    seconds = (notes["duration"].values / np.timedelta64(1, "s")).tolist()
    assert list(zip(onsets, notes["text"].values.tolist(), seconds, strict=True)) == want
    assert night.attrs["start"] == "1995-06-24T22:47:30.000000000"
    with pytest.raises(FileFormatError, match="it holds no samples"):
        sd.open_recording(file, annotations=False)


def test_a_folder_is_one_recording_and_tells_what_its_clocks_may_be(test_data: Path) -> None:
    night = sd.open_recording(test_data / FOLDER)
    assert list(night.children) == ["hr", "steps", "annotations"]
    others, clocks = night.attrs["findings"]
    assert others.startswith("3 files of other kinds: GENEActiv_testfile.bin")
    assert "heart rate and steps of many exports are in UTC" in clocks


def test_several_days_become_one_signal(tmp_path: Path) -> None:
    write(tmp_path, "heart_rate-2024-03-12.json", [heart("03/12/24 00:00:01", 52), heart("03/12/24 00:00:06", 53)])
    write(tmp_path, "heart_rate-2024-03-11.json", [heart("03/11/24 23:59:55", 51), heart("03/12/24 00:00:01", 52)])
    night = sd.open_recording(tmp_path)
    assert night["hr/signal"].values[0].tolist() == [51, 52, 53]
    assert any("1 row twice" in text for text in night.attrs["findings"])


def test_a_zone_makes_instants(tmp_path: Path) -> None:
    file = write(tmp_path, "steps-2024-03-11.json", [{"dateTime": "03/11/24 23:00:00", "value": "12"}])
    night = sd.open_recording(file, timezone="Europe/Berlin")
    assert night["steps/time"].values[0] == np.datetime64("2024-03-11T22:00")


def test_months_come_first_or_not_at_all(tmp_path: Path) -> None:
    file = write(tmp_path, "heart_rate-2024-03-13.json", [heart("13/03/24 22:00:00", 52)])
    with pytest.raises(FileFormatError, match="not month/day/year"):
        sd.open_recording(file)


@pytest.mark.parametrize(
    ("text", "year"), [("01/02/68 00:00:00", 2068), ("01/02/69 00:00:00", 1969), ("2019-01-02 00:00:00", 2019)]
)
def test_years(tmp_path: Path, text: str, year: int) -> None:
    night = sd.open_recording(write(tmp_path, "heart_rate.json", [heart(text, 52)]))
    assert times(night["hr"]) == [datetime(year, 1, 2)]


def test_damaged_rows_are_counted(tmp_path: Path) -> None:
    rows = [
        heart("03/11/24 22:00:00", 52),
        heart("02/31/24 22:00:05", 53),
        {"value": {"bpm": 54}},
        heart("9024-03-11 22:00:05", 53),
        heart("03/11/24 22:00:10", "many"),
        {"dateTime": "03/11/24 22:00:15", "value": 7},
    ]
    night = sd.open_recording(write(tmp_path, "heart_rate-2024-03-11.json", rows))
    np.testing.assert_array_equal(night["hr/signal"].values[0], [52, np.nan, np.nan])
    assert "2 values are no numbers" in night.attrs["findings"][0]
    assert "3 rows without a time" in night.attrs["findings"][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"dateTime": "03/11/24 22:00:00", "val', "the JSON is broken"),
        ("[1, 2]", "no list of entries"),
        ("[]", "it holds no samples"),
        ("[" * 100_000, "the JSON is broken"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "heart_rate-2024-03-11.json"
    file.write_text(text)
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(file)


def test_a_sleep_level_without_a_time_is_refused(tmp_path: Path) -> None:
    levels = {"data": [{"dateTime": "soon", "level": "deep", "seconds": 30}]}
    with pytest.raises(FileFormatError, match="no time that can be read"):
        sd.open_recording(write(tmp_path, "sleep-2024-03-11.json", [{"levels": levels}]))


def test_a_sleep_in_two_files_is_kept_once(tmp_path: Path) -> None:
    log = {"levels": {"data": [{"dateTime": "2024-03-11T23:00:00.000", "level": "deep", "seconds": 30}]}}
    odd = {"levels": {"data": [{"level": "deep"}]}}
    write(tmp_path, "sleep-2024-03-10.json", [log])
    write(tmp_path, "sleep-2024-03-11.json", [log, odd])
    night = sd.open_recording(tmp_path)
    assert night["annotations/text"].values.tolist() == ["deep"]
    assert "1 sleep levels without" in night.attrs["findings"][0]
