"""Samples at any times in a store: the same come back, and damaged times are refused, never taken for others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import sleepdask as sd
from sleepdask.findings import Findings
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.streams import Channel, Parts, Stream, recording_of
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import Timestamps

START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))
STAMPS = START + np.cumsum(np.random.default_rng(1).integers(700, 1300, 2500)) * 1_000_000


def stamped(stamps: np.ndarray = STAMPS) -> xr.DataTree:
    values = np.random.default_rng(2).normal(60, 5, (2, stamps.size))
    channels = (Channel("hr", "bpm", "", "watch"), Channel("quality"))
    parts = Parts([Stream("hr", channels, values, stamps)])
    return recording_of(parts, Findings("night.csv"), recording_id="night", source="night.csv", timezone=None)


@pytest.fixture
def store(tmp_path: Path, small_shards: None) -> Path:
    sd.save_recording(stamped(), tmp_path / "night.zarr", backend="sync")
    return tmp_path / "night.zarr"


def test_the_same_recording_comes_back(
    store: Path, assert_same_recording: Callable[[xr.DataTree, xr.DataTree], None]
) -> None:
    back = sd.open_recording(store, chunks=None)
    assert_same_recording(back, stamped())
    assert clock_of(back["hr"].to_dataset()) == clock_of(stamped()["hr"].to_dataset())
    assert diagnose_file(store).policy == "strict"
    other = xr.open_zarr(store / "hr", consolidated=False)  # times are plain to others too
    assert np.array_equal(other["time"].values.astype(np.int64), STAMPS)


def test_a_part_and_one_without_samples_come_back(tmp_path: Path) -> None:
    recording = stamped().map_over_datasets(
        lambda node: node.isel(time=slice(5, 900, 3)) if "time" in node.dims else node
    )
    sd.save_recording(recording, tmp_path / "part.zarr", backend="sync")
    back = sd.open_recording(tmp_path / "part.zarr")["hr"].to_dataset()
    assert clock_of(back) == clock_of(stamped()["hr"].to_dataset()).isel(slice(5, 900, 3))
    one = stamped(STAMPS[:1])
    sd.save_recording(one, tmp_path / "one.zarr", backend="sync")
    assert clock_of(sd.open_recording(tmp_path / "one.zarr")["hr"].to_dataset()) == Timestamps.of(STAMPS[:1])


def replaced(store: Path, values: np.ndarray, **options: Any) -> None:
    """Other times in the place of those that were stored."""
    folder = store / "hr" / "time"
    names = options.pop("dimension_names", ["time"])
    zarr.create_array(
        zarr.storage.LocalStore(folder),
        shape=values.shape,
        chunks=tuple(max(1, n) for n in values.shape),
        dtype=values.dtype,
        overwrite=True,
        dimension_names=names,
        config={"write_empty_chunks": True},
        **options,
    )[...] = values


BACK = STAMPS.copy()
BACK[[7, 8]] = BACK[[8, 7]]
NAT_FIRST = STAMPS.copy()
NAT_FIRST[0] = np.iinfo(np.int64).min
FAR = STAMPS.copy()
FAR[-1] = np.iinfo(np.int64).max


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        (BACK, ["time"], "timestamps are out of order"),
        (np.repeat(STAMPS[::2], 2), ["time"], "twice the same"),
        (NAT_FIRST, ["time"], "one that is missing"),
        (FAR, ["time"], "expected 1678 to 2262"),
        (STAMPS[:-1], ["time"], "the clock has another number of samples; expected 2499; found 2500"),
        (STAMPS[:0], ["time"], "the clock has another number of samples"),
        (STAMPS.astype(np.float64), ["time"], "no list of integers of 64 bits"),
        ((STAMPS // 10**9).astype(np.int32), ["time"], "no list of integers of 64 bits"),
        (STAMPS.astype(np.uint64), ["time"], "no list of integers of 64 bits"),
        (STAMPS[np.newaxis], ["channel", "time"], "no list of integers of 64 bits"),
        (STAMPS, ["row"], "no list of integers of 64 bits"),
    ],
)
def test_other_times_are_refused(store: Path, values: np.ndarray, names: list[str], message: str) -> None:
    replaced(store, values, dimension_names=names)
    with pytest.raises(sd.FileFormatError, match=message):
        sd.open_recording(store)
    assert diagnose_file(store).policy == "none"


def test_missing_and_damaged_times_are_refused(store: Path) -> None:
    for file in sorted(part for part in (store / "hr" / "time").rglob("*") if part.is_file()):
        content = file.read_bytes()
        for damaged in (b"", content[:-1], content[: len(content) // 2], bytes(len(content))):
            file.write_bytes(damaged)
            with pytest.raises(sd.FileFormatError):
                sd.open_recording(store)
        file.unlink()
        with pytest.raises(sd.FileFormatError):
            sd.open_recording(store)
        file.write_bytes(content)
    sd.open_recording(store)


def test_the_only_time_is_not_taken_for_1970(tmp_path: Path) -> None:
    """What Zarr reads of a file that is not there."""
    sd.save_recording(stamped(STAMPS[:1]), tmp_path / "one.zarr", backend="sync")
    (file,) = (part for part in (tmp_path / "one.zarr/hr/time/c").rglob("*") if part.is_file())
    file.unlink()
    with pytest.raises(sd.FileFormatError, match="a file of the store is missing"):
        sd.open_recording(tmp_path / "one.zarr")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "clock",
    [
        {"usual_period_ns": 0, "gap_ns": 5, "dated": True},
        {"usual_period_ns": 10, "gap_ns": 5, "dated": True},
        {"usual_period_ns": True, "gap_ns": 5, "dated": True},
        {"usual_period_ns": 1.0, "gap_ns": 5, "dated": True},
        {"usual_period_ns": 1, "gap_ns": 2**63, "dated": True},
        {"usual_period_ns": 1, "gap_ns": 5, "dated": 1},
        {"usual_period_ns": 1},
        {"period_ns": [1, 1], "runs": [[0, 2500, 0]]},
    ],
)
def test_forged_rules_are_refused(store: Path, clock: dict[str, Any]) -> None:
    edit(store / "hr" / "zarr.json", lambda d: d["attributes"]["sleepdask"].update(clock=clock))
    with pytest.raises(sd.FileFormatError):
        sd.open_recording(store)


def test_times_that_no_memory_holds_are_not_read(store: Path) -> None:
    def enlarge(document: dict[str, Any]) -> None:
        document.update(shape=[2**40])
        document["chunk_grid"]["configuration"].update(chunk_shape=[2**40])

    edit(store / "hr/time/zarr.json", enlarge)
    with pytest.raises(sd.FileFormatError, match="an array is too large"):
        sd.open_recording(store)


def test_more_times_than_are_read_again_are_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.io.store.nodes.MOST_VALUES", 2499)
    with pytest.raises(sd.ParameterError, match="a node has too many times"):
        sd.save_recording(stamped(), tmp_path / "night.zarr", backend="sync")


def test_a_store_that_was_replaced_has_its_own_times(tmp_path: Path) -> None:
    """Nothing of the first one is remembered."""
    path = tmp_path / "night.zarr"
    for stamps in (STAMPS, STAMPS[:100] + 5, STAMPS[:1000] + 7):
        sd.save_recording(stamped(stamps), path, backend="sync", force=True)
        back = sd.open_recording(path, chunks=None)["hr"].to_dataset()
        assert np.array_equal(clock_of(back).times(np.arange(stamps.size)).astype(np.int64), stamps)
        assert back["signal"].shape == (2, stamps.size)
