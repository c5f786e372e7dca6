"""What is asked of a recording when it is opened, where it is a stored one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sleepdask as sd
from sleepdask.io.remote.file import locate
from sleepdask.io.store.reading import open_store

START = "2024-10-27T01:30:00"  # an hour and a half before clocks were put back


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    night = sd.recording_from_arrays({"C3": np.arange(900.0)}, 10, start=START, timezone="Europe/Berlin")
    sd.save_recording(night, tmp_path / "night.zarr")
    return tmp_path / "night.zarr"


def test_a_stored_recording_keeps_its_zone(stored: Path) -> None:
    night = sd.open_recording(stored)
    assert (night.attrs["start"], night.attrs["time_zone"]) == ("2024-10-26T23:30:00.000000000Z", "Europe/Berlin")
    assert night["10Hz"]["time"].values[0] == np.datetime64("2024-10-26T23:30", "ns")
    assert sd.open_recording(stored, timezone="Europe/Berlin").identical(night)
    with pytest.raises(sd.ParameterError, match=r"stored otherwise.*expected Asia/Kolkata; found Europe/Berlin"):
        sd.open_recording(stored, timezone="Asia/Kolkata")


def test_identity_is_neither_stored_nor_asked_for(stored: Path, tmp_path: Path) -> None:
    night = sd.open_recording(stored)
    night.attrs["identity"] = {"name": "Jane_Doe"}
    with pytest.raises(sd.ParameterError, match="names the patient"):
        sd.save_recording(night, tmp_path / "other.zarr")
    with pytest.raises(sd.ParameterError, match="identifies people"):
        sd.open_recording(stored, keep_identity=True)


def test_annotations_can_be_left_out(example_folder: Path, tmp_path: Path) -> None:
    sd.save_recording(sd.open_recording(example_folder / "night.edf", chunks=None), tmp_path / "night.zarr")
    assert "annotations" in sd.open_recording(tmp_path / "night.zarr").children
    assert "annotations" not in sd.open_recording(tmp_path / "night.zarr", annotations=False).children


def test_a_store_behind_a_url_is_refused() -> None:
    with pytest.raises(sd.ParameterError, match=r"not read.*copy it to a disk"):
        sd.open_recording("https://example.org/night.zarr")
    with pytest.raises(sd.ParameterError, match="not read"):
        open_store(locate("memory://night.zarr"))
