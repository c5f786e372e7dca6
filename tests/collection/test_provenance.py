"""Each thing knows what it was made of, in order, and is made again with equal values; nothing is computed before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sleepdask as sd
from sleepdask.collection import Parent
from sleepdask.collection.operations.registry import _OPERATIONS, register_operation
from sleepdask.errors import ParameterError


def chain(collection: sd.SignalCollection) -> None:
    """Smooth in place, a magnitude of that, smooth that twice, features of it, then smooth the source again."""
    collection.generate_epoch_grid(window_length="30s")
    collection.get_signal("acc").apply_operation("moving_mean", inplace=True, window=3)
    collection.apply_operation("compute_magnitude", inputs="acc", output="mag")
    collection.apply_operation_to_signals(["mag"], "moving_mean", {"window": 5}, inplace=True)
    collection.apply_operation_to_signals(["mag"], "moving_mean", {"window": 2}, inplace=True)
    collection.apply_operation("feature_statistics", inputs=["mag", "hr"], output="stats")
    collection.apply_operation_to_signals(["acc", "mag"], "moving_mean", {"window": 9}, inplace=True)


def test_operations_are_kept_in_order_with_all_parameters(collection: sd.SignalCollection) -> None:
    chain(collection)
    acc, mag = collection.get_signal("acc").metadata, collection.get_signal("mag").metadata
    assert [step.parameters["window"] for step in acc.operations] == [3, 9]
    assert [step.operation for step in mag.operations] == ["compute_magnitude", *["moving_mean"] * 3]
    assert (mag.derived_from, mag.signal_type) == ((Parent("acc", 0),), "magnitude")
    stats = collection.get_feature("stats").metadata
    assert stats.derived_from == (Parent("mag", 2), Parent("hr", -1))
    assert stats.source_signal_ids[0] == mag.signal_id
    assert stats.operations[0].parameters == {
        "aggregations": ["mean", "std"],
        "window_length": None,
        "min_coverage": 0.5,
    }
    assert stats.operations[0].package == sd.__version__
    assert json.loads(json.dumps(collection.document()))["features"]["stats"]["epoch_grid"]["count"] == 20


def test_all_is_made_again_with_equal_values(collection: sd.SignalCollection) -> None:
    chain(collection)
    before = {key: collection.get_signal(key).get_data() for key in ("hr", "acc", "mag", "stats")}
    for key in before:
        collection.clear_data(key)
    assert set(collection.recording.children) == {"pulse"}
    assert set(collection.time_series_signals) == {"hr", "acc", "pulse", "mag"}
    for key, table in before.items():
        pd.testing.assert_frame_equal(collection.get_signal(key).get_data(), table)  # made again when asked
        pd.testing.assert_frame_equal(collection.regenerate(key).get_data(), table)
    assert set(collection.recording.children) == {"hr", "acc", "mag", "pulse"}


def test_features_are_of_their_epochs_whatever_comes_later(collection: sd.SignalCollection) -> None:
    chain(collection)
    before = collection.get_feature("stats").get_data()
    collection.generate_epoch_grid(window_length="60s", step_size="7s")
    collection.apply_grid_alignment()
    view = collection.regenerate("stats")
    assert view.is_lazy
    pd.testing.assert_frame_equal(view.get_data(), before)


def test_a_signal_under_a_second_key_follows_the_first(collection: sd.SignalCollection) -> None:
    collection.get_signal("hr").apply_operation("moving_mean", inplace=True, window=3)
    collection.add_time_series_signal("copy", collection.get_signal("hr"))
    twice = (
        collection.get_signal("hr").apply_operation("moving_mean", window=3).apply_operation("moving_mean", window=4)
    )
    collection.add_time_series_signal("twice", twice)
    for key in ("copy", "twice"):
        before = collection.get_signal(key).get_data()
        pd.testing.assert_frame_equal(collection.regenerate(key).get_data(), before)
    assert len(collection.get_signal("twice").metadata.operations) == 2
    assert collection.get_signal("copy").metadata.signal_id != collection.get_signal("hr").metadata.signal_id


def test_an_operation_of_another_version_does_not_make_it_again(collection: sd.SignalCollection) -> None:
    register_operation("same", lambda signal: signal)
    try:
        collection.apply_operation("same", inputs="hr", output="as_it_is")
        del _OPERATIONS["same"]
        register_operation("same", lambda signal: signal, version=2)
        with pytest.raises(ParameterError, match="not the one that was applied"):
            collection.regenerate("as_it_is")
    finally:
        _OPERATIONS.pop("same", None)


@pytest.mark.usefixtures("no_compute")
def test_nothing_is_computed_before_it_is_asked_for(scored_night: Path, bytes_read: list[tuple[int, int]]) -> None:
    night = sd.open_recording(scored_night)
    bytes_read.clear()
    collection = sd.SignalCollection.from_recording(night)
    collection.apply_operation("moving_mean", inputs=["100Hz"], parameters={"window": 4}, output="smooth")
    collection.generate_epoch_grid(window_length="30s")
    features = collection.apply_operation("feature_statistics", inputs=["smooth", "1Hz"], output="stats")
    collection.generate_alignment_grid(50)
    collection.apply_grid_alignment()
    collection.regenerate("stats")
    collection.summarize_signals(print_summary=False)
    assert features.is_lazy
    assert features.coverage.shape == (20, 2)
    assert bytes_read == []


def test_features_are_computed_once(collection: sd.SignalCollection, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    compute = sd.compute
    monkeypatch.setattr("sleepdask.collection.contents.compute", lambda *a, **k: calls.append(a) or compute(*a, **k))
    collection.generate_epoch_grid(window_length="30s")
    view = collection.apply_operation("feature_statistics", inputs="hr", output="stats")
    first = view.get_data()
    pd.testing.assert_frame_equal(collection.get_feature("stats").get_data(), first)
    assert len(calls) == 1
    assert view.is_computed
    view.clear_data()
    assert view.is_lazy
    pd.testing.assert_frame_equal(view.get_data(), first)
    assert len(calls) == 2


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_values_do_not_depend_on_where_they_are_computed(collection: sd.SignalCollection, backend: str) -> None:
    chain(collection)
    with sd.parallel.parallel_config(backend=backend):
        got = collection.get_feature("stats").get_data()
    collection.clear_data("stats")
    assert np.array_equal(collection.get_feature("stats").get_data(), got, equal_nan=True)


def test_what_was_cleared_still_counts(collection: sd.SignalCollection) -> None:
    for key in ("hr", "acc", "pulse"):
        collection.get_signal(key).clear_data()
    assert collection.generate_epoch_grid(window_length="30s").count == 20
    assert collection.apply_grid_alignment() == ["hr", "acc", "pulse"]
    with pytest.raises(ParameterError, match="another kind"):
        collection.add_time_series_signal("aware", pd.Series(1.0, pd.date_range("2024", periods=3, tz="UTC")))


def test_an_older_tree_stays_as_it_was(collection: sd.SignalCollection) -> None:
    before = collection.recording
    state = collection.state
    collection.apply_grid_alignment()
    collection.add_signal_with_base_name("x", collection.get_signal("hr").data)
    assert state.recording.identical(before)
    assert not collection.recording["hr"].to_dataset().identical(before["hr"].to_dataset())
    collection.get_signal("hr").data.attrs["mine"] = True  # what is handed out is nobody else's
    assert "mine" not in collection.get_signal("hr").data.attrs


def test_what_may_name_a_device_stays_here(hr: pd.DataFrame) -> None:
    collection = sd.SignalCollection()
    collection.add_time_series_signal("hr", hr, sensor_info={"serial": "X-1234"})
    assert "X-1234" not in json.dumps(collection.document())
    assert "X-1234" not in collection.summarize_signals(print_summary=False).to_string()
    assert "X-1234" in json.dumps(collection.document(identity=True))
