"""``sleepdask diagnose``: a table a file, a summary, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["diagnose", *map(str, arguments)])
    return int(stop.value.code or 0)


@pytest.fixture
def cut_psg(short_psg: Path, tmp_path: Path) -> Path:
    path = tmp_path / "cut.edf"
    path.write_bytes(short_psg.read_bytes()[:-10])
    return path


def test_table_and_summary(cut_psg: Path, short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cut_psg, short_psg) == 3
    printed = capsys.readouterr().out
    assert f"{cut_psg}  EDF+C  read with findings\n  warning  truncated" in printed
    assert "-> the whole ones are read" in printed
    assert f"{short_psg}  EDF+C  nothing odd" in printed
    assert printed.endswith("2 files: 1 nothing odd, 1 read with findings\n       1  truncated\n")


def test_quiet_leaves_out_what_is_in_order(cut_psg: Path, short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(short_psg, cut_psg, "--quiet") == 3
    captured = capsys.readouterr()
    assert str(short_psg) not in captured.out
    assert str(cut_psg) in captured.out
    assert captured.err == ""


def test_nothing_odd_is_exit_code_0(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(short_psg) == 0
    (tmp_path / "none").mkdir()
    assert run(tmp_path / "none") == 0
    assert "no recordings there" in capsys.readouterr().out


def test_json(cut_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cut_psg, "--json") == 3
    document = json.loads(capsys.readouterr().out)
    (file,) = document["files"]
    assert (file["path"], file["policy"]) == (str(cut_psg), "warn")
    assert file["findings"][0]["where"] == "header field 'number of data records' (bytes 236 to 243)"
    assert document["summary"]["policies"] == {"strict": 0, "warn": 1, "repair": 0, "none": 0}


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "no.edf") == 2
    assert "no such file or folder" in capsys.readouterr().err
