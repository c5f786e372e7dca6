"""Tables at the command line: --layout on the verbs that open recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sleepdask.cli import main

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def table(tmp_path: Path) -> tuple[str, str]:
    times = pd.date_range("2024-03-11 22:00", periods=3600, freq="1s")
    pulse = np.random.default_rng(1).integers(50, 90, 3600)
    pd.DataFrame({"When": times, "Pulse": pulse}).to_csv(tmp_path / "watch.csv", index=False)
    (tmp_path / "watch.yaml").write_text("time: When\nchannels: {Pulse: {unit: bpm, label: hr}}\nnode: watch\n")
    return str(tmp_path / "watch.csv"), str(tmp_path / "watch.yaml")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a verb: its exit code, and all that it prints."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(arguments))
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out + captured.err

    return run


def test_verbs_open_tables_by_their_layout(table: tuple[str, str], tmp_path: Path, run: Run) -> None:
    path, layout = table
    code, text = run("info", path, "--layout", layout, "--json")
    assert code == 0
    (node,) = json.loads(text)["nodes"]
    assert (node["node"], node["samples"], node["channels"][0]["channel"]) == ("watch", 3600, "hr")
    code, text = run("diagnose", path, "--layout", layout)
    assert (code, "nothing odd" in text) == (0, True)
    out = tmp_path / "out"
    code, text = run("extract", path, "--layout", layout, "--features", "statistics", "-o", str(out), "--quiet")
    assert code == 0, text
    assert len(pd.read_parquet(out / "features.parquet")) == 120
    inputs = json.loads((out / "provenance.json").read_text())["inputs"]
    assert set(inputs) == {"recording", "layout"}
    code, text = run("convert", path, "--layout", layout, "-o", str(tmp_path / "watch.zarr"), "--quiet")
    assert code == 0, text
    assert json.loads(run("info", str(tmp_path / "watch.zarr"), "--json")[1])["nodes"][0]["samples"] == 3600


def test_mistakes_are_told(table: tuple[str, str], tmp_path: Path, run: Run) -> None:
    path, layout = table
    code, text = run("info", path)
    assert (code, "--layout" in text) == (2, True)
    Path(layout).write_text("tme: When\nchannels: [Pulse]\n")
    code, text = run("info", path, "--layout", layout)
    assert (code, "did you mean 'time'" in text) == (2, True)
