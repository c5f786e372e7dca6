"""The verb that looks at all recordings of a study before anything is computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cohorts import Cohort, noise, tree, write_edf

import sleepdask as sd
from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["study", "check", *map(str, arguments), "--quiet"])
    return int(stop.value.code or 0)


def test_a_sound_cohort(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str], no_compute: None) -> None:
    table = nights.table(tmp_path / "recordings.csv")
    before = tree(tmp_path)
    assert run(table) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines() == [
        "4 recordings: 4 ready, 0 would fail",
        "0.4 h of signals (0.10 to 0.10 h, median 0.10), 48 epochs, 3 with scores",
        "",
        "  F3-M2      4  eeg  64 Hz (3), 128 Hz (1)  uV",
        "  SpO2       4  spo2  1 Hz  %",
        "  E1-M2      1  eog  64 Hz  uV",
    ]
    assert tree(tmp_path) == before


def test_the_document(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(nights.table(tmp_path / "recordings.csv", ["007", "A1"]), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["summary"]["ready"] == 2
    assert document["summary"]["channels"]["F3-M2"] == {
        "recordings": 2, "types": {"eeg": 2}, "units": {"uV": 2}, "rates": {"64": 2}
    }  # fmt: skip
    [first, second] = document["recordings"]
    assert first == {
        "recording_id": "007", "problem": "", "findings": [], "missing_channels": [], "channels": ["F3-M2", "SpO2"],
        "hours": 0.1, "epochs": 12, "hypnogram": True,
    }  # fmt: skip
    assert second["hypnogram"] is False


def test_what_would_fail(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cohort = nights.copy(tmp_path / "John Smith")
    cohort.nights["007"].unlink()
    cohort.nights["A1"].write_bytes(b"")
    scores = cohort.hypnograms["B 2"]
    scores.write_bytes(scores.read_bytes().replace(b"MAR-2024", b"MAR-2023").replace(b".03.24", b".03.23"))
    table = cohort.table(tmp_path / "recordings.csv")
    assert run(table) == 3
    text = capsys.readouterr().out
    assert "4 recordings: 1 ready, 3 would fail" in text
    for told in ("no such file", "the file is empty", "no moment in common"):
        assert told in " ".join(text.split())
    assert "John Smith" not in text
    assert run(table, "--json") == 3
    problems = {each["recording_id"]: each["problem"] for each in json.loads(capsys.readouterr().out)["recordings"]}
    assert [bool(problem) for problem in problems.values()] == [True, True, True, False]


def test_what_is_odd(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cohort = nights.copy(tmp_path / "nights")
    cohort.nights["007"].write_bytes(cohort.nights["007"].read_bytes()[:-5000])
    table = cohort.table(tmp_path / "recordings.csv", ["007", "A1"])
    assert run(table) == 3
    text = capsys.readouterr().out
    assert "2 recordings: 2 ready, 0 would fail" in text
    assert "odd:\n      1  " in text
    assert run(table, "--policy", "strict") == 3
    assert "2 recordings: 1 ready, 1 would fail" in capsys.readouterr().out


def test_recordings_that_can_be_in_no_study_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night = write_edf(tmp_path / "n.edf", {"C3": noise()})
    for name, zone in (("a", None), ("b", "Asia/Tokyo")):
        sd.save_recording(sd.open_recording(night, chunks=None, timezone=zone), tmp_path / f"{name}.zarr")
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\na,a.zarr\nb,b.zarr\n")
    assert run(table) == 3
    assert "would not run at all: some recordings have a time zone and some have none" in capsys.readouterr().out


def test_names_that_would_paint_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {"\x1b[31mred\x07": np.arange(640.0), "x" * 200: np.arange(640.0), "ch\u2028two": np.arange(640.0)}
    sd.save_recording(sd.recording_from_arrays(names, 64), tmp_path / "n.zarr")
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\na,n.zarr\n")
    assert run(table, "--epoch", "5s", "--features", "hjorth") in (0, 3)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() and len(line) < 120 for line in lines)
    assert any("[31mred" in line for line in lines)


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_folder_is_no_table(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(place) == 2
    assert "the table cannot be read; found Is a directory" in capsys.readouterr().err


def test_many_channels_are_not_all_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples: dict[str, Any] = {f"X{k:03}": np.arange(640.0) for k in range(50)}
    sd.save_recording(sd.recording_from_arrays(samples, 64), tmp_path / "n.zarr")
    table = tmp_path / "recordings.csv"
    table.write_text("recording_id,path\na,n.zarr\n")
    run(table, "--epoch", "5s", "--features", "hjorth")
    text = capsys.readouterr().out
    assert "  and X040, X041, X042, X043, X044 and 5 more\n" in text
