"""Keys, what can be put in under them, what is known of it, and how it is found again."""

from __future__ import annotations

import json
import pickle
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.collection import CollectionMetadata, Signal
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.edf.reader import EdfReader
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate


def keys(found: list[object]) -> list[str]:
    return [each.key for each in found]  # type: ignore[attr-defined]


def test_a_table_comes_back_as_it_was(collection: sd.SignalCollection, hr: pd.DataFrame, acc: pd.DataFrame) -> None:
    for key, table in (("hr", hr), ("acc", acc)):
        got = collection.get_time_series_signal(key).get_data()
        assert got.index.name == "timestamp"
        pd.testing.assert_frame_equal(got, table, check_names=False, check_freq=False)
    assert collection.recording["acc/signal"].dtype == np.float64
    assert repr(collection.get_signal("hr")) == "<Signal 'hr': hr, 1 Hz, hr>"


def test_signals_are_views_of_one_tree_and_no_copies() -> None:
    samples = np.random.default_rng(1).normal(size=3000).astype("f4")
    night = sd.recording_from_arrays({"C3": samples, "C4": samples}, rate=100)
    collection = sd.SignalCollection.from_recording(night)
    held = collection.get_time_series_signal("100Hz").data["signal"]
    assert np.shares_memory(held.values, night["100Hz/signal"].values)
    assert np.shares_memory(held.values, collection.recording["100Hz/signal"].values)
    single = sd.SignalCollection.from_recording(night, by="channel")
    assert list(single.time_series_signals) == ["C3", "C4"]
    assert np.shares_memory(single.get_signal("C4").data["signal"].values, night["100Hz/signal"].values)
    collection.recording["100Hz"].attrs["changed"] = True  # what is handed out is nobody else's
    assert "changed" not in collection.recording["100Hz"].attrs


def test_a_recording_keeps_its_file_zone_annotations_and_findings(scored_night: Path) -> None:
    night = sd.open_recording(scored_night, timezone="Europe/Berlin")
    collection = sd.SignalCollection.from_recording(night, subject_id="S07")
    assert collection.metadata.timezone == "Europe/Berlin"
    assert collection.findings == night.attrs["findings"]
    metadata = collection.get_signal("100Hz").metadata
    assert metadata.source_files == ("scored.edf",)
    assert metadata.start_time.endswith("Z")
    table = collection.get_signal("1Hz").get_data()
    assert str(table.index[0]) == "2024-03-11 22:47:30+01:00"
    collection.generate_epoch_grid("22:48", window_length="30s")
    features = collection.apply_operation("feature_statistics", inputs=["1Hz"], output="spo2")
    want = sd.extract(night, sd.features.Statistics(("mean",)), start="22:48", origin="22:48", channels="SpO2")
    assert features.data["stage"].values.tolist() == want["stage"].values.tolist()
    assert np.array_equal(
        features.get_data()["1Hz", "SpO2_mean"], sd.compute(want)["1Hz/mean"].values[:, 0], equal_nan=True
    )
    assert str(features.get_data().index[0]) == "2024-03-11 22:48:00+01:00"
    assert json.loads(json.dumps(collection.document()))["signals"]["1Hz"]["sample_rate"] == 1
    assert "subject_id" not in collection.document()["collection"]
    assert collection.document(identity=True)["collection"]["subject_id"] == "S07"


def test_a_key_is_used_once(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="there is a signal 'hr'"):
        collection.add_time_series_signal("hr", hr)
    for key in ("", "a/b", 3, "annotations", ".."):
        with pytest.raises(ParameterError, match="cannot be a key"):
            collection.add_time_series_signal(key, hr)  # type: ignore[arg-type]
    assert len(collection) == 3


def test_base_names_count_up(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    assert [collection.add_signal_with_base_name("watch", hr) for _ in range(12)][::11] == ["watch_0", "watch_11"]
    assert keys(collection.get_signals("watch"))[:3] == ["watch_0", "watch_1", "watch_2"]
    assert keys(collection.get_signals(base_name="watch"))[-1] == "watch_11"
    assert keys(collection.get_signals(["watch_3", "hr", "watch_3"])) == ["watch_3", "hr"]


def test_signals_are_found_by_what_is_known_of_them(collection: sd.SignalCollection) -> None:
    class SignalType(Enum):
        ACCELEROMETER = "accelerometer"

    assert keys(collection.get_signals(signal_type="hr")) == ["hr", "pulse"]
    assert keys(collection.get_signals(signal_type=SignalType.ACCELEROMETER)) == ["acc"]
    assert keys(collection.get_signals(criteria={"signal_type": "ACCELEROMETER"})) == ["acc"]
    assert keys(collection.get_signals({"signal_type": "heart_rate", "sensor_model": "PolarH10"})) == ["hr"]
    assert keys(collection.get_signals(criteria={"body_position": "left_wrist"})) == ["acc"]
    assert keys(collection.get_signals(criteria={"body_position": "chest"})) == []
    collection.generate_epoch_grid(window_length="30s")
    collection.apply_operation("feature_statistics", inputs="hr", output="stats")
    assert keys(collection.get_signals(feature_type="statistical")) == ["stats"]
    assert keys(collection.get_signals()) == ["hr", "acc", "pulse", "stats"]
    assert keys(collection.get_signals_from_input_spec("stats")) == ["stats"]
    for wrong in ({"signal_type": "herz"}, {"sensor_modell": "x"}):
        with pytest.raises(ParameterError, match="did you mean"):
            collection.get_signals(wrong)
    for get in (
        collection.get_signal,
        collection.get_time_series_signal,
        collection.get_feature,
        collection.get_signals,
    ):
        with pytest.raises(ParameterError, match=r"no (signal|feature|signal or feature) 'nix'"):
            get("nix")


def test_metadata_are_checked_and_facts_are_not_set(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    collection.update_time_series_metadata("hr", {"name": "pulse", "body_position": "chest", "temporary": True})
    assert collection.get_signal("hr").metadata.body_position == "chest"
    for spec, said in (
        ({"body_positon": "chest"}, "did you mean 'body_position'"),
        ({"sample_rate": 2.0}, "follows from the data"),
        ({"temporary": "yes"}, "True or False"),
        ({"sensor_info": {"a": 1}}, "texts by name"),
        ({"signal_type": "hertz"}, "unknown type"),
    ):
        with pytest.raises(ParameterError, match=said):
            collection.update_time_series_metadata("hr", spec)
        with pytest.raises(ParameterError, match=said):
            collection.add_time_series_signal("new", hr, **spec)
    collection.generate_epoch_grid(window_length="30s")
    made = collection.apply_operation("feature_statistics", inputs="hr", output="stats")
    collection.update_feature_metadata(made, {"name": "n"})
    assert made.metadata.name == "n"
    assert made.metadata.sensor_model == "PolarH10"
    with pytest.raises(ParameterError, match="follows from the data"):
        collection.update_feature_metadata("stats", {"epoch_grid": {}})
    with pytest.raises(ParameterError, match="that of the signals"):
        collection.update_metadata(timezone="Europe/Berlin")
    with pytest.raises(ParameterError, match="no equal in JSON"):
        CollectionMetadata(study_info={"when": object()})
    with pytest.raises(ParameterError, match="did you mean 'window_length'"):
        CollectionMetadata(epoch_grid_config={"window_lengt": "30s"})


def test_rows_in_any_order_and_twice_are_told(hr: pd.DataFrame) -> None:
    mixed = pd.concat([hr.iloc[300:], hr.iloc[:300], hr.iloc[10:12]])
    collection = sd.SignalCollection()
    collection.add_time_series_signal("hr", mixed)
    pd.testing.assert_frame_equal(collection.get_signal("hr").get_data(), hr, check_names=False, check_freq=False)
    assert len(collection.findings) == 2
    assert all(text.startswith("hr: ") for text in collection.findings)
    with pytest.raises(FileFormatError, match="strict"):
        collection.add_time_series_signal("again", mixed, policy="strict")


def test_zones_do_not_mix(hr: pd.DataFrame) -> None:
    local = sd.SignalCollection()
    local.add_time_series_signal("hr", hr)
    berlin = hr.tz_localize("Europe/Berlin")
    with pytest.raises(ParameterError, match="another kind"):
        local.add_time_series_signal("aware", berlin)
    zoned = sd.SignalCollection()
    zoned.add_time_series_signal("hr", berlin)
    assert zoned.metadata.timezone == "Europe/Berlin"
    pd.testing.assert_frame_equal(zoned.get_signal("hr").get_data(), berlin, check_names=False, check_freq=False)
    zoned.add_time_series_signal("utc", berlin.tz_convert("UTC"))
    assert zoned.get_signal("utc").get_data().index.equals(berlin.index)
    with pytest.raises(ParameterError, match="tz_localize"):
        zoned.add_time_series_signal("naive", hr)
    fixed = sd.SignalCollection()
    fixed.add_time_series_signal("hr", hr.tz_localize("+02:00"))
    assert fixed.metadata.timezone == "UTC"
    assert fixed.get_signal("hr").get_data().index[0] == pd.Timestamp("2024-03-11T21:00Z")


def test_a_night_in_which_clocks_are_changed_has_its_true_length() -> None:
    index = pd.date_range("2024-10-27T01:00", periods=3 * 3600, freq="1s", tz="Europe/Berlin")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("hr", pd.Series(np.arange(len(index), dtype=float), index))
    assert collection.generate_epoch_grid(window_length="1h").count == 3
    assert [t.isoformat()[11:] for t in collection.epoch_grid_index] == [
        *("01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00")
    ]


def test_arrays_and_datasets(hr: pd.DataFrame) -> None:
    collection = sd.SignalCollection()
    array = xr.DataArray(hr["hr"].to_numpy(), dims="time", coords={"time": hr.index}, name="pulse")
    assert collection.add_time_series_signal("array", array, units="bpm").columns == ["pulse"]
    node = sd.recording_from_arrays({"C3": np.zeros(300)}, rate=100)["100Hz"]
    for key, each in {"tree": node, "dataset": node.to_dataset(), "signal": node["signal"]}.items():
        assert collection.add_time_series_signal(key, each).metadata.sample_rate == 100
    assert collection.add_time_series_signal("row", node["signal"].isel(channel=0, drop=True)).columns == ["signal"]
    for wrong in (np.zeros(3), node.root, xr.Dataset({"a": ("b", [1])}), node["signal"].rename(channel="c")):
        with pytest.raises(ParameterError):
            collection.add_time_series_signal("wrong", wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": [1.0, 2.0]}),
        pd.DataFrame({"a": ["x", "y"]}, pd.date_range("2024", periods=2, freq="s")),
        pd.DataFrame(np.ones((2, 2)), pd.date_range("2024", periods=2, freq="s"), columns=["a", "a"]),
        pd.DataFrame(index=pd.date_range("2024", periods=2, freq="s")),
        pd.DataFrame({"sleep_stage": ["W"], "power": [1.0]}, pd.date_range("2024", periods=1, freq="s")),
    ],
)
def test_tables_that_say_nothing_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ParameterError):
        sd.SignalCollection().add_time_series_signal("a", table)


def test_integers_are_no_sleep_stages() -> None:
    index = pd.date_range("2024-03-11T23:00", periods=3, freq="30s")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("s", pd.DataFrame({"sleep_stage": [0, 4, 5]}, index))
    assert collection.get_signal("s").get_data()["sleep_stage"].isna().all()
    assert "labels that are no known stage" in collection.findings[0]


def test_without_a_date_times_are_lengths() -> None:
    undated = Clock.regular(0, 300, 100_000_000, dated=False)
    node = sd.recording_from_arrays({"C3": np.arange(300.0)}, rate=10)["10Hz"].to_dataset()
    node = node.drop_vars("time").assign_coords(time_coordinate(undated))
    collection = sd.SignalCollection()
    collection.add_time_series_signal("eeg", node)
    assert collection.get_signal("eeg").get_data().index[1] == pd.Timedelta("100ms")
    assert collection.generate_epoch_grid("5s", window_length="10s").count == 2
    made = collection.apply_operation("feature_statistics", inputs="eeg").get_data()
    assert made["eeg", "C3_mean"].tolist() == [99.5, 199.5]
    assert collection.get_reference_time() == pd.Timedelta(0)
    with pytest.raises(ParameterError, match="another kind"):
        collection.add_time_series_signal("dated", pd.Series(1.0, pd.date_range("2024", periods=9, freq="s")))


def test_import_from_a_file(scored_night: Path) -> None:
    collection = sd.SignalCollection()
    got = collection.import_signals_from_source(None, scored_night, {"base_name": "psg", "sensor_model": "M"})
    assert keys(got) == ["psg_0", "psg_1"]
    assert got[0].metadata.sensor_model == "M"
    assert got[0].metadata.source_files == ("scored.edf",)
    read = collection.import_signals_from_source(EdfReader(), scored_night)
    assert keys(read) == ["100Hz", "1Hz"]
    assert keys(collection.import_signals_from_source(sd.open_recording, scored_night, {"base_name": "own"})) == [
        *("own_0", "own_1")
    ]
    with pytest.raises(ParameterError, match="did you mean 'base_name'"):
        collection.import_signals_from_source(None, scored_night, {"basename": "x"})
    with pytest.raises(ParameterError, match="there is a signal"):
        collection.import_signals_from_source(None, scored_night)
    with pytest.raises(ParameterError, match="opens as it does"):
        collection.import_signals_from_source(sd.open_recording, scored_night, {"timezone": "UTC"})
    assert collection.add_imported_signals([got[0].data, got[1].data], "more", start_index=3) == ["more_3", "more_4"]
    before = list(collection.time_series_signals)
    with pytest.raises(ParameterError):
        collection.add_imported_signals([got[0].data, 7], "half")  # type: ignore[list-item]
    assert list(collection.time_series_signals) == before
    with pytest.raises(ParameterError, match="base name"):
        collection.add_imported_signals([got[0].data])


def test_a_summary(collection: sd.SignalCollection, capsys: pytest.CaptureFixture[str]) -> None:
    collection.generate_epoch_grid(window_length="30s")
    collection.apply_operation("feature_statistics", inputs="hr", output="stats")
    table = collection.summarize_signals()
    assert capsys.readouterr().out == table.to_string() + "\n"
    assert table["kind"].to_dict() == {"hr": "signal", "acc": "signal", "pulse": "signal", "stats": "feature"}
    assert table.loc["acc", "units"] == "x: mg, y: mg, z: mg"
    assert table.loc["stats", "derived_from"] == "hr"
    small = collection.apply_operation(
        "summarize_signals", "collection", fields_to_include=["name"], print_summary=False
    )
    assert small.columns.tolist() == ["kind", "name"]
    assert capsys.readouterr().out == ""
    with pytest.raises(ParameterError, match="did you mean 'name'"):
        collection.summarize_signals(["nam"])


def test_it_travels(collection: sd.SignalCollection) -> None:
    other = pickle.loads(pickle.dumps(collection))
    pd.testing.assert_frame_equal(other.get_signal("acc").get_data(), collection.get_signal("acc").get_data())
    assert other.document() == collection.document()
    other.add_signal_with_base_name("x", collection.get_signal("hr").data)
    assert "x_0" not in collection


def test_a_signal_of_another_collection_begins_anew(collection: sd.SignalCollection) -> None:
    made = collection.get_signal("hr").apply_operation("moving_mean", window=2)
    assert isinstance(made, Signal)
    assert made.key == ""
    with pytest.raises(ParameterError, match=r"add its \.data"):
        sd.SignalCollection().add_time_series_signal("hr", made)


def test_a_recording_is_no_metadata() -> None:
    with pytest.raises(ParameterError, match="from_recording"):
        sd.SignalCollection(sd.recording_from_arrays({"C3": [1.0]}, rate=1))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="that of the recording"):
        sd.SignalCollection.from_recording(sd.recording_from_arrays({"C3": [1.0]}, rate=1), timezone="UTC")
    twice = sd.recording_from_arrays({"C3": [1.0, 2.0]}, rate=1)
    twice = twice.assign({"other": sd.recording_from_arrays({"C3": [1.0, 2.0]}, rate=2)["2Hz"]})
    with pytest.raises(ParameterError, match="there is a signal 'C3'"):
        sd.SignalCollection.from_recording(twice, by="channel")
    with pytest.raises(ParameterError, match="by='node'"):
        sd.SignalCollection.from_recording(sd.recording_from_arrays({"C3": [1.0]}, rate=1), by="rate")


def test_arrays_without_names_and_units_of_columns(hr: pd.DataFrame) -> None:
    collection = sd.SignalCollection()
    array = xr.DataArray(np.ones((2, 610)), dims=("channel", "time"), coords={"time": hr.index})
    assert collection.add_time_series_signal("a", array, units={"a_1": "mV"}).metadata.units == {"a_0": "", "a_1": "mV"}
    with pytest.raises(ParameterError, match="no column 'b' has a unit"):
        collection.add_time_series_signal("b", hr, units={"b": "mV"})


def test_scores_without_a_time_are_left_out_and_told() -> None:
    index = pd.DatetimeIndex(["2024-03-11T23:00", None, "2024-03-11T23:01"])
    collection = sd.SignalCollection()
    collection.add_time_series_signal("s", pd.DataFrame({"sleep_stage": ["W", "N1", None]}, index))
    got = collection.get_signal("s").get_data()["sleep_stage"]
    assert got.isna().tolist() == [False, True]
    assert "without a time" in collection.findings[0]
    with pytest.raises(ParameterError, match="no score"):
        collection.add_time_series_signal("t", pd.DataFrame({"sleep_stage": ["W"]}, index[1:2]))
    with pytest.raises(ParameterError, match="no clock"):
        _ = collection.get_signal("s").clock
    with pytest.raises(ParameterError, match="have no samples"):
        collection.get_signal("s").apply_operation("moving_mean", window=2)


def test_trees_and_grids_in_a_zone(hr: pd.DataFrame) -> None:
    collection = sd.SignalCollection()
    assert collection.epoch_grid is collection.epoch_grid_index is None
    collection.add_time_series_signal("hr", hr.tz_localize("Europe/Berlin"))
    grid = collection.generate_epoch_grid("23:01", window_length="30s")
    assert collection.epoch_grid == grid
    assert collection.epoch_grid_index[0].isoformat() == "2024-03-11T23:01:00+01:00"
    made = collection.apply_operation("feature_statistics", inputs="hr", output="stats")
    assert list(collection.feature_tree["stats"].children) == ["hr"]
    assert repr(made) == "<EpochFeatures 'stats': statistical, hr_mean, hr_std>"
    assert repr(collection) == "<SignalCollection: 1 signals, 1 sets of features>"
    assert collection.get_reference_time(1).isoformat() == "2024-03-11T23:00:00+01:00"
    with pytest.raises(ParameterError, match="epochs need a signal"):
        sd.SignalCollection().generate_epoch_grid(window_length="30s")


def test_a_signal_that_has_no_key_changes_in_its_place(collection: sd.SignalCollection) -> None:
    made = collection.get_signal("hr").apply_operation("moving_mean", window=2)
    assert made.apply_operation("moving_mean", inplace=True, window=3) is made
    assert [step.parameters["window"] for step in made.metadata.operations] == [2, 3]
    assert repr(made).startswith("<Signal of 'hr'")
    made.clear_data()  # there is nothing to forget
    assert made.get_data().shape == (610, 1)
