"""How a store is written: whole shards, one task each, on any backend, in little memory, all or nothing."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.io.store import arrays
from sleepdask.io.store.metadata import read_metadata, shard_shape
from sleepdask.io.store.writing import staged_store
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import recording_tree

Check = Callable[[xr.DataTree, xr.DataTree], None]


def files(folder: Path) -> dict[str, bytes]:
    return {str(part.relative_to(folder)): part.read_bytes() for part in folder.rglob("*") if part.is_file()}


@pytest.mark.parametrize("period", [(10**9, 100), (10**9, 16), (30 * 10**9, 3001), (7 * 10**9, 100), (3 * 10**9, 1)])
@pytest.mark.parametrize("sizes", [None, 1, 17, 299, 300, 301, 2400, 10**6, (100, 6000, 1, 1, 1898)])
def test_each_task_writes_one_whole_shard(
    tmp_path: Path, small_shards: None, monkeypatch: pytest.MonkeyPatch, period: tuple[int, int], sizes: Any
) -> None:
    clock = Clock.segmented([(0, 1234), (10**15, 6766)], *period)
    samples = np.arange(16_000, dtype="f4").reshape(2, 8000)
    if sizes == 1:
        clock, samples = clock.isel(slice(0, 400)), samples[:, :400]
    node = xr.Dataset({"signal": (("channel", "time"), samples)}, {"channel": ["a", "b"]})
    node = node.assign_coords(time_coordinate(clock))
    if sizes is not None:
        node = node.chunk({"time": sizes, "channel": 1})
    written: list[tuple[int, int]] = []
    whole = arrays._write

    def spy(block: Any, *, shard: int, block_id: tuple[int, ...], **rest: Any) -> Any:
        written.append((block_id[1] * shard, block.shape[1]))
        assert block.shape[0] == 2
        return whole(block, shard=shard, block_id=block_id, **rest)

    put: Counter[str] = Counter()
    from zarr.storage import LocalStore

    original = LocalStore.set

    async def counted(self: Any, key: str, value: Any) -> None:
        if key.startswith("c/"):
            put[f"{self.root}/{key}"] += 1
        await original(self, key, value)

    monkeypatch.setattr(arrays, "_write", spy)
    monkeypatch.setattr(LocalStore, "set", counted)
    sd.save_recording(recording_tree({"x": node}, {}), tmp_path / "a.zarr", backend="threads", workers=3)
    document = read_metadata(tmp_path / "a.zarr" / "x" / "signal", "array")
    rows, shard = shard_shape(document)
    assert rows == 2
    size = samples.shape[1]
    assert sorted(written) == [(begin, min(shard, size - begin)) for begin in range(0, size, shard)]
    assert len(written) > 2 or size == 400
    assert set(put.values()) == {1}, "a shard was written twice"
    assert np.array_equal(sd.open_recording(tmp_path / "a.zarr", chunks=None)["x/signal"].values, samples)


@pytest.mark.parametrize(
    "backend",
    [
        "sync",
        "threads",
        pytest.param("processes", marks=pytest.mark.slow),
        pytest.param("distributed", marks=pytest.mark.slow),
    ],
)
def test_any_backend_writes_the_same_files(
    broken_night: Path, tmp_path: Path, small_shards: None, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.chdir(tmp_path)
    night = sd.open_recording(broken_night, chunks=None)
    sd.save_recording(night, "one.zarr", backend="sync")
    options: dict[str, Any] = {"backend": backend, "workers": 2}
    if backend == "distributed":
        from distributed import Client

        with Client(n_workers=1, threads_per_worker=2, dashboard_address=":0") as client:
            sd.save_recording(night, "two.zarr", backend=backend, scheduler=client)
    else:
        sd.save_recording(night, "two.zarr", **options)
    sd.parallel.close_pools()
    one, two = files(tmp_path / "one.zarr"), files(tmp_path / "two.zarr")
    assert len([name for name in one if "/c/0/" in name]) > 20
    assert one.pop("zarr.json") is not None  # holds the time at which it was written
    assert two.pop("zarr.json") is not None
    assert one == two


@pytest.mark.parametrize("chunks", [None, "epochs"])
def test_memory_does_not_grow_with_the_recording(
    write_night: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: str | None
) -> None:
    for module in ("sleepdask.io.store.layout", "sleepdask.chunks"):
        monkeypatch.setattr(f"{module}.MAX_BYTES", 1 << 20)
    peaks = []
    for hours in (1, 4):
        night = sd.open_recording(write_night({f"C{k}": 256 for k in range(4)}, 3600 * hours), chunks=chunks)
        assert night["256Hz/signal"].nbytes > 14 << 20
        sd.save_recording(night.isel(time=slice(1000)), tmp_path / f"warm{hours}.zarr")
        tracemalloc.start()
        sd.save_recording(night, tmp_path / f"{hours}.zarr", backend="threads", workers=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < night["256Hz/signal"].nbytes / 4


def test_what_is_not_whole_does_not_open(odd_recording: xr.DataTree, tmp_path: Path, small_shards: None) -> None:
    with staged_store(odd_recording, tmp_path / "a.zarr") as writes:
        for write in writes:
            write.compute(scheduler="sync")
        (folder,) = tmp_path.iterdir()  # as it lies there if the power goes now
        with pytest.raises(sd.FileFormatError, match=r"no zarr.json there; expected a Zarr group"):
            sd.open_recording(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize("there", [False, True])
def test_a_write_that_fails_leaves_what_was_there(
    odd_recording: xr.DataTree, stored: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, there: bool
) -> None:
    target = stored if there else stored.with_name("new.zarr")
    before = files(stored.parent)
    calls = []
    whole = arrays._write

    def failing(block: Any, *, block_id: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:
            raise error
        return whole(block, block_id=block_id, **options)

    monkeypatch.setattr(arrays, "_write", failing)
    expected = sd.OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        sd.save_recording(odd_recording, target, force=there, backend="sync")
    assert len(calls) == 5
    assert files(stored.parent) == before


def test_a_worker_with_another_disk_is_noticed(
    odd_recording: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "_write", lambda block, **options: np.ones((1, 1), np.int8))
    with pytest.raises(sd.FileFormatError, match="a file of the store is missing"):
        sd.save_recording(odd_recording, tmp_path / "a.zarr", backend="sync")
    assert not list(tmp_path.iterdir())


def test_a_store_that_is_there_is_replaced_when_asked(
    odd_recording: xr.DataTree, stored: Path, assert_same_recording: Check
) -> None:
    with pytest.raises(sd.OutputError, match=r"results are already there; found odd\.zarr"):
        sd.save_recording(odd_recording, stored)
    old = sd.open_recording(stored, chunks=None)
    odd_recording.attrs["recording_id"] = "new"
    sd.save_recording(odd_recording, stored, force=True)
    assert sd.open_recording(stored).attrs["recording_id"] == "new"
    with pytest.raises(sd.FileFormatError, match="the store changed since it was opened"):
        _ = old["12.8Hz/signal"].values
    assert [path.name for path in stored.parent.iterdir()] == ["odd.zarr"]


def test_a_store_is_written_over_what_is_read_from_it(
    odd_recording: xr.DataTree, stored: Path, assert_same_recording: Check
) -> None:
    opened = sd.open_recording(stored)
    sd.save_recording(opened, stored, force=True, backend="threads", workers=2)
    assert_same_recording(sd.open_recording(stored), odd_recording)


def test_the_cache_of_features_knows_a_store_from_its_successor(stored: Path, odd_recording: xr.DataTree) -> None:
    from sleepdask.features import enable_feature_cache

    enable_feature_cache()

    def mean() -> xr.Dataset:
        node = "12.8Hz"
        lazy = sd.extract(sd.open_recording(stored), "statistics", channels=["EEG*"], min_coverage=0)
        return sd.compute(lazy)[node]["mean"].values[5]

    one = mean()
    assert np.array_equal(mean(), one, equal_nan=True)
    odd_recording["12.8Hz/signal"] = odd_recording["12.8Hz/signal"] + np.float32(1)
    sd.save_recording(odd_recording, stored, force=True)
    assert np.allclose(mean()[0], one[0] + 1)


@pytest.mark.parametrize("name", ["night", "night.edf", ".zarr", "night.zarr.bak"])
def test_other_names_are_refused(odd_recording: xr.DataTree, tmp_path: Path, name: str) -> None:
    with pytest.raises(sd.ParameterError, match=r"the name of a store ends in \.zarr"):
        sd.save_recording(odd_recording, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_but_a_store_is_replaced(odd_recording: xr.DataTree, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.zarr"
    if kind == "file":
        path.write_text("mine")
    else:
        path.mkdir()
        (path / "thesis.txt").write_text("mine")
    before = files(tmp_path)
    with pytest.raises(sd.OutputError, match="something other than a store has this name"):
        sd.save_recording(odd_recording, path, force=True)
    assert files(tmp_path) == before


def change(recording: xr.DataTree, what: str) -> Any:
    node = recording["12.8Hz"]
    if what == "dataset":
        return node.to_dataset()
    if what == "attribute":
        node.attrs["when"] = np.datetime64("2024-03-11")
    elif what == "not finite":
        recording.attrs["limit"] = float("nan")
    elif what == "tuple":
        recording.attrs["pair"] = (1, 2)
    elif what == "number as key":
        recording.attrs["table"] = {1: 2}
    elif what == "identity":
        recording.attrs["identity"] = {"patient": "Harriet"}
    elif what == "needed":
        node.attrs["sleepdask"] = 1
    elif what == "units of times":
        recording["annotations/onset"].attrs["units"] = "s"
    elif what == "object":
        node.coords["who"] = ("channel", np.array([object(), None], object))
    elif what == "complex":
        node.coords["z"] = ("channel", np.array([1j, 2]))
    elif what == "surrogate":
        node.coords["sensor"] = ("channel", np.array(["\ud800", "x"]))
    elif what == "texts along time":
        node.dataset = node.to_dataset().assign(words=("time", np.array(["x"] * node.sizes["time"])))
    elif what == "name":
        node.coords["c"] = ("channel", [1, 2])
    elif what == "no clock":
        recording["12.8Hz"].dataset = node.to_dataset().drop_vars("time")
    return recording


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("dataset", "this is no recording; expected a DataTree; found Dataset"),
        ("attribute", r"odd/12.8Hz, attribute 'when': an attribute that has no equal in JSON .* found datetime64"),
        ("not finite", "attribute 'limit': .* found float nan"),
        ("tuple", r"attribute 'pair': .* found tuple \(1, 2\)"),
        ("number as key", "attribute 'table'"),
        ("needed", "odd/12.8Hz: this name of an attribute is needed by the store; found 'sleepdask'"),
        ("units of times", "odd/annotations/onset: this name of an attribute is needed by the store; found 'units'"),
        ("identity", "odd: a recording that names the patient, .* open it without keep_identity"),
        ("object", "odd/12.8Hz/who: values of this kind cannot be stored"),
        ("complex", "odd/12.8Hz/z: values of this kind cannot be stored; .* found complex128"),
        ("surrogate", "odd/12.8Hz/sensor: a text that is no Unicode cannot be stored"),
        ("texts along time", "odd/12.8Hz/words: samples of this kind cannot be stored; expected numbers; found <U1"),
        ("name", "odd/12.8Hz: this name of a node or variable cannot be stored; found 'c'"),
        ("no clock", "signals have no clock"),
    ],
)
def test_what_would_not_come_back_is_refused_before_anything_is_written(
    odd_recording: xr.DataTree, tmp_path: Path, what: str, message: str
) -> None:
    with pytest.raises(sd.ParameterError, match=message):
        sd.save_recording(change(odd_recording, what), tmp_path / "a.zarr")
    assert not list(tmp_path.iterdir())


def test_it_shows_progress(odd_recording: xr.DataTree, tmp_path: Path, small_shards: None) -> None:
    class Seen:
        def __init__(self) -> None:
            self.done, self.total, self.finished = 0, None, False

        def start(self, total: int | None) -> None:
            self.total = total

        def advance(self, count: int = 1) -> None:
            self.done += count

        def finish(self) -> None:
            self.finished = True

    seen = Seen()
    sd.save_recording(odd_recording, tmp_path / "a.zarr", backend="threads", workers=2, progress=seen)
    assert seen.done == seen.total >= 10
    assert seen.finished


def test_a_store_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    for labels in (["C3", "C4", "O1"], ["C3"], ["F3", "F4"]):
        night = sd.recording_from_arrays({label: np.full(300, 1.0) for label in labels}, rate=10)
        sd.save_recording(night, tmp_path / "night.zarr", force=True, backend="sync")
        assert sd.open_recording(tmp_path / "night.zarr")["10Hz"]["channel"].values.tolist() == labels
