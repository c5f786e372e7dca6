"""The lazy `time` coordinate: selects as pandas does, survives xarray's operations, never becomes an array."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, to_ns
from sleepdask.signals.index import ClockIndex, clock_of, time_coordinate

S = 1_000_000_000
START = "2024-03-11T22:47:30"
RATES = {
    "256 Hz": (S, 256),
    "12.8 Hz": (10 * S, 128),
    "3001 in 30 s": (30 * S, 3001),
    "1 Hz": (S, 1),
    "1/3 Hz": (3 * S, 1),
    "1/30 Hz": (30 * S, 1),
}


def on(clock: Clock, **more: Any) -> xr.DataArray:
    """Sample numbers on a clock."""
    return xr.DataArray(np.arange(clock.size), dims="time", **more).assign_coords(time_coordinate(clock))


def in_pandas(clock: Clock) -> xr.DataArray:
    """The same with every timestamp in a pandas index."""
    return xr.DataArray(np.arange(clock.size), dims="time", coords={"time": clock.times(np.arange(clock.size))})


def outcome(select: Callable[[], xr.DataArray]) -> Any:
    """Selected numbers, or the error that pandas and the clock agree on."""
    try:
        picked = select()
    except KeyError:
        return KeyError
    return picked.dims, picked.values.tolist()


# --- selection by label, against pandas


@st.composite
def clocks(draw: st.DrawFn) -> Clock:
    """Clock of one or two runs of up to 300 samples."""
    num, den = draw(st.sampled_from(list(RATES.values())))
    start = to_ns(START) + draw(st.sampled_from([0, 30 * S, 1_234_567_891, 4_349_999_999_999]))
    size = draw(st.integers(1, 300))
    runs = [(start, size)]
    if draw(st.booleans()):
        runs.append((start + size * num // den + draw(st.integers(1, 7200 * S)), draw(st.integers(1, 50))))
    return Clock.segmented(runs, num, den)


def instants(draw: st.DrawFn, clock: Clock) -> np.datetime64:
    """A sample's time, one nanosecond beside it, or anything about the recording."""
    sample = st.integers(0, clock.size - 1).map(lambda i: int(clock.times(i).astype(np.int64)))
    near = st.builds(lambda t, d: t + d, sample, st.sampled_from([0, 0, -1, 1]))
    return np.datetime64(draw(near | st.integers(clock.start - 5 * S, clock.end + 5 * S)), "ns")


def texts(draw: st.DrawFn, clock: Clock) -> str:
    unit = draw(st.sampled_from(["s", "m", "h", "D", "M", "Y", "ms", "us", "ns"]))
    text = str(instants(draw, clock).astype(f"datetime64[{unit}]"))
    return text.replace("T", " ") if draw(st.booleans()) else text


@settings(max_examples=300)
@given(clocks(), st.data())
def test_slices__select_as_pandas_does(clock: Clock, data: st.DataObject) -> None:
    def edge() -> Any:
        kind = data.draw(st.sampled_from(["none", "text", "text", "datetime64", "Timestamp"]))
        if kind == "none":
            return None
        if kind == "text":
            return texts(data.draw, clock)
        instant = instants(data.draw, clock)
        return instant if kind == "datetime64" else pd.Timestamp(instant)

    window = slice(edge(), edge(), data.draw(st.none() | st.integers(1, 4)))
    picked = on(clock).sel(time=window)
    assert picked.values.tolist() == in_pandas(clock).sel(time=window).values.tolist()
    assert clock_of(picked).times(np.arange(picked.size)).tolist() == clock.times(picked.values).tolist()


@given(clocks(), st.data())
def test_text__coarser_than_the_period_takes_its_whole_unit(clock: Clock, data: st.DataObject) -> None:
    assume(clock.rate > 1 and clock.size > 2)  # pandas finds its resolution in the values
    unit = data.draw(st.sampled_from(["s", "m", "h", "D", "M"]))
    text = str(clock.times(data.draw(st.integers(0, clock.size - 1))).astype(f"datetime64[{unit}]"))
    picked = on(clock).sel(time=text)
    assert picked.dims == ("time",)
    assert picked.values.tolist() == in_pandas(clock).sel(time=text).values.tolist()
    assert isinstance(picked.xindexes["time"], ClockIndex)


@pytest.mark.parametrize("period", RATES.values(), ids=RATES)
def test_text__of_one_sample_is_that_sample(period: tuple[int, int]) -> None:
    clock = Clock.regular(START, 100, *period)
    for index in (0, 1, 42):
        picked = on(clock).sel(time=str(clock.times(index)))
        assert picked.ndim == 0
        assert picked.item() == index


def test_text__no_coarser_than_the_period_is_one_sample() -> None:
    assert on(Clock.regular(START, 100, S)).sel(time="2024-03-11T22:47:31").item() == 1
    assert on(Clock.regular(START, 100, 30 * S)).sel(time="2024-03-11T22:48:30").item() == 2
    assert on(Clock.regular(START, 100, 30 * S)).sel(time="2024-03-11T22:49").values.tolist() == [3, 4]


@given(clocks(), st.data())
def test_scalar__is_exact_as_in_pandas(clock: Clock, data: st.DataObject) -> None:
    label = instants(data.draw, clock)
    assert outcome(lambda: on(clock).sel(time=label)) == outcome(lambda: in_pandas(clock).sel(time=label))


@given(clocks(), st.data())
def test_nearest__is_that_of_pandas(clock: Clock, data: st.DataObject) -> None:
    label = instants(data.draw, clock)
    tolerance = data.draw(st.sampled_from([None, np.timedelta64(0, "ns"), np.timedelta64(3_000_000, "ns"), "2s"]))
    if isinstance(tolerance, str):
        tolerance = pd.Timedelta(tolerance)
    ask = {"method": "nearest", "tolerance": tolerance}
    assert outcome(lambda: on(clock).sel(time=label, **ask)) == outcome(lambda: in_pandas(clock).sel(time=label, **ask))


def test_nearest__of_two_equally_near_is_the_later_as_in_pandas() -> None:
    clock = Clock.regular(START, 10, S)
    middle = clock.times(4) + np.timedelta64(500, "ms")
    assert on(clock).sel(time=middle, method="nearest").item() == 5
    assert in_pandas(clock).sel(time=middle, method="nearest").item() == 5


def test_nearest__reads_a_text_as_an_instant() -> None:
    signal = on(Clock.regular(START, 1000, S, 100))
    assert signal.sel(time="2024-03-11T22:47:31", method="nearest").item() == 100
    assert signal.sel(time="2024-03-11T22:47:31.012", method="nearest", tolerance="2ms").item() == 101
    with pytest.raises(KeyError, match="no sample at"):
        signal.sel(time="2024-03-11T22:47:31.012", method="nearest", tolerance="1ms")


def test_nearest__reaches_over_a_gap_and_beyond_the_ends() -> None:
    signal = on(Clock.segmented([(0, 10), (100 * S, 10)], S))
    asked = np.array([-(10**12), 50 * S, 60 * S, 10**15], "datetime64[ns]")
    assert signal.sel(time=asked, method="nearest").values.tolist() == [0, 9, 10, 19]


def test_no_sample__says_where_and_what_to_do() -> None:
    signal = on(Clock.regular(START, 1000, S, 100))
    with pytest.raises(KeyError, match=r"no sample at .*2024-03-11T22:47:31.001.*method='nearest'"):
        signal.sel(time=np.datetime64("2024-03-11T22:47:31.001"))
    with pytest.raises(KeyError, match="no sample at"):
        signal.isel(time=slice(0, 0)).sel(time=np.datetime64(START), method="nearest")


@pytest.mark.parametrize("wrap", [list, np.asarray, pd.DatetimeIndex], ids=["list", "array", "DatetimeIndex"])
def test_many_labels__select_as_pandas_does(wrap: Callable[[Any], Any]) -> None:
    clock = Clock.regular(START, 100, 30 * S, 3001)
    labels = wrap(clock.times([7, 3, 3, 99]))
    assert on(clock).sel(time=labels).values.tolist() == [7, 3, 3, 99]
    assert "time" not in on(clock).sel(time=labels).xindexes  # picked samples have no clock
    with pytest.raises(KeyError, match="no sample at"):
        on(clock).sel(time=wrap(clock.times([7, 3]) + np.timedelta64(1, "ns")))


def test_labels_with_dimensions__select_as_pandas_does() -> None:
    clock = Clock.regular(START, 100, S, 10)
    events = xr.DataArray(clock.times([5, 50, 9]), dims="event", coords={"event": ["a", "b", "c"]})
    picked = on(clock).sel(time=events)
    xr.testing.assert_identical(picked, in_pandas(clock).sel(time=events))
    assert picked.sel(event="b").item() == 50
    assert on(clock).sel(time=xr.Variable("beat", clock.times([5, 50]))).dims == ("beat",)
    square = xr.DataArray(clock.times([[1, 2], [3, 4]]), dims=("row", "column"))
    assert on(clock).sel(time=square).values.tolist() == [[1, 2], [3, 4]]
    assert on(clock).sel(time=on(clock).time[[5, 9]]).values.tolist() == [5, 9]


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: t.to_datetime64(), str], ids=["Timestamp", "NumPy", "text"])
def test_nanoseconds__of_a_label_count(wrap: Callable[[pd.Timestamp], Any]) -> None:
    clock = Clock.regular(START, 100, 30 * S, 3001)
    label = wrap(pd.Timestamp(clock.times(1)))
    assert on(clock).sel(time=label).item() == 1
    assert on(clock).sel(time=[label, label]).values.tolist() == [1, 1]
    assert on(clock).sel(time=slice(label, label)).values.tolist() == [1]


def test_datetime__is_a_label() -> None:
    signal = on(Clock.regular(START, 100, S))
    assert signal.sel(time=datetime(2024, 3, 11, 22, 48)).item() == 30
    assert signal.sel(time=slice(datetime(2024, 3, 11, 22, 49), None)).values.tolist() == [*range(90, 100)]


def test_text__of_another_night_is_no_empty_selection() -> None:
    signal = on(Clock.segmented([(START, 100), ("2024-03-12T01:00", 100)], S, 10))
    for text in ("2031-01-01", "2024-03-10", "2024-03-11T22:46", "2024-03-13"):
        with pytest.raises(
            KeyError, match=f"no sample in '{text}'; there are 200 samples at 10 Hz from 2024-03-11T22:47:30"
        ):
            signal.sel(time=text)
        assert signal.sel(time=slice(text, text)).size == 0
    assert signal.sel(time="2024-03-11T23:30").size == 0  # in the gap


@pytest.mark.parametrize("label", [np.datetime64("NaT", "ns"), pd.NaT, [np.datetime64("NaT", "ns")]], ids=repr)
@pytest.mark.parametrize("method", [None, "nearest"])
def test_not_a_time__has_no_sample(label: Any, method: str | None) -> None:
    with pytest.raises(KeyError, match="no sample at"):
        on(Clock.regular(START, 100, S)).sel(time=label, method=method)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("23:05", "not a local time"),
        ("20240311", "not a local time"),
        ("11.03.2024", "not a local time"),
        ("2024-03-11T23:00Z", "not a local time"),
        ("2024-03-11T23:00+01:00", "not a local time"),
        (pd.Timestamp("2024-03-11T23:00", tz="Europe/Berlin"), "not a local time"),
        (5, "labels of time are instants"),
        (2.5, "labels of time are instants"),
    ],
    ids=str,
)
def test_label__that_could_be_misread_is_refused(label: Any, message: str) -> None:
    signal = on(Clock.regular(START, 100, S))
    for asked in (label, slice(label, None), slice(None, label)):
        with pytest.raises(ParameterError, match=message):
            signal.sel(time=asked)


@pytest.mark.parametrize("method", ["pad", "ffill", "backfill", "bfill", "linear"])
def test_method__other_than_nearest_is_refused(method: str) -> None:
    with pytest.raises(ParameterError, match=f"method '{method}' is not known.*nearest"):
        on(Clock.regular(START, 100, S)).sel(time=np.datetime64(START), method=method)


def test_slice__takes_no_method() -> None:
    with pytest.raises(ParameterError, match="slice of time takes no method"):
        on(Clock.regular(START, 100, S)).sel(time=slice(START, None), method="nearest")


# --- what keeps the index, what drops it, what refuses


@pytest.fixture
def signal() -> xr.DataArray:
    clock = Clock.regular(START, 600, 10 * S, 128)
    values = np.arange(1200.0).reshape(2, 600)
    return xr.DataArray(
        values, dims=("channel", "time"), coords={"channel": ["C3", "C4"]}, name="signal"
    ).assign_coords(time_coordinate(clock))


KEEP: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "arithmetic": lambda x: (x - x.mean("time")) / 2 + x,
    "numpy function": np.abs,
    "fillna": lambda x: x.fillna(0),
    "astype": lambda x: x.astype("float32"),
    "where": lambda x: x.where(x > 5),
    "transpose": lambda x: x.transpose("time", "channel"),
    "rename array": lambda x: x.rename("other"),
    "rolling": lambda x: x.rolling(time=5, center=True).mean(),
    "one channel": lambda x: x.sel(channel="C3"),
    "some channels": lambda x: x.isel(channel=[1]),
    "expand": lambda x: x.expand_dims("night"),
    "shallow copy": lambda x: x.copy(deep=False),
    "deep copy": lambda x: x.copy(deep=True),
    "copy module": copy.copy,
    "deepcopy module": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "chunk": lambda x: x.chunk(time=100),
    "compute": lambda x: x.chunk(time=100).compute(),
    "persist": lambda x: x.chunk(time=100).persist(scheduler="sync"),
    "load": lambda x: x.chunk(time=100).load(),
    "align": lambda x: xr.align(x, x.copy())[0],
    "dataset": lambda x: xr.merge([x, x.rename("other")])["other"],
    "concat channels": lambda x: xr.concat([x, x.assign_coords(channel=["F3", "F4"])], "channel"),
    "apply_ufunc": lambda x: xr.apply_ufunc(np.square, x),
    "new attrs": lambda x: x.assign_attrs(a=1),
    "drop channel": lambda x: x.drop_vars("channel"),
    "whole slice": lambda x: x.isel(time=slice(None)),
}


@pytest.mark.parametrize("operation", KEEP.values(), ids=KEEP)
def test_keeps_the_clock(signal: xr.DataArray, operation: Callable[[xr.DataArray], xr.DataArray]) -> None:
    assert clock_of(operation(signal)) == clock_of(signal)


CUT: dict[str, tuple[Callable[[xr.DataArray], xr.DataArray], slice]] = {
    "slice": (lambda x: x.isel(time=slice(10, 50)), slice(10, 50)),
    "step": (lambda x: x.isel(time=slice(1, None, 7)), slice(1, None, 7)),
    "negative ends": (lambda x: x.isel(time=slice(-50, -3)), slice(-50, -3)),
    "brackets": (lambda x: x[:, 5:10], slice(5, 10)),
    "empty": (lambda x: x.isel(time=slice(5, 5)), slice(5, 5)),
    "twice": (lambda x: x.isel(time=slice(10, None)).isel(time=slice(None, 50, 3)), slice(10, 60, 3)),
    "diff": (lambda x: x.diff("time"), slice(1, None)),
    "diff lower": (lambda x: x.diff("time", label="lower"), slice(None, -1)),
    "head": (lambda x: x.head(time=5), slice(5)),
    "thin": (lambda x: x.thin(time=10), slice(None, None, 10)),
    "label": (lambda x: x.sel(time=slice(None, "2024-03-11T22:47:30")), slice(13)),
}


@pytest.mark.parametrize(("operation", "part"), CUT.values(), ids=CUT)
def test_slice__gives_the_clock_of_its_samples(
    signal: xr.DataArray, operation: Callable[[xr.DataArray], xr.DataArray], part: slice
) -> None:
    cut = operation(signal)
    assert clock_of(cut) == clock_of(signal).isel(part)
    assert cut["time"].values.tolist() == signal["time"].values[part].tolist()


@pytest.mark.parametrize("indexer", [5, [1, 5, 9], np.array([3]), slice(None, None, -1)], ids=repr)
def test_picked_samples__have_no_clock(signal: xr.DataArray, indexer: Any) -> None:
    picked = signal.isel(time=indexer)
    assert picked["time"].values.tolist() == signal["time"].values[indexer].tolist()
    with pytest.raises(ParameterError, match=r"signals have no clock on their time axis.*found no index.*slices"):
        clock_of(picked)


def test_clock_of__names_the_index_it_found(signal: xr.DataArray) -> None:
    with pytest.raises(ParameterError, match="found index PandasIndex"):
        clock_of(signal.resample(time="10s").mean())


def test_rename__moves_the_index(signal: xr.DataArray) -> None:
    renamed = signal.rename(time="t")
    assert list(renamed.xindexes) == ["channel", "t"]
    index = renamed.xindexes["t"]
    assert isinstance(index, ClockIndex)
    assert index.clock == clock_of(signal)
    half = renamed.sel(t=slice("2024-03-11T22:47:40", None))
    assert half.sizes["t"] == 600 - 128
    assert half.isel(t=0)["t"].values == np.datetime64("2024-03-11T22:47:40", "ns")
    assert clock_of(renamed.rename(t="time")) == clock_of(signal)


def test_values__of_the_coordinate_are_the_times_of_the_clock(signal: xr.DataArray) -> None:
    expected = clock_of(signal).times(np.arange(600))
    assert signal["time"].dtype == "datetime64[ns]"
    assert np.array_equal(signal["time"].values, expected)
    assert np.array_equal(signal["time"][5:9].values, expected[5:9])
    assert signal["time"][-1].item() == expected[-1].astype(np.int64)


def test_to_pandas_index__has_every_time(signal: xr.DataArray) -> None:
    expected = pd.DatetimeIndex(clock_of(signal).times(np.arange(600)), name="time")
    pd.testing.assert_index_equal(signal.indexes["time"], expected)
    pd.testing.assert_index_equal(signal.sel(channel="C3").to_series().index, expected)


@pytest.mark.parametrize(
    "combine",
    [lambda a, b: a + b, lambda a, b: a.where(b > 0), lambda a, b: xr.merge([a, b.rename("other")], join="outer")],
    ids=["add", "where", "merge"],
)
def test_different_slices__are_not_combined(signal: xr.DataArray, combine: Callable[..., Any]) -> None:
    first, second = signal.isel(time=slice(0, 100)), signal.isel(time=slice(50, 150))
    with pytest.raises(ParameterError, match="different clocks") as caught:
        combine(first, second)
    assert caught.value.expected == "100 samples at 12.8 Hz from 2024-03-11T22:47:30.000000000"
    assert caught.value.found == "100 samples at 12.8 Hz from 2024-03-11T22:47:33.906250000"
    assert "same time span" in caught.value.fix


def test_equal_slices__are_combined(signal: xr.DataArray) -> None:
    part, twin = signal.isel(time=slice(50, 150)), signal.sel(time=slice(*signal["time"].values[[50, 149]]))
    total = part + twin
    assert clock_of(total) == clock_of(part)
    assert np.array_equal(total.values, 2 * part.values)


def test_concat__of_adjacent_pieces_is_one_run(signal: xr.DataArray) -> None:
    pieces = [signal.isel(time=part) for part in (slice(0, 7), slice(7, 300), slice(300, 300), slice(300, None))]
    joined = xr.concat(pieces, "time")
    assert joined.identical(signal)
    assert clock_of(joined) == clock_of(signal)


def test_concat__of_separated_pieces_has_a_gap(signal: xr.DataArray) -> None:
    joined = xr.concat([signal.isel(time=slice(0, 100)), signal.isel(time=slice(300, 400))], "time")
    assert [run.size for run in clock_of(joined).runs] == [100, 100]
    assert np.array_equal(joined["time"].values, signal["time"].values[[*range(100), *range(300, 400)]])
    with pytest.raises(ParameterError, match="out of order"):
        xr.concat([signal.isel(time=slice(300, 400)), signal.isel(time=slice(0, 100))], "time")


def test_concat__keeps_the_name_of_the_coordinate(signal: xr.DataArray) -> None:
    renamed = signal.to_dataset().rename_vars(time="t")
    joined = xr.concat([renamed.isel(time=slice(0, 9)), renamed.isel(time=slice(9, None))], "time")
    assert joined.xindexes["t"].equals(renamed.xindexes["t"])


def test_equality__is_that_of_the_rules(signal: xr.DataArray) -> None:
    other = signal.drop_vars("time").assign_coords(time_coordinate(Clock.regular(START, 600, 10 * S, 129)))
    assert signal.equals(signal.copy())
    assert signal.identical(pickle.loads(pickle.dumps(signal)))
    assert not signal.equals(other)
    assert not signal["time"].equals(other["time"])
    assert signal["time"].equals(signal["time"].copy())
    by_values = xr.Variable("time", signal["time"].values)
    assert signal["time"].variable.equals(by_values)
    assert not other["time"].variable.equals(by_values)


def test_tokens__are_those_of_the_rules(signal: xr.DataArray) -> None:
    clock = clock_of(signal)
    used = copy.deepcopy(clock)
    used.times([1, 2])
    assert tokenize(clock) == tokenize(used) == tokenize(Clock.regular(START, 600, 10 * S, 128))
    others = [Clock.regular(START, 599, 10 * S, 128), Clock.regular(START, 600, 10 * S, 129)]
    others += [clock.isel(slice(1, None)), clock.isel(slice(None, None, 2)), Clock.regular(0, 600, 10 * S, 128)]
    assert len({tokenize(each) for each in [clock, *others]}) == 6

    data = signal.drop_vars("time")
    assert tokenize(signal) == tokenize(data.assign_coords(time_coordinate(used)))
    assert tokenize(signal) != tokenize(data.assign_coords(time_coordinate(others[1])))
    assert tokenize(signal["time"].variable) == tokenize(signal.copy()["time"].variable)


# --- laziness: 14 days at 1024 Hz are 1.2e9 timestamps, 9.9 GB


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many times a clock was asked for, call by call; above a handful it refuses."""
    calls: list[int] = []
    times = Clock.times

    def few_times(self: Clock, index: Any) -> Any:
        calls.append(np.size(index))
        assert calls[-1] <= 32, f"{calls[-1]} timestamps were made"
        return times(self, index)

    monkeypatch.setattr(Clock, "times", few_times)
    (xr.DataArray(da.zeros(2)) + 1).compute(scheduler="sync")  # what is imported on first use does not count
    tracemalloc.start()
    yield calls
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6_000_000, f"{peak} bytes were allocated"


@pytest.fixture(scope="module")
def fortnight() -> xr.Dataset:
    clock = Clock.regular(START, 14 * 86_400 * 1024, S, 1024)
    zeros = da.zeros((2, clock.size), chunks=(2, clock.size // 16), dtype="float32")
    return xr.Dataset(
        {"signal": (("channel", "time"), zeros), "gain": ("channel", da.ones(2, chunks=1))},
        {"channel": ["C3", "C4"]},
    ).assign_coords(time_coordinate(clock))


WEEK_2 = "2024-03-20"
LAZY: dict[str, Callable[[xr.Dataset], Any]] = {
    "isel": lambda x: x.isel(time=slice(10**9, None, 3)),
    "sel": lambda x: x.sel(time=slice("2024-03-20T03:00", "2024-03-20T03:05")),
    "sel day": lambda x: x.sel(time=WEEK_2),
    "sel nearest": lambda x: x.sel(time=np.datetime64(WEEK_2), method="nearest"),
    "sel array": lambda x: x.sel(time=np.array(["2024-03-20", "2024-03-21"], "datetime64[ns]"), method="nearest"),
    "arithmetic": lambda x: x - x.signal.mean("time") * 2,
    "chunk": lambda x: x.chunk(time=x.sizes["time"] // 8),
    "compute": lambda x: x.drop_vars("signal").compute(),
    "persist": lambda x: x.drop_vars("signal").persist(scheduler="sync"),
    "load": lambda x: x.drop_vars("signal").load(),
    "copy": lambda x: x.copy(),
    "deep copy": lambda x: x.copy(deep=True),
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "equals": lambda x: x.drop_vars("signal").equals(x.drop_vars("signal").copy()),
    "identical": lambda x: x.coords["time"].identical(x.copy().coords["time"]),
    "rolling": lambda x: x.signal.rolling(time=64).mean(),
    "diff": lambda x: x.signal.diff("time"),
    "where": lambda x: x.where(x.signal > 0),
    "transpose": lambda x: x.transpose("time", "channel"),
    "rename": lambda x: x.rename(time="t"),
    "merge": lambda x: xr.merge([x[["signal"]], x[["gain"]]]),
    "concat": lambda x: xr.concat([x.isel(time=slice(k, k + 10**6)) for k in (0, 10**6)], "time", data_vars=["signal"]),
    "align": lambda x: xr.align(x, x.copy()),
    "tree": lambda x: xr.DataTree.from_dict({"1024Hz": x}).sel(time=slice(WEEK_2, None)),
    "tree compute": lambda x: xr.DataTree.from_dict({"1024Hz": x.drop_vars("signal")}).compute(),
    "map_over_datasets": lambda x: xr.DataTree.from_dict({"1024Hz": x}).map_over_datasets(lambda ds: ds * 2),
    "token": tokenize,
    "repr": repr,
    "html": lambda x: x._repr_html_(),
    "to_array": lambda x: x[["signal"]].to_dataarray(),
}


@pytest.mark.parametrize("operation", LAZY.values(), ids=LAZY)
def test_no_timestamps_are_made_by(
    fortnight: xr.Dataset, asked: list[int], operation: Callable[[xr.Dataset], Any]
) -> None:
    assert operation(fortnight) is not False
    assert sum(asked) <= 100


def test_the_guard_notices_timestamps(fortnight: xr.Dataset, asked: list[int]) -> None:
    with pytest.raises(AssertionError, match="100 timestamps"):
        _ = fortnight["time"][:100].values
    assert asked == [100]


def test_results_of_lazy_operations_are_right(fortnight: xr.Dataset, asked: list[int]) -> None:
    assert fortnight.sel(time=WEEK_2).sizes["time"] == 86_400 * 1024
    tree = xr.DataTree.from_dict({"1024Hz": fortnight, "twin": fortnight.isel(time=slice(None, None, 2))})
    cut = tree.sel(time=slice("2024-03-20T03:00", "2024-03-20T03:04"))
    assert clock_of(cut["1024Hz"].to_dataset()).size == 300 * 1024
    assert clock_of(cut["twin"].to_dataset()).size == 300 * 512
    assert clock_of(cut["1024Hz"].to_dataset()).start == to_ns("2024-03-20T03:00")
    assert clock_of(fortnight.chunk(time=10**8)) == clock_of(fortnight)
    assert not fortnight.chunk(time=10**8)["time"].chunks
    assert len(pickle.dumps(fortnight.drop_vars("signal")["time"])) < 3000
    assert asked == []


def test_chunked_and_cut_samples_meet_their_times() -> None:
    clock = Clock.regular(START, 5000, 30 * S, 3001)
    signal = on(clock).chunk(time=777)
    cut = signal.sel(time=slice("2024-03-11T22:47:35", "2024-03-11T22:47:44")).isel(time=slice(None, None, 3)) * 1
    assert cut["time"].values.tolist() == clock.times(cut.values).tolist()
