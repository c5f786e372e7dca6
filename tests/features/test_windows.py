"""Epochs on samples at any times, and features of them, against loops and against the same samples on a clock."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.epochs import EpochGrid
from sleepdask.features import Feature, Hjorth, Output, Sampling, Statistics
from sleepdask.features.windows import RegularWindows, StampedWindows, windows_of
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.timestamps import AnyClock, Timestamps
from sleepdask.study.layout import Layout, columns_of

S = 1_000_000_000
START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))


def on(clock: AnyClock, seed: int = 0) -> xr.DataTree:
    values = np.random.default_rng(seed).normal(60, 5, (2, clock.size))
    node = xr.Dataset({"signal": (("channel", "time"), values)}, {"channel": ["a", "b"]})
    return xr.DataTree.from_dict({"/hr": node.assign_coords(time_coordinate(clock))})


def beats(size: int, seed: int = 0) -> Timestamps:
    return Timestamps.of(START + np.cumsum(np.random.default_rng(seed).integers(600, 1400, size)) * 1_000_000)


def computed(night: xr.DataTree, features: object = "statistics", **options: object) -> xr.Dataset:
    lazy = sd.extract(night, features, **options)  # type: ignore[arg-type]
    return sd.compute(lazy, backend="sync")["hr"].to_dataset()


@given(st.integers(0, 99), st.integers(1, 50), st.integers(0, 50))
@settings(max_examples=30)
def test_windows__of_a_part_are_that_part(seed: int, i: int, n: int) -> None:
    clock = beats(300, seed)
    grid = EpochGrid.spanning(clock.start, clock.end, window=20 * S, step=3 * S)
    windows = windows_of(clock, grid)
    assert isinstance(windows, StampedWindows)
    starts, stops = grid.bounds(clock)
    assert (windows.count, windows.size, windows.rate) == (grid.count, 300, float(clock.rate))
    assert [bound.tolist() for bound in windows.bounds(i, i + n)] == [b[i : i + n].tolist() for b in (starts, stops)]
    expected = windows.sampling(0, grid.count).expected
    part = windows.sampling(i, i + n)
    assert np.array_equal(part.expected, expected[i : i + n])  # type: ignore[index]
    assert np.array_equal(part.of(slice(1, 3)).expected, expected[i : i + n][1:3])  # type: ignore[index]
    assert windows.coverage().tolist() == ((stops - starts) / expected).tolist()


def test_windows__of_a_clock_are_a_rule() -> None:
    clock = Clock.regular(START, 10**9, S, 100)
    windows = windows_of(clock, EpochGrid(START, 30 * S, 30 * S, 10**5))
    assert isinstance(windows, RegularWindows)
    assert len(pickle.dumps(windows)) < 500
    assert windows.sampling(0, 5) == Sampling(100.0, 3000)
    assert windows.sampling(0, 5).of(slice(2)) == Sampling(100.0, 3000)


def test_windows__travel_in_a_few_bytes_an_epoch_and_keep_their_token() -> None:
    clock = beats(20_000)
    windows = windows_of(clock, EpochGrid(clock.start, S, 30 * S, 15_000))
    copy = pickle.loads(pickle.dumps(windows))
    assert len(pickle.dumps(windows)) < 15_000 * 24 + 1000
    assert copy.coverage().tolist() == windows.coverage().tolist()
    assert tokenize(copy) == tokenize(windows)
    assert tokenize(windows_of(beats(20_000, 1), EpochGrid(clock.start, S, 30 * S, 15_000))) != tokenize(windows)


def test_coverage__at_the_edges_of_a_recording_and_of_gaps() -> None:
    """10 s without samples before, then 20 s of them, a gap of 70 s, and 10 s of them."""
    stamps = START + np.concatenate([10 + np.arange(20), 100 + np.arange(10)]) * S
    grid = EpochGrid(START, 10 * S, 10 * S, 13)
    coverage = windows_of(Timestamps.of(stamps), grid).coverage()
    assert coverage.tolist() == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]
    shifted = windows_of(Timestamps.of(stamps + 4 * S), grid).coverage()
    assert shifted.tolist() == [0, 0.6, 1, 0.4, 0, 0, 0, 0, 0, 0, 0.6, 0.4, 0]
    one = windows_of(Timestamps.of([START + 19 * S]), grid).coverage()
    assert one.tolist() == [0, 0.1, *[0] * 11]


@pytest.mark.parametrize("phase", [0, S // 3])
@pytest.mark.parametrize("min_coverage", [0.0, 0.5, 1.0])
def test_the_same_samples_on_timestamps_and_on_a_clock_give_the_same_bits(phase: int, min_coverage: float) -> None:
    runs = [(START, 500), (START + 600 * S + phase, 150), (START + 900 * S, 300)]
    clock = Clock.segmented(runs, S)
    stamps = Timestamps.of(clock.times(np.arange(clock.size)).astype(np.int64), period=S, gap=S)
    features = (Statistics(),)
    one, other = (computed(on(each), features, min_coverage=min_coverage) for each in (clock, stamps))
    xr.testing.assert_identical(one, other)
    assert {"ok", "partial", "missing"} >= set(one["status"].values.tolist()) > {"ok"}


def test_statistics__of_beats_against_a_loop() -> None:
    clock = beats(2000, 7)
    night = on(clock, 3)
    features = (Statistics(aggregations=("mean", "max", "missing_fraction")),)
    got = computed(night, features, epoch="20s", step="7s")
    samples, stamps = night["hr"]["signal"].values, clock.stamps
    for k in range(got.sizes["epoch"]):
        start = clock.start + k * 7 * S
        inside = (stamps >= start) & (stamps < start + 20 * S)
        np.testing.assert_allclose(got["mean"][k], samples[:, inside].mean(axis=1))
        np.testing.assert_allclose(got["max"][k], samples[:, inside].max(axis=1))
    assert got.sizes["epoch"] == (clock.end - clock.start - 20 * S) // (7 * S) + 1
    assert got["status"].values.tolist() == ["ok"] * got.sizes["epoch"]
    assert not got["missing_fraction"].values.any()


@pytest.mark.parametrize("workers", [1, 7])
def test_no_chunking_changes_a_bit(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    night = on(Timestamps.of(np.delete(beats(3000).stamps, np.s_[700:900])))
    want = computed(night, epoch="30s", step="11s")
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    for chunked in (night, night.chunk(time=333)):
        xr.testing.assert_identical(computed(chunked, epoch="30s", step="11s", workers=workers), want)


def test_missing_values_and_gaps_are_told() -> None:
    night = on(Timestamps.of(START + np.concatenate([np.arange(60), 90 + np.arange(60)]) * S))
    night["hr"]["signal"].values[1, 5:20] = np.nan
    node = computed(night, "statistics:aggregations=mean")
    assert node["status"].values.tolist() == ["partial", "ok", "missing", "ok", "ok"]
    assert node["coverage"].values.tolist() == [1, 1, 0, 1, 1]
    assert node["reason"].values.tolist()[:3] == ["some samples are missing", "", "fewer than 50% of the samples"]


# --- what samples lack for a feature


@dataclass(frozen=True)
class Old(Feature):
    """As another package wrote it before there were samples at any times."""

    name: ClassVar[str] = "old"

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("count", "1", "samples"),)

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: Sampling) -> np.ndarray:
        return np.repeat((stops - starts)[np.newaxis, :, np.newaxis], len(samples), 0).astype(np.float64)


def test_lacks__says_what_is_missing() -> None:
    assert Old().lacks(1, fixed=True) == ""
    assert Old().lacks(1, fixed=False) == "samples at a fixed rate"
    assert Statistics().lacks(1, fixed=False) == ""
    band = sd.features.BandPower()
    assert band.lacks(1000, fixed=True) == ""
    assert band.lacks(1, fixed=True) == f"at least {band.minimal_rate:g} Hz"
    assert band.lacks(1000, fixed=False) == "samples at a fixed rate"


def test_what_needs_a_fixed_rate_is_left_out_with_a_note() -> None:
    night = on(beats(200))
    features = sd.extract(night, (Old(), Statistics(aggregations=("mean",)), Hjorth()))
    assert set(features["hr"].data_vars) == {"mean", "coverage", "status", "reason"}
    assert features.attrs["notes"][-2:] == [
        "hr: no old, which needs samples at a fixed rate (a, b)",
        "hr: no hjorth, which needs samples at a fixed rate (a, b)",
    ]
    with pytest.raises(sd.ParameterError, match=r"no channel is sampled as any of the features needs it.*fixed rate"):
        sd.extract(night, Old())


def test_layout__of_a_study_has_the_same_columns() -> None:
    night = on(beats(200))
    layout = Layout.of(night)
    assert not layout.nodes[0].fixed
    assert Layout.from_document(layout.document()) == layout
    features = (Old(), Statistics(aggregations=("mean",)))
    units = {"a": "bpm", "b": "bpm"}
    assert list(columns_of([layout], features, 30.0, units, "").definitions) == ["a/mean", "b/mean"]
    earlier = layout.document()
    del earlier["nodes"][0]["fixed"]  # as it was written before
    assert Layout.from_document(earlier).nodes[0].fixed
    assert "a/count" in columns_of([Layout.from_document(earlier)], features, 30.0, units, "").definitions
