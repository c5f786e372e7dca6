"""Synthetic cohorts: their tables, the same bytes for the same seed, and what is refused."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import OutputError, ParameterError
from sleepdask.simulate import PSG_MONTAGE, SMALL_MONTAGE, Night, simulate_cohort
from sleepdask.study.table import read_table

SHORT: dict[str, Any] = {"hours": 0.1, "montage": SMALL_MONTAGE}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six nights without faults."""
    return simulate_cohort(tmp_path_factory.mktemp("cohort"), 6, 0, **SHORT).parent


def test_the_table_is_that_of_a_study(sound: Path) -> None:
    entries = read_table(sound / "recordings.csv")
    assert [entry.recording_id for entry in entries] == [f"N00{k}" for k in range(1, 7)]
    for entry in entries:
        assert entry.paths == (str(sound / "nights" / f"{entry.recording_id}-PSG.edf"),)
        assert entry.hypnogram == str(sound / "nights" / f"{entry.recording_id}-Hypnogram.edf")
        assert list(entry.covariates) == ["group", "age", "sex"]
        assert 18 <= entry.covariates["age"] <= 85
        assert entry.covariates["sex"] in {"F", "M"}
    assert sorted(entry.covariates["group"] for entry in entries) == ["control"] * 3 + ["patient"] * 3
    assert (sound / "faults.csv").read_text() == "recording_id,fault,file,expected_status,expected_message\n"
    assert sorted(path.name for path in sound.iterdir()) == ["faults.csv", "nights", "recordings.csv"]


def test_nights_are_sound_and_differ(sound: Path) -> None:
    starts, first = set(), set()
    for entry in read_table(sound / "recordings.csv"):
        night = sd.open_recording(entry.paths[0], policy="strict")
        scores = sd.read_hypnogram(entry.hypnogram or "", policy="strict")
        assert night.attrs["findings"] == []
        start = np.datetime64(night.attrs["start"])
        assert scores["onset"].values[0] == start
        assert scores["onset"].values[-1] + scores["duration"].values[-1] == start + np.timedelta64(360, "s")
        starts.add(str(start)[:10])
        first.add(edfio.read_edf(entry.paths[0]).signals[0].data[:100].tobytes())
    assert len(starts) == len(first) == 6


def test_montage_and_length(sound: Path) -> None:
    edf = edfio.read_edf(sound / "nights" / "N003-PSG.edf")
    assert [(signal.label, signal.sampling_frequency) for signal in edf.signals] == [
        ("C3-M2", 64),
        ("O1-M2", 64),
        ("SpO2", 1),
    ]
    assert edf.duration == 360


def test_same_seed_same_bytes(sound: Path, tmp_path: Path) -> None:
    assert contents(simulate_cohort(tmp_path / "again", 6, 0, **SHORT).parent) == contents(sound)
    other = contents(simulate_cohort(tmp_path / "other", 6, 0, seed=1, **SHORT).parent)
    assert list(other) == list(contents(sound))
    assert all(other[name] != data for name, data in contents(sound).items() if name != "faults.csv")


def test_the_first_nights_are_those_of_a_larger_cohort(sound: Path, tmp_path: Path) -> None:
    few = contents(simulate_cohort(tmp_path, 3, 0, **SHORT).parent)
    many = contents(sound)
    assert len(few) == 8
    assert all(many[name] == data for name, data in few.items() if name.startswith("nights"))
    assert many["recordings.csv"].startswith(few["recordings.csv"])


def test_same_bytes_in_processes(tmp_path: Path) -> None:
    one = simulate_cohort(tmp_path / "one", 12, 10, **SHORT).parent
    two = simulate_cohort(tmp_path / "two", 12, 10, workers=2, **SHORT).parent
    assert contents(one) == contents(two)


def test_ids_have_one_width(tmp_path: Path) -> None:
    from sleepdask.simulate.plan import plan_cohort

    ids = [member.recording_id for member in plan_cohort(1000, 0, 0)]
    assert (ids[0], ids[-1]) == ("N0001", "N1000")
    assert ids == sorted(ids)


def test_an_earlier_cohort_is_replaced_when_asked_for_only(sound: Path, tmp_path: Path) -> None:
    shutil.copytree(sound, tmp_path / "cohort")
    with pytest.raises(OutputError, match=r"already there.*--force"):
        simulate_cohort(tmp_path / "cohort", 2, 0, **SHORT)
    assert contents(tmp_path / "cohort") == contents(sound)
    simulate_cohort(tmp_path / "cohort", 2, 0, force=True, **SHORT)
    assert len(contents(tmp_path / "cohort")) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", "mine"),
        ("nights/other.edf", "mine"),
        ("recordings.csv", "recording_id,path\nS1,S1.edf\n"),
        ("faults.csv", "recording_id\n"),
        ("OUT/study.json", "{}"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_files_of_others_are_never_replaced(sound: Path, tmp_path: Path, name: str, content: str, force: bool) -> None:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=r"not of a synthetic cohort.*name another folder"):
        simulate_cohort(tmp_path, 2, 0, force=force, **SHORT)
    assert contents(tmp_path) == before


def test_recordings_without_their_tables_are_files_of_others(sound: Path, tmp_path: Path) -> None:
    shutil.copytree(sound / "nights", tmp_path / "nights")
    with pytest.raises(OutputError, match="found nights;"):
        simulate_cohort(tmp_path, 2, 0, force=True, **SHORT)


def test_a_failure_leaves_nothing_and_keeps_what_was(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sound, tmp_path / "old")

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Night, "write_hypnogram", full_disk)
    for name, force in (("new", False), ("old", True)):
        with pytest.raises(OutputError, match="No space left on device"):
            simulate_cohort(tmp_path / name, 2, 0, force=force, **SHORT)
    assert not (tmp_path / "new").exists()
    assert contents(tmp_path / "old") == contents(sound)
    assert sorted(path.name for path in (tmp_path / "old").iterdir()) == ["faults.csv", "nights", "recordings.csv"]


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 10**9))
    # 8 h of 6 channels at 256 Hz, two of them at half that, and one at 1 Hz; two bytes a sample.
    with pytest.raises(OutputError, match=r"no room.*expected 8\.9 GB; found 1\.0 GB free"):
        simulate_cohort(tmp_path / "cohort", montage=PSG_MONTAGE)
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"nights": 0},
        {"nights": 2.5},
        {"faulty": -1},
        {"faulty": 4},
        {"seed": -1},
        {"workers": 0},
        {"hours": 0.001},
        {"montage": ()},
        {"montage": SMALL_MONTAGE[:1], "faulty": 1},
    ],
)
def test_arguments_out_of_range(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ParameterError):
        simulate_cohort(tmp_path / "cohort", **({"nights": 3, "faulty": 0, **SHORT} | wrong))
    assert not (tmp_path / "cohort").exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        simulate_cohort(tmp_path / "file", 1, 0, **SHORT)


def test_kinds_of_faults_come_in_turn(tmp_path: Path) -> None:
    from sleepdask.simulate.faults import FAULTS
    from sleepdask.simulate.plan import plan_cohort

    simulate_cohort(tmp_path, 13, 12, **SHORT)
    with (tmp_path / "faults.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(FAULTS) == 10
    assert {row["fault"] for row in rows} == set(FAULTS)
    assert len({row["recording_id"] for row in rows}) == len(rows) == 12
    drawn = [[(member.recording_id, member.fault) for member in plan_cohort(20, 4, seed)] for seed in range(3)]
    assert drawn[0] != drawn[1] != drawn[2]
    assert all(len({fault for _, fault in one if fault}) == 4 for one in drawn)
