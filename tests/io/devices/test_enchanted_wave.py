"""EnchantedWave: the table between its two lines, its times, its stages as scores, what is odd told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError
from sleepdask.features.scores import own_hypnogram
from sleepdask.signals.index import clock_of

BEGIN = "Data Begin: 2025-03-17T02:41:52.1866600-04:00;"
HEADER = "Time,Seconds,SleepStage,SumPower,EegQuality"
START = np.datetime64("2025-03-17T06:41:52.186660000", "ns")  # UTC
STAGES = ["Wake"] * 30 + ["N1"] * 15 + ["N2"] * 60 + ["N3"] * 45 + ["REM"] * 30


def session(
    path: Path, rows: list[str], *, begin: str = BEGIN, header: str = HEADER, end: str = "Data Completed: ok;"
) -> Path:
    file = path / "Session.csv"
    file.write_text(
        "\n".join(["EnchantedWave", "Version,2", begin, "", header, *rows, end, "SleepSummary", "N2,40", ""])
    )
    return file


def by_seconds(stages: list[str] = STAGES, step: int = 2) -> list[str]:
    return [f",{k * step},{stage},{k / 4},{k % 101}" for k, stage in enumerate(stages)]


def at(time: str) -> str:
    return f"{time},,Wake,1,2"


def times(recording: object) -> list[str]:
    return recording["session"]["time"].values.astype("datetime64[ms]").astype(str).tolist()  # type: ignore[index]


def test_a_session(tmp_path: Path) -> None:
    recording = sd.open_recording(session(tmp_path, by_seconds()), chunks=None, policy="strict")
    node = recording["session"]
    assert node["channel"].values.tolist() == ["sum_power", "eeg_quality"]
    assert node["signal_type"].values.tolist() == ["unknown", "status"]
    np.testing.assert_array_equal(node["signal"].values, [[k / 4 for k in range(180)], [k % 101 for k in range(180)]])
    clock = clock_of(node.to_dataset())
    assert (clock.rate, clock.start) == (0.5, START.astype(np.int64))
    assert recording.attrs["time_zone"] == "UTC"


def test_stages_are_scores_that_extract_uses(tmp_path: Path) -> None:
    recording = sd.open_recording(session(tmp_path, by_seconds()))
    scores = own_hypnogram(recording)
    assert scores is not None
    assert scores["stage"].values.tolist() == ["W", "N1", "N2", "N3", "R"]
    assert (scores["duration"].values / np.timedelta64(1, "s")).tolist() == [60, 30, 120, 90, 60]
    table = sd.to_dataframe(sd.compute(sd.extract(recording, [sd.features.Statistics()])))
    stages = table.index.get_level_values("stage").tolist()
    assert stages == ["W"] * 2 + ["N1"] + ["N2"] * 4 + ["N3"] * 3 + ["R"] * 2
    assert table[("sum_power", "mean")].iloc[0] == np.mean([k / 4 for k in range(15)])


@given(runs=st.lists(st.tuples(st.sampled_from(["Wake", "N1", "N2", "N3", "REM", "", "Light"]), st.integers(1, 5))))
def test_scores_tell_the_stage_of_every_row(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[str, int]]
) -> None:
    stages = [stage for stage, count in [*runs, ("N2", 2)] for _ in range(count)]
    recording = sd.open_recording(session(tmp_path_factory.mktemp("wave"), by_seconds(stages)))
    scores = own_hypnogram(recording)
    assert scores is not None
    moments = START + np.arange(len(stages)) * np.timedelta64(2, "s")
    which = np.searchsorted(scores["onset"].values, moments, "right") - 1
    meant = {"Wake": "W", "REM": "R", "Light": ""}
    assert scores["stage"].values[which].tolist() == [meant.get(stage, stage) for stage in stages]
    assert scores["onset"].values[-1] + scores["duration"].values[-1] == moments[-1] + np.timedelta64(2, "s")


def test_nothing_is_scored_in_a_gap(tmp_path: Path) -> None:
    rows = [f",{second},N2,1,1" for second in (0, 4, 8, 12, 300, 304)]
    notes = sd.open_recording(session(tmp_path, rows))["annotations"]
    assert (notes["duration"].values / np.timedelta64(1, "s")).tolist() == [16, 8]


@pytest.mark.parametrize(
    ("written", "first", "second"),
    [
        (["2025-03-17T02:41:53.5", "2025-03-17T02:41:55.5"], "06:41:53.500", "06:41:55.500"),
        (["2025-03-17 02:41:53-04:00", "2025-03-17 02:41:55-04:00"], "06:41:53.000", "06:41:55.000"),
        (["2025-03-17T06:41:53Z", "2025-03-17T06:41:55Z"], "06:41:53.000", "06:41:55.000"),
        (["02:41:53.25", "02:41:55.25"], "06:41:53.250", "06:41:55.250"),
    ],
)
def test_the_time_of_a_row_is_what_it_says(tmp_path: Path, written: list[str], first: str, second: str) -> None:
    recording = sd.open_recording(session(tmp_path, [at(time) for time in written]))
    assert times(recording) == [f"2025-03-17T{first}", f"2025-03-17T{second}"]
    assert recording.attrs["findings"] == []


def test_a_time_of_day_goes_on_after_midnight(tmp_path: Path) -> None:
    begin = "Data Begin: 2025-03-16T23:59:58;"
    rows = [at(time) for time in ("23:59:59", "00:00:01", "00:00:03")]
    recording = sd.open_recording(session(tmp_path, rows, begin=begin))
    assert times(recording) == ["2025-03-16T23:59:59.000", "2025-03-17T00:00:01.000", "2025-03-17T00:00:03.000"]
    assert recording.attrs["time_zone"] == ""


def test_a_time_that_cannot_be_read_is_reckoned(tmp_path: Path) -> None:
    rows = [f"2025-03-17T02:41:{53 + k},{k},Wake,1,1" for k in range(5)]
    rows[2] = "3/17/2025 2:41,2,Wake,1,1"
    recording = sd.open_recording(session(tmp_path, rows))
    assert times(recording) == [f"2025-03-17T06:41:{53 + k}.000" for k in range(5)]
    assert recording.attrs["findings"] == ["1 of 5 rows: the Time cannot be read; the start and Seconds tell it"]


@pytest.mark.parametrize(
    "rows",
    [
        ["2025-03-17T06:41:53,1,Wake,1,1", "2025-03-17T06:41:55,3,Wake,1,1"],  # Time in UTC, start in local time
        ["2025-03-17T06:41:53,,Wake,1,1", "2025-03-19T06:41:55,,Wake,1,1"][1:],
    ],
)
def test_times_that_contradict_the_start_are_refused(tmp_path: Path, rows: list[str]) -> None:
    file = session(tmp_path, rows)
    with pytest.raises(FileFormatError, match="contradict each other"):
        sd.open_recording(file)
    assert sd.open_recording(file, policy="repair").attrs["findings"]


@pytest.mark.parametrize("begin", ["Data Begin:", "Data Begin: yesterday;", "Data Begin: 2025-13-17T02:41:52;"])
def test_no_time_is_made_up(tmp_path: Path, begin: str) -> None:
    with pytest.raises(FileFormatError, match="no row has a time"):
        sd.open_recording(session(tmp_path, by_seconds(), begin=begin))
    recording = sd.open_recording(
        session(tmp_path, [at("2025-03-17T02:41:53"), at("2025-03-17T02:41:55")], begin=begin)
    )
    assert recording.attrs["time_zone"] == ""
    assert "no time follows 'Data Begin:'" in recording.attrs["findings"][0]


def test_rows_with_too_few_or_too_many_cells_are_told(tmp_path: Path) -> None:
    rows = by_seconds()
    rows[1], rows[2], rows[3] = rows[1].rsplit(",", 1)[0], rows[2] + ",9", rows[3].replace(",3", ",x")
    recording = sd.open_recording(session(tmp_path, rows), chunks=None)
    assert recording.attrs["findings"] == [
        "session: 1 row with too few cells; missing there",
        "session: 1 row with too many cells; cut off",
        "eeg_quality: 1 cell that is no number; missing there",
    ]
    assert np.isnan(recording["session"]["signal"].values[1, [1, 3]]).all()


def test_what_is_missing_or_not_known_is_told(tmp_path: Path) -> None:
    header = "Seconds,SleepStage,SumPower,Mood"
    rows = ["0,Wake,1,1", "4,Deep,2,1", "8,Deep,3,1"]
    file = tmp_path / "Session.csv"
    file.write_text("\n".join([BEGIN, header, *rows]))
    recording = sd.open_recording(file)
    assert recording.attrs["findings"] == [
        "the line 'Data Completed:' is missing; the session may have gone on",
        "columns that are not known: mood; they are not read",
        "session: its last line has no end; left out, as it may be cut off",
        "1 row has a stage that is none of the AASM: 'Deep'; they are left unscored",
    ]
    assert recording["session"].sizes == {"channel": 1, "time": 2}


@pytest.mark.parametrize(
    ("header", "rows"), [("Time,Seconds", ["1,2"]), ("Seconds,SleepStage", ["1,N2"]), (HEADER, [])]
)
def test_sessions_without_samples_are_refused(tmp_path: Path, header: str, rows: list[str]) -> None:
    with pytest.raises(FileFormatError):
        sd.open_recording(session(tmp_path, rows, header=header))


@given(cut=st.integers(len(BEGIN) + 80, 3000))
def test_a_file_that_is_cut_off_has_the_values_of_the_whole(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("wave")
    whole = session(folder, by_seconds())
    part = folder / "cut.csv"
    part.write_bytes(whole.read_bytes()[:cut])
    try:
        some = sd.open_recording(part, chunks=None)["session"]
    except FileFormatError:
        return
    full = sd.open_recording(whole, chunks=None)["session"]
    size = some.sizes["time"]
    np.testing.assert_array_equal(some["signal"].values, full["signal"].values[:, :size])
    np.testing.assert_array_equal(some["time"].values, full["time"].values[:size])
