"""``sleepdask quality``."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import edfio
import numpy as np
import pytest

from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def bad_night(tmp_path: Path) -> Path:
    """Ten minutes: one channel flat from half of them on, one in the power line, one whose name is a formula."""
    rng = np.random.default_rng(1)
    x = 20 * rng.standard_normal((3, 600 * 128))
    x[0, 300 * 128 :] = 5
    x[1] += 60 * np.sin(2 * np.pi * 50 * np.arange(600 * 128) / 128)
    ranges = {"physical_dimension": "uV", "physical_range": (-500, 500), "digital_range": (-20_000, 20_000)}
    labels = ("C3", "C4", "=1+1")
    path = tmp_path / "bad.edf"
    made = [edfio.EdfSignal(row, 128, label=label, **ranges) for row, label in zip(x, labels, strict=True)]
    edfio.Edf(made, recording=edfio.Recording(startdate=date(2024, 3, 11))).write(path)
    return path


def test_clean_night(short_psg: Path, short_hypnogram: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", short_psg, "--hypnogram", short_hypnogram) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == "short-PSG: 20 epochs of 30 s"
    assert lines[2].split() == [
        *("channel", "type", "missing", "flat", "clipped", "large", "artefact", "line", "usable", "verdict")
    ]
    assert lines[3].split()[:2] == ["F3-M2", "eeg"]
    assert lines[3].split()[-1] == "good"
    assert "1Hz: no line_noise" in printed.err


def test_faults_are_told(bad_night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", bad_night, "--quiet") == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[3:]}
    assert rows["C3"].endswith("poor     50 % flat")
    assert "fair     line noise of 50 Hz, 8" in rows["C4"]
    assert rows["=1+1"].split()[-1] == "present"  # of no type that is known


def test_json(bad_night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", bad_night, "--json", "--quiet", "--epoch", "5s", "--channels", "C*") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["epochs"], document["epoch_seconds"]) == (120, 5)
    c3, c4 = document["channels"]
    assert (c3["channel"], c3["verdict"], c3["flat"]) == ("C3", "poor", 0.5)
    assert c3["line_noise_60_share"] < 0.01 < c4["line_noise_50_share"]
    assert set(document["definitions"]) >= {"flat", "verdict", "line_noise_50_ratio"}


def test_json__what_is_not_known_is_null(short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", short_psg, "--json", "--quiet", "--method", "none") == 0
    rows = {row["channel"]: row for row in json.loads(capsys.readouterr().out)["channels"]}
    assert rows["SpO2"]["flat"] is None
    assert rows["F3-M2"]["artefact"] is None


def test_output(bad_night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "table.csv"
    assert run("quality", bad_night, "-o", out, "--quiet") == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["channel"] for row in rows] == ["C3", "C4", "'=1+1"]
    assert [row["verdict"] for row in rows] == ["poor", "fair", "present"]
    assert rows[0]["flat"] == "0.5"
    assert run("quality", bad_night, "-o", out, "--quiet") == 2
    assert "results are already there" in capsys.readouterr().err
    assert run("quality", bad_night, "-o", out, "--quiet", "--force") == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "table.xlsx"), "written as CSV"),
        (("--method", "covar"), "covar"),
        (("--channels", "F9"), "no channel matches"),
        (("--epoch", "2s"), "too short for flat"),
    ],
)
def test_refused(bad_night: Path, options: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", bad_night, *options) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_findings__exit_code_3(bad_night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = tmp_path / "short.edf"
    short.write_bytes(bad_night.read_bytes()[:-100])
    assert run("quality", short) == 3
    assert "finding: " in capsys.readouterr().err


def test_irregular_clock(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("quality", test_data / "polar-verity-sense" / "Polar_Sense_PPI.txt", "--json") == 3
    rows = {row["channel"]: row for row in json.loads(capsys.readouterr().out)["channels"]}
    assert rows["ppi"]["verdict"] == "good"
    assert rows["ppi"]["flat"] is None
    assert rows["ppi_hr"]["missing"] == pytest.approx(0.09, abs=0.01)


def test_real_night(real_night: Path, real_hypnogram: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("quality", real_night, "--hypnogram", real_hypnogram, "--json", "--quiet")
    rows = {row["channel"]: row for row in json.loads(capsys.readouterr().out)["channels"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "EEG Fpz-Cz": "good",
        "EEG Pz-Oz": "good",
        "EOG horizontal": "good",
        "Resp oro-nasal": "good",
        "EMG submental": "good",
        "Temp rectal": "present",
        "Event marker": "present",
    }


def test_oximeter_that_was_not_worn(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = test_data / "resmed-night-a"
    run("quality", *sorted(folder.glob("*_SAD.edf")), "--json", "--quiet")
    for row in json.loads(capsys.readouterr().out)["channels"]:
        assert (row["verdict"], row["reason"].startswith("constant all night")) == ("bad", True)
