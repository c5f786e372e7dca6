"""``sleepdask simulate cohort``: what it makes, what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sleepdask.cli import main
from sleepdask.simulate import SMALL_MONTAGE, simulate_cohort
from sleepdask.study.table import read_table

SMALL = ("--montage", "small", "--hours", "0.1")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["simulate", *map(str, arguments)])
    return int(stop.value.code or 0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_cohort(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "cohort"
    assert run("cohort", folder, "--nights", 12, "--faulty", 11, "--seed", 3, *SMALL) == 0
    said = capfd.readouterr()
    assert said.err == ""
    first, *kinds = said.out.splitlines()
    assert first == f"{folder / 'recordings.csv'}: 12 nights of 0.1 h, 11 of them faulty"
    assert sum(int(line.split()[0]) for line in kinds) == 11
    assert "no-scale" in said.out
    assert len(read_table(folder / "recordings.csv")) == 12
    simulate_cohort(tmp_path / "python", 12, 11, 0.1, SMALL_MONTAGE, 3)
    assert contents(folder) == contents(tmp_path / "python")


def test_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("cohort", tmp_path, "--nights", 2, "--faulty", 1, *SMALL, "--json") == 0
    document = json.loads(capfd.readouterr().out)
    assert document["recordings"] == str(tmp_path / "recordings.csv")
    assert (document["nights"], document["hours"], document["seed"], document["montage"]) == (2, 0.1, 0, "small")
    (fault,) = document["faults"]
    assert list(fault) == ["recording_id", "fault", "file", "expected_status", "expected_message"]
    assert fault["recording_id"] in {"N001", "N002"}


def test_quiet_and_force(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("cohort", tmp_path, "--nights", 1, "--faulty", 0, *SMALL, "--quiet") == 0
    assert capfd.readouterr() == ("", "")
    before = contents(tmp_path)
    assert run("cohort", tmp_path, "--nights", 2, "--faulty", 0, *SMALL) == 2
    said = capfd.readouterr()
    assert "results are already there" in said.err
    assert "--force" in said.err
    assert contents(tmp_path) == before
    assert run("cohort", tmp_path, "--nights", 2, "--faulty", 0, *SMALL, "--force") == 0
    assert len(read_table(tmp_path / "recordings.csv")) == 2
    capfd.readouterr()
    (tmp_path / "mine.txt").touch()
    assert run("cohort", tmp_path, "--nights", 2, "--faulty", 0, *SMALL, "--force") == 2
    assert "found mine.txt" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--nights", 3, "--faulty", 4), "more faulty nights than nights"),
        (("--nights", 3), "more faulty nights than nights"),
        (("--hours", 0.3333), "bad length of night"),
        (("--montage", "large"), "'large' is not one of"),
        (("--nights", 0), "--nights"),
        (("--workers", 0), "--workers"),
    ],
)
def test_refusals(options: tuple[object, ...], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("cohort", tmp_path / "cohort", *options) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "cohort").exists()


def test_help_lists_the_verb(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "cohort" in capfd.readouterr().out
    assert run("herd", "x") == 2
    assert "herd" in capfd.readouterr().err
