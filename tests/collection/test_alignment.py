"""Signals on one clock: exact, all of the change or nothing of it, and one that fails takes no other with it."""

from __future__ import annotations

import threading
from fractions import Fraction

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.signals.index import clock_of


def broken(signal: xr.Dataset) -> xr.Dataset:
    """Signal whose samples cannot be read."""

    def fail(block: np.ndarray) -> np.ndarray:
        raise OSError("the disk is gone")

    samples = da.map_blocks(fail, da.zeros(signal["signal"].shape), dtype="f8", meta=np.empty((0, 0)))
    return signal.assign(signal=(("channel", "time"), samples))


def with_far_away(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    """One more signal, of another year than the clock of the others."""
    collection.generate_alignment_grid()
    collection.add_time_series_signal("far", hr.set_axis(hr.index + pd.Timedelta("400D")))


def test_rates_are_exact() -> None:
    collection = sd.SignalCollection()
    assert collection.get_target_sample_rate() == 100
    collection.add_time_series_signal("eeg", sd.recording_from_arrays({"C3": np.zeros(2561)}, rate=256)["256Hz"])
    assert collection.get_target_sample_rate() == 256
    assert collection.generate_alignment_grid().rate == Fraction(256)
    assert collection.get_target_sample_rate(12.8) == 12.8
    assert [collection.get_nearest_standard_rate(rate) for rate in (256, 130.2, 12.8, 0.3, 0.01, 5000)] == [
        *(256, 128, 10, 0.25, 0.1, 1024)
    ]
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="rate must be above 0"):
            collection.get_nearest_standard_rate(wrong)


def test_a_clock_for_beats_is_a_usual_rate() -> None:
    times = pd.DatetimeIndex(np.cumsum([800, 1000, 1100, 900] * 20) * 1_000_000)
    collection = sd.SignalCollection()
    collection.add_time_series_signal("beats", pd.Series(1.0, times))
    assert collection.get_target_sample_rate() == 1


def test_the_grid_covers_the_last_sample(collection: sd.SignalCollection) -> None:
    clock = collection.generate_alignment_grid(25)
    assert collection.alignment_clock is clock
    assert str(clock.times(clock.size - 1)).startswith("2024-03-11T23:10:09.0")
    assert collection.get_reference_time(25) == pd.Timestamp("2024-03-11T23:00")


def test_nearest_is_that_of_pandas(collection: sd.SignalCollection, hr: pd.DataFrame, acc: pd.DataFrame) -> None:
    collection.generate_alignment_grid(10)
    assert collection.apply_grid_alignment(method="nearest") == ["hr", "acc", "pulse"]
    grid = pd.DataFrame({"t": pd.date_range("2024-03-11T23:00", "2024-03-11T23:10:09", freq="100ms")})
    for key, table in (("hr", hr), ("acc", acc)):
        got = collection.get_signal(key).get_data()
        half = pd.Timedelta("50ms")
        source = table.rename_axis("t").reset_index()
        source["t"] = source["t"].astype(grid["t"].dtype)
        want = pd.merge_asof(grid, source, on="t", direction="nearest", tolerance=half).set_index("t")
        assert got.index.equals(pd.DatetimeIndex(want.index, name="timestamp").as_unit("ns"))
        np.testing.assert_array_equal(got, want)
    assert clock_of(collection.recording["hr"].to_dataset()) == clock_of(collection.recording["acc"].to_dataset())
    step = collection.get_signal("hr").metadata.operations[-1]
    assert (step.operation, step.parameters["method"]) == ("align_to_clock", "nearest")


@pytest.mark.parametrize(("method", "same"), [("pad", "ffill"), ("backfill", "bfill"), ("linear", "linear")])
def test_methods_have_their_other_names(collection: sd.SignalCollection, method: str, same: str) -> None:
    collection.apply_grid_alignment(method, ["hr"], limit="5s")
    assert collection.get_signal("hr").metadata.operations[-1].parameters["method"] == same
    assert collection.get_signal("acc").metadata.operations == ()


def test_an_unknown_method_changes_nothing(collection: sd.SignalCollection) -> None:
    with pytest.raises(ParameterError, match="method"):
        collection.apply_grid_alignment("cubic")
    assert all(not each.metadata.operations for each in collection.time_series_signals.values())


def test_combined_columns(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    with pytest.raises(ParameterError, match="apply_grid_alignment"):
        collection.combine_aligned_signals()
    collection.generate_alignment_grid(1)
    collection.update_time_series_metadata("acc", {"temporary": True})
    collection.apply_grid_alignment()
    table = collection.combine_aligned_signals()
    assert table.columns.tolist() == ["hr", "pulse_hr", "pulse_hrv"]
    np.testing.assert_array_equal(table["hr"], hr["hr"])
    assert collection.get_stored_combined_dataframe().equals(table)
    assert collection.get_stored_combination_params()["signals"] == ["hr", "pulse"]
    collection.set_index_config(["signal_type", "sensor_model"])
    named = collection.combine_aligned_signals()
    assert named.columns.names == ["signal_type", "sensor_model", "column"]
    assert named.columns.tolist() == [("hr", "PolarH10", "hr"), ("hr", "N/A", "hr"), ("hr", "N/A", "hrv")]
    collection.set_index_config(["signal_type"])
    with pytest.raises(ParameterError, match="two columns are called"):
        collection.combine_aligned_signals()


def test_combining_leaves_signals_as_they_are_and_rows_without_any_out(collection: sd.SignalCollection) -> None:
    collection.generate_alignment_grid(4)
    table = collection.apply_operation("align_and_combine_signals", tolerance="1ms")
    assert collection.get_signal("hr").metadata.operations == ()
    assert set(np.unique(table.index.microsecond)) == {0, 500_000}  # where any signal has a sample, 4 times a second
    assert not table.isna().all(axis=1).any()


def test_one_that_cannot_be_aligned_is_told_and_the_others_are(
    collection: sd.SignalCollection, hr: pd.DataFrame
) -> None:
    with_far_away(collection, hr)
    with pytest.warns(UserWarning, match="far: not aligned: .*no sample is near"):
        assert collection.apply_grid_alignment() == ["hr", "acc", "pulse"]
    assert collection.findings[-1].startswith("far: not aligned")
    assert collection.get_signal("far").metadata.operations == ()
    with pytest.warns(UserWarning, match="far: left out"):
        assert "far" not in collection.combine_aligned_signals()
    assert collection.get_stored_combination_params()["left_out"] == ["far"]
    with pytest.warns(UserWarning, match="far: not aligned"):
        collection.align_and_combine_signals()
    with pytest.raises(ParameterError, match="no sample is near"):
        collection.apply_grid_alignment(signals_to_align=["far"])


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_one_that_cannot_be_read_is_told_and_the_others_are(collection: sd.SignalCollection, backend: str) -> None:
    collection.add_time_series_signal("gone", broken(collection.get_signal("hr").data))
    collection.generate_alignment_grid(1)
    collection.apply_grid_alignment()
    with sd.parallel.parallel_config(backend=backend), pytest.warns(UserWarning, match="gone: not computed: .*disk"):
        table = collection.combine_aligned_signals()
    assert table.columns.tolist() == ["hr", "acc_x", "acc_y", "acc_z", "pulse_hr", "pulse_hrv"]
    assert collection.get_stored_combination_params()["left_out"] == ["gone"]
    collection.update_time_series_metadata("gone", {"temporary": True})
    assert collection.combine_aligned_signals().equals(table)


@pytest.mark.parametrize("enabled", [True, False])
def test_values_do_not_depend_on_workers(collection: sd.SignalCollection, enabled: bool) -> None:
    with sd.parallel.parallel_config(enabled=enabled, max_workers_io=3):
        collection.apply_grid_alignment("linear")
        table = collection.combine_aligned_signals()
    alone = {key: collection.get_signal(key).get_data() for key in ("hr", "acc")}
    assert np.array_equal(table[["acc_x", "acc_y", "acc_z"]], alone["acc"].loc[table.index], equal_nan=True)


def test_readers_see_all_of_a_change_or_nothing_of_it(collection: sd.SignalCollection) -> None:
    """Four threads look at the clocks of all signals while others go back and forth between two of them."""
    clocks = [collection.generate_alignment_grid(rate) for rate in (2, 5)]
    collection.apply_grid_alignment()
    stop, seen, wrong = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            tree = collection.recording
            now = {clock_of(node.to_dataset()) for node in tree.children.values()}
            if len(now) != 1:
                wrong.append(now)
            seen.update(now)
            collection.summarize_signals(print_summary=False)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for each in readers:
        each.start()
    for k in range(12):
        collection.generate_alignment_grid((2, 5)[k % 2])
        collection.apply_grid_alignment()
    stop.set()
    for each in readers:
        each.join(10)
    assert wrong == []
    assert seen <= set(clocks)


def test_writers_lose_nothing(hr: pd.DataFrame) -> None:
    collection = sd.SignalCollection()
    collection.add_time_series_signal("first", hr)
    collection.generate_epoch_grid(window_length="30s")
    errors = []

    def write(number: int) -> None:
        try:
            for _ in range(5):
                collection.add_signal_with_base_name("hr", hr)
            collection.apply_operation("feature_statistics", inputs="first", output=f"stats{number}").get_data()
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(30)
    assert errors == []
    assert [each.key for each in collection.get_signals("hr")] == [f"hr_{k}" for k in range(30)]
    assert all(collection.features[f"stats{k}"].is_computed for k in range(6))
    with pytest.raises(ParameterError, match="a common clock needs a signal"):
        sd.SignalCollection().generate_alignment_grid()


def test_operations_of_the_collection_by_name(collection: sd.SignalCollection) -> None:
    assert collection.apply_operation("generate_alignment_grid", target_sample_rate=5).rate == 5
    assert collection.apply_operation("apply_grid_alignment", "collection", inputs=["hr"], method="ffill") == ["hr"]
    for given, said in (
        ({"metod": "ffill"}, "did you mean 'method'"),
        ({"output": "x"}, "no output"),
        ({"operation_type": "multi_signal"}, "another kind"),
    ):
        with pytest.raises(ParameterError, match=said):
            collection.apply_operation("apply_grid_alignment", **given)
    with pytest.raises(ParameterError, match="unknown parameter 'inputs'"):
        collection.apply_operation("combine_aligned_signals", inputs=["hr"])
    with pytest.raises(ParameterError, match="another kind"):
        collection.apply_operation("moving_mean", "collection", inputs=["hr"])


def test_three_signals_are_shared_among_threads_and_two_are_not(
    collection: sd.SignalCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = []
    map_threaded = sd.parallel.ParallelExecutor.map_threaded

    def watched(self: object, function: object, items: list[str]) -> object:
        shared.append(list(items))
        return map_threaded(self, function, items)  # type: ignore[arg-type]

    monkeypatch.setattr(sd.parallel.ParallelExecutor, "map_threaded", watched)
    collection.apply_grid_alignment(signals_to_align=["hr", "acc"])
    assert shared == []
    collection.apply_grid_alignment()
    assert shared == [["hr", "acc", "pulse"]]
