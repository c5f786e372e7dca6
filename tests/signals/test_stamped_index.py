"""The lazy `time` of samples at any times: selects as pandas does with the same times, and stays a clock."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, regular_clock_of, time_coordinate
from sleepdask.signals.timestamps import AnyClock, Timestamps

S = 1_000_000_000
START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))
STAMPS = START + np.cumsum(np.random.default_rng(1).integers(500, 1500, 400)) * 1_000_000
BEATS = Timestamps.of(STAMPS)


def on(clock: AnyClock) -> xr.DataArray:
    values = np.arange(2.0 * clock.size).reshape(2, clock.size)
    node = xr.Dataset({"signal": (("channel", "time"), values)}, {"channel": ["hr", "quality"]})
    return node.assign_coords(time_coordinate(clock))["signal"]


@pytest.fixture
def signal() -> xr.DataArray:
    return on(BEATS)


@pytest.fixture
def plain() -> xr.DataArray:
    """The same with an index of pandas."""
    values = np.arange(2.0 * BEATS.size).reshape(2, BEATS.size)
    times = STAMPS.astype("datetime64[ns]")
    return xr.DataArray(values, {"channel": ["hr", "quality"], "time": times}, ("channel", "time"))


@pytest.mark.parametrize(
    "label",
    [
        slice("2024-03-11T22:48", "2024-03-11T22:49"),
        slice("2024-03-11T22:48:10.5", "2024-03-11T22:48:11.25"),
        slice(None, "2024-03-11T22:48"),
        slice("2024-03-11T22:52", None),
        slice(pd.Timestamp(STAMPS[20]), np.datetime64(int(STAMPS[30]), "ns")),
        slice("2024-03-11T22:40", "2024-03-11T22:41"),
        slice("2024-03-11T22:48", "2024-03-11T22:50", 3),
        "2024-03-11T22:50",
        "2024-03-11",
        pd.Timestamp(STAMPS[7]),
        np.datetime64(int(STAMPS[399]), "ns"),
        STAMPS[[5, 3, 9]].astype("datetime64[ns]"),
    ],
    ids=str,
)
def test_labels__select_what_pandas_does(signal: xr.DataArray, plain: xr.DataArray, label: object) -> None:
    got, want = (each.sel(time=label) for each in (signal, plain))
    assert got.values.tolist() == want.values.tolist()
    assert got["time"].values.tolist() == want["time"].values.tolist()


@given(st.lists(st.integers(-5_000, 420_000), min_size=1, max_size=9))
def test_nearest__is_the_nearest(offsets: list[int]) -> None:
    asked = START + np.array(offsets) * 1_000_000
    got = on(BEATS).sel(time=asked.astype("datetime64[ns]"), method="nearest")["time"].values.astype(np.int64)
    want = np.abs(STAMPS[np.newaxis] - asked[:, np.newaxis]).min(axis=1)
    assert np.abs(got - asked).tolist() == want.tolist()


@pytest.mark.parametrize("label", ["2024-03-11T22:46", "2024-03-12", np.datetime64(int(STAMPS[4]) + 1, "ns"), pd.NaT])
def test_what_is_not_there_is_no_sample(signal: xr.DataArray, label: object) -> None:
    with pytest.raises(KeyError, match="no sample"):
        signal.sel(time=label)
    if label is not pd.NaT:
        with pytest.raises(KeyError, match="no sample at"):
            signal.sel(time=STAMPS[[4]].astype("datetime64[ns]") + 9, method="nearest", tolerance="8ns")
    else:
        with pytest.raises(KeyError, match="no sample"):
            signal.sel(time=label, method="nearest")


def test_nothing_is_near_in_what_has_no_samples(signal: xr.DataArray) -> None:
    none = signal.isel(time=slice(5, 5))
    assert clock_of(none).size == 0
    for method in (None, "nearest"):
        with pytest.raises(KeyError, match="there are none"):
            none.sel(time=STAMPS[:1].astype("datetime64[ns]"), method=method)
    with pytest.raises(KeyError, match="no sample"):
        none.sel(time="2024-03-11T22:48")
    assert none.sel(time=slice("2024-03-11T22:48", None)).sizes["time"] == 0


def test_without_a_date_labels_are_lengths_of_time() -> None:
    signal = on(Timestamps.of(STAMPS - START, dated=False))
    inside = (STAMPS - START >= 60 * S) & (STAMPS - START <= 90 * S)
    assert signal.sel(time=slice("60s", "90s")).sizes["time"] == inside.sum()
    assert signal.sel(time=np.timedelta64(int(STAMPS[3] - START), "ns")).values.tolist() == [3.0, 403.0]
    with pytest.raises(ParameterError, match="has no date"):
        signal.sel(time=slice("2024-03-11", None))


@given(st.builds(slice, *[st.none() | st.integers(-450, 450)] * 2, st.none() | st.integers(1, 5)))
def test_isel__keeps_the_clock(cut: slice) -> None:
    part = on(BEATS).isel(time=cut)
    assert clock_of(part) == BEATS.isel(cut)
    assert part["time"].values.astype(np.int64).tolist() == STAMPS[cut].tolist()


@pytest.mark.parametrize("cut", [slice(None, None, -1), [1, 5, 2], 7], ids=str)
def test_isel__of_anything_else_drops_it(signal: xr.DataArray, cut: object) -> None:
    part = signal.isel(time=cut)
    assert part["time"].values.astype(np.int64).tolist() == STAMPS[cut].tolist()
    with pytest.raises(ParameterError, match="no clock"):
        clock_of(part)


def test_concat__is_the_inverse_of_cutting(signal: xr.DataArray) -> None:
    parts = [signal.isel(time=slice(a, b)) for a, b in ((0, 7), (7, 7), (7, 300), (300, None))]
    assert xr.concat(parts, "time").identical(signal)
    with pytest.raises(ParameterError, match="overlap or are out of order"):
        xr.concat(parts[::-1], "time")
    rule = on(Clock.regular(START + 3600 * S, 10, S))
    with pytest.raises(ParameterError, match="at a fixed rate and samples at any times"):
        xr.concat([signal, rule], "time")


def test_other_times_are_not_combined(signal: xr.DataArray) -> None:
    other = signal.isel(time=slice(1, None))
    with pytest.raises(ParameterError, match=r"different clocks.*expected 400 samples at any times, about 0.994 Hz"):
        signal + other
    with pytest.raises(ParameterError, match="different clocks"):
        signal + on(Clock.regular(START, 400, S))
    assert np.array_equal((signal + signal.copy()).values, 2 * signal.values)
    assert not signal.equals(on(Clock.regular(START, 400, S)))
    assert not signal.equals(on(Timestamps.of(STAMPS + 1)))


@pytest.mark.parametrize(
    "change",
    [
        copy.copy,
        copy.deepcopy,
        lambda x: pickle.loads(pickle.dumps(x)),
        lambda x: x.chunk(time=50),
        lambda x: x.chunk(time=50).compute(scheduler="sync"),
        lambda x: x * 1,
        lambda x: x.load(),
        lambda x: x.where(x > 5, x),
        lambda x: x.transpose("time", "channel").transpose("channel", "time"),
        lambda x: xr.DataTree.from_dict({"hr": x.to_dataset(name="signal")})["hr"]["signal"],
    ],
    ids=["copy", "deepcopy", "pickle", "chunk", "compute", "times", "load", "where", "transpose", "tree"],
)
def test_clock__stays(signal: xr.DataArray, change: object) -> None:
    changed = change(signal)  # type: ignore[operator]
    assert clock_of(changed) == BEATS
    assert changed["time"].equals(signal["time"])
    assert np.array_equal(changed.values, signal.values)
    assert tokenize(changed["time"].variable) == tokenize(signal["time"].variable)


def test_tokens__differ_where_times_do(signal: xr.DataArray) -> None:
    others = [BEATS.isel(slice(1, None)), Timestamps.of(STAMPS + 1), Timestamps(STAMPS, BEATS.period + 1, BEATS.gap)]
    assert len({tokenize(on(clock)["time"].variable) for clock in (BEATS, *others)}) == 4


def test_pandas_gets_all_times(signal: xr.DataArray) -> None:
    index = pd.DatetimeIndex(STAMPS.astype("datetime64[ns]"), name="time")
    pd.testing.assert_index_equal(signal.indexes["time"], index)
    pd.testing.assert_index_equal(signal.sel(channel="hr").to_series().index, index)


def test_what_needs_a_fixed_rate_says_so(signal: xr.DataArray) -> None:
    clock = Clock.regular(START, 10, S)
    assert regular_clock_of(on(clock)) == clock
    with pytest.raises(ParameterError, match=r"do not come at a fixed rate.*found 400 samples at any times"):
        regular_clock_of(signal)


# --- several recordings of one night


def night(stamps: np.ndarray, source: str) -> xr.DataTree:
    node = on(Timestamps.of(stamps)).to_dataset(name="signal").isel(channel=[0])
    attrs = {"recording_id": "night", "source": source, "start": "", "time_zone": "", "findings": []}
    tree = xr.DataTree.from_dict({"hr": node})
    tree.attrs.update(attrs)
    return tree


def test_recordings_are_joined_though_the_next_beat_comes_early() -> None:
    """No period has to pass after the last of one file: the first of the next one comes when it comes."""
    for cut in (100, 150, 399):
        parts = [night(STAMPS[cut:], "b"), night(STAMPS[:cut], "a")]
        joined = sd.join_recordings(parts)
        assert np.array_equal(joined["hr"]["time"].values.astype(np.int64), STAMPS)
        assert isinstance(clock_of(joined["hr"].to_dataset()), Timestamps)
    late = night(np.append(STAMPS[:200], STAMPS[200] + 5), "a")
    with pytest.raises(ParameterError, match=r"at the same time|overlap"):
        sd.join_recordings([late, night(STAMPS[200:], "b")])


def test_recordings_that_fill_each_others_gaps_are_joined() -> None:
    pause = np.arange(10) * 100 * S
    a = np.concatenate([START + k + np.arange(20) * S for k in pause])
    joined = sd.join_recordings([night(a, "a"), night(a + 50 * S, "b"), night(a[:1] - 5, "c")])
    times = joined["hr"]["time"].values.astype(np.int64)
    assert np.array_equal(times, np.sort(np.concatenate([a, a + 50 * S, a[:1] - 5])))
