"""Hypnograms out of EDF+ files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sleepdask as sd


def minutes(hypnogram: Any) -> dict[str, float]:
    lengths = hypnogram["duration"].values / np.timedelta64(1, "m")
    return {str(stage): float(lengths[hypnogram["stage"] == stage].sum()) for stage in np.unique(hypnogram["stage"])}


def test_the_real_night(real_hypnogram: Path) -> None:
    hypnogram = sd.read_hypnogram(real_hypnogram)
    assert dict(hypnogram.sizes) == {"score": 154}
    assert str(hypnogram["onset"].values[0]) == "1989-04-24T16:13:00.000000000"
    assert minutes(hypnogram) == {"": 115, "W": 998.5, "N1": 29, "N2": 125, "N3": 110, "R": 62.5}
    assert set(hypnogram["label"].values) >= {"Sleep stage 3", "Sleep stage 4", "Sleep stage ?"}
    assert hypnogram.attrs == {
        "source": "SC4001EC-Hypnogram.edf",
        "format": "edf",
        "elapsed_since": "1989-04-24T16:13:00.000000000",
        "findings": [],
    }


def test_scores_beside_signals(scored_night: Path) -> None:
    hypnogram = sd.read_hypnogram(scored_night)
    assert hypnogram["stage"].values.tolist() == ["W", "N1", "N2", "N3", "R", ""]
    assert hypnogram["onset"].dtype == "datetime64[ns]"
    assert hypnogram["duration"].dtype == "timedelta64[ns]"
    assert str(hypnogram["onset"].values[1]) == "2024-03-11T22:49:00.000000000"


def test_other_annotations_and_odd_scores(write_night: Any) -> None:
    scores = [
        (0.0, 40.0, "Sleep stage 1"),
        (5.0, None, "arousal"),
        (30.0, 30.0, "Movement time"),
        (60.0, 30.0, "Sleep stage X9"),
        (90.0, None, "Sleep stage 4"),
        (120.0, None, "Sleep stage R"),
    ]
    hypnogram = sd.read_hypnogram(write_night({"C3": 10}, 150, scores))
    assert hypnogram["stage"].values.tolist() == ["N1", "", "", "N3"]
    assert (hypnogram["duration"].values / np.timedelta64(1, "s")).tolist() == [30, 30, 30, 30]
    assert len(hypnogram.attrs["findings"]) == 3


def test_a_file_without_scores(write_night: Any) -> None:
    path = write_night({"C3": 10}, 30, [(1.0, 1.0, "arousal")], name="quiet")
    with pytest.raises(sd.FileFormatError, match=r"quiet.edf: the file holds no sleep stages.*found 1 other events"):
        sd.read_hypnogram(path)


def test_a_plain_recording(real_night: Path) -> None:
    with pytest.raises(sd.FileFormatError, match=r"holds no annotations; expected an EDF\+ file; found EDF"):
        sd.read_hypnogram(real_night)


def test_scores_that_last_no_time(write_night: Any) -> None:
    path = write_night({"C3": 10}, 30, [(1.0, None, "Sleep stage W")])
    with pytest.raises(sd.FileFormatError, match="duration"):
        sd.read_hypnogram(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(sd.ParameterError, match="no such file"):
        sd.read_hypnogram(tmp_path / "none.edf")
