"""Coverage, status and reason of epochs: gaps, missing samples, features that fail."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.epochs import EpochGrid
from sleepdask.features import Feature, Hjorth, Output, Sampling, Statistics
from sleepdask.features.task import FAILED, MISSING, OK, PARTIAL, NodeTask, as_samples
from sleepdask.features.windows import windows_of
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate

MEAN = Statistics(aggregations=("mean",))
SECOND = 1_000_000_000
FEW = "fewer than 50% of the samples"
SOME = "some samples are missing"


@dataclass(frozen=True)
class Fussy(Feature):
    """Largest sample of each epoch; raises at a sample above `limit`."""

    name: ClassVar[str] = "fussy"

    limit: float = 100.0
    error: type[BaseException] = ValueError

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("largest", "{unit}", "largest sample"), Output("count", "1", "samples"))

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: Sampling) -> np.ndarray:
        values = np.full((len(samples), len(starts), 2), np.nan)
        for i, (a, b) in enumerate(zip(starts, stops, strict=True)):
            if b > a:
                if np.nanmax(samples[:, a:b]) > self.limit:
                    raise self.error("a sample is too large")
                values[:, i] = np.stack([np.nanmax(samples[:, a:b], axis=1), np.full(len(samples), b - a)], -1)
        return values

    @property
    def parameters(self) -> dict[str, Any]:
        return {"limit": self.limit}


@pytest.fixture
def few_epochs_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)


def extracted(night: xr.DataTree, features: Any = MEAN, workers: int = 1, **options: Any) -> xr.Dataset:
    lazy = sd.extract(night, features, workers=workers, **options)
    return sd.compute(lazy, backend="sync")["10Hz"].to_dataset()


def gapped(*runs: tuple[float, int], channels: int = 2) -> xr.DataTree:
    """10 Hz signals of runs given as (start in s, size); samples count upwards."""
    clock = Clock.segmented([(round(start * SECOND), size) for start, size in runs], SECOND, 10)
    values = np.arange(float(channels * clock.size)).reshape(channels, -1)
    node = xr.Dataset({"signal": (("channel", "time"), values)}, coords={"channel": [f"x{i}" for i in range(channels)]})
    return xr.DataTree.from_dict({"/10Hz": node.assign_coords(time_coordinate(clock))})


def with_missing(*places: tuple[int, slice], size: int = 1500) -> xr.DataTree:
    """Two channels at 10 Hz, NaN at the places."""
    values = np.random.default_rng(3).standard_normal((2, size))
    for channel, where in places:
        values[channel, where] = np.nan
    return sd.recording_from_arrays({"A": values[0], "B": values[1]}, rate=10)


def test_a_whole_recording_is_ok() -> None:
    node = extracted(with_missing())
    assert node["status"].values.tolist() == ["ok"] * 5
    assert node["coverage"].values.tolist() == [1.0] * 5
    assert node["reason"].values.tolist() == [""] * 5


@pytest.mark.usefixtures("few_epochs_a_chunk")
@pytest.mark.parametrize("workers", [1, 3])
def test_gaps_make_epochs_partial_or_missing(workers: int) -> None:
    # Epochs of 30 s: whole, 20 s, exactly 15 s, 14.9 s, in the gap, whole.
    night = gapped((0, 500), (60, 150), (90, 149), (150, 300))
    node = extracted(night, workers=workers)
    assert node["status"].values.tolist() == ["ok", "partial", "partial", "missing", "missing", "ok"]
    np.testing.assert_allclose(node["coverage"], [1, 2 / 3, 0.5, 149 / 300, 0, 1])
    assert node["reason"].values.tolist() == ["", SOME, SOME, FEW, FEW, ""]
    want = [149.5, 399.5, 574.5, np.nan, np.nan, 948.5]
    np.testing.assert_allclose(node["mean"][:, 0], want)
    np.testing.assert_allclose(node["mean"][:, 1], np.add(want, 1099))


def test_a_gap_inside_an_epoch_leaves_its_longest_run() -> None:
    node = extracted(gapped((0, 80), (12, 180)))
    assert node["status"].item() == "partial"
    assert node["coverage"].item() == 0.6
    assert node["mean"].values[0, 0] == 80 + 89.5


@pytest.mark.parametrize(
    ("least", "status", "defined"),
    [
        (0, ["ok", "partial", "partial", "partial", "missing", "ok"], [1, 1, 1, 1, 0, 1]),
        (0.5, ["ok", "partial", "partial", "missing", "missing", "ok"], [1, 1, 1, 0, 0, 1]),
        (0.6, ["ok", "partial", "missing", "missing", "missing", "ok"], [1, 1, 0, 0, 0, 1]),
        (1, ["ok", "missing", "missing", "missing", "missing", "ok"], [1, 0, 0, 0, 0, 1]),
    ],
)
def test_min_coverage_decides(least: float, status: list[str], defined: list[int]) -> None:
    node = extracted(gapped((0, 500), (60, 150), (90, 149), (150, 300)), min_coverage=least)
    assert node["status"].values.tolist() == status
    assert np.isfinite(node["mean"].values[:, 0]).tolist() == [bool(x) for x in defined]
    assert (node["reason"].values[2] == f"fewer than {least:.0%} of the samples") == (status[2] == "missing")


def test_exactly_the_least_coverage_is_enough() -> None:
    # 0.07 * 100 is above 7 in floating point.
    night = with_missing((0, slice(7, None)), (1, slice(7, None)), size=100)
    node = extracted(night, epoch="10s", min_coverage=0.07)
    assert node["status"].item() == "partial"
    assert np.isfinite(node["mean"].values).all()


def test_missing_samples_of_one_channel_name_it() -> None:
    night = with_missing((0, slice(0, 151)), (0, slice(310, 320)), (1, slice(600, 1000)), (0, slice(600, 900)))
    node = extracted(night)
    assert node["status"].values.tolist() == ["partial", "partial", "missing", "partial", "ok"]
    assert node["reason"].values.tolist() == [f"A: {FEW}", SOME, FEW, SOME, ""]
    assert node["coverage"].values.tolist() == [1.0] * 5  # of the clock: the samples are there, but hold nothing
    defined = [[False, True], [True, True], [False, False], [True, True], [True, True]]
    assert np.isfinite(node["mean"].values).tolist() == defined


def test_infinite_samples_count_as_missing() -> None:
    night = sd.recording_from_arrays({"A": np.where(np.arange(300) < 100, np.inf, 1.0)}, rate=10)
    node = extracted(night)
    assert node["status"].item() == "partial"
    assert node["mean"].item() == 1


@pytest.mark.usefixtures("few_epochs_a_chunk")
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_a_feature_that_fails_loses_only_its_epoch(workers: int) -> None:
    values = np.ones((2, 1500))
    values[0, 310] = 500
    values[1, 1499] = 500
    night = sd.recording_from_arrays({"A": values[0], "B": values[1]}, rate=10)
    node = extracted(night, [MEAN, Fussy(), Hjorth()], workers=workers)
    assert node["status"].values.tolist() == ["ok", "failed", "ok", "ok", "failed"]
    cause = "fussy: ValueError: a sample is too large"
    assert node["reason"].values.tolist() == ["", cause, "", "", cause]
    np.testing.assert_array_equal(node["largest"], [[1, 1], [np.nan] * 2, [1, 1], [1, 1], [np.nan] * 2])
    np.testing.assert_array_equal(np.isnan(node["count"]), np.isnan(node["largest"]))
    alone = extracted(night, [MEAN, Hjorth()])
    for name in ("mean", "hjorth_activity", "hjorth_mobility"):
        np.testing.assert_array_equal(node[name], alone[name])


def test_two_causes_are_both_told() -> None:
    night = with_missing((0, slice(310, 320)))
    night["10Hz"]["signal"].values[1, 330] = 500
    node = extracted(night, [Fussy(), MEAN])
    assert node["status"].values.tolist() == ["ok", "failed", "ok", "ok", "ok"]
    assert node["reason"].values[1] == f"{SOME}; fussy: ValueError: a sample is too large"


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_the_feature_passes_through(error: type[BaseException]) -> None:
    night = sd.recording_from_arrays({"A": np.full(600, 500.0)}, rate=10)
    with pytest.raises(error):
        extracted(night, Fussy(error=error))


def task(features: tuple[Feature, ...] = (MEAN,), edges: tuple[int, ...] = (0, 4), size: int = 40) -> NodeTask:
    grid = EpochGrid(0, SECOND, SECOND, 4)
    return NodeTask(windows_of(Clock.regular(0, size, SECOND, 10), grid), edges, features, ("A",), 0.5)


def test_reasons_are_kept_once_a_cause() -> None:
    samples = np.full((1, 40), 500.0)
    result = task((Fussy(),)).compute(samples, np.arange(0, 40, 10), np.arange(10, 50, 10), Sampling(10.0, 10))
    assert result.reasons == {"fussy: ValueError: a sample is too large": (0, 1, 2, 3)}
    assert result.status.tolist() == [FAILED] * 4
    assert result.values.shape == (2, 4, 1)


def test_statuses_in_numbers() -> None:
    samples = np.ones((1, 40))
    samples[0, 10:12] = np.nan
    samples[0, 20:29] = np.nan
    result = task().compute(samples, np.arange(0, 40, 10), np.arange(10, 50, 10), Sampling(10.0, 10))
    assert result.status.tolist() == [OK, PARTIAL, MISSING, OK]
    assert result.reasons == {FEW: (2,), SOME: (1,)}


def test_chunks_give_bounds_from_their_first_sample() -> None:
    (first, after), starts, stops = task(edges=(0, 1, 4)).chunk(1)
    assert (first, after) == (10, 40)
    assert starts.tolist() == [0, 10, 20]
    assert stops.tolist() == [10, 20, 30]


def test_a_chunk_without_samples_still_takes_one() -> None:
    (first, after), starts, stops = task(edges=(0, 3, 4), size=30).chunk(1)
    assert (first, after) == (29, 30)
    assert starts.tolist() == stops.tolist()


def test_a_task_is_small_and_travels() -> None:
    rule = task((Statistics(), Hjorth()))
    assert len(pickle.dumps(rule)) < 2000
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(pickle.loads(pickle.dumps(rule))) == hash(rule)


@pytest.mark.parametrize(
    ("dtype", "order", "want"),
    [("f4", "C", "f4"), ("f8", "F", "f8"), ("i2", "C", "f8"), (">f4", "C", "f8"), ("f2", "C", "f8")],
)
def test_samples_are_contiguous_floats(dtype: str, order: Any, want: str) -> None:
    block = np.arange(6).reshape(2, 3).astype(dtype, order=order)
    samples = as_samples(block)
    assert samples.dtype == np.dtype(want)
    assert samples.flags.c_contiguous
    np.testing.assert_array_equal(samples, block)


@pytest.mark.parametrize("convert", [np.int16, np.float32, np.float16])
def test_samples_of_any_dtype_are_taken(convert: Callable[..., Any]) -> None:
    values = np.arange(600) % 50
    night = sd.recording_from_arrays({"A": values.astype(convert)}, rate=10)
    assert extracted(night)["mean"].values[:, 0].tolist() == [24.5, 24.5]


@dataclass(frozen=True)
class Generous(Feature):
    """Gives one more output than it declares."""

    name: ClassVar[str] = "generous"

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("first", "1", "zero"),)

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: Sampling) -> np.ndarray:
        return np.zeros((len(samples), len(starts), 2))


def test_an_output_too_many_fails_and_moves_no_other_column() -> None:
    night = sd.recording_from_arrays({"C3": np.full(900, 7.0)}, rate=10)
    node = extracted(night, [Generous(), MEAN])
    assert node["status"].values.tolist() == ["failed"] * 3
    assert np.isnan(node["first"]).all()
    assert node["mean"].values.ravel().tolist() == [7.0] * 3
    assert "shape" in node["reason"].values[0]
