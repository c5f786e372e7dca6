"""Features as a tree: its shape, its texts, its laziness."""

from __future__ import annotations

import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.features.plan import plan_extraction
from sleepdask.features.task import NodeTask

FEATURES = (Statistics(), BandPower(), Hjorth())


@pytest.fixture
def few_epochs_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)


@pytest.fixture(scope="module")
def features(scored_night: Path) -> xr.DataTree:
    return sd.compute(sd.extract(sd.open_recording(scored_night), FEATURES), backend="sync")


def test_shape_of_the_tree(features: xr.DataTree) -> None:
    assert list(features.children) == ["100Hz", "1Hz"]
    assert set(features.to_dataset().coords) == {"epoch", "start", "stage"}
    assert features["epoch"].values.tolist() == list(range(20))
    assert features["start"].dtype == "datetime64[ns]"
    for child in features.children.values():
        own = child.to_dataset(inherit=False)
        assert set(own.coords) == {"channel", "unit", "physical_dimension", "signal_type", "sensor", "prefilter"}
        assert list(own.data_vars)[-3:] == ["coverage", "status", "reason"]
        for name in list(own.data_vars)[:-3]:
            assert own[name].dims == ("epoch", "channel")
            assert own[name].dtype == np.float64
    assert features["100Hz"].attrs["sampling_frequency"] == 100
    assert features["1Hz/channel"].values.tolist() == ["SpO2"]
    assert features["100Hz/signal_type"].values.tolist() == ["eeg", "eeg"]


def test_variables_come_in_the_order_of_the_features(features: xr.DataTree) -> None:
    names = [output.name for feature in FEATURES for output in feature.outputs]
    assert list(features["100Hz"].data_vars)[:-3] == names
    slow = [output.name for feature in (FEATURES[0], FEATURES[2]) for output in feature.outputs]
    assert list(features["1Hz"].data_vars)[:-3] == slow


def test_every_variable_tells_what_it_is(features: xr.DataTree) -> None:
    assert features["100Hz/var"].attrs["units"] == "uV^2"
    assert features["1Hz/mean"].attrs["units"] == "%"
    assert features["100Hz/spectral_edge_95"].attrs["units"] == "Hz"
    power = features["100Hz/bandpower_delta"].attrs
    assert power["feature"] == "bandpower"
    assert power["version"] == 1
    assert "Welch" in power["reference"]
    assert "4 s hann" in power["definition"]
    assert json.loads(power["parameters"])["bands"][0] == ["delta", 0.5, 4.0]
    for name in ("coverage", "status", "reason"):
        assert features[f"100Hz/{name}"].attrs["definition"]


def test_channels_of_different_units_share_a_word(write_night: Any) -> None:
    night = sd.open_recording(write_night({"C3": 10, "SpO2": 10}, 60, units={"SpO2": "%"}))
    node = sd.extract(night, Statistics())["10Hz"]
    assert node["var"].attrs["units"] == "unit^2"
    assert node["unit"].values.tolist() == ["uV", "%"]


def test_attributes_of_the_root(features: xr.DataTree) -> None:
    assert features.attrs == {
        "recording_id": "scored",
        "source": "scored.edf",
        "time_zone": "",
        "epoch_seconds": 30.0,
        "step_seconds": 30.0,
        "min_coverage": 0.5,
        "hypnogram": "scored.edf",
        "notes": [
            "hypnogram: scores end 1 min 10 s before the end of the signals",
            "the last 10 s make no whole epoch and are in no row",
            "1Hz: no bandpower, which needs at least 80 Hz (SpO2)",
        ],
        "findings": [],
    }


def test_values_by_hand(features: xr.DataTree, scored_night: Path) -> None:
    samples = sd.open_recording(scored_night)["100Hz"]["signal"].values[:, :60_000].reshape(2, 20, 3000)
    np.testing.assert_allclose(features["100Hz/mean"].values.T, samples.mean(-1, dtype="f8"), rtol=1e-9)
    np.testing.assert_array_equal(features["100Hz/max"].values.T, samples.max(-1))


def test_the_signature_is_that_of_the_plan() -> None:
    ours, theirs = inspect.signature(sd.extract), inspect.signature(plan_extraction)
    assert ours.parameters == theirs.parameters
    assert ours.return_annotation == "xr.DataTree"
    for name in ours.parameters:
        assert name in (sd.extract.__doc__ or "")


@pytest.mark.usefixtures("no_compute")
@pytest.mark.parametrize("chunks", [None, "epochs", "auto", {"time": 1234}])
def test_building_computes_and_reads_nothing(
    scored_night: Path, bytes_read: list[tuple[int, int]], chunks: Any
) -> None:
    night = sd.open_recording(scored_night, chunks=chunks)
    bytes_read.clear()
    for recording in (
        night,
        night.chunk({"time": 333}),
        night.sel(time=slice("2024-03-11T22:50", "2024-03-11T22:55")),
        night.isel(time=slice(100, 500)),
    ):
        lazy = sd.extract(recording, (Statistics(), Hjorth()), epoch="20s", step="7s")
        assert all(
            variable.chunks is not None
            for child in lazy.children.values()
            for name, variable in child.data_vars.items()
            if name != "coverage"
        )
    assert bytes_read == []


@pytest.mark.usefixtures("few_epochs_a_chunk")
def test_kernels_run_once_a_chunk(scored_night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[NodeTask] = []
    compute = NodeTask.compute

    def counted(task: NodeTask, *arguments: Any) -> Any:
        calls.append(task)
        return compute(task, *arguments)

    monkeypatch.setattr(NodeTask, "compute", counted)
    lazy = sd.extract(sd.open_recording(scored_night), FEATURES, workers=3)
    assert calls == []
    sd.compute(lazy, backend="sync")
    chunks = {task: task.n_chunks for task in calls}
    assert len(chunks) == 2
    assert len(calls) == sum(chunks.values()) == 18
    calls.clear()
    lazy["1Hz/mean"].compute(scheduler="sync")
    assert len(calls) == 9


@pytest.mark.usefixtures("few_epochs_a_chunk")
def test_each_byte_is_read_once_a_node(scored_night: Path, bytes_read: list[tuple[int, int]]) -> None:
    night = sd.open_recording(scored_night, chunks=None).filter(lambda node: "1Hz" not in node.path)
    lazy = sd.extract(night, Statistics(), epoch="10s", workers=3)
    bytes_read.clear()
    sd.compute(lazy, backend="sync")
    places = sorted(bytes_read)
    assert len(places) > 1
    assert all(a + size <= b for (a, size), (b, _) in pairwise(places))


def test_a_subtree_or_a_single_node_is_a_recording_too(scored_night: Path, features: xr.DataTree) -> None:
    night = sd.open_recording(scored_night)
    part = sd.compute(sd.extract(night["100Hz"], Statistics(("mean",))), backend="sync")
    np.testing.assert_array_equal(part["100Hz/mean"], features["100Hz/mean"])


def test_signals_at_the_root_are_a_recording_too(scored_night: Path, features: xr.DataTree) -> None:
    night = xr.DataTree(sd.open_recording(scored_night)["100Hz"].to_dataset())
    part = sd.compute(sd.extract(night, Statistics(("mean",))), backend="sync")
    (node,) = part.children.values()
    np.testing.assert_array_equal(node["mean"], features["100Hz/mean"])


def test_signals_with_time_first(scored_night: Path, features: xr.DataTree) -> None:
    night = sd.open_recording(scored_night)
    turned = night.assign({"100Hz": xr.DataTree(night["100Hz"].to_dataset().transpose("time", "channel"))})
    part = sd.compute(sd.extract(turned, Statistics(("mean", "iqr"))), backend="sync")
    np.testing.assert_array_equal(part["100Hz/iqr"], features["100Hz/iqr"])


def test_signals_without_a_clock_are_refused(scored_night: Path) -> None:
    night = sd.open_recording(scored_night).isel(time=np.arange(0, 600, 2))
    with pytest.raises(sd.ParameterError, match="signals have no clock on their time axis"):
        sd.extract(night, Statistics())


def test_every_second_sample_is_a_signal_of_half_the_rate(scored_night: Path) -> None:
    night = sd.open_recording(scored_night)
    node = night["100Hz"].to_dataset().isel(time=slice(None, None, 2))
    half = sd.compute(sd.extract(xr.DataTree.from_dict({"/eeg": node}), Statistics(("mean",))), backend="sync")
    assert half["eeg"].attrs["sampling_frequency"] == 50
    samples = node["signal"].values[:, :30_000].reshape(2, 20, 1500)
    np.testing.assert_allclose(half["eeg/mean"].values.T, samples.mean(-1, dtype="f8"), rtol=1e-9)
