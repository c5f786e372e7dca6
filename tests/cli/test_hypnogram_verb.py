"""``sleepdask hypnogram``, and hypnograms of any format in ``sleepdask extract``."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    path = tmp_path / "stages.txt"
    path.write_text("0\n1\n2\n4\n" * 5)
    return path


def test_show(short_hypnogram: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("hypnogram", short_hypnogram) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{short_hypnogram.name}  edf  ")
    assert "2024-03-11 22:47:30 to 2024-03-11 22:57:30, 10 min" in printed.out
    assert printed.err == ""


def test_json_and_output(stages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.edf"
    options = ("--vocabulary", "aasm", "--start", "2024-03-11T22:47:30", "--json")
    assert run("hypnogram", stages, *options, "-o", out) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["minutes"] == {"W": 2.5, "N1": 2.5, "N2": 2.5, "N3": 0, "R": 2.5, "unscored": 0}
    assert document["stages"]["R"] == 5
    assert document["start"] == "2024-03-11T22:47:30.000000000"
    assert sd.read_hypnogram(out)["stage"].values.tolist() == ["W", "N1", "N2", "R"] * 5
    assert run("hypnogram", stages, *options, "-o", out) == 2
    assert run("hypnogram", stages, *options, "-o", out, "--force") == 0


def test_refusals_and_findings(stages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("hypnogram", stages) == 2
    assert "vocabulary='aasm'" in capsys.readouterr().err
    assert run("hypnogram", stages, "--vocabulary", "aasm", "-o", tmp_path / "x.edf") == 2
    assert "EDF+ needs dates" in capsys.readouterr().err
    assert run("hypnogram", stages, "--vocabulary", "aasm", "--epoch-length", "20s") == 3
    printed = capsys.readouterr()
    assert "0:00:00 to 0:06:40, 6 min 40 s from the recording's start" in printed.out
    assert printed.err == "finding: epochs are 20 s long, not 30 s; they are taken as such\n"


def test_extract_takes_any_format(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "stages.txt"
    path.write_text("W\nN1\nN2\nN3\nR\n" * 4)
    assert run("extract", short_psg, "--hypnogram", path, "-o", tmp_path / "out", "--features", "hjorth") == 0
    assert "note: hypnogram: scores without clock times count from the recording's start" in capsys.readouterr().err
    table = pd.read_parquet(tmp_path / "out" / "features.parquet")
    assert table["stage"].tolist() == ["W", "N1", "N2", "N3", "R"] * 4
    path.write_text("W\nN1\n")
    assert run("extract", short_psg, "--hypnogram", path, "-o", tmp_path / "few", "--features", "hjorth") == 2
    assert "2 scores for 20 epochs of 30 s of the recording" in capsys.readouterr().err
