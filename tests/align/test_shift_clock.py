"""Times move by an offset and a drift: exactly, lazily, with the annotations."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, cut, noise, ns, one, regular, stamps
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import annotations_dataset
from sleepdask.signals.timestamps import AnyClock

offsets = st.integers(-(10**12), 10**12)


@given(regular(gaps=3), offsets)
def test_offset_moves_each_time_by_as_much(clock: Clock, offset: int) -> None:
    made = clock_of(sd.align.shift_clock(one(noise(clock), clock), np.timedelta64(offset, "ns"))["x"].to_dataset())
    assert made.rate == clock.rate
    np.testing.assert_array_equal(ns(made), ns(clock) + offset)


@given(st.one_of(regular(gaps=3), stamps()), offsets, st.floats(-400, 400), st.integers(-(10**11), 10**11))
def test_drift_moves_times_by_their_distance_from_the_reference(
    clock: AnyClock, offset: int, drift: float, since: int
) -> None:
    reference = START + since
    node = one(noise(clock), clock)["x"].to_dataset()
    made = sd.align.shift_clock(node, np.timedelta64(offset, "ns"), drift, reference=np.datetime64(reference, "ns"))
    exact = [t + offset + Fraction(drift) / 10**6 * (t - reference) for t in ns(clock).tolist()]
    off = [abs(int(got) - want) for got, want in zip(ns(clock_of(made)), exact, strict=True)]
    assert max(off) <= 2
    np.testing.assert_array_equal(made["signal"].values, node["signal"].values)


def test_drift_of_two_weeks_is_exact_to_the_nanosecond() -> None:
    clock = Clock.regular(START, 14 * 86_400 * 100, 10 * MS)
    node = xr.Dataset({"signal": (("channel", "time"), np.broadcast_to(np.float32(0), (1, clock.size)))})
    node = node.assign_coords(one(np.zeros(3), Clock.regular(START, 3, MS))["x"].coords["channel"].coords)
    from sleepdask.signals.index import time_coordinate

    made = clock_of(sd.align.shift_clock(node.assign_coords(time_coordinate(clock)), "1s", 37.5))
    last = 10 * MS * (clock.size - 1)
    want = START + 10**9 + last + Fraction(375, 10**7) * last
    assert isinstance(made, Clock)
    assert abs(int(made.times(clock.size - 1).astype("int64")) - want) <= 1


def test_recording_moves_with_its_annotations_and_says_so(no_compute: None) -> None:
    clock = Clock.regular(START, 1000, 1_000 * MS)
    night = cut(one(noise(clock), clock), {"time": 100})
    times = np.array([START, START + 100_000 * MS]).astype("datetime64[ns]")
    spans = np.array([30_000 * MS, np.iinfo(np.int64).min]).astype("timedelta64[ns]")
    night = night.assign({"annotations": xr.DataTree(annotations_dataset(times, spans, ["W", "on"]))})
    made = sd.align.shift_clock(night, "2s", 1000.0)
    assert made.attrs["start"] == "2024-03-11T22:47:32.000000000"
    moved = made["annotations"]
    assert (moved["onset"].values - times).astype(int).tolist() == [2_000 * MS, 2_100 * MS]
    assert moved["duration"].values[0].astype(int) == 30_030 * MS
    assert np.isnat(moved["duration"].values[1])
    assert made.attrs["clock_shifts"] == [{"offset_ns": 2_000 * MS, "drift_ppm": 1000.0, "reference_ns": START}]
    again = sd.align.shift_clock(made, "-2s")
    assert len(again.attrs["clock_shifts"]) == 2
    assert night["annotations"]["onset"].values.tolist() == times.astype(int).tolist()
    assert clock_of(night["x"].to_dataset()) == clock
    assert "clock_shifts" not in night.attrs


def test_two_nodes_turn_about_the_same_time() -> None:
    early, late = Clock.regular(START, 10, 1_000 * MS), Clock.regular(START + 10**12, 10, 500 * MS)
    night = one(noise(early), early).assign({"late": one(noise(late), late)["x"]})
    made = sd.align.shift_clock(night, 0, 100.0)
    assert clock_of(made["late"].to_dataset()).start == START + 10**12 + 10**8
    assert clock_of(made["x"].to_dataset()).start == START


def test_times_of_a_zone_and_lengths_of_time_are_moved() -> None:
    night = sd.recording_from_arrays({"a": np.zeros(9)}, 1, start="2024-03-11T23:00", timezone="Europe/Berlin")
    made = sd.align.shift_clock(night, 1, 10.0, reference="2024-03-11T23:00:00")
    assert made.attrs["start"] == "2024-03-11T22:00:01.000000000Z"
    clock = Clock.regular(0, 5, 1_000 * MS, dated=False)
    bare = one(noise(clock), clock)
    bare.attrs["start"] = "NaT"
    made = sd.align.shift_clock(bare, "1s", 5.0, reference=np.timedelta64(0, "s"))
    assert made["x"]["time"].values[0] == np.timedelta64(1, "s")
    assert made.attrs["start"] == "NaT"


def test_one_signal_can_be_shifted() -> None:
    clock = Clock.regular(START, 5, 1_000 * MS)
    signal = one(noise(clock), clock)["x/signal"].sel(channel="c0")
    made = sd.align.shift_clock(signal, "5s")
    assert ns(clock_of(made))[0] == START + 5_000 * MS
    assert made.name == "signal"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("soon",), "offset is not a duration"), ((np.timedelta64("NaT"),), "offset is not a duration"),
     ((0, float("nan")), "not a drift"), ((0, "5"), "not a drift"), ((0, 2e5), "not a drift")],
)  # fmt: skip
def test_what_is_no_shift_is_refused(arguments: tuple[Any, ...], said: str) -> None:
    clock = Clock.regular(START, 5, 1_000 * MS)
    with pytest.raises(sd.ParameterError, match=said):
        sd.align.shift_clock(one(noise(clock), clock), *arguments)


def test_node_without_signals_is_refused() -> None:
    clock = Clock.regular(START, 5, 1_000 * MS)
    with pytest.raises(sd.ParameterError, match="not a node of signals"):
        sd.align.shift_clock(one(noise(clock), clock)["x"].to_dataset().drop_vars("signal"), 0)
