"""Arguments that make no night are refused with a ParameterError."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sleepdask.errors import ParameterError
from sleepdask.simulate import PSG_MONTAGE, Channel, Night, simulate_night

EEG = {"label": "C3-M2", "signal_type": "eeg", "rate": 256, "unit": "uV", "physical_range": (-500.0, 500.0)}


@pytest.mark.parametrize("hours", [0, -1, 0.001, 49, float("nan"), float("inf"), 0.5 + 1 / 3600])
def test_hours(hours: float) -> None:
    with pytest.raises(ParameterError, match="length of night"):
        simulate_night(hours=hours)


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_seed(seed: Any) -> None:
    with pytest.raises(ParameterError, match="seed"):
        simulate_night(hours=0.5, seed=seed)


@pytest.mark.parametrize("montage", [(), (PSG_MONTAGE[0], PSG_MONTAGE[0])])
def test_montage(montage: tuple[Channel, ...]) -> None:
    with pytest.raises(ParameterError, match="montage"):
        simulate_night(hours=0.5, montage=montage)


@pytest.mark.parametrize(
    "start",
    [
        dt.datetime(2024, 3, 11, 22, tzinfo=dt.UTC),
        dt.datetime(2024, 3, 11, 22, 0, 0, 5),
        dt.datetime(1970, 1, 1),
    ],
)
def test_start(start: dt.datetime) -> None:
    with pytest.raises(ParameterError, match="start"):
        simulate_night(hours=0.5, start=start)


@pytest.mark.parametrize("stages", [[], ["W", "N4"], [["W"], ["R"]]])
def test_stages(stages: Any) -> None:
    with pytest.raises(ParameterError, match="stages"):
        Night(np.array(stages, dtype=str))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", ""),
        ("label", "a label that is too long"),
        ("label", "C3-µ"),
        ("signal_type", "meg"),
        ("rate", 0),
        ("rate", 32),
        ("rate", 256.5),
        ("rate", 100_000),
        ("unit", "mV"),
        ("physical_range", (1.0, 1.0)),
    ],
)
def test_channel(name: str, value: Any) -> None:
    with pytest.raises(ParameterError):
        Channel(**{**EEG, name: value})


def test_unknown_label() -> None:
    with pytest.raises(ParameterError, match="no such channel"):
        simulate_night(hours=0.5).samples("C9")


@pytest.mark.parametrize("stem", ["", "a/b", "../up"])
def test_stem(stem: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="stem"):
        simulate_night(hours=0.5).write(tmp_path, stem)


def test_import_is_light() -> None:
    heavy = "[name for name in ('scipy', 'edfio') if name in sys.modules]"
    code = f"import sys, sleepdask.simulate; print({heavy})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
