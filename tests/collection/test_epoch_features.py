"""Features of epochs: those of pandas on half-open epochs, and nothing unknown passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError

ALL = ["mean", "std", "min", "max", "median", "var"]


def of_pandas(table: pd.DataFrame, grid: pd.DatetimeIndex, window: str) -> pd.DataFrame:
    """Statistics of the rows from each start on and before its end, one epoch after the other."""
    rows = []
    for start in grid:
        inside = table[(table.index >= start) & (table.index < start + pd.Timedelta(window))]
        rows.append({f"{column}_{agg}": inside[column].agg(agg) for column in table.columns for agg in ALL})
    return pd.DataFrame(rows, index=grid)


def statistics(collection: sd.SignalCollection, inputs: list[str], output: str = "stats", **parameters: object):
    return collection.apply_operation(
        "feature_statistics",
        operation_type="multi_signal",
        inputs=inputs,
        parameters={"aggregations": ALL, **parameters},
        output=output,
    )


def test_values_and_columns_are_those_of_pandas(
    collection: sd.SignalCollection, hr: pd.DataFrame, acc: pd.DataFrame
) -> None:
    hr.iloc[40:55] = np.nan
    collection.add_time_series_signal("gappy", hr)
    collection.generate_epoch_grid(window_length="30s", step_size="10s")
    made = statistics(collection, ["acc", "gappy"], min_coverage=0).get_data()
    assert made.columns.names == ["signal_key", "feature"]
    assert made.columns.get_level_values("signal_key").unique().tolist() == ["acc", "gappy"]  # as they were given
    assert made.index.name == "timestamp"
    assert made.index.equals(collection.epoch_grid_index)
    for key, table in (("acc", acc), ("gappy", hr)):
        inside = made.index + pd.Timedelta("30s") <= table.index[-1] + (table.index[1] - table.index[0])
        want = of_pandas(table, made.index[inside], "30s")
        assert made[key].columns.tolist() == want.columns.tolist()
        np.testing.assert_allclose(made[key][inside], want, rtol=1e-9, atol=1e-9)


def test_epochs_are_half_open() -> None:
    index = pd.date_range("2024-03-11T23:00", periods=100, freq="1s")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("ramp", pd.Series(np.arange(100.0), index, name="value"))
    grid = collection.generate_epoch_grid(window_length="30s")
    assert grid.count == 3  # the last 10 s make no epoch
    made = statistics(collection, ["ramp"]).get_data()["ramp"]
    assert made["value_mean"].tolist() == [14.5, 44.5, 74.5]
    assert made["value_max"].tolist() == [29, 59, 89]


def test_a_partial_epoch_is_kept_on_demand_and_says_so() -> None:
    index = pd.date_range("2024-03-11T23:00", periods=100, freq="1s")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("ramp", pd.Series(np.arange(100.0), index, name="value"))
    assert collection.generate_epoch_grid(window_length="30s", partial="keep").count == 4
    strict = statistics(collection, ["ramp"])
    assert np.isnan(strict.get_data()["ramp", "value_mean"].iloc[-1])
    free = statistics(collection, ["ramp"], "free", min_coverage=0.2)
    assert free.get_data()["ramp", "value_mean"].iloc[-1] == 94.5
    assert free.coverage["ramp"].tolist() == [1, 1, 1, pytest.approx(1 / 3)]
    with pytest.raises(ParameterError, match="partial"):
        collection.generate_epoch_grid(window_length="30s", partial="maybe")


@settings(max_examples=12)
@given(
    st.lists(st.sampled_from([800, 1000, 1100]), min_size=40, max_size=150).filter(
        lambda steps: len(set(steps[1:])) > 1
    ),
    st.integers(0, 2**31),
)
def test_samples_at_any_times(steps: list[int], seed: int) -> None:
    times = pd.DatetimeIndex((np.cumsum(steps) + 1_710_198_000_000) * 1_000_000)
    table = pd.DataFrame({"v": np.random.default_rng(seed).normal(0, 1e3, len(times))}, index=times)
    collection = sd.SignalCollection()
    signal = collection.add_time_series_signal("any", table)
    assert signal.metadata.sample_rate is None
    collection.generate_epoch_grid(window_length="10s", step_size="5s")
    made = statistics(collection, ["any"], min_coverage=0).get_data()["any"]
    np.testing.assert_allclose(made, of_pandas(table, made.index, "10s"), rtol=1e-9, atol=1e-9)


def test_a_window_of_its_own_is_what_the_metadata_say(collection: sd.SignalCollection, hr: pd.DataFrame) -> None:
    collection.generate_epoch_grid(window_length="30s")
    made = statistics(collection, ["hr"], window_length="60s")
    assert (made.metadata.epoch_window_length, made.metadata.epoch_step_size) == (60, 30)
    want = of_pandas(hr, made.get_data().index, "60s")
    np.testing.assert_allclose(made.get_data()["hr"].iloc[:-1], want.iloc[:-1], rtol=1e-9)
    assert statistics(collection, ["hr"], "other").metadata.epoch_window_length == 30


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"aggregations": ["mean", "mode"]}, "unknown aggregation"),
        ({"agregations": ["mean"]}, "did you mean 'aggregations'"),
        ({"aggregations": []}, "no aggregation given"),
        ({"window_length": "0s"}, "longer than zero"),
        ({"window_length": pd.Timedelta("30s")}, "no equal in JSON"),
    ],
)
def test_what_does_not_fit_is_refused(collection: sd.SignalCollection, parameters: dict, said: str) -> None:
    collection.generate_epoch_grid(window_length="30s")
    with pytest.raises(ParameterError, match=said):
        collection.apply_multi_signal_operation("feature_statistics", ["hr"], parameters, "stats")
    assert "stats" not in collection


def test_epochs_are_needed_and_keys_have_to_be_there(collection: sd.SignalCollection) -> None:
    with pytest.raises(ParameterError, match="generate_epoch_grid"):
        statistics(collection, ["hr"])
    with pytest.raises(ParameterError, match="how long"):
        collection.generate_epoch_grid()
    collection.update_metadata(epoch_grid_config={"window_length": "20s", "step_size": "10s"})
    assert collection.generate_epoch_grid().count == 60
    with pytest.raises(ParameterError, match="did you mean 'pulse'"):
        statistics(collection, ["pulses"])
    with pytest.raises(ParameterError, match="another kind"):
        collection.apply_operation("feature_statistics", operation_type="time_series", inputs=["hr"])
    statistics(collection, ["hr"])
    with pytest.raises(ParameterError, match="there is a feature 'stats'"):
        statistics(collection, ["hr"])


def test_a_span_is_as_it_is_said(collection: sd.SignalCollection) -> None:
    grid = collection.generate_epoch_grid("23:01", "23:03", window_length="30s")
    assert (grid.count, str(collection.epoch_grid_index[0])) == (4, "2024-03-11 23:01:00")
    made = statistics(collection, ["hr"]).get_data()
    assert len(made) == 4
    with pytest.raises(ParameterError, match="no whole epoch"):
        collection.generate_epoch_grid(window_length="1h")


def test_signals_with_columns_of_one_name_do_not_mix(collection: sd.SignalCollection) -> None:
    collection.generate_epoch_grid(window_length="30s")
    made = statistics(collection, ["hr", "pulse"]).get_data()
    assert not np.allclose(made["hr"]["hr_mean"][:20], made["pulse"]["hr_mean"][:20])
    assert made["pulse"].columns.tolist()[6] == "hrv_mean"


def test_stages_that_most_of_an_epoch_has() -> None:
    stages = ["N2"] * 20 + ["REM"] * 10 + ["N2"] * 15 + ["REM"] * 15 + ["?"] * 30 + ["Wake"] * 30
    index = pd.date_range("2024-03-11T23:00", periods=len(stages), freq="1s")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("stages", pd.DataFrame({"sleep_stage": stages}, index=index))
    assert collection.get_time_series_signal("stages").metadata.signal_type == "sleep_stage"
    collection.generate_epoch_grid(window_length="30s")
    made = collection.apply_operation("compute_sleep_stage_mode", inputs="stages", output="mode")
    assert made.metadata.feature_type == "categorical_mode"
    got = made.get_data()["stages", "sleep_stage_mode"]
    assert got.where(got.notna(), None).tolist()[:2] == ["N2", "N2"]  # of two of one length the first by the alphabet
    assert got.isna().tolist() == [False, False, True, False]
    assert got.iloc[3] == "W"
    assert made.coverage["stages"].tolist() == [1, 1, 0, 1]
    collection.add_time_series_signal("hr", pd.Series(1.0, index))
    with pytest.raises(ParameterError, match="no sleep stages"):
        collection.apply_operation("compute_sleep_stage_mode", inputs="hr")
    with pytest.raises(ParameterError, match="stages"):
        statistics(collection, ["hr", "stages"])


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["W", "N1", "N2", "N3", "R"]), min_size=12, max_size=60), st.integers(2, 9))
def test_the_mode_is_that_of_a_count_of_seconds(stages: list[str], window: int) -> None:
    index = pd.date_range("2024-03-11T23:00", periods=len(stages), freq="1s")
    collection = sd.SignalCollection()
    collection.add_time_series_signal("stages", pd.DataFrame({"sleep_stage": stages}, index=index))
    count = collection.generate_epoch_grid(window_length=window).count
    made = collection.apply_operation("compute_sleep_stage_mode", inputs="stages").get_data()
    want = [sorted(pd.Series(stages[k * window : (k + 1) * window]).mode())[0] for k in range(count)]
    assert made["stages", "sleep_stage_mode"].tolist() == want


def test_features_side_by_side(collection: sd.SignalCollection) -> None:
    collection.generate_epoch_grid(window_length="30s")
    statistics(collection, ["hr"], "a")
    statistics(collection, ["acc", "hr"], "b")
    matrix = collection.combine_features(["a", "b"])
    assert matrix.columns.names == ["feature_set", "signal_key", "feature"]
    assert matrix["a"]["hr"].equals(matrix["b"]["hr"])
    assert collection.get_stored_combined_feature_matrix().equals(matrix)
    assert collection.get_feature("b").is_computed
    collection.set_feature_index_config(["sensor_model", "body_position"])
    named = collection.combine_features(["a", "b"])
    assert named.columns.names == ["sensor_model", "body_position", "feature_set", "signal_key", "feature"]
    assert named["PolarH10", "N/A", "a", "hr"].equals(matrix["a"]["hr"])
    assert "mixed" in named.columns.get_level_values("sensor_model")
    collection.generate_epoch_grid(window_length="60s")
    statistics(collection, ["hr"], "c")
    with pytest.raises(ParameterError, match="different epochs"):
        collection.combine_features(["a", "c"])
    with pytest.raises(ParameterError, match="did you mean"):
        collection.set_feature_index_config(["sensor_modell"])
    with pytest.raises(ParameterError, match="no feature 'hr'"):
        collection.combine_features(["hr"])


def test_features_of_extract_can_be_put_in(collection: sd.SignalCollection) -> None:
    night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100, start="2024-03-11T23:00")
    made = sd.SignalCollection.from_recording(night)
    features = sd.extract(made.recording, "hjorth")
    view = made.add_feature("hjorth", features)
    assert view.get_data().columns.tolist()[0] == ("100Hz", "C3_hjorth_activity")
    made.clear_data("hjorth")
    assert view.is_lazy
    with pytest.raises(ParameterError, match="no features"):
        made.add_feature("other", xr.DataTree())


def test_scores_of_a_real_night_are_the_stages_of_its_epochs(real_night: Path, real_hypnogram: Path) -> None:
    night = sd.open_recording(real_night)
    collection = sd.SignalCollection.from_recording(night)
    collection.add_time_series_signal("scores", sd.read_hypnogram(real_hypnogram, start=night))
    collection.generate_epoch_grid("00:00", "04:00", window_length="30s")
    made = collection.apply_operation("compute_sleep_stage_mode", inputs="scores", output="mode").get_data()
    want = sd.extract(
        night, "hjorth", start="00:00", end="04:00", hypnogram=sd.read_hypnogram(real_hypnogram, start=night)
    )
    assert made["scores", "sleep_stage_mode"].tolist() == want["stage"].values.tolist()
    slow = collection.apply_operation("feature_statistics", inputs="1Hz", output="slow").get_data()
    samples = night["1Hz/signal"].sel(channel="Temp rectal", time=slice("1989-04-25T00:00", "1989-04-25T03:59:59"))
    temperature = np.asarray(samples.values, float).reshape(480, 30)
    np.testing.assert_allclose(slow["1Hz", "Temp rectal_std"], temperature.std(axis=1, ddof=1), rtol=1e-9, atol=1e-12)


def test_any_features_by_a_text(collection: sd.SignalCollection) -> None:
    collection.generate_epoch_grid(window_length="30s")
    words = {"features": "hjorth,statistics:aggregations=std", "min_coverage": 0.9}
    made = collection.apply_operation("compute_features", inputs=["hr", "acc"], parameters=words, output="both")
    assert made.is_lazy
    table = made.get_data()
    assert table["hr"].columns.tolist() == [f"hr_{name}" for name in (*HJORTH, "std")]
    want = statistics(collection, ["hr"], "want").get_data()["hr", "hr_std"]
    pd.testing.assert_series_equal(table["hr", "hr_std"], want, check_names=False)
    assert collection.regenerate("both").get_data().equals(table)
    for wrong, message in (
        ({"features": "hjort"}, "unknown feature 'hjort'"),
        ({"features": ["hjorth"]}, "features are named by a text"),
        ({"feature": "hjorth"}, "unknown parameter 'feature'"),
        ({}, "parameter 'features' is needed"),
        ({"features": "bandpower"}, "hr: no bandpower, which needs at least 80 Hz"),
    ):
        with pytest.raises(ParameterError, match=message):
            collection.apply_operation("compute_features", inputs=["hr"], parameters=wrong, output="wrong")
    assert "wrong" not in collection.state.sets


HJORTH = ("hjorth_activity", "hjorth_mobility", "hjorth_complexity")


def test_some_columns_of_features(collection: sd.SignalCollection) -> None:
    collection.generate_epoch_grid(window_length="30s")
    statistics(collection, ["hr", "acc"], "a")
    statistics(collection, ["hr"], "b")
    matrix = collection.combine_features(["a", "b"])
    some = collection.apply_operation("select_features", inputs=["a", "b"], parameters={"features": ["hr_m*", "*_std"]})
    names = some.columns.get_level_values("feature")
    assert set(names) >= {"hr_mean", "hr_median", "hr_std"}
    pd.testing.assert_frame_equal(some, matrix[some.columns])
    assert some.columns.tolist() == [each for each in matrix.columns if each[2] in set(names)]
    one = collection.select_features("a", "hr_mean", signals="hr")
    assert one.columns.tolist() == [("a", "hr", "hr_mean")]
    assert collection.get_stored_combined_feature_matrix().equals(matrix)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"features": "hr_mea"}, "no feature 'hr_mea'.*did you mean 'hr_mean'"),
        ({"features": ["hr_mean", "q*"]}, r"no feature 'q\*'"),
        ({"features": "hr_mean", "signals": "accc"}, "no signal_key 'accc'"),
        ({"features": "hr_mean", "signals": "acc"}, "no such signal has such a feature; found hr_mean of acc"),
        ({"features": "hr_mean", "names": "x"}, "unknown parameter 'names'"),
    ],
)
def test_columns_that_are_not_there_are_refused(
    collection: sd.SignalCollection, parameters: dict[str, object], message: str
) -> None:
    collection.generate_epoch_grid(window_length="30s")
    statistics(collection, ["hr", "acc"], "a")
    with pytest.raises(ParameterError, match=message):
        collection.apply_operation("select_features", inputs="a", parameters=parameters)
