"""The verb that shows how far a study is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cohorts import Cohort, run_study, study_of, tree

from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["study", "status", *map(str, arguments)])
    return int(stop.value.code or 0)


def test_while_it_runs_and_after(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    study = study_of(nights.table(tmp_path / "recordings.csv", ["007", "A1"]), out, "hjorth")
    iterator = study.iterate(backend="sync")
    next(iterator)
    before = tree(out)
    assert run(out) == 3
    text = capsys.readouterr().out
    assert text.startswith(f"{out}: 2 recordings: 1 ok, 1 left\na run is at work: process ")
    assert tree(out) == before
    list(iterator)
    assert run(out) == 0
    assert capsys.readouterr().out == f"{out}: 2 recordings: 2 ok\n"
    assert run(out, "--quiet") == 0
    assert capsys.readouterr().out == ""
    assert run(out, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["statuses"]["ok"] == 2
    assert document["epochs"] == 24
    assert document["running_by"] is None


def test_failures_are_grouped_by_cause(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = nights.table(tmp_path / "recordings.csv", ["007"]), tmp_path / "out"
    for k in range(7):
        (tmp_path / f"b{k}.edf").write_bytes(b"")
        table.write_text(table.read_text() + f"b{k},b{k}.edf,\n")
    table.write_text(table.read_text() + "gone,nothing.edf,\n")
    run_study(table, out, "hjorth")
    assert run(out) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{out}: 9 recordings: 1 ok, 8 failed"
    assert lines[1] == "      7  b0, b1, b2, b3, b4 and 2 more"
    assert lines[2].strip().startswith("FileFormatError: b0.edf: the file is empty")
    assert "      1  gone" in lines


def test_what_a_killed_run_had_begun(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run_study(nights.table(tmp_path / "recordings.csv", ["007", "A1"]), out, "hjorth")
    (out / "outcomes" / "A1.json").unlink()
    (out / ".begun").mkdir()
    for name in ("A1", "somebody"):
        (out / ".begun" / name).write_text("1")
    assert run(out) == 3
    assert capsys.readouterr().out.splitlines()[1:] == ["begun and never ended: A1"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", '{"features": 1}', '{"features": []}'])
def test_a_folder_that_is_no_study(text: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if text is not None:
        (tmp_path / "study.json").write_text(text)
    assert run(tmp_path) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "no study" in error or "the plan of the study cannot be read" in error


def test_a_study_that_lost_its_table(nights: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    run_study(nights.table(tmp_path / "recordings.csv", ["007"]), out, "hjorth")
    (out / "recordings.csv").unlink()
    assert run(out) == 2
    assert "the study has lost its table; expected recordings.csv" in capsys.readouterr().err
