"""What a dry run says about time: of what is known, of what is not, and nearly what it then takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from sleepdask.cli import main, prediction
from sleepdask.features import costs

SLOW = """
import time
import numpy as np
import sleepdask as sd

@sd.features.feature()
def sleeps(samples, sampling_frequency, seconds: float = 0.02):
    time.sleep(seconds)
    return 0.0

@sd.features.feature()
def dislikes(samples, sampling_frequency):
    raise ValueError("noise")
"""


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    with pytest.raises(SystemExit) as stop:
        main(["extract", *map(str, arguments), "--json"])
    assert not stop.value.code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from sleepdask.features import registry

    monkeypatch.setattr(registry, "_FEATURES", dict(registry._FEATURES))
    path = tmp_path / "slow_features.py"
    path.write_text(SLOW)
    return path


@pytest.fixture
def same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "calibration", lambda: costs.costs()["calibration"])


@pytest.mark.usefixtures("same_machine")
def test_known_features(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = told(capsys, short_psg, "-o", tmp_path, "--dry-run", "--features", "hjorth,statistics", "--workers", 1)
    table = costs.costs()
    nodes = {node["node"]: node for node in plan["nodes"]}
    seconds = nodes["256Hz"]["predicted_seconds"]
    cost = costs.Cost(*(table["features"]["hjorth"][part] for part in ("epoch", "sample", "squared")))
    assert seconds["hjorth"] == pytest.approx(20 * cost.seconds(30 * 256) * len(nodes["256Hz"]["channels"]), rel=0.06)
    assert plan["predicted_seconds"] > table["start"] * 0.99
    twice = told(capsys, short_psg, "-o", tmp_path, "--dry-run", "--features", "hjorth,statistics", "--step", "10s")
    assert {node["node"]: node for node in twice["nodes"]}["256Hz"]["predicted_seconds"]["hjorth"] > 2 * seconds[
        "hjorth"
    ]


@pytest.mark.usefixtures("same_machine")
def test_features_of_your_own_are_measured(
    short_psg: Path, own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (short_psg, "-o", tmp_path / "out", "--import", own, "--channels", "F3-M2", "--workers", 2)
    began = perf_counter()
    plan = told(capsys, *words, "--features", "sleeps,dislikes", "--dry-run")
    assert perf_counter() - began < 5
    seconds = plan["nodes"][0]["predicted_seconds"]
    assert 20 * 0.02 <= seconds["sleeps"] < 20 * 0.03
    assert seconds["dislikes"] is None
    assert plan["notes"] == ["256Hz: no time is told for dislikes, as it failed on noise"]
    longer = told(capsys, *words, "--features", "sleeps:seconds=0.1", "--dry-run")
    assert longer["predicted_seconds"] - plan["predicted_seconds"] == pytest.approx(20 * 0.08, rel=0.3)  # in turns


@pytest.mark.usefixtures("own", "same_machine")
def test_the_text_tells_it(short_psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["extract", str(short_psg), "-o", str(tmp_path), "--dry-run"])
    assert " tasks, about " in capsys.readouterr().out


CHILD = """
import sys, time
from pathlib import Path
from sleepdask.cli import prediction
from sleepdask.cli.job import Job, run
from sleepdask.features import parse_features
from sleepdask.parallel.config import ParallelConfig
prediction.perf_counter = time.process_time
job = Job(Path(sys.argv[1]), Path(sys.argv[2]), parse_features("all"), options={"step": "6s"},
          config=ParallelConfig(backend="sync"))
plan = job.plan()
summary = plan.summary()
prediction.add_prediction(summary, plan, job.config)
began = time.process_time()
run(job, progress=False)
print(summary["predicted_seconds"], time.process_time() - began)
"""


def test_within_a_factor_of_two(real_night: Path, tmp_path: Path) -> None:
    """In time of the processor, so that it does not matter what else runs here; kernels are compiled before."""
    subprocess.run(
        [sys.executable, "-c", "from sleepdask.features.warm import warm_kernels; warm_kernels()"], check=True
    )
    command = [sys.executable, "-c", CHILD, str(real_night), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted, taken = map(float, done.stdout.split())
    assert 0.5 < taken / predicted < 2
