"""Several PATHS are one night."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def sessions(write_night: Any) -> list[Path]:
    """Two sessions of 2 min and 1 min with half an hour between, the later one first."""
    late = write_night({"C3": 100, "SpO2": 1}, 60, start=datetime(2024, 3, 11, 23, 19, 30), name="late")
    return [late, write_night({"C3": 100, "SpO2": 1}, 120, name="early")]


def test_info(sessions: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", *sessions) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("early.edf, late.edf  EDF  start 2024-03-11 22:47:30\n")
    assert "100Hz: 33 min, 18,000 samples a channel, 1 gap" in printed.out
    assert printed.err == ""


def test_identities_that_differ_are_all_told(
    sessions: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, name in zip(sessions, (b"Prudence", b"Octavia"), strict=True):
        raw = bytearray(path.read_bytes())
        raw[8:88] = name.ljust(80)
        path.write_bytes(raw)
    assert run("info", *sessions, "--keep-identity") == 3
    printed = capsys.readouterr().out
    assert "early.edf, patient: Octavia" in printed
    assert "late.edf, patient: Prudence" in printed
    out = ("-o", tmp_path / "out", "--features", "hjorth", "--keep-identity")
    assert run("extract", *sessions, *out) == 3
    identity = json.loads((tmp_path / "out" / "provenance.json").read_text())["identity"]
    assert {name: each["patient"] for name, each in identity.items()} == {
        "early.edf": "Octavia",
        "late.edf": "Prudence",
    }


def test_extract(sessions: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", *sessions, "-o", tmp_path, "--features", "hjorth", "--backend", "sync") == 0
    assert capsys.readouterr().out.startswith("early: 66 epochs")
    table = pd.read_parquet(tmp_path / "features.parquet")
    want = sd.to_dataframe(sd.extract(sd.open_recording(sessions), "hjorth"), flat=True)
    pd.testing.assert_frame_equal(table, want, check_exact=True)
    assert table["100Hz/coverage"].tolist() == [1.0] * 4 + [0.0] * 60 + [1.0] * 2
    provenance = json.loads((tmp_path / "provenance.json").read_text())
    assert {role: file["name"] for role, file in provenance["inputs"].items()} == {
        "recording": "late.edf",
        "recording #2": "early.edf",
    }


def test_a_dry_run(sessions: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", *sessions, "-o", tmp_path / "out", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 66


def test_an_overlap_is_refused_in_one_line(
    sessions: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("extract", *sessions, sessions[0], "-o", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "late.edf and late.edf #2: channel 'C3' would have two values at one time" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["info", "extract"])
def test_a_path_is_needed(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, *(["-o", tmp_path] if verb == "extract" else [])) == 2
    assert "PATHS" in capsys.readouterr().err
