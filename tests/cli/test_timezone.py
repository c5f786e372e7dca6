"""A time zone from the command line to every file, table and picture, whatever zone the machine is in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr
from matplotlib.dates import num2date

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.cli.job import Job
from sleepdask.cli.job import run as run_job

ZONE = "Europe/Berlin"
KINDS = ("parquet", "csv", "zarr", "netcdf")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def long_night(write_night: Callable[..., Path]) -> Path:
    """From 01:50 before the clock was put back on, for two hours; scored throughout."""
    stages = ("W", "N1", "N2", "N3", "R")
    scores = [(30.0 * i, 30.0, f"Sleep stage {stages[i % 5]}") for i in range(240)]
    return write_night({"C3": 20}, 7200, scores, start=datetime(2024, 10, 27, 1, 50))


@pytest.fixture(scope="module")
def results(long_night: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zoned") / "out"
    features = sd.features.parse_features("hjorth")
    run_job(Job(long_night, folder, features, formats=KINDS, timezone=ZONE), progress=False)
    return folder


def starts() -> pd.DatetimeIndex:
    return pd.date_range("2024-10-26T23:50", periods=240, freq="30s", tz="UTC", unit="ns").tz_convert(ZONE)


@pytest.mark.parametrize("name", ["features.parquet", "features.csv", "features.zarr", "features.nc"])
def test_results_are_read_back(results: Path, long_night: Path, name: str) -> None:
    want = sd.compute(sd.extract(sd.open_recording(long_night, timezone=ZONE), "hjorth"))
    back = sd.open_features(results / name)
    assert back["start"].dtype == np.dtype("datetime64[ns]")
    assert back.attrs["time_zone"] == ZONE
    xr.testing.assert_identical(back, want)


def test_tables_know_the_zone(results: Path) -> None:
    table = pd.read_parquet(results / "features.parquet")
    assert str(table["start"].dtype) == "datetime64[ns, Europe/Berlin]"
    assert (table["start"] == starts()).all()
    assert str(pq.read_schema(results / "features.parquet").field("start").type) == "timestamp[ns, tz=Europe/Berlin]"
    frame = sd.to_dataframe(sd.open_features(results))
    assert (frame.index.get_level_values("start") == starts()).all()
    texts = pd.read_csv(results / "features.csv")["start"]
    assert texts.tolist() == [time.isoformat() for time in starts()]
    assert texts.iloc[[20, 140]].tolist() == ["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"]
    assert texts.nunique() == 240


def test_provenance_keeps_the_zone(results: Path, long_night: Path, tmp_path: Path) -> None:
    provenance = json.loads((results / "provenance.json").read_text())
    assert provenance["parameters"]["timezone"] == ZONE
    assert provenance["table"]["attributes"]["time_zone"] == ZONE
    assert provenance["versions"]["tzdata"]
    command = [sys.executable, "-m", "sleepdask", "extract", long_night, "-o", tmp_path / "o", f"--timezone={ZONE}"]
    subprocess.run([*map(str, command), "--features=hjorth", "--quiet"], check=True)
    words = json.loads((tmp_path / "o" / "provenance.json").read_text())["command"]
    assert f"--timezone={ZONE}" in words
    assert str(tmp_path) not in " ".join(words)


def test_info(long_night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", long_night, "--timezone", ZONE) == 0
    assert "start 2024-10-27 01:50:00 Europe/Berlin\n" in capsys.readouterr().out
    assert run("info", long_night, "--timezone", ZONE, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["start"] == document["nodes"][0]["start"] == "2024-10-26T23:50:00.000000000Z"
    assert document["nodes"][0]["end"] == "2024-10-27T01:50:00.000000000Z"
    assert document["time_zone"] == ZONE
    assert run("info", long_night) == 0
    assert "start 2024-10-27 01:50:00\n" in capsys.readouterr().out
    assert run("info", long_night, "--timezone", "Europe/Berln") == 2
    assert "unknown time zone" in capsys.readouterr().err


def test_typed_times(long_night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ("extract", long_night, "-o", tmp_path / "out", "--timezone", ZONE, "--dry-run")
    assert run(*base, "--start", "02:10") == 2
    assert "start comes twice in Europe/Berlin" in capsys.readouterr().err
    assert run(*base, "--start", "02:10+01:00", "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["start"] == "2024-10-27T02:10:00.000+01:00"
    assert plan["epochs"] == 80


def test_the_order_of_rows_counts(long_night: Path, tmp_path: Path) -> None:
    times = starts()
    rows = [f"{time:%Y-%m-%d %H:%M:%S},30,{'N2' if i < 100 else 'R'}\n" for i, time in enumerate(times)]
    path = tmp_path / "scores.csv"
    path.write_text("onset,duration,stage\n" + "".join(rows))
    job = Job(long_night, tmp_path / "out", sd.features.parse_features("hjorth"), hypnogram=path, timezone=ZONE)
    features = run_job(job, progress=False).features
    assert features["stage"].values.tolist() == ["N2"] * 100 + ["R"] * 140


def test_a_clock_that_stayed_is_that_of_the_scores_too(write_night: Callable[..., Path], tmp_path: Path) -> None:
    night = write_night({"C3": 20}, 3600, start=datetime(2024, 10, 27, 2, 30))
    times = pd.date_range("2024-10-27T02:30", periods=120, freq="30s")
    path = tmp_path / "scores.csv"
    path.write_text("onset,duration,stage\n" + "".join(f"{time.isoformat()},30,N2\n" for time in times))
    for clock, start in (("+02:00", "2024-10-27T00:30"), ("+01:00", "2024-10-27T01:30")):
        hjorth = sd.features.parse_features("hjorth")
        job = Job(night, tmp_path / clock, hjorth, hypnogram=path, timezone=ZONE + clock)
        features = run_job(job, progress=False).features
        assert features["start"].values[0] == np.datetime64(start)
        assert features["stage"].values.tolist() == ["N2"] * 120
        assert features.attrs["notes"] == []


def test_the_picture_has_the_hours_of_the_clock_on_the_wall(results: Path) -> None:
    figure = sd.overview(sd.open_features(results))
    figure.canvas.draw()
    axis = figure.axes[-1].xaxis
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    instants = [f"{time:%H:%M}" for time in num2date(axis.get_majorticklocs(), tz=UTC)]
    assert instants == [f"{time:%H:%M}" for time in pd.date_range("2024-10-26T23:50", "2024-10-27T01:50", freq="10min")]
    twice = [f"02:{m}0" for m in range(6)]
    assert labels == ["01:50", *twice, "02:00\nCET", *twice[1:]]
    assert any("2024-10-27 01:50:00 Europe/Berlin" in text.get_text() for text in figure.texts)


RESULTS = """
import hashlib, json, sys
from pathlib import Path
import sleepdask as sd
from sleepdask.cli.job import Job, run

night, table, out = map(Path, sys.argv[1:])
said = {}
for zone in (None, "Europe/Berlin", "America/New_York"):
    recording = sd.open_recording(night, timezone=zone)
    features = sd.compute(sd.extract(recording, "hjorth", start="01:52", end="01:58"))
    hypnogram = sd.read_hypnogram(table, timezone=zone)
    folder = out / str(zone).replace("/", "-")
    hjorth = sd.features.parse_features("hjorth")
    run(Job(night, folder, hjorth, formats=("parquet", "csv"), timezone=zone), progress=False)
    sd.write_hypnogram(hypnogram, folder / "hypnogram.edf")
    sd.write_hypnogram(hypnogram, folder / "hypnogram.csv")
    said[str(zone)] = [
        recording.attrs, str(recording["20Hz"]["time"].values[[0, -1]]), features["start"].values.tolist(),
        hypnogram["onset"].values.tolist(), features.attrs,
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())
         if file.name != "provenance.json"},
        json.loads((folder / "provenance.json").read_text())["table"],
    ]
print(json.dumps(said))
"""


def test_nothing_depends_on_the_zone_of_the_machine(long_night: Path, tmp_path: Path) -> None:
    """Attributes, times, tables, pictures and hypnograms: the same bytes under every TZ."""
    table = tmp_path / "scores.csv"
    table.write_text("onset,duration,stage\n" + "".join(f"2024-10-26 22:{m:02}:00,60,N2\n" for m in range(60)))
    said = []
    for name in ("UTC", "America/New_York", "Asia/Kolkata"):
        command = [sys.executable, "-c", RESULTS, long_night, table, tmp_path / name.replace("/", "-")]
        environment = os.environ | {"TZ": name}
        said.append(subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout)
    assert said[0] == said[1] == said[2]
    found = json.loads(said[0])
    assert len({json.dumps(found[zone]) for zone in found}) == 3
    assert found[ZONE][0]["start"] == "2024-10-26T23:50:00.000000000Z"
