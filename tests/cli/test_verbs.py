"""What the verbs do, print and write."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.cli import main

NIGHT = ("F3-M2", "E1-M2", "SpO2")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from sleepdask.cli import main; main()", *map(str, arguments)]


def test_info_tells_nodes_channels_and_time(short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("short-PSG.edf  EDF+C  start 2024-03-11 22:47:30")
    assert "256Hz: 10 min, 153,600 samples a channel" in printed.out
    for channel in NIGHT:
        assert channel in printed.out
    assert printed.err == ""


def test_info_as_json_is_one_document(short_psg: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [node["node"] for node in document["nodes"]] == ["256Hz", "128Hz", "1Hz"]
    assert document["nodes"][0]["channels"][0]["unit"] == "uV"
    assert document["findings"] == []


def test_extract_writes_table_provenance_and_picture(
    short_psg: Path, short_hypnogram: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    assert run("extract", short_psg, "--hypnogram", short_hypnogram, "-o", out) == 0
    assert {path.name for path in out.iterdir()} == {"features.parquet", "provenance.json", "overview.png"}
    table = pd.read_parquet(out / "features.parquet")
    assert list(table.columns[:4]) == ["epoch", "start", "stage", "F3-M2/mean"]
    assert table["epoch"].tolist() == list(range(20))
    assert table["start"].iloc[1] == pd.Timestamp("2024-03-11 22:48:00")
    assert {"F3-M2/bandpower_delta_relative", "SpO2/hjorth_mobility", "1Hz/coverage", "256Hz/status"} <= set(table)
    assert "SpO2/bandpower_delta" not in table
    assert (table["1Hz/status"] == "ok").all()
    assert (out / "overview.png").read_bytes().startswith(b"\x89PNG")

    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["inputs"]["recording"]["size"] == short_psg.stat().st_size
    assert provenance["columns"]["F3-M2/bandpower_delta"]["units"] == "uV^2"
    assert provenance["parameters"]["epoch"] == "30s"

    printed = capsys.readouterr()
    assert "20 epochs" in printed.out
    assert "1Hz: no bandpower" in printed.err

    again = sd.open_features(out)
    assert again["256Hz/bandpower_delta"].attrs["units"] == "uV^2"
    assert "Welch" in again["256Hz/bandpower_delta"].attrs["definition"]


def test_extract_equals_python(short_psg: Path, tmp_path: Path) -> None:
    options = ["--epoch", "20s", "--step", "5s", "--start", "22:50", "--channels", "E*", "--backend", "sync"]
    assert run("extract", short_psg, "-o", tmp_path, "--features", "bandpower:average=median", *options, "--quiet") == 0
    feature = sd.features.BandPower(average="median")
    lazy = sd.extract(sd.open_recording(short_psg), feature, epoch=20, step=5, start="22:50", channels="E*")
    table = pd.read_parquet(tmp_path / "features.parquet")
    pd.testing.assert_frame_equal(table, sd.to_dataframe(lazy, flat=True), check_exact=True)


def test_quiet_prints_nothing_and_json_one_document(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("extract", short_psg, "-o", tmp_path / "a", "--features", "hjorth", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run("extract", short_psg, "-o", tmp_path / "b", "--features", "hjorth", "--json", "--quiet") == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["status"]["256Hz"] == {"ok": 20}
    assert document["columns"] == 9
    assert printed.err == ""


def test_dry_run_shows_the_plan_and_writes_nothing(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("extract", short_psg, "-o", out, "--dry-run", "--json", "--workers", "2") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["epochs"] == 20
    assert plan["tasks"] == sum(node["chunks"] for node in plan["nodes"])
    assert plan["nodes"][0]["decoded_bytes"] == 153_600 * 4
    assert run("extract", short_psg, "-o", out, "--dry-run") == 0
    assert "20 epochs of 30 s" in capsys.readouterr().out
    assert not out.exists()


def test_lights_are_kept_and_give_the_span(short_psg: Path, tmp_path: Path) -> None:
    lights = ["--lights-off", "22:49:00", "--lights-on", "22:55:10"]
    assert run("extract", short_psg, "-o", tmp_path, "--features", "hjorth", *lights, "--quiet") == 0
    features = sd.open_features(tmp_path)
    assert features.attrs["lights_off"].startswith("2024-03-11T22:49:00")
    assert str(features["start"].values[0]).startswith("2024-03-11T22:49:00")
    assert features.sizes["epoch"] == 12
    assert any("no whole epoch" in note for note in features.attrs["notes"])


def test_demo_makes_a_night_and_runs_the_job_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # a second demo replaces the first
        assert run("demo", "--hours", "0.5", "-o", tmp_path / "demo", "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["epochs"] == 60
        assert sum(document["stages"].values()) == 60
    names = {path.name for path in (tmp_path / "demo").iterdir()}
    assert names == {"demo-PSG.edf", "demo-Hypnogram.edf", "features.parquet", "provenance.json", "overview.png"}


def test_demo_runs_on_a_recording_of_ones_own(short_psg: Path, short_hypnogram: Path, tmp_path: Path) -> None:
    assert run("demo", short_psg, "--hypnogram", short_hypnogram, "-o", tmp_path, "--quiet") == 0
    assert sd.open_features(tmp_path).attrs["recording_id"] == "short-PSG"


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    printed = capsys.readouterr().out
    assert "thousands" not in printed  # every verb that computes takes one recording
    for verb in ("info", "extract", "demo"):
        assert verb in printed
        assert run(verb, "--help") == 0
    assert run("--version") == 0
    assert run("exract") == 2


def test_progress_is_shown_on_a_terminal_only(short_psg: Path, tmp_path: Path) -> None:
    arguments = command("extract", short_psg, "--features", "hjorth", "--force", "-o", tmp_path)
    piped = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "%" not in piped.stderr

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run(arguments, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert b"compute" in shown
    assert b"%" in shown


def test_an_interrupt_ends_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    # The night is long enough that the signal falls into the work, not behind it.
    out = tmp_path / "out"
    process = subprocess.Popen(
        command("demo", "--hours", "24", "-o", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "synthetic night" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1] == "sleepdask: interrupted"
    assert not list(out.glob("*")) + list(out.glob(".*"))


def test_a_tls_scheduler_wants_certificates(
    short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("extract", short_psg, "-o", tmp_path / "out", "--scheduler", "tls://127.0.0.1:1") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "certificates are missing" in line
    assert "--security" in line


def test_info_counts_the_gaps(broken_night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", broken_night) == 0
    assert "100Hz: 15 min 10 s, 61,000 samples a channel, 1 gap\n" in capsys.readouterr().out
    assert run("info", broken_night, "--json") == 0
    assert [node["gaps"] for node in json.loads(capsys.readouterr().out)["nodes"]] == [1, 1]
