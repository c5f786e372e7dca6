"""What a file holds, told by its content."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_files import BIDS, annotations, edf, text

from sleepdask.errors import FileFormatError
from sleepdask.study.finding import looking
from sleepdask.study.finding.looking import Look, look_at_recording, look_at_scores


def test_signals_and_scores(tmp_path: Path) -> None:
    assert look_at_recording(edf(tmp_path / "a.edf")) == Look("recording")
    assert look_at_recording(annotations(tmp_path / "b.edf")) == Look("scores", "edf")
    assert look_at_recording(annotations(tmp_path / "c.edf", ("Apnea",))) == Look("annotations", "edf")
    assert look_at_recording(edf(tmp_path / "d.edf", seconds=86400)) == Look("summary")
    assert look_at_scores(text(tmp_path / "e.csv")) == Look("scores", "table")
    assert look_at_scores(text(tmp_path / "f.tsv", BIDS)) == Look("scores", "bids")
    assert look_at_scores(text(tmp_path / "g.tsv", "onset\tduration\ttrial_type\n0\t9\tapnea\n")) == Look(
        "annotations", "bids"
    )


def test_an_hour_between_samples_is_no_signal(tmp_path: Path) -> None:
    assert look_at_recording(edf(tmp_path / "a.edf", seconds=3600)).kind == "summary"
    assert look_at_recording(edf(tmp_path / "b.edf", seconds=3599)).kind == "recording"


def test_annotations_and_scores_that_cannot_be_read_may_be_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise FileFormatError("is cut", found="half of it")

    monkeypatch.setattr(looking, "read_track", broken)
    assert look_at_recording(annotations(tmp_path / "a.edf")) == Look("scores", "edf", "is cut; found half of it")
    look = look_at_scores(text(tmp_path / "a.csv", "onset,duration,stage\nsoon,30,W\n"))
    assert (look.kind, look.format) == ("scores", "table")
    assert look.trouble


def test_a_header_that_announces_data_is_not_empty(tmp_path: Path) -> None:
    assert look_at_recording(edf(tmp_path / "a.edf", records=0)).kind == "empty"
    assert look_at_recording(edf(tmp_path / "b.edf", records=0, declared=-1)).kind == "empty"
    assert look_at_recording(edf(tmp_path / "c.edf", records=0, declared=9)).kind == "unreadable"
    assert look_at_recording(tmp_path / "none.edf").kind == "unreadable"


def test_what_is_larger_than_scores_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = text(tmp_path / "a.csv")
    monkeypatch.setattr(looking, "_LARGEST", path.stat().st_size)
    assert look_at_scores(path).kind == "scores"
    monkeypatch.setattr(looking, "_LARGEST", path.stat().st_size - 1)
    monkeypatch.setattr(looking, "ScoreFile", None)
    look = look_at_scores(path)
    assert look.kind == "other"
    assert "larger than" in look.trouble


def test_a_defect_of_a_reader_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(looking, "read_header", broken)
    assert look_at_recording(edf(tmp_path / "a.edf")) == Look("unreadable", trouble="ZeroDivisionError")


def test_reasons_do_not_repeat_the_path(tmp_path: Path) -> None:
    (tmp_path / "a.edf").touch()
    trouble = look_at_recording(tmp_path / "a.edf").trouble
    assert "the file is empty" in trouble
    assert str(tmp_path) not in trouble
