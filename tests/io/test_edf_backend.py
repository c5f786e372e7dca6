"""EDF as an engine of xarray."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pyedflib
import pytest
import xarray as xr

from sleepdask import ParameterError
from sleepdask.io.edf.backend import EdfBackendEntrypoint


@pytest.fixture(scope="module")
def samples(scored_night: Path) -> np.ndarray:
    with pyedflib.EdfReader(str(scored_night)) as file:
        return np.stack([file.readSignal(i) for i in range(2)])


@pytest.fixture
def signal(scored_night: Path) -> xr.DataArray:
    return xr.open_dataset(scored_night, engine="edf", rate=100, dtype="float64", cache=False)["signal"]


def test_labels_of_the_real_night(real_night: Path) -> None:
    night = xr.open_dataset(real_night, engine="edf", rate=100, chunks={})
    part = night["signal"].sel(channel="EEG Fpz-Cz", time=slice("1989-04-24T23:00", "1989-04-24T23:05"))
    assert part.chunks is not None
    assert part.sizes["time"] == 6 * 60 * 100
    assert str(part["time"].values[0]) == "1989-04-24T23:00:00.000000000"
    assert str(part["time"].values[-1]) == "1989-04-24T23:05:59.990000000"
    with pyedflib.EdfReader(str(real_night)) as file:
        want = file.readSignal(0, 407 * 60 * 100, 36_000)
    np.testing.assert_allclose(part.values, want, rtol=0, atol=1e-5 * np.abs(want).max())
    exact = xr.open_dataset(real_night, engine="edf", rate=100, dtype="float64")["signal"]
    np.testing.assert_allclose(exact.sel(channel="EEG Fpz-Cz", time=part["time"]), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "key",
    [
        (0,),
        (slice(None), 0),
        (1, -1),
        (-2, slice(100, 250)),
        (slice(None), slice(None, None, 7)),
        (slice(None), slice(100, 2, -1)),
        (slice(None, None, -1), slice(60_999, None, -3)),
        (1, slice(None, None, -1000)),
        (slice(None), slice(50, 50)),
        (slice(0, 0), slice(3)),
        (slice(None), slice(60_990, 99_999)),
        ([1, 0], slice(5)),
        ([1], [3, 3, 60_999, 0]),
        ([0, 1, 1], slice(10, 0, -2)),
        (np.array([True, False]), slice(4)),
        (slice(None), np.arange(60_000, 100, -9_999)),
        (np.int64(1), np.int64(77)),
        (Ellipsis, slice(1, 2)),
    ],
)
def test_indexing_like_numpy(signal: xr.DataArray, samples: np.ndarray, key: Any) -> None:
    rows, *columns = key
    want = samples[rows][..., columns[0]] if columns else samples[rows]
    got = signal[key]
    assert got.shape == want.shape
    np.testing.assert_allclose(got.values, want, rtol=1e-12, atol=1e-10)


def test_indexing_twice_and_pointwise(signal: xr.DataArray, samples: np.ndarray) -> None:
    np.testing.assert_allclose(signal[:, 10:1000:3][1, ::-4], samples[1, 10:1000:3][::-4], atol=1e-10)
    points = signal[xr.DataArray([0, 1, 0], dims="p"), xr.DataArray([5, 60_000, 7], dims="p")]
    np.testing.assert_allclose(points, samples[[0, 1, 0], [5, 60_000, 7]], atol=1e-10)
    with pytest.raises(IndexError):
        signal[:, 61_000].load()


def test_a_slice_reads_its_records_alone(signal: xr.DataArray, bytes_read: list[tuple[int, int]]) -> None:
    size = 2 * 201 + 200  # samples of a record of 1 s, and at most so many bytes of annotations
    signal[0, 5950:6100].load()
    assert 0 < sum(n for _, n in bytes_read) <= 2 * size


def test_one_rate_needs_no_choice(write_night: Any) -> None:
    dataset = xr.open_dataset(write_night({"C3": 10, "C4": 10}, 30), engine="edf")
    assert dict(dataset.sizes) == {"channel": 2, "time": 300}


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (None, r"the file has several sampling rates; expected rate= one of 100, 1 \(Hz\).*open_recording"),
        (50, r"no signal of this rate; expected rate= one of 100, 1 \(Hz\); found 50"),
        (100.1, "no signal of this rate"),
    ],
)
def test_rates_that_are_missing_or_unknown(scored_night: Path, rate: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        xr.open_dataset(scored_night, engine="edf", rate=rate)


def test_a_file_of_annotations_alone_has_no_rate(real_hypnogram: Path) -> None:
    with pytest.raises(ParameterError, match="none: there are no signals"):
        xr.open_dataset(real_hypnogram, engine="edf", rate=1)
    assert list(xr.open_datatree(real_hypnogram, engine="edf").children) == ["annotations"]


def test_a_whole_tree(scored_night: Path) -> None:
    tree = xr.open_datatree(scored_night, engine="edf")
    assert list(tree.children) == ["100Hz", "1Hz", "annotations"]
    assert tree.attrs["recording_id"] == "scored"
    assert tree["1Hz/signal"].shape == (1, 610)
    groups = xr.open_groups(scored_night, engine="edf")
    assert sorted(groups) == ["/", "/100Hz", "/1Hz", "/annotations"]
    dropped = xr.open_datatree(scored_night, engine="edf", drop_variables=["sensor", "signal"])
    assert set(dropped["100Hz"].variables) == {
        "channel",
        "unit",
        "physical_dimension",
        "signal_type",
        "prefilter",
        "time",
    }
    assert "unit" not in xr.open_dataset(scored_night, engine="edf", rate=1, drop_variables="unit").coords


def test_the_engine_is_found_by_the_name(scored_night: Path) -> None:
    assert xr.open_dataset(scored_night, rate=1)["signal"].shape == (1, 610)
    engine = EdfBackendEntrypoint()
    assert engine.guess_can_open("night.EDF")
    assert engine.guess_can_open(Path("a/b.edf"))
    assert engine.guess_can_open("night.bdf")
    assert not engine.guess_can_open("night.csv")
    assert not engine.guess_can_open(b"night.edf")
    assert not engine.guess_can_open(3)


def test_it_travels_and_has_a_token_of_its_file(scored_night: Path, tmp_path: Path) -> None:
    opened = xr.open_dataset(scored_night, engine="edf", rate=100, chunks={})["signal"]
    data = pickle.dumps(opened)
    assert len(data) < 20_000
    np.testing.assert_array_equal(pickle.loads(data), opened)
    again = xr.open_dataset(scored_night, engine="edf", rate=100, chunks={})["signal"]
    assert again.data.name == opened.data.name
    copy = tmp_path / "scored.edf"
    copy.write_bytes(scored_night.read_bytes())
    other = xr.open_dataset(copy, engine="edf", rate=100, chunks={})["signal"]
    assert other.data.name != opened.data.name
    assert dask.base.tokenize(other.isel(time=slice(9))) != dask.base.tokenize(opened.isel(time=slice(9)))


def test_chunks_hold_whole_records_and_16_mib(real_night: Path) -> None:
    signal = xr.open_dataset(real_night, engine="edf", rate=100, chunks={})["signal"]
    sizes = signal.chunks[1]
    assert all(size % 3000 == 0 for size in sizes)
    assert max(sizes) * 3 * 4 <= 16 << 20
    assert len(sizes) == 6
