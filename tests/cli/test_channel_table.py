"""Channels by canonical names on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from sleepdask.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text("Frontal: {aliases: [F3-M2]}\n")
    return path


def test_info_shows_names_with_their_labels(short_psg: Path, table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg, "--channel-table", table) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "Frontal" in line] == [["Frontal", "eeg", "uV", "[F3-M2]"]]
    assert [line.split()[0] for line in lines if "eog" in line] == ["E1-M2"]
    assert run("info", short_psg, "--channel-table", "default", "--json") == 0
    channel = json.loads(capsys.readouterr().out)["nodes"][0]["channels"][0]
    assert (channel["channel"], channel["label"], channel["physical_dimension"]) == ("F3-M2", "F3-M2", "uV")


def test_info_without_a_table_shows_labels(short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg, "--json") == 0
    assert "label" not in json.loads(capsys.readouterr().out)["nodes"][0]["channels"][0]


def test_extract_selects_and_names_by_the_table(short_psg: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--channels", "front*", "--features", "statistics", "--quiet")
    assert run("extract", short_psg, "-o", out, "--channel-table", table, *options) == 0
    columns = pd.read_parquet(out / "features.parquet").columns
    assert "Frontal/mean" in columns
    assert not [name for name in columns if name.startswith(("F3", "E1", "SpO2"))]
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["inputs"]["channel_table"]["name"] == "own.yaml"
    assert provenance["parameters"]["channel_table"] == "own.yaml"
    assert str(tmp_path) not in json.dumps(provenance["parameters"])


def test_without_a_table_labels_are_the_names(short_psg: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("extract", short_psg, "-o", out, "--channels", "F3-M2", "--features", "statistics", "--quiet") == 0
    provenance = json.loads((out / "provenance.json").read_text())
    assert "channel_table" not in provenance["inputs"]
    assert provenance["parameters"]["channel_table"] is None


def test_a_bad_table_is_refused_before_anything(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("A:\n  typ: eeg\n")
    assert run("extract", short_psg, "-o", tmp_path / "out", "--channel-table", bad) == 2
    assert (
        "bad.yaml, line 2: unknown key 'typ'; expected type or aliases; did you mean 'type'?" in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()
    assert run("info", short_psg, "--channel-table", tmp_path / "none.yaml") == 2
    assert "no channel table" in capsys.readouterr().err


def test_channels_that_share_a_name_are_a_finding(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = tmp_path / "both.yaml"
    both.write_text("Head: {aliases: [F3-M2, E1-M2]}\n")
    assert run("info", short_psg, "--channel-table", both) == 3
    printed = capsys.readouterr()
    assert "Head #2" in printed.out
    assert "finding: channel E1-M2: 'Head' is the name of another channel too" in printed.err
