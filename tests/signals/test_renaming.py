"""Recordings under canonical names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

import sleepdask as sd
from sleepdask.signals.channels import ChannelTable


def night(*labels: str, unit: str = "uV") -> xr.DataTree:
    return sd.recording_from_arrays({label: np.zeros(200) for label in labels}, rate=100, unit=unit)


def channels(recording: xr.DataTree) -> list[str]:
    return [str(name) for node in recording.leaves if "channel" in node.coords for name in node["channel"].values]


def test_names_are_canonical_and_labels_are_kept() -> None:
    was = night("EEG C3-A2", "X1", "LOC-A2")
    now = sd.rename_channels(was)
    assert channels(now) == ["C3-M2", "X1", "E1-M2"]
    assert now["100Hz/label"].values.tolist() == ["EEG C3-A2", "X1", "LOC-A2"]
    assert now["100Hz/signal_type"].values.tolist() == ["eeg", "unknown", "eog"]
    assert now["100Hz/signal"].sel(channel="C3-M2", time="2000-01-01T00:00:01").shape == (100,)
    assert now.attrs["findings"] == []
    assert channels(was) == ["EEG C3-A2", "X1", "LOC-A2"]
    assert "label" not in was["100Hz"].coords


def test_renaming_again_changes_nothing() -> None:
    once = sd.rename_channels(night("EEG C3-A2", "C3:M2", "X1"))
    assert sd.rename_channels(once).identical(once)


def test_channels_that_share_a_name_are_numbered_and_told() -> None:
    now = sd.rename_channels(night("C3-A2", "X1", "C3-M2", "EEG C3-M2"))
    assert channels(now) == ["C3-M2", "X1", "C3-M2 #2", "C3-M2 #3"]
    assert now.attrs["findings"] == [
        "channel C3-M2: 'C3-M2' is the name of another channel too; it is called 'C3-M2 #2'",
        "channel EEG C3-M2: 'C3-M2' is the name of another channel too; it is called 'C3-M2 #3'",
    ]


def test_repeats_of_a_file_keep_their_numbers() -> None:
    now = sd.rename_channels(night("C3-M2", "C3-M2 #2", "F3-A2", "F3-A2 #2"))
    assert channels(now) == ["C3-M2", "C3-M2 #2", "F3-M2", "F3-M2 #2"]
    assert now["100Hz/label"].values.tolist() == ["C3-M2", "C3-M2 #2", "F3-A2", "F3-A2 #2"]
    assert len(now.attrs["findings"]) == 1


def test_a_channel_that_has_no_name_is_never_pushed_aside() -> None:
    table = ChannelTable({"a": "N", "b": "N"}, {})
    assert sd.channel_names(night("a", "N", "N #2", "b"), table) == {"a": "N #3", "N": "N", "N #2": "N #2", "b": "N #4"}


def test_names_are_one_in_the_whole_recording() -> None:
    fast, slow = night("SpO2", unit="%"), sd.recording_from_arrays({"SaO2": np.zeros(2)}, rate=1, unit="%")
    both = fast.assign({"1Hz": slow["1Hz"]})
    assert channels(sd.rename_channels(both)) == ["SpO2", "SpO2 #2"]


def test_the_table_says_the_type_unless_the_unit_denies_it() -> None:
    table = ChannelTable({"t1": "T1", "x": "Body heat"}, {"T1": "temperature", "Body heat": "temperature"})
    now = sd.rename_channels(night("T1", "X", unit="C"), table)
    assert now["100Hz/signal_type"].values.tolist() == ["temperature", "temperature"]
    assert now["100Hz/unit"].values.tolist() == ["degC", "degC"]
    assert now["100Hz/physical_dimension"].values.tolist() == ["C", "C"]
    odd = sd.rename_channels(night("SaO2", unit="mV"))
    assert odd["100Hz/signal_type"].values.tolist() == ["unknown"]
    assert odd.attrs["findings"] == [
        "channel SaO2: the channel table says spo2, but its unit is mV; its type stays unknown"
    ]


def test_nothing_is_computed_or_read(scored_night: Path, no_compute: None, bytes_read: list[tuple[int, int]]) -> None:
    for recording in (sd.open_recording(scored_night), sd.open_recording(scored_night, chunks=None)):
        before = list(bytes_read)
        now = sd.rename_channels(recording, ChannelTable({"c3": "Left"}, {}))
        assert bytes_read == before
        assert now["100Hz/signal"].chunks == recording["100Hz/signal"].chunks
        assert now["100Hz/signal"].dims == ("channel", "time")
        assert now["annotations"].identical(recording["annotations"])


def test_features_are_those_of_the_same_samples(scored_night: Path) -> None:
    recording = sd.open_recording(scored_night)
    renamed = sd.rename_channels(recording, ChannelTable({"c3": "Left"}, {}))
    was, now = (sd.to_dataframe(sd.compute(sd.extract(tree, "statistics"))) for tree in (recording, renamed))
    assert now["Left", "mean"].tolist() == was["C3", "mean"].tolist()
    assert sd.extract(renamed, "statistics", channels="left")["100Hz/label"].values.tolist() == ["C3"]


def test_a_node_alone_is_renamed() -> None:
    assert sd.rename_channels(night("C3-A2")["100Hz"])["channel"].values.tolist() == ["C3-M2"]
