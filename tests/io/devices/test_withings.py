"""Withings sleep mat: values and times of the export, its codes by the vendor's names, what is odd told."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.signals.index import clock_of

HEADER = "start,duration,value"
MINUTE = 60_000_000_000


def plain(path: Path) -> dict[datetime, float]:
    """First value of each time, by the modules csv and json alone."""
    values: dict[datetime, float] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            time = datetime.fromisoformat(row["start"])
            for seconds, value in zip(json.loads(row["duration"]), json.loads(row["value"]), strict=True):
                values.setdefault(time.astimezone(UTC), value)
                time += timedelta(seconds=seconds)
    return dict(sorted(values.items()))


def write(path: Path, *rows: str, name: str = "raw_sleep-monitor_hr.csv") -> Path:
    file = path / name
    file.write_text("\n".join([HEADER, *rows, ""]))
    return file


@pytest.mark.parametrize(
    ("name", "channel", "unit", "kind"),
    [
        ("hr", "hr", "bpm", "hr"),
        ("respiratory-rate", "resp_rate", "1/min", "resp_rate"),
        ("snoring", "snoring", "", "snore"),
        ("sleep-state", "sleep_state", "", "status"),
    ],
)
def test_a_real_export_equals_a_plain_parse(test_data: Path, name: str, channel: str, unit: str, kind: str) -> None:
    folder = test_data / "withings-sleep-mat"
    night = sd.open_recording(folder, chunks=None)
    node = night[channel]
    want = plain(folder / f"raw_sleep-monitor_{name}.csv")
    assert node["channel"].values.tolist() == [channel]
    assert (node["unit"].item(), node["signal_type"].item()) == (unit, kind)
    times = node["time"].values
    assert [time.astype("datetime64[s]").astype(datetime).replace(tzinfo=UTC) for time in times] == list(want)
    assert node["signal"].values[0].tolist() == list(want.values())
    alone = sd.open_recording(folder / f"raw_sleep-monitor_{name}.csv", chunks=None)
    assert np.array_equal(alone[channel]["signal"].values, node["signal"].values)
    assert alone.attrs["time_zone"] == "UTC"


def test_states_of_the_real_export_have_the_names_of_the_vendor(test_data: Path) -> None:
    folder = test_data / "withings-sleep-mat"
    night = sd.open_recording(folder)
    want = plain(folder / "raw_sleep-monitor_sleep-state.csv")
    names = {0: "awake", 1: "light", 2: "deep", 3: "rem"}
    notes = night["annotations"].to_dataset()
    assert set(notes["text"].values) == set(names.values())
    minutes = {}
    for onset, length, text in zip(notes["onset"].values, notes["duration"].values, notes["text"].values, strict=True):
        for k in range(int(length / np.timedelta64(1, "m"))):
            time = (onset + np.timedelta64(k, "m")).astype("datetime64[s]").astype(datetime).replace(tzinfo=UTC)
            assert minutes.setdefault(time, text) == text
    assert minutes == {time: names[int(state)] for time, state in want.items()}
    assert "annotations" not in sd.open_recording(folder, annotations=False).children


def test_the_summary_is_left_out_of_the_folder_and_refused_alone(test_data: Path) -> None:
    folder = test_data / "withings-sleep-mat"
    assert any("sleep.csv: a summary of nights" in text for text in sd.open_recording(folder).attrs["findings"])
    with pytest.raises(FileFormatError, match="a summary of nights is no recording"):
        sd.open_recording(folder / "sleep.csv")


def test_a_value_holds_for_its_duration(tmp_path: Path) -> None:
    file = write(
        tmp_path, '2024-03-11T22:00:00+01:00,"[60,120,60]","[61,62,63]"', "2024-03-11T23:00:00+01:00,[60],[64]"
    )
    clock = clock_of(sd.open_recording(file, chunks=None)["hr"].to_dataset())
    begins = np.array([0, 60, 180, 3600], "timedelta64[s]") + np.datetime64("2024-03-11T21:00", "ns")
    assert clock.times([0, 1, 2, 3]).tolist() == begins.tolist()
    assert len(clock.spans[0]) == 2


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([30, 60, 90]), st.integers(30, 200)), min_size=1, max_size=5),
        min_size=1,
        max_size=12,
    )
)
def test_any_lists_equal_a_plain_parse(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[tuple[int, int]]]
) -> None:
    start = datetime(2024, 3, 30, 22, tzinfo=UTC)
    texts = []
    for row in rows:
        lengths, values = zip(*row, strict=True)
        texts.append(f'{start.isoformat()},"{json.dumps(lengths)}","{json.dumps(values)}"')
        start += timedelta(seconds=sum(lengths) + 600)
    file = write(tmp_path_factory.mktemp("mat"), *texts)
    node = sd.open_recording(file, chunks=None)["hr"]
    want = plain(file)
    assert node["time"].values.astype("datetime64[s]").astype(datetime).tolist() == [
        t.replace(tzinfo=None) for t in want
    ]
    assert node["signal"].values[0].tolist() == list(want.values())


def test_codes_that_could_mean_two_things_get_no_name(tmp_path: Path) -> None:
    rows = ['2024-03-11T22:00:00+01:00,"[60,60,60]","[0,1,1]"']
    night = sd.open_recording(write(tmp_path, *rows, name="raw_sleep-monitor_sleep-state.csv"))
    assert night["annotations/text"].values.tolist() == ["sleep state 0", "sleep state 1"]
    assert night["annotations/duration"].values.tolist() == [MINUTE, 2 * MINUTE]
    assert "may be wake and sleep" in night.attrs["findings"][0]


def test_damaged_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '2024-03-11T22:00:00+01:00,"[60,60]","[61,62]"',
        '2024-03-11T22:10:00+01:00,"[60,60]",[63]',
        '2024-03-11T22:20:00+01:00,"[60,-60]","[63,64]"',
        "2024-03-11T22:30:00+01:00,sixty,[63]",
        "yesterday,[60],[65]",
        "9024-03-11T22:30:00+01:00,[60],[65]",
        '2024-03-11T22:40:00+01:00,"[60,60]","[66,null]"',
        '2024-03-11T22:50:00+01:00,"[60,60',
    )
    night = sd.open_recording(file)
    np.testing.assert_array_equal(night["hr/signal"].values[0], [61, 62, 66, np.nan])
    assert [text.split(":", 1)[0] for text in night.attrs["findings"]] == ["raw_sleep-monitor_hr.csv", "hr"]
    assert "4 rows whose durations and values" in night.attrs["findings"][0]
    with pytest.raises(FileFormatError, match="under the policy 'strict'"):
        sd.open_recording(file, policy="strict")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("start,value\n", "the columns are others"),
        (HEADER + "\n", "it holds no samples"),
        (HEADER + "\nyesterday,[60],[61]\n", "no row has a time"),
        (
            HEADER + "\n2024-03-11T22:00:00+01:00,[60],[61]\n2024-03-11T23:00:00,[60],[61]\n",
            "some times have an offset",
        ),
        (HEADER + "\n\0\n", "NUL bytes"),
        (b"\xff\xfe\x00", "no UTF-8"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    file = tmp_path / "raw_sleep-monitor_hr.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(file)
