"""Recordings of other devices stand beside a night: nothing becomes one, and its epochs are those of the night."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from devices import beats, watch_recording
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import annotations_dataset, only_channels, signal_nodes, span

NIGHT = "2026-03-10T23:00"
LABELS = st.sampled_from(["SpO2", "SpO2 #2", "HR", "acc_x", "C3"])


def night(seconds: int = 600, label: str = "SpO2", start: str = NIGHT, **more: Any) -> xr.DataTree:
    values = np.random.default_rng(3).normal(95, 1, seconds)
    return sd.recording_from_arrays({label: values}, rate=1, start=start, unit="%", **more)


def watch() -> xr.DataTree:
    """Ten hours of heart rate at any times and of SpO2 at 1 Hz, of which the night is the middle."""
    since = np.datetime64("2026-03-10T18:00", "ns").astype(np.int64)
    second = since + np.arange(36_000) * 1_000_000_000
    spo2 = np.random.default_rng(4).normal(94, 1, 36_000)
    return watch_recording({"hr": beats("2026-03-10T18:00", 36_000), "SpO2": (second, spo2)})


def test_named_sources_begin_all_their_names() -> None:
    both = sd.combine_recordings(night(), {"watch": watch()})
    assert {name: node["channel"].values.tolist() for name, node in both.children.items()} == {
        "1Hz": ["SpO2"],
        "watch hr": ["watch hr"],
        "watch SpO2": ["watch SpO2"],
    }
    assert both["watch hr"]["label"].values.tolist() == ["hr"]
    assert "label" not in both["1Hz"].coords
    assert both.attrs["findings"] == []
    assert both.attrs["source"] == "recording, watch.csv"
    assert both.attrs["recording_id"] == "recording"


def test_names_that_are_taken_get_a_number_and_are_told() -> None:
    both = sd.combine_recordings(night(), [night(label="HR"), night(3600, start="2026-03-10T22:30")])
    assert {name: node["channel"].values.tolist() for name, node in both.children.items()} == {
        "1Hz": ["SpO2"],
        "1Hz #2": ["HR"],
        "1Hz #3": ["SpO2 #2"],
    }
    (finding,) = both.attrs["findings"]
    assert finding.startswith("recording #3: 'SpO2' is recorded by two devices; here called 'SpO2 #2'")
    with pytest.raises(FileFormatError, match="recorded by two devices"):
        sd.combine_recordings(night(), night(), policy="strict")
    assert sd.combine_recordings(night(), night(label="HR"), policy="strict").attrs["findings"] == []


@settings(max_examples=40)
@given(st.lists(st.lists(LABELS, min_size=1, max_size=3, unique=True), min_size=2, max_size=4))
def test_no_name_is_there_twice_and_no_sample_is_another(labels: list[list[str]]) -> None:
    rng = np.random.default_rng(0)
    each = [sd.recording_from_arrays({label: rng.normal(size=60) for label in names}, rate=1) for names in labels]
    both = sd.combine_recordings(each[0], each[1:])
    nodes = signal_nodes(both)
    names = [name for node in nodes.values() for name in node["channel"].values.tolist()]
    assert len(set(names)) == len(names) == sum(map(len, labels))
    assert names[: len(labels[0])] == labels[0]
    for node, one in zip(nodes.values(), each, strict=True):
        assert clock_of(node) == clock_of(one["1Hz"])
        np.testing.assert_array_equal(node["signal"].values, one["1Hz/signal"].values)
    assert sd.extract(both, "statistics").sizes["epoch"] == 2


def test_the_epochs_are_those_of_the_night() -> None:
    """Against the watch alone on the same epochs, and against pandas."""
    both = sd.combine_recordings(night(), {"watch": watch()})
    features = sd.compute(sd.extract(both, "statistics,hjorth"), backend="sync")
    assert features.sizes["epoch"] == 20
    assert features["start"].values[0] == np.datetime64(NIGHT)
    span_ = {"start": NIGHT, "end": "2026-03-10T23:10", "origin": NIGHT}
    alone = sd.compute(sd.extract(watch(), "statistics,hjorth", **span_), backend="sync")
    for node in ("hr", "SpO2"):
        got = features[f"watch {node}"]
        for name, values in alone[node].data_vars.items():
            np.testing.assert_array_equal(got[name].values, values.values)
    stamps, values = beats("2026-03-10T18:00", 36_000)
    series = pd.Series(values, stamps.astype("datetime64[ns]"))[NIGHT:"2026-03-10T23:09:59.999999999"]
    means = series.groupby((series.index - pd.Timestamp(NIGHT)) // pd.Timedelta("30s")).mean()
    np.testing.assert_allclose(features["watch hr"]["mean"].values[:, 0], means, rtol=1e-12)
    assert features.attrs["notes"] == ["watch hr: no hjorth, which needs samples at a fixed rate (watch hr)"]


def test_the_night_is_known_where_only_the_watch_is_kept() -> None:
    both = sd.combine_recordings(night(), {"watch": watch()})
    for chosen in ({"channels": "watch*"}, {}):
        recording = both if chosen else only_channels(both, ["watch *"])
        features = sd.extract(recording, "statistics", **chosen)
        assert features.sizes["epoch"] == 20
        assert features["start"].values[0] == np.datetime64(NIGHT)
    assert span(signal_nodes(only_channels(both, ["watch hr"]))) == span(signal_nodes(night()))


def test_a_source_that_is_shorter_than_the_night() -> None:
    both = sd.combine_recordings(night(), {"oximeter": night(240, start="2026-03-10T22:58")})
    coverage = sd.compute(sd.extract(both, "statistics"))["oximeter 1Hz"]["coverage"].values
    assert coverage.tolist() == [1.0] * 4 + [0.0] * 16
    touching = night(600, start="2026-03-10T22:50:00.5")  # half a second of its last sample is of the night
    assert sd.combine_recordings(night(), {"oximeter": touching}, policy="strict").attrs["findings"] == []


@pytest.mark.parametrize("start", ["2026-03-10T22:50", "2026-03-10T23:10"])
def test_a_source_of_another_time_is_told_and_all_missing(start: str) -> None:
    other = night(600, start=start)
    with pytest.raises(FileFormatError, match="holds nothing of the night"):
        sd.combine_recordings(night(), {"watch": other}, policy="strict")
    both = sd.combine_recordings(night(), {"watch": other})
    (finding,) = both.attrs["findings"]
    assert "holds nothing of the night: 2026-03-10T2" in finding
    features = sd.compute(sd.extract(both, "statistics"), backend="sync")
    assert set(features["watch 1Hz"]["status"].values) == {"missing"}
    assert np.isnan(features["watch 1Hz"]["mean"].values).all()
    assert set(features["1Hz"]["status"].values) == {"ok"}


def test_zones() -> None:
    zoned = night(timezone="Europe/Berlin")
    utc = night(600, label="HR", start="2026-03-10T22:00", timezone="UTC")
    both = sd.combine_recordings(zoned, {"watch": utc})
    assert both.attrs["time_zone"] == "Europe/Berlin"
    assert both.attrs["start"] == "2026-03-10T22:00:00.000000000Z"
    assert set(sd.compute(sd.extract(both, "statistics"))["watch 1Hz"]["status"].values) == {"ok"}
    for one, other in ((night(), utc), (zoned, night(label="HR"))):
        with pytest.raises(ParameterError, match=r"some times are local and some are UTC.*no zone in .*timezone="):
            sd.combine_recordings(one, {"watch": other})


def test_annotations_of_others_are_no_scores_of_the_night() -> None:
    other = watch()
    onsets = np.datetime64(NIGHT) + np.arange(20) * np.timedelta64(30, "s")
    stages = annotations_dataset(onsets, np.full(20, np.timedelta64(30, "s")), ["Sleep stage N2"] * 20)
    other["annotations"] = xr.DataTree(stages)
    for named, name in (({"watch": other}, "watch annotations"), ([other], "annotations #2")):
        both = sd.combine_recordings(night(label="C3"), named)
        assert both[name]["text"].values.tolist() == ["Sleep stage N2"] * 20
        assert "annotations" not in both.children
        assert set(sd.extract(both, "statistics")["stage"].values) == {""}


def test_what_was_known_of_each_is_kept() -> None:
    one, other = night(), night(label="HR", recording_id="oximeter")
    one.attrs |= {"findings": ["odd"], "format": "EDF", "device": "A"}
    other.attrs |= {"findings": ["odder"], "format": "CSV", "identity": {"device": "0815"}}
    attrs = sd.combine_recordings(one, {"oxi": other}).attrs
    assert attrs["findings"] == ["odd", "oximeter: odder"]
    assert (attrs["format"], attrs["device"]) == ("EDF, CSV", "A")
    assert attrs["identity"] == {"oximeter": {"device": "0815"}}
    assert "identity" not in one.attrs


def test_more_can_be_put_beside_what_is_combined() -> None:
    both = sd.combine_recordings(sd.combine_recordings(night(), {"a": watch()}), {"b": watch()})
    assert list(both.children) == ["1Hz", "a hr", "a SpO2", "b hr", "b SpO2"]
    assert sd.extract(both, "statistics").sizes["epoch"] == 20


def test_canonical_names_keep_that_of_the_source() -> None:
    one, other = night(label="SaO2"), night(label="SAO2 Pulse")
    both = sd.combine_recordings(one, {"watch": night(label="SaO2"), "x": other})
    names = sd.channel_names(both)
    assert names == {"SaO2": "SpO2", "watch SaO2": "watch SpO2", "x SAO2 Pulse": "x SAO2 Pulse"}
    renamed = sd.rename_channels(both)
    assert renamed["watch 1Hz"]["channel"].values.tolist() == ["watch SpO2"]
    assert renamed["watch 1Hz"]["label"].values.tolist() == ["SaO2"]
    assert renamed["watch 1Hz"]["signal_type"].values.tolist() == ["spo2"]
    assert renamed.attrs["findings"] == []


def test_it_is_lazy_and_travels() -> None:
    both = sd.combine_recordings(night(), {"watch": watch()})
    again = pickle.loads(pickle.dumps(both))
    assert all(again[name].to_dataset().identical(node.to_dataset()) for name, node in both.children.items())
    assert night().identical(night()), "what was given is as before"


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ({"a b": night()}, "a source cannot be called so.*'a b'"),
        ({"../x": night()}, "a source cannot be called so"),
        ({"watch": 3}, "not a recording.*found int"),
        ([xr.DataTree()], "recording has no signals"),
    ],
)
def test_refusals(also: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        sd.combine_recordings(night(), also)


def test_what_has_no_date_has_no_place() -> None:
    recording = night(label="HR")
    clock = Clock.regular(0, 600, 1_000_000_000, dated=False)
    node = recording["1Hz"].to_dataset().drop_vars("time").assign_coords(time_coordinate(clock))
    undated = xr.DataTree.from_dict({"/1Hz": node})
    undated.attrs = {**recording.attrs, "start": "NaT"}
    for one, other in ((night(), undated), (undated, night())):
        with pytest.raises(ParameterError, match="recording has no date"):
            sd.combine_recordings(one, {"watch": other})
