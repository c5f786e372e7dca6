"""Actiwatch AWD: counts line by line, epochs by code, marks, and what is damaged told or refused."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError

HEADER = ("Miller", "11-Mar-2024", "22:47", " 4 ", "42", "V664055", "M")


def write(folder: Path, lines: list[str], *, header: tuple[str, ...] = HEADER, end: str = "\r\n") -> Path:
    path = folder / "night.AWD"
    path.write_bytes("\r\n".join([*header, *lines]).encode() + end.encode())
    return path


@pytest.mark.parametrize("name", ["example_01.AWD", "example_02.AWD"])
def test_real_files_equal_a_plain_parse(test_data: Path, name: str) -> None:
    file = test_data / "actigraphy" / name
    lines = file.read_text().split("\n")
    start = datetime.strptime(f"{lines[1].strip()} {lines[2].strip()}", "%d-%b-%Y %H:%M")
    counts = [re.sub("M", "", line).strip() for line in lines[7:] if line.strip()]
    marks = [start + timedelta(minutes=k) for k, line in enumerate(lines[7:]) if "M" in line]
    night = sd.open_recording(file, chunks=None)
    node = night["activity"]
    assert node["signal"].values.tolist() == [[float(count) for count in counts]]
    times = node["time"].values.astype("datetime64[s]").astype(datetime).tolist()
    assert times == [start + timedelta(minutes=k) for k in range(len(counts))]
    assert (node["unit"].item(), node["signal_type"].item()) == ("counts", "activity")
    assert night["annotations/onset"].values.astype("datetime64[s]").astype(datetime).tolist() == marks
    assert set(night["annotations/text"].values) == {"Marker"}
    assert night.attrs["findings"] == []


@pytest.mark.parametrize(
    ("code", "seconds"),
    [("1", 15), ("2", 30), ("4", 60), ("8", 120), ("20", 300), ("81", 2), ("C1", 5), ("c2", 10)],
)
def test_epochs_have_the_length_of_their_code(tmp_path: Path, code: str, seconds: int) -> None:
    header = (*HEADER[:3], code, *HEADER[4:])
    times = sd.open_recording(write(tmp_path, ["1", "2"], header=header))["activity/time"].values
    assert times[1] - times[0] == np.timedelta64(seconds, "s")


def test_a_code_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="the length of an epoch is not known") as caught:
        sd.open_recording(write(tmp_path, ["1"], header=(*HEADER[:3], "16", *HEADER[4:])))
    assert caught.value.found == "'16'"


@pytest.mark.parametrize(
    ("date", "start"),
    [
        ("1-feb-24", "2024-02-01"),
        ("01-Feb-98", "1998-02-01"),
        ("23-JAN-1918", "1918-01-23"),
        ("29-Feb-2024", "2024-02-29"),
    ],
)
def test_dates(tmp_path: Path, date: str, start: str) -> None:
    night = sd.open_recording(write(tmp_path, ["1"], header=(HEADER[0], date, *HEADER[2:])))
    assert night.attrs["start"] == f"{start}T22:47:00.000000000"


@given(st.lists(st.tuples(st.integers(0, 9999), st.booleans()), min_size=1, max_size=50))
def test_any_counts_and_marks(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, bool]]) -> None:
    lines = [f"{count} M" if marked else str(count) for count, marked in rows]
    night = sd.open_recording(write(tmp_path_factory.mktemp("watch"), lines), chunks=None)
    assert night["activity/signal"].values[0].tolist() == [count for count, _ in rows]
    marked = [k for k, (_, mark) in enumerate(rows) if mark]
    assert ("annotations" in night.children) == bool(marked)
    if marked:
        assert night["annotations/onset"].values.tolist() == night["activity/time"].values[marked].tolist()


def test_the_watch_runs_on_in_the_night_of_a_change(tmp_path: Path) -> None:
    header = (HEADER[0], "31-Mar-2024", "01:50", *HEADER[3:])  # clocks are put forward at 2
    file = write(tmp_path, ["1", "2"] * 10 + ["3 M"], header=header)
    night = sd.open_recording(file, timezone="Europe/Berlin")
    times = night["activity/time"].values
    assert times[0] == np.datetime64("2024-03-31T00:50")
    assert set(np.diff(times).tolist()) == {60_000_000_000}
    assert night["annotations/onset"].values.tolist() == times[[20]].tolist()
    assert night.attrs["time_zone"] == "Europe/Berlin"
    header = (HEADER[0], "31-Mar-2024", "02:30", *HEADER[3:])
    with pytest.raises(FileFormatError, match="the start"):
        sd.open_recording(write(tmp_path, ["1"], header=header), timezone="Europe/Berlin")


def test_light_is_a_second_channel(tmp_path: Path) -> None:
    night = sd.open_recording(write(tmp_path, ["12, 3.5", "0, 0 , M", "7"]))
    assert night["activity/channel"].values.tolist() == ["activity", "light"]
    np.testing.assert_array_equal(night["activity/signal"].values, [[12, 0, 7], [3.5, 0, np.nan]])
    assert night["annotations"].sizes["annotation"] == 1


def test_names_and_serial_numbers_are_kept_only_if_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path, ["1 M", "2"])
    night = sd.open_recording(file)
    assert "Miller" not in str(night.to_dict())
    assert "664055" not in str(night.to_dict())
    kept = sd.open_recording(file, keep_identity=True)
    assert kept.attrs["identity"] == {"name": "Miller", "serial_number": "V664055"}


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, ["5"] * 150 + ["oops", "6"])
    night = sd.open_recording(file)
    assert np.isnan(night["activity/signal"].values[0, 150])
    assert night["activity/signal"].values[0, 151] == 6
    assert "1 lines are no counts, the first in line 158" in night.attrs["findings"][0]
    cut = sd.open_recording(write(tmp_path, ["5", "6", "77"], end=""))
    assert cut["activity/signal"].values[0].tolist() == [5, 6]
    assert "may be cut off" in cut.attrs["findings"][0]
    with pytest.raises(FileFormatError, match="under the policy 'strict'"):
        sd.open_recording(file, policy="strict")


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        ([], HEADER, "it holds no samples"),
        (["a", "b"], HEADER, "lines are no counts"),
        (["1"], (HEADER[0], "31-Feb-2024", *HEADER[2:]), "there is no such date"),
        (["1"], (HEADER[0], "11-Mar-9024", *HEADER[2:]), "there is no such date"),  # NumPy would say 2009
        (["1"], (HEADER[0], "11-Mrz-2024", *HEADER[2:]), "the start cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(
    tmp_path: Path, lines: list[str], header: tuple[str, ...], message: str
) -> None:
    with pytest.raises(FileFormatError, match=message):
        sd.open_recording(write(tmp_path, lines, header=header))


def test_a_header_that_is_cut_off_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="this kind of recording is not read"):
        sd.open_recording(write(tmp_path, [], header=HEADER[:4]))
