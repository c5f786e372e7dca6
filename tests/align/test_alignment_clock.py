"""The clock that all signals go onto: exact rate, through the samples of the fastest node, over all samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import xarray as xr
from clocked import MS, START, node, noise, ns, one, recording, regular, stamps
from hypothesis import given
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.timestamps import AnyClock, Timestamps


def tree(*clocks: AnyClock) -> xr.DataTree:
    nodes = {f"n{k}": node(np.zeros(c.size), c, [f"c{k}"]) for k, c in enumerate(clocks)}
    return recording(nodes)


@given(st.lists(st.one_of(regular(gaps=1), stamps()), min_size=1, max_size=4), regular(gaps=1))
def test_clock_has_the_rate_of_the_fastest_node_and_covers_all(others: list[AnyClock], first: Clock) -> None:
    clocks = [first, *others]
    fastest = max((c for c in clocks if isinstance(c, Clock)), key=lambda c: (c.rate, c.size))
    made = sd.align.alignment_clock(tree(*clocks))
    assert made.rate == fastest.rate
    assert len(made.runs) == 1
    start, last = min(c.start for c in clocks), max(int(ns(c)[-1]) for c in clocks)
    period = Fraction(made.num, made.den)
    assert start - period < made.start <= start
    assert last <= int(ns(made)[-1]) < last + period + 1
    assert fastest.start in ns(made)


@given(regular(gaps=0), st.sampled_from([0.1, 1, 12.8, 25, Fraction(100, 3), 256]))
def test_rate_that_is_asked_for_begins_with_the_earliest_sample(clock: Clock, rate: float | Fraction) -> None:
    made = sd.align.alignment_clock(tree(clock), rate)
    exact = rate if isinstance(rate, Fraction) else Fraction(str(rate))
    assert made.rate == exact
    assert made.start == clock.start
    last = int(ns(clock)[-1])
    assert last <= int(ns(made)[-1]) < last + 1_000_000_000 / exact + 1


def test_one_node_keeps_its_clock_and_every_bit() -> None:
    clock = Clock.regular(START + 1, 5000, 1_000_000_000, 256)
    values = noise(clock, dtype="float32")
    night = one(values, clock)
    assert sd.align.alignment_clock(night) == clock
    for method in ("nearest", "ffill", "bfill", "linear"):
        np.testing.assert_array_equal(sd.align.align_signals(night, method=method)["x/signal"].values, values)
    np.testing.assert_allclose(sd.align.align_signals(night, method="mean")["x/signal"].values, values, atol=1e-6)


def test_samples_of_the_fastest_node_stay_as_they_are_beside_an_earlier_device() -> None:
    psg, watch = Clock.regular(START + 777_777, 2560, 1_000_000_000, 256), Clock.regular(START, 10, 1_000 * MS)
    values = noise(psg, 1)
    made = sd.align.align_signals(recording({"psg": node(values, psg, ["C3"]), "w": node(np.ones(10), watch, ["HR"])}))
    got = made["psg/signal"].values[0]
    np.testing.assert_array_equal(got[np.isfinite(got)], values[0])


def test_clock_without_a_date_stays_so() -> None:
    clock = Clock.regular(0, 100, 10 * MS, dated=False)
    night = one(noise(clock), clock)
    night.attrs["start"] = "NaT"
    made = sd.align.align_signals(night, 50)
    assert made["x"]["time"].dtype == np.dtype("timedelta64[ns]")
    assert made.attrs["start"] == "NaT"


def test_start_of_the_recording_is_that_of_the_clock() -> None:
    clock = Clock.regular(START, 100, 1_000 * MS)
    made = sd.align.align_signals(one(noise(clock), clock), Clock.regular(START + 5000 * MS, 3, 1_000 * MS))
    assert made.attrs["start"] == "2024-03-11T22:47:35.000000000"


def test_without_a_fixed_rate_one_must_be_given() -> None:
    beats = Timestamps.of(START + np.cumsum([900, 850, 910]) * MS)
    with pytest.raises(sd.ParameterError, match="no signal has a fixed rate; say at what rate"):
        sd.align.alignment_clock(tree(beats))
    assert sd.align.alignment_clock(tree(beats), 4).rate == 4


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan"), Fraction(-1)])
def test_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(sd.ParameterError, match="rate must be above 0"):
        sd.align.alignment_clock(tree(Clock.regular(START, 3, MS)), rate)
