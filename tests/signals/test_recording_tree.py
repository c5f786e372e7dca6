"""A recording as a tree: names, selection, nodes and how one is made of arrays."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, to_ns
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import (
    annotations_dataset,
    matches,
    node_name,
    recording_from_arrays,
    recording_id,
    recording_tree,
    select_channels,
    signal_nodes,
    span,
)

S = 1_000_000_000


def node(rate: Fraction | int, *labels: str, size: int = 50, start: str = "2024-03-11T23:00") -> xr.Dataset:
    samples = {label: np.full(size, float(k)) for k, label in enumerate(labels)}
    (made,) = signal_nodes(recording_from_arrays(samples, Fraction(rate), start=start)).values()
    return made


@pytest.fixture
def nodes() -> dict[str, xr.Dataset]:
    return {"100Hz": node(100, "EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"), "1Hz": node(1, "Resp", "Temp rectal")}


def labels_of(nodes: dict[str, xr.Dataset]) -> dict[str, list[str]]:
    return {key: ds["channel"].values.tolist() for key, ds in nodes.items()}


@pytest.mark.parametrize(
    ("rate", "name"),
    [
        (Fraction(100), "100Hz"),
        (Fraction(64, 5), "12.8Hz"),
        (Fraction(1, 3), "0.333333Hz"),
        (Fraction(3001, 30), "100.033Hz"),
    ],
)
def test_node_name(rate: Fraction, name: str) -> None:
    assert node_name(rate) == name


def test_node_name__numbers_repeats() -> None:
    taken: list[str] = []
    for rate in (Fraction(256), Fraction(25_600_001, 100_000), Fraction(256), Fraction(1)):
        taken.append(node_name(rate, iter(taken)))
    assert taken == ["256Hz", "256Hz #2", "256Hz #3", "1Hz"]
    assert node_name(Fraction(256), ["256Hz", "256Hz #3"]) == "256Hz #2"


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["EEG Pz-Oz"], {"100Hz": ["EEG Pz-Oz"]}),
        (["eeg*"], {"100Hz": ["EEG Fpz-Cz", "EEG Pz-Oz"]}),
        (["resp", "EOG*"], {"100Hz": ["EOG horizontal"], "1Hz": ["Resp"]}),
        (["EEG Pz-Oz", "EEG Fpz-Cz"], {"100Hz": ["EEG Fpz-Cz", "EEG Pz-Oz"]}),
        (["EEG ??-Oz", "*pz-oz"], {"100Hz": ["EEG Pz-Oz"]}),
        (["[rt]e*"], {"1Hz": ["Resp", "Temp rectal"]}),
    ],
)
def test_select_channels(nodes: dict[str, xr.Dataset], patterns: list[str], expected: dict[str, list[str]]) -> None:
    selected = select_channels(nodes, patterns)
    assert labels_of(selected) == expected
    for key, ds in selected.items():
        assert ds.identical(nodes[key].sel(channel=expected[key]))
        assert clock_of(ds) == clock_of(nodes[key])


def test_select_channels__suggests_the_nearest_name(nodes: dict[str, xr.Dataset]) -> None:
    with pytest.raises(ParameterError) as caught:
        select_channels(nodes, ["EEG*", "EEG Fpz-Pz"])
    assert str(caught.value) == (
        "no channel matches 'EEG Fpz-Pz'; "
        "expected one of EEG Fpz-Cz, EEG Pz-Oz, EOG horizontal, Resp, Temp rectal; did you mean 'EEG Fpz-Cz'?"
    )
    with pytest.raises(ParameterError, match="no channel matches 'qqq'") as caught:
        select_channels(nodes, ["qqq"])
    assert caught.value.fix == ""


def test_select_channels__takes_a_name_with_brackets_literally() -> None:
    nodes = {"1Hz": node(1, "Flow [1]", "Resp")}
    assert labels_of(select_channels(nodes, ["Flow [1]"])) == {"1Hz": ["Flow [1]"]}
    assert not matches("Flow [1]", "flow [2]")


def test_from_arrays__is_a_recording() -> None:
    eeg, emg = np.arange(300.0), np.ones(300)
    night = recording_from_arrays(
        {"C3": eeg, "EMG chin": emg}, 12.8, start="2024-03-11T23:00", unit="mV", recording_id="n1"
    )
    ds = night["12.8Hz"]
    assert ds["signal"].dims == ("channel", "time")
    assert ds["signal"].sel(channel="C3").values.tolist() == eeg.tolist()
    assert ds["unit"].values.tolist() == ["mV", "mV"]
    assert ds["signal_type"].values.tolist() == ["eeg", "emg"]
    assert clock_of(ds.to_dataset()) == Clock.regular("2024-03-11T23:00", 300, 10 * S, 128)
    assert night.attrs == {
        "recording_id": "n1",
        "source": "memory",
        "start": "2024-03-11T23:00:00.000000000",
        "time_zone": "",
        "findings": [],
    }


@pytest.mark.parametrize("rate", [256, 256.0, np.float64(256), Fraction(256), np.int64(256)])
def test_from_arrays__reads_any_number_as_rate(rate: float) -> None:
    (ds,) = signal_nodes(recording_from_arrays({"C3": np.zeros(5)}, rate)).values()
    assert clock_of(ds).rate == 256


def test_from_arrays__keeps_a_fraction_exact() -> None:
    night = recording_from_arrays({"C3": np.zeros(5)}, Fraction(3001, 30))
    assert clock_of(night["100.033Hz"].to_dataset()).rate == Fraction(3001, 30)


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        ({}, "no channel"),
        ({"C3": np.zeros(3), "C4": np.zeros(4)}, r"C3: \(3,\), C4: \(4,\)"),
        ({"C3": np.zeros((2, 3))}, r"C3: \(2, 3\)"),
    ],
)
def test_from_arrays__refuses_arrays_that_are_no_channels(samples: dict[str, np.ndarray], found: str) -> None:
    with pytest.raises(ParameterError, match=f"n1: channels must be one-dimensional and of one length; found {found}"):
        recording_from_arrays(samples, 100, recording_id="n1")


@pytest.mark.parametrize("rate", [0, -1.0, float("nan"), float("inf"), Fraction(-1)])
def test_from_arrays__refuses_a_rate(rate: float) -> None:
    with pytest.raises(ParameterError, match="recording: rate must be above 0"):
        recording_from_arrays({"C3": np.zeros(5)}, rate)


def test_signal_nodes__come_fastest_first() -> None:
    night = recording_tree(
        {
            "1Hz": node(1, "Resp"),
            "annotations": annotations_dataset([], [], []),
            "acc": node(50, "x", "y"),
            "empty": node(512, "C3").isel(time=slice(0, 0)),
            "0.333333Hz": node(Fraction(1, 3), "Temp"),
            "arm/256Hz": node(256, "ECG"),
        },
        {"recording_id": "n1"},
    )
    assert list(signal_nodes(night)) == ["arm/256Hz", "acc", "1Hz", "0.333333Hz"]
    assert signal_nodes(night)["acc"].identical(night["acc"].to_dataset())


def test_signal_nodes__names_a_root_that_holds_signals_after_its_rate() -> None:
    assert list(signal_nodes(xr.DataTree(node(256, "C3")))) == ["256Hz"]


def test_signal_nodes__bring_labels_back_that_were_chunked() -> None:
    night = recording_tree({"100Hz": node(100, "C3", "C4").chunk()}, {})
    assert night["100Hz"]["unit"].chunks
    ds = signal_nodes(night)["100Hz"]
    assert ds["signal"].chunks
    assert not ds["unit"].chunks
    assert ds["signal_type"].values.tolist() == ["eeg", "eeg"]
    assert clock_of(ds) == clock_of(node(100, "C3", "C4"))


def test_signal_nodes__refuses_a_recording_without_signals() -> None:
    with pytest.raises(ParameterError) as caught:
        signal_nodes(recording_tree({}, {"recording_id": "n1"}))
    assert str(caught.value) == "n1: recording has no signals"
    with pytest.raises(
        ParameterError, match=r"n1: recording has no signals; found annotations only; give the file of the signals too"
    ):
        signal_nodes(recording_tree({"annotations": annotations_dataset([], [], [])}, {"recording_id": "n1"}))


def test_recording_id__falls_back_to_the_name() -> None:
    assert recording_id(xr.DataTree(xr.Dataset(attrs={"recording_id": 7}), name="other")) == "7"
    assert recording_id(xr.DataTree(name="other")) == "other"
    assert recording_id(xr.DataTree()) == "recording"


def test_span__is_from_the_earliest_start_to_the_latest_end() -> None:
    parts = {
        "a": node(100, "C3", size=1000, start="2024-03-11T23:00:05"),
        "b": node(1, "Resp", size=12, start="2024-03-11T23:00:01"),
    }
    assert span(parts) == (to_ns("2024-03-11T23:00:01"), to_ns("2024-03-11T23:00:15"))


def test_annotations_dataset() -> None:
    ds = annotations_dataset(
        [np.datetime64("2024-03-11T23:00"), np.datetime64("2024-03-11T23:00:30.5")],
        [np.timedelta64(30, "s"), np.timedelta64("NaT", "ns")],
        ["Sleep stage W", "Arousal"],
    )
    assert dict(ds.sizes) == {"annotation": 2}
    assert ds["onset"].dtype == "datetime64[ns]"
    assert ds["duration"].dtype == "timedelta64[ns]"
    assert ds["onset"].values[1] == np.datetime64("2024-03-11T23:00:30.5")
    assert ds["duration"].values[0] == np.timedelta64(30, "s")
    assert np.isnat(ds["duration"].values[1])
    assert ds["text"].values.tolist() == ["Sleep stage W", "Arousal"]


def test_annotations_dataset__may_be_empty() -> None:
    ds = annotations_dataset([], [], [])
    assert [(name, str(ds[name].dtype.kind)) for name in ds] == [("onset", "M"), ("duration", "m"), ("text", "U")]
    assert ds.sizes["annotation"] == 0
