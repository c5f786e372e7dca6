"""Buckelmueller's rule against Luna's ``ARTIFACTS``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import edfio
import numpy as np
import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.quality import Buckelmueller, artefact_features, artefacts

EPOCHS, SIZE = 60, 30 * 128
# Epochs that `EPOCH & ARTIFACTS sig=C3 epoch no-mask` of lunapi 1.7.0 masks in the night below, counted from 0.
MASKED = [6, 7, 18, 20, 28, 32, 33, 40, 41, 48]
_ASK = """
import sys
import lunapi
project = lunapi.proj()
project.silence(True)
file = project.inst("x")
file.attach_edf(sys.argv[1])
file.eval("EPOCH & ARTIFACTS sig=C3 epoch no-mask")
file.table("ARTIFACTS", "CH_E").to_csv(sys.argv[2])
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slow waves and noise, each of a loudness of its own in every epoch, in steps of 0.1 uV."""
    rng = np.random.default_rng(5)
    noise = 10 * rng.standard_normal(EPOCHS * SIZE)
    slow, fast = (np.exp(s * rng.standard_normal(EPOCHS)).repeat(SIZE) for s in (0.6, 0.35))
    x = noise * fast + 40 * slow * np.sin(2 * np.pi * 2.3 * np.arange(noise.size) / 128)
    ranges = {"physical_range": (-3276.8, 3276.7), "digital_range": (-32768, 32767)}
    path = tmp_path_factory.mktemp("luna") / "night.edf"
    edfio.Edf([edfio.EdfSignal(np.clip(x, -3000, 3000), 128, label="C3", physical_dimension="uV", **ranges)]).write(
        path
    )
    return path


def ours(night: Path) -> np.ndarray:
    features = sd.extract(sd.open_recording(night), artefact_features("buckelmueller"))
    judged = sd.compute(artefacts(features, Buckelmueller()), backend="sync")
    return judged["128Hz/artefact_buckelmueller"].values[:, 0]


def test_buckelmueller__frozen(night: Path) -> None:
    assert np.flatnonzero(ours(night)).tolist() == MASKED


def test_buckelmueller__like_luna(night: Path, tmp_path: Path) -> None:
    python = os.environ.get("SLEEPDASK_LUNA_PYTHON")
    if not python:
        pytest.skip("SLEEPDASK_LUNA_PYTHON is not set to an interpreter that has lunapi")
    table = tmp_path / "luna.csv"
    subprocess.run([python, "-c", _ASK, night, table], check=True, capture_output=True, timeout=120)
    mask = pd.read_csv(table)["MASK"].to_numpy()
    np.testing.assert_array_equal(ours(night), mask)
    assert np.flatnonzero(mask).tolist() == MASKED
