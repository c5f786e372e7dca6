"""Filtering reads nothing; each part reads its blocks and half a response around, and gives the same bits."""

from __future__ import annotations

import pickle
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, cut, node, noise, recording
from hypothesis import given, settings
from hypothesis import strategies as st
from lazy_values import Watched
from xarray.core import indexing

import sleepdask as sd
from sleepdask.filters.arrays import Filtering
from sleepdask.filters.base import ZeroPhase, transform_of
from sleepdask.filters.fir import FirBand, Trend
from sleepdask.filters.iir import Butterworth
from sleepdask.filters.operations import filtered
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of

DESIGNS = (FirBand(None, 30.0), FirBand(12.0, 16.0), Butterworth(10.0, 20.0, 2), Trend(0.3))
LABELS = ["C3", "C4", "SpO2", "EMG chin"]


def night(values: Any, clock: Clock) -> xr.DataTree:
    return recording({"x": node(values, clock, LABELS[: len(values)])})


def clock_of_runs(*sizes: int) -> Clock:
    runs, start = [], START
    for size in sizes:
        runs.append((start, size))
        start += size * 10 * MS + 1003
    return Clock.segmented(runs, 10 * MS)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(DESIGNS), st.lists(st.integers(1, 1500), min_size=1, max_size=3),
    st.lists(st.integers(1, 900), min_size=1, max_size=5), st.integers(0, 3000), st.integers(0, 900),
    st.integers(1, 9), st.sampled_from(["float32", "float64"]), st.sampled_from([0.0, 0.002]),
)  # fmt: skip
def test_bits_are_the_same_for_every_chunking_slice_and_selection(
    design: ZeroPhase,
    runs: list[int],
    chunks: list[int],
    start: int,
    length: int,
    step: int,
    dtype: str,
    missing: float,
) -> None:
    clock = clock_of_runs(*runs)
    values = noise(clock, 4, missing=missing, dtype=dtype) + np.dtype(dtype).type(100)
    lazy = filtered(night(values, clock), design)["x/signal"]
    whole = lazy.values
    assert whole.dtype == dtype
    np.testing.assert_array_equal(whole[2], values[2])
    sizes, left = [], clock.size
    for size in [*chunks, clock.size]:
        sizes.append(min(size, left))
        left -= sizes[-1]
    pieces = {"time": tuple(size for size in sizes if size), "channel": 1}
    again = filtered(cut(night(values, clock), pieces), design)["x/signal"]
    assert again.chunks is not None
    assert again.chunks[1] == pieces["time"]
    with dask.config.set(scheduler="sync"):
        np.testing.assert_array_equal(again.values, whole)
    part = slice(start, start + length, step)
    fresh = filtered(night(values, clock), design)["x/signal"]
    np.testing.assert_array_equal(fresh[:, part].values, whole[:, part])
    np.testing.assert_array_equal(fresh[3, part].values, whole[3, part])
    np.testing.assert_array_equal(fresh[[3, 0], part].values, whole[[3, 0], part])
    alone = filtered(night(values, clock), design, "C4")["x/signal"]
    np.testing.assert_array_equal(alone[1].values, whole[1])
    np.testing.assert_array_equal(alone[0].values, values[0])


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(DESIGNS), st.lists(st.integers(1, 1500), min_size=2, max_size=4))
def test_runs_are_filtered_by_themselves(design: ZeroPhase, runs: list[int]) -> None:
    clock = clock_of_runs(*runs)
    values = noise(clock, 2)
    whole = filtered(night(values, clock), design)["x/signal"].values
    for size, first in zip(runs, clock.first.tolist(), strict=False):
        part = slice(first, first + size)
        alone = filtered(night(values[:, part], clock.isel(part)), design)["x/signal"].values
        np.testing.assert_array_equal(whole[:, part], alone)
        short = size <= transform_of(design, clock.rate).half
        assert np.isnan(alone).all() if short else np.isfinite(alone).all()


def test_few_lanes_and_many__same_bits() -> None:
    clock = clock_of_runs(30_000)
    values = noise(clock, 20)
    labels = [f"C{k}" for k in range(len(values))]
    lazy = filtered(recording({"x": node(values, clock, labels)}), FirBand(12.0, 16.0))["x/signal"]
    many = lazy.values  # every row has several blocks
    for row in (0, 9, 19):
        np.testing.assert_array_equal(lazy[row, 14_000:14_100].values, many[row, 14_000:14_100])


def watched(clock: Clock) -> tuple[xr.DataTree, Watched]:
    source = Watched(noise(clock, 2))
    made = node(source.values, clock, LABELS[:2])
    made["signal"] = (("channel", "time"), indexing.LazilyIndexedArray(source))
    return recording({"x": made}), source


def test_building_reads_nothing_and_a_slice_reads_its_blocks_and_their_surroundings() -> None:
    clock = clock_of_runs(2_000_000)
    lazy, source = watched(clock)
    made = sd.filters.notch(sd.filters.bandpass(lazy, 0.3, 35), 40, harmonics=1)
    assert not source.read
    transform = transform_of(FirBand(0.3, 35), clock.rate)
    assert transform.half == 550
    made["x/signal"][0, 1_000_000:1_003_000].load()
    narrow = transform_of(sd.filters.operations.mains(40.0, 1), clock.rate)
    most = 3000 + 4 * narrow.block + 2 * narrow.half + 4 * transform.block + 2 * transform.half
    assert sum(source.read) <= most < 60_000
    stretch = Filtering(FirBand(0.3, 35), clock, (0,)).stretch(1_000_000, 1_003_000)
    first, after = stretch.needed
    assert first <= 1_000_000 - 550
    assert after >= 1_003_000 + 550


def test_dask_chunks_take_only_their_surroundings() -> None:
    clock = clock_of_runs(1_000_000)
    lazy, source = watched(clock)
    chunked = cut(lazy, {"time": 50_000})
    made = sd.filters.bandpass(chunked, 0.3, 35)["x/signal"]
    assert not source.read
    with dask.config.set(scheduler="sync"):
        made[:, 500_000:550_000].load()
    assert sum(source.read) <= 3 * 50_000 * 2


def test_filtered_recording_is_one_like_the_others() -> None:
    clock = clock_of_runs(5000, 4000)
    given_ = night(noise(clock, 4, dtype="float32"), clock)
    before = given_["x/signal"].values.copy()
    made = sd.filters.bandpass(given_, 1, 35)
    assert clock_of(made["x"].to_dataset()) == clock
    np.testing.assert_array_equal(given_["x/signal"].values, before)
    assert "filters" not in given_["x"].attrs
    assert made["x"].attrs["filters"] == [
        {
            "name": "band_fir",
            "parameters": {"low": 1, "high": 35, "low_transition": None, "high_transition": None},
            "definition": "band-pass 1-35 Hz, zero-phase FIR, Hamming-windowed sincs",
            "channels": ["C3", "C4", "EMG chin"],
            "half_samples": 165,
        }
    ]
    twice = sd.filters.detrend(made)
    assert [each["name"] for each in twice["x"].attrs["filters"]] == ["band_fir", "detrend"]
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again["x/signal"].values, made["x/signal"].values)
    time = slice("2024-03-11T22:47:40", "2024-03-11T22:47:50")
    np.testing.assert_array_equal(made["x/signal"].sel(time=time).values, made["x/signal"].values[:, 1000:2100])


def test_features_of_filtered_signals__are_those_of_the_values_and_of_any_backend() -> None:
    clock = clock_of_runs(30_000)
    lazy = sd.filters.bandpass(night(noise(clock, 2), clock), 0.5, 35)
    computed = night(lazy["x/signal"].values, clock)
    features = [sd.features.Statistics(), sd.features.BandPower()]
    expected = sd.compute(sd.extract(computed, features, epoch="30s"))
    for backend in ("sync", "threads"):
        config = sd.ParallelConfig(backend=backend, workers=2)
        found = sd.compute(sd.extract(lazy, features, epoch="30s", chunk_size=3), config=config)
        for name in ("mean", "std", "bandpower_sigma"):
            np.testing.assert_array_equal(found["x"][name].values, expected["x"][name].values)


def test_stores_keep_what_was_done(tmp_path: Any) -> None:
    clock = clock_of_runs(30_000)
    made = sd.filters.highpass(night(noise(clock, 2), clock), 0.5, method="iir")
    sd.save_recording(made, tmp_path / "night.zarr")
    again = sd.open_recording(tmp_path / "night.zarr")
    assert again["x"].attrs["filters"] == made["x"].attrs["filters"]
    np.testing.assert_array_equal(again["x/signal"].values, made["x/signal"].values)


@pytest.mark.parametrize("design", DESIGNS)
def test_half_of_the_response_is_all_that_a_value_needs(design: ZeroPhase) -> None:
    clock = clock_of_runs(3000)
    values = noise(clock, 1)
    half = transform_of(design, clock.rate).half
    whole = filtered(night(values, clock), design)["x/signal"].values
    changed = values.copy()
    changed[0, 1500] = np.nan
    found = filtered(night(changed, clock), design)["x/signal"].values
    touched = np.isnan(found[0])
    assert np.flatnonzero(touched)[[0, -1]].tolist() == [1500 - half, 1500 + half]
    assert touched.sum() == 2 * half + 1
    np.testing.assert_allclose(found[0][~touched], whole[0][~touched], rtol=0, atol=1e-13)
