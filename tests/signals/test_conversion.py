"""Conversion of units: exact, lazy, and the same bits however the signals are cut."""

from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError


def night(**units: str) -> xr.DataTree:
    rng = np.random.default_rng(3)
    each = {
        name: sd.recording_from_arrays({name: rng.normal(size=700).astype("f4")}, rate=100, unit=unit)
        for name, unit in units.items()
    }
    nodes = [tree["100Hz"].to_dataset() for tree in each.values()]
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs={"recording_id": "n1"}), "100Hz": xr.concat(nodes, "channel")})


def test_values_are_those_of_exact_arithmetic() -> None:
    got = sd.to_unit(night(C3="V", ECG="mV", SpO2="%"), {"eeg": "uV", "ecg": "V"})
    was, now = night(C3="V", ECG="mV", SpO2="%")["100Hz/signal"].values, got["100Hz/signal"]
    assert now.dtype == np.float32
    for row, size in enumerate([Fraction(10**6), Fraction(1, 1000), Fraction(1)]):
        exact = [np.float32(float(Fraction(float(x)) * size)) for x in was[row]]
        assert now.values[row].tolist() == exact
    assert got["100Hz/unit"].values.tolist() == ["uV", "V", "%"]
    assert got["100Hz/physical_dimension"].values.tolist() == ["V", "mV", "%"]
    assert got.attrs["recording_id"] == "n1"


WHOLE = night(C3="V", F3="mV", O1="nV")
UNCUT = sd.to_unit(WHOLE, "uV")["100Hz/signal"].values


@given(st.integers(20, 700), st.integers(1, 3))
def test_same_bits_for_every_chunking(time: int, channel: int) -> None:
    cut = WHOLE.chunk({"time": time, "channel": channel})
    got = sd.to_unit(cut, "uV")["100Hz/signal"]
    assert got.chunks == cut["100Hz/signal"].chunks
    assert np.array_equal(got.compute(scheduler="sync").values, UNCUT)


def test_nothing_is_computed_or_read(scored_night: Path, no_compute: None, bytes_read: list[tuple[int, int]]) -> None:
    for chunks in ("epochs", None):
        recording = sd.open_recording(scored_night, chunks=chunks)
        before = list(bytes_read)
        lazy = sd.to_unit(recording, {"eeg": "mV"})
        assert bytes_read == before
        assert lazy["100Hz/signal"].chunks == recording["100Hz/signal"].chunks
        assert recording["100Hz/unit"].values.tolist() == ["uV", "uV"]
        assert lazy["annotations"].identical(recording["annotations"])


def test_one_task_a_chunk(scored_night: Path) -> None:
    recording = sd.open_recording(scored_night, workers=4)
    features = sd.extract(sd.to_unit(recording, {"eeg": "mV"}), "statistics", workers=4)
    plain = sd.extract(recording, "statistics", workers=4)
    (got,), (want,) = (dask_tasks(tree) for tree in (features, plain))
    assert got == want


def dask_tasks(features: xr.DataTree) -> list[int]:
    import dask

    (array,) = dask.optimize(features["100Hz/mean"].data)
    return [len(dict(array.__dask_graph__()))]


@pytest.mark.parametrize("key", [(slice(None), slice(None)), (0, slice(5, 50, 7)), ([1, 0], slice(60, 5, -5)),
                                 (-1, -1), (slice(None), 3), ([True, False], slice(2, 2))])  # fmt: skip
def test_uncut_signals_are_read_as_they_are_indexed(scored_night: Path, key: tuple[object, object]) -> None:
    recording = sd.open_recording(scored_night, chunks=None)
    want = (recording["100Hz/signal"].values.astype("f8") / 1000).astype("f4")
    lazy = pickle.loads(pickle.dumps(sd.to_unit(recording, {"C*": "mV"})["100Hz"].to_dataset()))
    channel, time = key
    got = lazy["signal"].isel(channel=channel, time=time).values
    assert np.array_equal(got, want[channel][..., time])


def test_features_are_those_of_the_converted_signals(scored_night: Path) -> None:
    cut, uncut = (sd.open_recording(scored_night, chunks=chunks) for chunks in ("epochs", None))
    one, other, plain = (
        sd.to_dataframe(sd.compute(sd.extract(tree, "statistics")))
        for tree in (sd.to_unit(cut, {"eeg": "mV"}), sd.to_unit(uncut, {"eeg": "mV"}), cut)
    )
    assert one.equals(other)
    assert np.allclose(one["C3", "std"], plain["C3", "std"] / 1000, rtol=1e-6)
    assert one["SpO2", "std"].equals(plain["SpO2", "std"])


def test_missing_values_and_integers() -> None:
    values = {"C3": np.array([1, -2, 3], "i2")}
    got = sd.to_unit(sd.recording_from_arrays(values, rate=100, unit="V"), "mV")["100Hz/signal"]
    assert got.dtype == np.float64
    assert got.values.tolist() == [[1000.0, -2000.0, 3000.0]]
    gap = sd.recording_from_arrays({"C3": np.array([np.nan, -0.0])}, rate=100, unit="V")
    assert str(sd.to_unit(gap, "uV")["100Hz/signal"].values.tolist()) == "[[nan, -0.0]]"


def test_a_node_alone_and_any_spelling() -> None:
    ds = sd.to_unit(night(C3="V")["100Hz"].to_dataset(), "MicroVolt")
    assert isinstance(ds, xr.Dataset)
    assert ds["unit"].values.tolist() == ["uV"]
    node = sd.to_unit(night(C3="V")["100Hz"], "uV")
    assert node["unit"].values.tolist() == ["uV"]


def test_there_and_back_loses_no_more_than_rounding() -> None:
    was = night(C3="V")["100Hz/signal"].values
    now = sd.to_unit(sd.to_unit(night(C3="V"), "mV"), "V")["100Hz/signal"].values
    assert np.allclose(now, was, rtol=2**-23, atol=0)


REFUSED = [
    ("g", "n1, channel C3: V cannot be converted into g; expected a unit of acceleration; found voltage"),
    ({"spo2": "mV"}, "n1, channel SpO2: % cannot be converted into mV"),
    ({"C3": "furlong"}, "n1: signals cannot be put into this unit; .*found 'furlong'"),
    ({"C3": "degC"}, "signals cannot be put into this unit"),
    ({"C3": ""}, "signals cannot be put into this unit"),
    ({"C9": "uV"}, "n1: no channel of 'C9' to convert; .*did you mean 'C3'"),
    ({"eog": "uV"}, "n1: no channel of 'eog' to convert"),
    ({"eeg": "uV", "C*": "mV"}, "n1, channel C3: two units are asked for; found 'eeg': 'uV', 'C\\*': 'mV'"),
    ({"X1": "uV"}, "n1, channel X1: no unit cannot be converted into uV; expected a unit of voltage; found no unit"),
    ({"X2": "uV"}, "n1, channel X2: H cannot be converted into uV; .* found a unit that is not known"),
]


@pytest.mark.parametrize(("units", "message"), REFUSED)
def test_what_cannot_be_converted_is_refused(units: str | dict[str, str], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        sd.to_unit(night(C3="V", SpO2="%", X1="", X2="H"), units)


def test_a_single_channel_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"node: not a node of signals; .*found dims \('time',\)"):
        sd.to_unit(night(C3="V")["100Hz"].to_dataset().isel(channel=0), "uV")
    with pytest.raises(ParameterError, match="found no signal"):
        sd.to_unit(xr.Dataset(), "uV")
