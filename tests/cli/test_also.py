"""Several devices in one command: info, extract, and recordings without any regular signal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from devices import beats, know_sessions, write_session

import sleepdask as sd
from sleepdask.cli import main

START = "2024-03-11T22:00"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two hours of a watch, from an hour before the short night on."""
    know_sessions(monkeypatch)
    return write_session(tmp_path / "watch", {"hr": beats("2024-03-11T21:45", 7200), "spo2": beats(START, 3600, 8)})


def start_of(night: Path) -> np.datetime64:
    return np.datetime64(str(sd.open_recording(night).attrs["start"]))


def test_info(short_psg: Path, watch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg, "--also", f"watch={watch}") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("short-PSG.edf, watch  EDF+C, Session  start 2024-03-11 22:47:30\n")
    (line,) = [line for line in printed.splitlines() if line.startswith("watch hr: ")]
    assert "7,200 samples a channel at any times, about" in line
    assert line.endswith("; beside the night, watch")
    assert run("info", short_psg, "--also", watch, "--json") == 0
    nodes = {node["node"]: node["beside"] for node in json.loads(capsys.readouterr().out)["nodes"]}
    assert nodes["hr"] == "watch"
    assert nodes["256Hz"] == ""


def test_extract(short_psg: Path, watch: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("extract", short_psg, "--also", f"watch={watch}", "-o", out, "--backend", "sync", "--quiet") == 0
    table = pd.read_parquet(out / "features.parquet")
    both = sd.open_recording(short_psg, also={"watch": watch})
    want = sd.to_dataframe(sd.extract(both, "statistics,bandpower,hjorth"), flat=True)
    pd.testing.assert_frame_equal(table, want, check_exact=True)
    assert len(table) == 20
    assert table["watch hr/coverage"].min() > 0.9
    inputs = json.loads((out / "provenance.json").read_text())["inputs"]
    assert list(inputs) == ["recording", "also watch"]
    digests = {name: hashlib.sha256((watch / name).read_bytes()).hexdigest() for name in ("hr.dat", "session.txt")}
    digests["spo2.dat"] = hashlib.sha256((watch / "spo2.dat").read_bytes()).hexdigest()
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    assert inputs["also watch"]["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert (out / "overview.png").stat().st_size > 10_000


def test_several_and_a_dry_run(
    short_psg: Path, watch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_session(tmp_path / "other", {"hr": beats(START, 3600)})
    arguments = ["extract", short_psg, "--also", watch, "--also", other, "-o", tmp_path / "out", "--dry-run", "--json"]
    assert run(*arguments) == 3
    plan = json.loads(capsys.readouterr().out)
    assert {"1Hz", "hr", "hr #2", "spo2"} < {node["node"] for node in plan["nodes"]}
    assert "other: 'hr' is recorded by two devices; here called 'hr #2'" in plan["findings"][0]
    assert plan["epochs"] == 20


@pytest.mark.parametrize("features", [[], ["--features", "statistics"]])
def test_a_recording_without_any_regular_signal(
    watch: Path, tmp_path: Path, features: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("extract", watch, "-o", out, *features, "--backend", "sync") == 0
    table = pd.read_parquet(out / "features.parquet")
    stamps, values = beats("2024-03-11T21:45", 7200)
    epoch = (stamps - stamps[0]) // 30_000_000_000
    means = pd.Series(values).groupby(epoch).mean()
    got = table["hr/mean"].to_numpy()[:-1]
    np.testing.assert_allclose(got, means.to_numpy()[: len(got)], rtol=1e-5)
    assert (out / "overview.png").stat().st_size > 10_000
    noted = "hr: no hjorth, which needs samples at a fixed rate (hr)" in capsys.readouterr().err
    assert noted == (not features)


def test_two_weeks_of_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 30 s, and of a minute, which want longer epochs, and are told so."""
    rng = np.random.default_rng(1)
    for seconds in (30, 60):
        counts = rng.poisson(20, 14 * 86_400 // seconds).astype(float)
        recording = sd.recording_from_arrays({"counts": counts}, 1 / seconds, start=START, unit="")
        store = tmp_path / f"{seconds}.zarr"
        sd.save_recording(recording, store, backend="sync")
        out = tmp_path / f"out{seconds}"
        arguments = ["extract", store, "-o", out, "--backend", "sync", "--quiet"]
        if seconds == 60:
            assert run(*arguments) == 2
            assert "use epochs of at least 1 min" in capsys.readouterr().err
            arguments += ["--epoch", "60s"]
        assert run(*arguments) == 0
        table = pd.read_parquet(out / "features.parquet")
        np.testing.assert_array_equal(table["counts/mean"], counts)
        assert (out / "overview.png").stat().st_size > 10_000


def test_zones_that_do_not_fit(
    short_psg: Path, tmp_path: Path, watch: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    polar = write_session(tmp_path / "polar", {"hr": beats("2024-03-11T21:00", 7200)}, instants=True)
    assert watch.exists()
    arguments = ["extract", short_psg, "--also", polar, "-o", tmp_path / "out", "--quiet", "--backend", "sync"]
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "some times are local and some are UTC" in line
    assert "--timezone" in line
    assert not (tmp_path / "out").exists()
    assert run(*arguments, "--timezone", "Europe/Berlin") == 0
    assert pd.read_parquet(tmp_path / "out" / "features.parquet")["hr/coverage"].min() > 0.9


def test_refusals(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", short_psg, "--also", tmp_path / "nothing.csv") == 2
    assert "nothing.csv: no such file" in capsys.readouterr().err
