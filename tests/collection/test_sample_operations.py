"""Operations on samples: the formulas, the same bits however they are cut, and what is not there is said."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.collection import operations, register_operation
from sleepdask.collection.operations.registry import _OPERATIONS
from sleepdask.collection.operations.samples import compute_angle, compute_magnitude, moving_mean
from sleepdask.errors import ParameterError


def node(values: np.ndarray, rate: int = 10, labels: str = "x y z", unit: str = "mg") -> xr.Dataset:
    samples = dict(zip(labels.split(), values, strict=True))
    return sd.recording_from_arrays(samples, rate=rate, unit=unit)[f"{rate}Hz"].to_dataset()


def chunked(signal: xr.Dataset, size: int) -> xr.Dataset:
    return signal.assign(signal=signal["signal"].variable.chunk({"time": size}))


def values(signal: xr.Dataset) -> np.ndarray:
    return np.asarray(signal["signal"].transpose("channel", "time").data.compute(scheduler="sync"))


@pytest.mark.parametrize("window", [1, 2, 5, 40])
def test_moving_mean_is_that_of_pandas(window: int) -> None:
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 100, (2, 300))
    samples[0, 20:60] = np.nan
    want = pd.DataFrame(samples.T).rolling(window, min_periods=1).mean().to_numpy().T
    signal = node(samples, labels="a b")
    got = values(moving_mean(signal, window=window))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    for size in (7, 100):
        assert np.array_equal(values(moving_mean(chunked(signal, size), window=window)), got, equal_nan=True)


def test_moving_mean_begins_anew_after_a_gap() -> None:
    index = pd.date_range("2024-03-11T23:00", periods=60, freq="1s")
    index = index[:30].append(index[30:] + pd.Timedelta("1h"))
    collection = sd.SignalCollection()
    collection.add_time_series_signal("hr", pd.Series(np.arange(60.0), index, name="hr"))
    got = collection.get_signal("hr").apply_operation("moving_mean", window=4).get_data()["hr"]
    assert got.iloc[30] == 30
    assert got.iloc[31:33].tolist() == [30.5, 31]
    assert got.iloc[33] == 31.5


@pytest.mark.parametrize("window", [0, -1, 2.5, True, "3"])
def test_a_window_is_a_number_of_samples(window: object) -> None:
    with pytest.raises(ParameterError, match="whole number of samples"):
        moving_mean(node(np.ones((3, 9))), window=window)  # type: ignore[arg-type]


numbers = st.one_of(st.just(0.0), st.just(-0.0), st.floats(-1e4, 1e4, width=32))


@settings(max_examples=25)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=30))
def test_magnitude_and_angle_are_the_formulas(rows: list[tuple[float, float, float]]) -> None:
    signal = node(np.array(rows).T)
    magnitude, angle = values(compute_magnitude(signal)), values(compute_angle(signal))
    for k, (x, y, z) in enumerate(rows):
        assert magnitude[0, k] == pytest.approx(math.sqrt(x * x + y * y + z * z), rel=1e-9)
        flat = math.sqrt(y * y + z * z)
        pitch = math.degrees(math.atan2(x, flat)) if flat else math.copysign(90, x) if x else 0
        roll = math.degrees(math.atan2(y, z)) if z else math.copysign(90, y) if y else 0
        assert angle[:, k] == pytest.approx([pitch, roll], rel=1e-9, abs=1e-9)


def test_missing_axes_make_missing_values_and_float32_stays() -> None:
    samples = np.ones((3, 50), "f4")
    samples[1, 7] = np.nan
    made = compute_magnitude(node(samples))
    assert made["signal"].dtype == np.float32
    assert np.flatnonzero(np.isnan(values(made)[0])).tolist() == [7]
    assert (made["unit"].item(), made["signal_type"].item()) == ("mg", "acc")
    assert compute_angle(node(samples))["unit"].values.tolist() == ["deg", "deg"]


@pytest.mark.parametrize("labels", ["acc_x acc_y acc_z", "X Y Z", "z y x"])
def test_axes_are_told_by_their_names(labels: str) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 1, (3, 20))
    got = values(compute_angle(node(samples, labels=labels)))
    ordered = samples[::-1] if labels == "z y x" else samples
    assert np.array_equal(got, values(compute_angle(node(ordered))))


def test_what_is_no_acceleration_is_refused() -> None:
    with pytest.raises(ParameterError, match="three axes"):
        compute_magnitude(node(np.ones((3, 9)), labels="a b c"))
    mixed = node(np.ones((3, 9))).assign_coords(unit=("channel", ["mg", "mg", "g"]))
    with pytest.raises(ParameterError, match="different units"):
        compute_magnitude(mixed)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("compute_hrv_features", "heart rate variability is not computed yet"),
        ("compute_movement_features", "movement is not computed yet"),
        ("compute_correlation_features", "correlation"),
        ("random_forest_sleep_staging", "not told from features yet"),
        ("evaluate_sleep_staging", "not evaluated yet"),
        ("filter_lowpass", "moving mean of the last int"),
        ("normalize", "gave back what it got"),
        ("moving_means", "did you mean 'moving_mean'"),
        ("combine_feature", "did you mean 'combine_features'"),
    ],
)
def test_what_is_not_there_is_said(collection: sd.SignalCollection, name: str, said: str) -> None:
    collection.generate_epoch_grid(window_length="30s")
    with pytest.raises(ParameterError, match=said):
        collection.apply_operation(name, inputs=["hr"], cutoff=5.0)


def test_parameters_are_checked(collection: sd.SignalCollection) -> None:
    signal = collection.get_time_series_signal("hr")
    with pytest.raises(ParameterError, match="did you mean 'window'"):
        signal.apply_operation("moving_mean", windw=3)
    with pytest.raises(ParameterError, match="'window' is needed"):
        signal.apply_operation("moving_mean")
    with pytest.raises(ParameterError, match="another kind"):
        signal.apply_operation("feature_statistics")


def test_operations_of_ones_own(collection: sd.SignalCollection) -> None:
    def scaled(signal: xr.Dataset, *, factor: float = 2.0) -> xr.Dataset:
        return signal.assign(signal=signal["signal"] * factor)

    register_operation("scaled", scaled)
    try:
        assert "scaled" in operations()
        made = collection.apply_operation("scaled", inputs="hr", output="twice")
        assert made.metadata.operations[0].parameters == {"factor": 2.0}
        assert np.allclose(made.get_data(), 2 * collection.get_signal("hr").get_data())
        with pytest.raises(ParameterError, match="there is an operation 'scaled'"):
            register_operation("scaled", scaled)
        register_operation("scaled", scaled, version=2, replace=True)
        assert operations()["scaled"].version == 2
        for name in ("moving_mean", "filter_lowpass"):
            with pytest.raises(ParameterError, match=r"choose another name$"):
                register_operation(name, scaled, replace=True)
    finally:
        del _OPERATIONS["scaled"]
    with pytest.raises(ParameterError, match="does not fit"):
        register_operation("odd", lambda signal, factor: signal)
    with pytest.raises(ParameterError, match="does not fit"):
        register_operation("odd", lambda: None)
    with pytest.raises(ParameterError, match="unknown kind"):
        register_operation("odd", lambda signal: signal, kind="collection")  # type: ignore[arg-type]


def test_an_operation_that_gives_no_signal_is_told(collection: sd.SignalCollection) -> None:
    register_operation("none", lambda signal: signal.drop_vars("signal"))
    try:
        with pytest.raises(ParameterError, match="has to give a signal"):
            collection.apply_operation("none", inputs="hr")
    finally:
        del _OPERATIONS["none"]


def test_several_signals_at_once_or_none(collection: sd.SignalCollection) -> None:
    with pytest.raises(ParameterError, match="three axes"):
        collection.apply_operation_to_signals(["acc", "hr"], "compute_magnitude", output_keys=["m1", "m2"])
    with pytest.raises(ParameterError, match="three axes"):
        collection.apply_operation_to_signals(["acc", "hr"], "compute_magnitude", inplace=True)
    assert list(collection.time_series_signals) == ["hr", "acc", "pulse"]
    assert collection.get_signal("acc").metadata.operations == ()
    with pytest.raises(ParameterError, match="as many output_keys"):
        collection.apply_operation_to_signals(["hr"], "moving_mean", {"window": 2})
    made = collection.apply_operation("moving_mean", inputs=["hr", "acc"], parameters={"window": 3}, output="smooth")
    assert [each.key for each in made] == ["smooth_0", "smooth_1"]
    assert collection.apply_and_store_operation("acc", "compute_angle", None, "tilt").columns == ["pitch", "roll"]
