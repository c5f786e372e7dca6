"""``sleepdask study find``: the table, what is printed, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_files import annotations, edf, text

from sleepdask.cli import main
from sleepdask.study.table import read_table


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["study", "find", *map(str, arguments)])
    return int(stop.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    edf(tmp_path / "data" / "a-PSG.edf")
    annotations(tmp_path / "data" / "a-Hypnogram.edf")
    edf(tmp_path / "data" / "b-PSG.edf")
    return tmp_path / "data"


def test_a_table(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "new" / "recordings.csv"
    annotations(folder / "c-Hypnogram.edf")
    assert run(folder, "-o", output, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert [(entry.recording_id, entry.hypnogram is not None) for entry in read_table(output)] == [
        ("a", True),
        ("b", False),
    ]
    assert run(folder, "-o", output, "--force") == 0
    captured = capsys.readouterr()
    assert captured.out == f"{output}: 2 recordings, 1 with a hypnogram, 1 without\n"
    assert "note: hypnograms that belong to no recording: c-Hypnogram.edf\n" in captured.err


def test_findings_are_exit_code_3(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(13):
        (folder / f"x{k:02}.edf").touch()
    text(folder / "b.csv")
    text(folder / "b.tsv")
    assert run(folder, "-o", tmp_path / "r.csv", "--quiet") == 3
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in lines[:10]] == [f" x{k:02}.edf" for k in range(10)]
    assert lines[10] == "finding: b-PSG.edf: b.csv and b.tsv could each be its hypnogram; it has none in the table; " \
        "keep one of them, or write it into the table"  # fmt: skip
    assert lines[11] == "finding: 3 more of the kind unreadable (all with --json)"
    assert len(read_table(tmp_path / "r.csv")) == 15


def test_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x.edf").touch()
    text(folder / "participants.tsv", "participant_id\tage\tbmi\na\t41\tn/a\nb\t40\t20.5\n")
    assert run(folder, "-o", tmp_path / "r.csv", "--json", "--quiet") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["output"] == str(tmp_path / "r.csv")
    assert document["recordings"][0] == {
        "recording_id": "a",
        "path": "data/a-PSG.edf",
        "hypnogram": "data/a-Hypnogram.edf",
        "participant_id": "a",
        "age": 41,
        "bmi": None,
    }
    assert document["summary"] == {
        "recordings": 3,
        "hypnograms": 1,
        "findings": {"unreadable": 1, "no-participant": 1},
    }
    assert [finding["where"] for finding in document["findings"]] == ["x.edf", ""]


def test_options(folder: Path, tmp_path: Path) -> None:
    people = text(tmp_path / "people.csv", "recording_id,group\na,1\nb,2\n")
    options = ("--pattern", "{recording_id}-PSG.edf", "--hypnogram-pattern", "{recording_id}*Hypnogram*")
    assert run(folder, "-o", tmp_path / "r.csv", *options, "--participants", people) == 0
    first, second = read_table(tmp_path / "r.csv")
    assert (first.covariates, second.covariates) == ({"group": 1}, {"group": 2})
    assert Path(first.hypnogram or "").name == "a-Hypnogram.edf"
    assert second.hypnogram is None


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("data", "-o", "there.csv"), "results are already there"),
        (("data", "-o", "data"), "is a folder; expected the table to write"),
        (("none", "-o", "r.csv"), "none: no such folder"),
        (("hollow", "-o", "r.csv"), "no recordings there"),
        (("data", "-o", "r.csv", "--pattern", "*.edf"), "there is no {recording_id} in it"),
        (("data", "-o", "r.csv", "--participants", "none.csv"), "no such table of participants"),
        (("data",), "Missing option '-o'"),
    ],
)
def test_refusals(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], match: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hollow").mkdir()
    there = text(tmp_path / "there.csv", "old")
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert match in error
    assert len(error.splitlines()) == 1
    assert there.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "hollow", "there.csv"]
