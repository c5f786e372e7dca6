"""The pictures of the pages can be made again, and show what a sleep researcher expects of a night."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sleepdask as sd

ROOT = Path(__file__).parents[1]
FRONT, BACK = "EEG Fpz-Cz", "EEG Pz-Oz"


@pytest.fixture(scope="module")
def folder() -> Path:
    data = os.environ.get("SLEEPDASK_TEST_DATA")
    if not data:
        pytest.skip("SLEEPDASK_TEST_DATA is not set to a folder with real recordings")
    return Path(data) / "sleep-edf-sc4001"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))


def test_every_picture_of_the_pages_is_made(folder: Path, script: dict[str, Any], tmp_path: Path) -> None:
    script["main"](folder, tmp_path)
    made = {path.name: path.read_bytes()[:8] for path in tmp_path.iterdir()}
    assert set(made) == {path.name for path in (ROOT / "docs" / "pictures").iterdir()}
    assert set(made.values()) == {b"\x89PNG\r\n\x1a\n"}
    page = (ROOT / "docs" / "spectra.md").read_text("utf-8")
    assert all(f"(pictures/{name})" in page for name in made)


def test_what_they_show_is_sleep(folder: Path, script: dict[str, Any]) -> None:
    night = sd.open_recording(folder / "SC4001E0-PSG.edf")
    scores = sd.read_hypnogram(folder / "SC4001EC-Hypnogram.edf")
    lazy = sd.extract(night, "bandpower,aperiodic", channels="EEG*", hypnogram=scores, **script["_in_bed"](scores))
    table = sd.to_dataframe(lazy, backend="sync")
    middle = table[[FRONT, BACK]].groupby("stage").median()
    asleep = middle.loc[["N1", "N2", "N3", "R"]]
    assert asleep[FRONT, "bandpower_delta"].idxmax() == "N3"
    assert asleep[FRONT, "bandpower_sigma"].idxmax() == "N2"
    assert middle[BACK, "bandpower_alpha"].idxmax() == "W"
    assert asleep[FRONT, "aperiodic_slope"].idxmin() == "N3"
    assert np.isfinite(middle.drop("", errors="ignore").to_numpy()).all()
