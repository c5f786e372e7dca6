"""Aligning reads nothing; each chunk reads what it needs, and all chunkings and schedulers give the same bits."""

from __future__ import annotations

import json
import pickle
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, cut, node, noise, one, recording, regular, stamps
from hypothesis import given, settings
from hypothesis import strategies as st
from xarray.backends import BackendArray
from xarray.core import indexing

import sleepdask as sd
from sleepdask.align.methods import METHODS
from sleepdask.chunks import MAX_BYTES
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.timestamps import AnyClock

rules = st.sampled_from(METHODS)


class Counted(BackendArray):
    """Samples that tell which of them were read."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype, self.reads = values, values.shape, values.dtype, list[tuple[int, int]]()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        start, stop, _ = key[1].indices(self.shape[1])
        self.reads.append((start, stop))
        return self.values[key]


def counted(clock: AnyClock, channels: int = 2) -> tuple[xr.DataTree, Counted]:
    source = Counted(noise(clock, channels))
    made = node(source.values, clock)
    made["signal"] = (("channel", "time"), indexing.LazilyIndexedArray(source))
    return recording({"x": made}), source


@settings(max_examples=50)
@given(
    st.one_of(regular(gaps=3), stamps()), regular(), rules,
    st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 70), st.integers(0, 70), st.integers(1, 9),
)  # fmt: skip
def test_bits_are_the_same_for_every_chunking_and_slice(
    source: AnyClock, target: Clock, method: str, chunks: list[int], start: int, length: int, step: int
) -> None:
    values = noise(source, missing=0.1, dtype="float32")
    night = one(values, source)
    try:
        lazy = sd.align.align_signals(night, target, method=method)
    except sd.ParameterError:
        return
    whole = lazy["x/signal"].values
    sizes, left = [], source.size
    for size in [*chunks, source.size]:
        sizes.append(min(size, left))
        left -= sizes[-1]
    chunks_of_it = {"time": tuple(s for s in sizes if s), "channel": 1}
    again = sd.align.align_signals(cut(night, chunks_of_it), target, method=method)["x/signal"]
    assert again.chunks is not None
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(again.values, whole)
    fresh = sd.align.align_signals(night, target, method=method)["x/signal"]
    part = slice(start, start + length, step)
    np.testing.assert_array_equal(fresh[:, part].values, whole[:, part])
    np.testing.assert_array_equal(fresh[1, part].values, whole[1, part])
    np.testing.assert_array_equal(fresh[::-1, -1].values, whole[::-1, -1])
    np.testing.assert_array_equal(fresh[:, ::-step].values, whole[:, ::-step])
    blocks = fresh.chunk({"time": max(1, length)})
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(blocks.values, whole)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_read_before_it_is_wanted_and_then_no_more_than_needed(method: str, no_compute: None) -> None:
    night, source = counted(Clock.regular(START, 100_000, 10 * MS))
    lazy = sd.align.align_signals(night, 25, method=method)
    assert source.reads == []
    assert lazy["x/signal"].shape == (2, 25_001)
    part = lazy["x/signal"][:, 1000:1100].values
    assert part.shape == (2, 100)
    ((start, stop),) = source.reads
    halo = 50 if method == "mean" else 2
    assert 4000 - halo <= start
    assert stop <= 4400 + halo


@pytest.mark.parametrize("method", METHODS)
def test_tasks_hold_a_chunk_and_its_halo(method: str) -> None:
    night, source = counted(Clock.regular(START, 100_000, 10 * MS))
    lazy = sd.align.align_signals(cut(night, {"time": 10_000}), 50, method=method)["x/signal"]
    assert lazy.chunks == ((2,), (*(5000,) * 9, 5001))
    got = lazy.compute(scheduler="sync")
    assert max(stop - start for start, stop in source.reads) <= 10_000
    (graph,) = dask.optimize(lazy[:, 20_000:20_100].data)
    source.reads.clear()
    graph.compute(scheduler="sync")
    assert {start // 10_000 for start, _ in source.reads} <= {3, 4, 5}
    assert np.isfinite(got.values[:, 20:-20]).all()


def test_chunks_are_common_to_all_nodes_and_not_too_large() -> None:
    fast, slow = Clock.regular(START, 4_000_000, 4 * MS), Clock.regular(START + 7 * MS, 16_000, 1_000 * MS)
    zeros = [np.broadcast_to(np.float32(0), (channels, clock.size)) for channels, clock in ((4, fast), (1, slow))]
    night = recording({"250Hz": node(zeros[0], fast), "1Hz": node(zeros[1], slow, ["s"])})
    for chunks in ({"time": 1_000_000}, {"time": -1}):
        made = sd.align.align_signals(cut(night, chunks))
        one, other = (made[name]["signal"].chunks[1] for name in ("250Hz", "1Hz"))
        assert one == other
        assert max(one) * 4 * 4 <= MAX_BYTES
        assert sum(one) == 4_000_000
    nodes = {name: night[name].to_dataset() for name in night.children}
    part = recording({**nodes, "250Hz": nodes["250Hz"].chunk({"time": 500_000})})
    made = sd.align.align_signals(part)
    assert made["1Hz/signal"].chunks is None
    assert made["250Hz/signal"].chunks[1] == (500_000,) * 8


@pytest.mark.parametrize("irregular", [False, True])
def test_aligned_recordings_can_be_pickled_and_inputs_stay(irregular: bool) -> None:
    clock: Any = Clock.regular(START, 500, 10 * MS)
    if irregular:
        from sleepdask.signals.timestamps import Timestamps

        clock = Timestamps.of(START + np.cumsum(np.random.default_rng(0).integers(1, 30, 500)) * MS)
    values = noise(clock)
    night = one(values, clock)
    before = values.copy()
    for tree in (night, cut(night, {"time": 120})):
        for method in METHODS:
            made = sd.align.align_signals(tree, 20, method=method)
            kept = pickle.loads(pickle.dumps(made))
            np.testing.assert_array_equal(kept["x/signal"].values, made["x/signal"].values)
            assert clock_of(kept["x"].to_dataset()) == clock_of(made["x"].to_dataset())
    assert clock_of(night["x"].to_dataset()) == clock
    assert night.attrs["findings"] == []
    assert "alignment" not in night["x"].attrs
    np.testing.assert_array_equal(night["x/signal"].values, before)


def test_nodes_say_how_they_came_onto_their_clock_in_types_of_json() -> None:
    night = one(noise(Clock.regular(START, 100, 40 * MS)), Clock.regular(START, 100, 40 * MS))
    night["x"].attrs["note"] = "kept"
    said = [
        sd.align.align_signals(night, 10, **options)["x"].attrs["alignment"]
        for options in ({}, {"method": "ffill", "limit": "2s"}, {"method": "linear"})
    ]
    assert [each["method"] for each in said] == ["nearest", "ffill", "linear"]
    assert said[0]["tolerance_seconds"] == 0.05
    assert said[1]["limit_seconds"] == 2.0
    assert "limit_seconds" not in said[2]
    assert said[0]["source"] == {"rate": 25.0, "samples": 100, "start": "2024-03-11T22:47:30.000000000"}
    assert json.loads(json.dumps(said[0]["source_clock"])) == {
        "period_ns": [40 * MS, 1], "dated": True, "runs": [[START, 100, 0]],
    }  # fmt: skip
    made = sd.align.align_signals(night, 10)
    assert made["x"].attrs["note"] == "kept"
    assert made["x"]["unit"].values.tolist() == ["uV", "uV"]


def test_node_that_fails_is_left_out_and_told_if_wanted() -> None:
    fast, slow = Clock.regular(START, 1000, 10 * MS), Clock.regular(START, 10, 1_000 * MS)
    night = recording({"100Hz": node(noise(fast), fast), "1Hz": node(noise(slow), slow, ["a", "b"])})
    with pytest.raises(sd.ParameterError, match="1Hz: there is less than one sample"):
        sd.align.align_signals(night, 25, method="mean")
    made = sd.align.align_signals(night, 25, method="mean", on_error="return")
    assert list(made.children) == ["100Hz"]
    (told,) = made.attrs["findings"]
    assert told.startswith("1Hz: ")
    assert told.endswith("it is left out")
    with pytest.raises(sd.ParameterError, match="no signal can be aligned"):
        sd.align.align_signals(night, 200, method="mean", on_error="return")


def test_annotations_and_other_nodes_stay(scored_night: Any) -> None:
    night = sd.open_recording(scored_night)
    made = sd.align.align_signals(night, channels=["C3", "SpO2"], method="ffill")
    assert list(made.children) == ["annotations", "100Hz", "1Hz"]
    xr.testing.assert_identical(made["annotations"].to_dataset(), night["annotations"].to_dataset())
    assert made["100Hz"]["channel"].values.tolist() == ["C3"]
    np.testing.assert_array_equal(made["100Hz/signal"].values, night["100Hz/signal"].values[:1])
    np.testing.assert_array_equal(made["1Hz/signal"].values[:, ::100], night["1Hz/signal"].values)


def test_aligned_recording_can_be_extracted_and_stored(scored_night: Any, tmp_path: Any) -> None:
    made = sd.align.align_signals(sd.open_recording(scored_night, chunks=None), 50, method="mean", on_error="return")
    sd.save_recording(made, tmp_path / "a.zarr", backend="sync")
    again = sd.open_recording(tmp_path / "a.zarr")
    np.testing.assert_array_equal(again["100Hz/signal"].values, made["100Hz/signal"].values)
    assert again["100Hz"].attrs["alignment"]["method"] == "mean"
    table = sd.to_dataframe(sd.extract(made, sd.features.Statistics(("mean",))), backend="sync")
    assert np.isfinite(table["C3"]["mean"].to_numpy()[:-1]).all()


def _many(seconds: int) -> xr.DataTree:
    fast = Clock.regular(START, 100 * seconds, 10 * MS)
    slow = Clock.regular(START + 13 * MS, 25 * seconds, 40 * MS)
    return recording({
        "100Hz": node(noise(fast, 10, dtype="float32"), fast, [f"f{k}" for k in range(10)]),
        "25Hz": node(noise(slow, 10, seed=1, dtype="float32"), slow, [f"s{k}" for k in range(10)]),
    })  # fmt: skip


def _same_on_threads(night: xr.DataTree, runs: int, chunk: int) -> None:
    for method in ("nearest", "linear"):
        want = {name: sd.align.align_signals(night, method=method)[name]["signal"].values for name in night.children}
        lazy = cut(night, {"time": chunk})
        for _ in range(runs):
            made = sd.compute(sd.align.align_signals(lazy, method=method), backend="threads", workers=4)
            for name, values in want.items():
                np.testing.assert_array_equal(made[name]["signal"].values, values)


def test_twenty_signals_on_threads_are_as_in_sequence() -> None:
    _same_on_threads(_many(300), runs=3, chunk=2500)


@pytest.mark.slow
def test_twenty_signals_of_eight_hours_on_threads_fail_in_none_of_fifty_runs() -> None:
    _same_on_threads(_many(8 * 3600), runs=25, chunk=400_000)
