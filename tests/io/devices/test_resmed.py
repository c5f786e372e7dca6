"""ResMed: a folder of a night equals its files joined; more than a night is refused with the nights."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError


@pytest.fixture
def night(write_night: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Add files of a session to a folder: ``night("20240311", "20240311_224730")``."""

    def add(folder: str, stamp: str, kinds: tuple[str, ...] = ("BRP", "PLD")) -> Path:
        target = tmp_path / folder
        target.mkdir(exist_ok=True, parents=True)
        start = datetime.strptime(stamp, "%Y%m%d_%H%M%S")
        for kind in kinds:
            made = write_night({f"{kind} x": 25 if kind == "BRP" else 1}, 60, start=start)
            shutil.copy(made, target / f"{stamp}_{kind}.edf")
        return target

    return add


def test_the_real_night_equals_its_files_joined(
    test_data: Path, assert_same_bits: Callable[[xr.DataTree, xr.DataTree], None]
) -> None:
    folder = test_data / "resmed-night-a"
    opened = sd.open_recording(folder, chunks=None)
    files = sorted(folder.glob("2026*.edf"))
    want = sd.open_recording(files, chunks=None)
    oximeter = opened["1Hz/signal"].values
    assert set(want["1Hz/signal"].values.ravel()) == {-1}  # there was none
    assert np.isnan(oximeter).all()
    for recording in (opened, want):
        recording["1Hz"] = recording["1Hz"].to_dataset().assign(signal=(("channel", "time"), oximeter))
    assert_same_bits(opened, want)
    assert (opened.attrs["recording_id"], opened.attrs["source"]) == ("resmed-night-a", "resmed-night-a")
    assert [text for text in opened.attrs["findings"] if "STR.edf" in text]
    assert "Crc16" not in [
        str(name) for node in opened.children.values() if "channel" in node for name in node["channel"]
    ]
    assert "annotations" not in sd.open_recording(folder, annotations=False).children


def test_sessions_of_a_night_are_joined(night: Callable[..., Path]) -> None:
    night("20240311", "20240311_224730")
    folder = night("20240311", "20240312_031500")
    opened = sd.open_recording(folder, chunks=None)
    assert opened["25Hz"].sizes["time"] == 2 * 60 * 25
    assert opened.attrs["findings"] == []
    assert pickle.loads(pickle.dumps(opened)).identical(opened)
    assert sd.diagnose(folder)[0].policy == "strict"


def test_of_an_oximeter_numbers_below_0_are_missing(night: Callable[..., Path]) -> None:
    folder = night("20240311", "20240311_224730", ("BRP", "SAD"))
    want = sd.open_recording(folder / "20240311_224730_SAD.edf")["1Hz/signal"].values
    opened = sd.open_recording(folder, chunks=None)["1Hz/signal"]
    assert (want < 0).any()
    np.testing.assert_array_equal(opened.values, np.where(want < 0, np.nan, want))
    np.testing.assert_array_equal(opened[0, 3:50:4].values, np.where(want < 0, np.nan, want)[0, 3:50:4])
    assert opened.dtype == "float32"


@pytest.mark.usefixtures("no_compute")
def test_nothing_is_computed_to_open_it(night: Callable[..., Path]) -> None:
    sd.open_recording(night("20240311", "20240311_224730"))


def test_several_nights_are_refused_with_their_list(night: Callable[..., Path]) -> None:
    night("20240311", "20240311_224730")
    night("20240311", "20240312_115959")
    folder = night("20240311", "20240312_120000")  # a night ends at noon
    with pytest.raises(FileFormatError, match="several nights") as caught:
        sd.open_recording(folder)
    assert caught.value.found == "2024-03-11, 2024-03-12"


@pytest.mark.parametrize("inside", [True, False])
def test_a_whole_card_is_refused_with_advice(night: Callable[..., Path], inside: bool) -> None:
    night("card/DATALOG/20240311", "20240311_224730")
    folder = night("card/DATALOG/20240312", "20240312_224730").parent
    with pytest.raises(ParameterError, match="a card with all its nights") as caught:
        sd.open_recording(folder if inside else folder.parent)
    assert caught.value.found == "2 nights, 20240311 to 20240312"
    assert caught.value.fix == f"name one, such as {'' if inside else 'DATALOG/'}20240312"
    assert len(sd.diagnose(folder.parent)) == 4


def test_an_empty_card_and_events_alone(night: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "card" / "DATALOG").mkdir(parents=True)
    with pytest.raises(ParameterError, match="is a folder"):
        sd.open_recording(tmp_path / "card")
    folder = night("20240311", "20240311_224730", ("EVE",))
    with pytest.raises(FileFormatError, match="it holds no samples"):
        sd.open_recording(folder, annotations=False)


@pytest.mark.parametrize("damage", [lambda raw: raw[:100], lambda raw: b"\0" * 600])
def test_a_damaged_file_is_named(night: Callable[..., Path], damage: Any) -> None:
    folder = night("20240311", "20240311_224730")
    file = folder / "20240311_224730_PLD.edf"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(FileFormatError, match="224730_PLD"):
        sd.open_recording(folder)


def test_what_is_odd_about_a_file_says_which(night: Callable[..., Path]) -> None:
    folder = night("20240311", "20240311_224730")
    file = folder / "20240311_224730_PLD.edf"
    file.write_bytes(file.read_bytes()[:-40])
    opened = sd.open_recording(folder)
    assert all(text.startswith("20240311_224730_PLD.edf: ") for text in opened.attrs["findings"])
    assert opened.attrs["findings"]
    with pytest.raises(FileFormatError, match="under the policy 'strict'"):
        sd.open_recording(folder, policy="strict")
