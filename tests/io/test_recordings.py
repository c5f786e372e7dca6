"""Opening recordings: what is read, how it is cut, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd


def test_a_tree_with_a_node_a_rate(scored_night: Path) -> None:
    night = sd.open_recording(scored_night)
    assert list(night.children) == ["100Hz", "1Hz", "annotations"]
    assert night.attrs == {
        "recording_id": "scored",
        "source": "scored.edf",
        "format": "EDF+C",
        "start": "2024-03-11T22:47:30.000000000",
        "time_zone": "",
        "findings": [],
    }
    node = night["100Hz"]
    assert node["signal"].dims == ("channel", "time")
    assert node["signal"].shape == (2, 61_000)
    assert node["channel"].values.tolist() == ["C3", "C4"]
    assert night["1Hz/unit"].values.tolist() == ["%"]
    assert night["1Hz/signal_type"].values.tolist() == ["spo2"]
    assert night["annotations/text"].values[:2].tolist() == ["Sleep stage W", "Sleep stage N1"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("chunks", [None, "epochs", "auto", 5000, {"time": 1000}])
def test_dtype_and_chunks_change_no_value(scored_night: Path, dtype: str, chunks: Any) -> None:
    signal = sd.open_recording(scored_night, dtype=dtype, chunks=chunks)["100Hz"]["signal"]
    assert signal.dtype == dtype
    assert (signal.chunks is None) == (chunks is None)
    exact = sd.open_recording(scored_night, dtype="float64", chunks=None)["100Hz"]["signal"].values
    np.testing.assert_allclose(signal.values, exact, rtol=1e-6, atol=1e-4)
    if dtype == "float64":
        np.testing.assert_array_equal(signal.values, exact)


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize("chunks", [None, "epochs", "auto", 5000, {"time": 1000}])
def test_coordinates_are_in_memory_and_no_sample_is_read(
    write_night: Any, chunks: Any, bytes_read: list[tuple[int, int]]
) -> None:
    night = sd.open_recording(write_night({"C3": 100, "C4": 100, "SpO2": 1}, 610), chunks=chunks)
    assert max(position + size for position, size in bytes_read) <= 256 * 4
    for node in night.children.values():
        assert all(coord.chunks is None for coord in node.coords.values())
    assert night["100Hz/unit"].values.tolist() == ["uV", "uV"]


def test_chunks_end_on_epochs(scored_night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    night = sd.open_recording(scored_night, workers=1)
    assert night["100Hz"]["signal"].chunks == ((2,), (30_000, 31_000))
    assert night["1Hz"]["signal"].chunks == ((1,), (300, 310))
    assert sd.open_recording(scored_night, workers=64)["100Hz"]["signal"].chunks == ((2,), (30_000, 31_000))


def test_a_recording_shorter_than_an_epoch(write_night: Any) -> None:
    night = sd.open_recording(write_night({"C3": 100}, 7))
    assert night["100Hz"]["signal"].chunks == ((1,), (700,))


def test_channels_of_one_label_are_numbered(write_night: Any) -> None:
    night = sd.open_recording(write_night([("C3", 10), ("C3", 10), ("C3", 1)], 30))
    assert night["10Hz/channel"].values.tolist() == ["C3", "C3 #2"]
    assert night["1Hz/channel"].values.tolist() == ["C3 #3"]


def test_no_name_of_a_person_is_kept(scored_night: Path, tmp_path: Path) -> None:
    raw = bytearray(scored_night.read_bytes())
    raw[8:88] = b"12345 F 01-JAN-1970 Harriet_Tester".ljust(80)
    path = tmp_path / "night.edf"
    path.write_bytes(raw)
    night = sd.open_recording(path)
    assert "Harriet" not in repr([node.to_dataset().to_dict(data=False) for node in night.subtree])


@pytest.mark.parametrize("name", ["night.csv"])
def test_other_kinds_of_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(
        sd.FileFormatError,
        match=f"{name}: this kind of recording is not read; expected an EDF or BDF file, or what a device wrote",
    ):
        sd.open_recording(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"chunks": "night"}, "unknown chunks; expected 'epochs', 'auto', a mapping or None; found 'night'"),
        ({"dtype": "int16"}, "unknown dtype of samples; expected float32 or float64; found int16"),
    ],
)
def test_refusals(scored_night: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(sd.ParameterError, match=message):
        sd.open_recording(scored_night, **arguments)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(sd.ParameterError, match="no such file"):
        sd.open_recording(tmp_path / "none.edf")
    with pytest.raises(sd.ParameterError, match=r"is a folder; .*name the files in it"):
        sd.open_recording(tmp_path)


def test_a_file_that_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "text.edf"
    path.write_text("not a recording " * 100)
    with pytest.raises(sd.FileFormatError, match=r"text\.edf"):
        sd.open_recording(path)


def test_a_real_discontinuous_file(test_data: Path) -> None:
    path = test_data / "edf-odd" / "edfPlusD.edf"
    night = sd.open_recording(path)
    time = night["200Hz"]["time"].values
    gaps = np.flatnonzero(np.diff(time) > np.timedelta64(5, "ms"))
    assert len(gaps) == 5
    assert np.array_equal(xr.open_dataset(path, engine="edf")["time"].values, time)
    assert night.attrs["findings"] == []


def test_a_gap_moves_what_comes_after_it_and_invents_nothing(scored_night: Path, broken_night: Path) -> None:
    whole, broken = sd.open_recording(scored_night), sd.open_recording(broken_night)
    assert broken.attrs["findings"] == []
    assert np.array_equal(whole["100Hz/signal"].values, broken["100Hz/signal"].values)
    shift = broken["100Hz/time"].values - whole["100Hz/time"].values
    assert np.array_equal(shift, np.where(np.arange(61_000) < 30_000, 0, 300).astype("timedelta64[s]"))
    one, other = (sd.compute(sd.extract(night, "hjorth", epoch=30))["100Hz"] for night in (whole, broken))
    assert other["status"].values.tolist() == ["ok"] * 10 + ["missing"] * 10 + ["ok"] * 10
    assert other["coverage"].values.tolist() == [1.0] * 10 + [0.0] * 10 + [1.0] * 10
    with_both = [*range(10), *range(20, 30)]
    values = other["hjorth_activity"].values
    assert np.array_equal(values[with_both], one["hjorth_activity"].values[:20])
    assert np.isnan(values[10:20]).all()
