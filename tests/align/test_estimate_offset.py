"""Offset and drift between two clocks are found where there are some, and never made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from clocked import MS, START, cut, node, noise, ns, one

import sleepdask as sd
from sleepdask.align.correlation import correlations, highest
from sleepdask.align.lines import consensus_line
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.timestamps import AnyClock, Timestamps

HOURS = 4


def pulse(seconds: Any, seed: int = 0) -> Any:
    """Pulse rate at any time in seconds: slow waves, arousals and some breathing."""
    random = np.random.default_rng(seed)
    total = 60 + np.zeros_like(seconds)
    for _ in range(60):
        total = total + random.normal() * np.sin(2 * np.pi * seconds / random.uniform(25, 600) + random.uniform(0, 7))
    for at in random.uniform(0, HOURS * 3600, 120):
        total = total + random.uniform(3, 12) * np.exp(-(((seconds - at) / 12) ** 2))
    return total


def signal(values: Any, clock: AnyClock) -> xr.DataArray:
    return node(values, clock)["signal"].isel(channel=0)


def device(offset: float, drift: float, clock: AnyClock, *, noise_of: float = 0.5, seed: int = 1) -> xr.DataArray:
    """Signal of a clock that has to be moved by `offset` (s, at its start) and `drift` (ppm) to be right."""
    times = (ns(clock) - clock.start) / 1e9
    right = (clock.start - START) / 1e9 + times + offset + drift / 1e6 * times
    return signal(pulse(right) + noise_of * np.random.default_rng(seed).normal(size=clock.size), clock)


PSG = Clock.regular(START, HOURS * 3600, 1_000 * MS)


@pytest.mark.parametrize(
    ("offset", "drift"), [(0.0, 0.0), (42.3, 0.0), (-17.25, 40.0), (131.0, -150.0), (-280.0, 300.0)]
)
@pytest.mark.parametrize("kind", ["regular", "any times"])
def test_offset_and_drift_that_were_put_in_are_found(offset: float, drift: float, kind: str) -> None:
    start = START + 35_500 * MS
    clock: AnyClock = Clock.regular(start, HOURS * 1800, 2_000 * MS)
    if kind == "any times":
        steps = np.random.default_rng(2).integers(600, 1400, HOURS * 3600)
        clock = Timestamps.of(start + np.cumsum(steps) * MS)
    found = sd.align.estimate_offset(device(0, 0, PSG), device(offset, drift, clock))
    assert found.found, found.reason
    assert found.reference == np.datetime64(clock.start, "ns")
    assert abs(found.offset / np.timedelta64(1, "s") - offset) < 0.3
    assert abs(found.drift - drift) < 30
    assert found.confidence > 0.8
    assert found.correlation > 0.7


def test_shifting_by_what_is_found_brings_signals_together() -> None:
    watch = device(-37.4, 120.0, Clock.regular(START + 10_000 * MS, HOURS * 3600, 1_000 * MS))
    found = sd.align.estimate_offset(device(0, 0, PSG), watch)
    moved = sd.align.shift_clock(watch, found.offset, found.drift, reference=found.reference)
    assert sd.align.shift_clock(watch, found.offset, found.drift).equals(moved)
    left = sd.align.estimate_offset(device(0, 0, PSG), moved)
    assert abs(left.offset / np.timedelta64(1, "s")) < 0.1
    assert abs(left.drift) < 10
    truth = (ns(clock_of(moved)) - START) / 1e9
    assert np.abs(moved.values - pulse(truth)).mean() < np.abs(watch.values - pulse(
        (ns(clock_of(watch)) - START) / 1e9)).mean() / 3  # fmt: skip


def test_swapped_the_offset_has_the_other_sign() -> None:
    one, other = device(0, 0, PSG), device(25.0, 0, PSG, seed=3)
    there, back = (sd.align.estimate_offset(*pair).offset for pair in ((one, other), (other, one)))
    assert abs((there + back) / np.timedelta64(1, "ms")) < 200
    assert there > back


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["white", "walk", "pulse", "sine"])
def test_signals_that_have_nothing_in_common_give_none(kind: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    time = np.arange(PSG.size)
    made = {
        "white": lambda: random.normal(size=PSG.size),
        "walk": lambda: random.normal(size=PSG.size).cumsum(),
        "pulse": lambda: pulse(time, seed=int(random.integers(100, 10_000))),
        "sine": lambda: np.sin(2 * np.pi * time / 20 + random.uniform(0, 6)) + 0.1 * random.normal(size=PSG.size),
    }[kind]
    found = sd.align.estimate_offset(signal(made(), PSG), signal(made(), PSG))
    assert not found.found
    assert np.isnat(found.offset)
    assert np.isnan(found.drift)
    assert found.confidence < 0.3
    assert "agree" in found.reason


def test_offset_beyond_what_is_looked_for_is_not_found() -> None:
    a, b = device(0, 0, PSG), device(500.0, 0, PSG)
    assert not sd.align.estimate_offset(a, b).found
    assert sd.align.estimate_offset(a, b, max_offset="10min").found


def test_missing_samples_and_gaps_are_no_hindrance_unless_there_is_little_left() -> None:
    a = device(0, 0, PSG)
    times = np.random.default_rng(4).random(PSG.size) < 0.2
    times[5000:7000] = True
    b = device(12.0, 20.0, PSG, seed=5)
    b = b.copy(data=np.where(times, np.nan, b.values))
    found = sd.align.estimate_offset(a, b)
    assert abs(found.offset / np.timedelta64(1, "s") - 12) < 0.3
    assert not found.windows["known"].values.all()
    none = sd.align.estimate_offset(a, b.copy(data=np.full(PSG.size, np.nan)))
    assert (none.reason, none.confidence) == ("no window has enough samples of both", 0.0)
    flat = sd.align.estimate_offset(a, b.copy(data=np.full(PSG.size, 60.0)))
    assert flat.reason == "no window has enough samples of both"
    short = Clock.regular(START, 300, 1_000 * MS)
    assert sd.align.estimate_offset(device(0, 0, short), a).reason == "no window has enough samples of both"
    few = Clock.regular(START, 1900, 1_000 * MS)
    assert "3 of 3 windows agree" in sd.align.estimate_offset(device(0, 0, few), a).reason


def test_windows_say_what_each_of_them_found() -> None:
    found = sd.align.estimate_offset(device(0, 0, PSG), device(8.0, 0, PSG, seed=7), window="20min", step="10min")
    table = found.windows
    assert dict(table.sizes) == {"window": HOURS * 6 - 1}
    assert table["time"].values[1] == np.datetime64("2024-03-11T23:07:30")
    np.testing.assert_allclose(table["offset"].values[table["agrees"].values], 8.0, atol=2.0)
    assert (table["runner_up"] <= table["correlation"]).all()
    assert found.confidence == float(table["agrees"].sum() / table["known"].sum())


def test_everything_is_lazy_until_computed_and_the_same_wherever_it_is() -> None:
    fast = Clock.regular(START, HOURS * 3600 * 4, 250 * MS)
    a, b = one(device(0, 0, PSG).values, PSG), one(device(5.0, 0, fast, seed=9).values, fast)
    want = sd.align.estimate_offset(a["x"], b["x"], backend="sync")
    for chunks in (1000, 7777):
        lazy = [cut(each, {"time": chunks})["x"] for each in (a, b)]
        got = sd.align.estimate_offset(*lazy, backend="threads", workers=2)
        assert (got.offset, got.drift, got.confidence) == (want.offset, want.drift, want.confidence)
        xr.testing.assert_identical(got.windows, want.windows)
    picked = sd.align.estimate_offset(a["x/signal"].sel(channel="c0"), b["x"].to_dataset())
    assert picked.offset == want.offset


@pytest.mark.parametrize(
    ("options", "said"),
    [({"window": "5s"}, "windows are too short"), ({"step": 0}, "windows are too short"),
     ({"max_offset": "0s"}, "windows are too short"), ({"window": "long"}, "window is not a duration"),
     ({"rate": -1}, "rate must be above 0"), ({"max_drift": -1}, "max_drift is none"),
     ({"least_confidence": 0}, "least_confidence is a share")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(sd.ParameterError, match=said):
        sd.align.estimate_offset(device(0, 0, PSG), device(0, 0, PSG), **options)


def test_what_is_not_one_signal_with_a_clock_is_refused() -> None:
    good = device(0, 0, PSG)
    two = node(noise(PSG), PSG)
    for bad, said in (
        (two, "b: not one signal; expected one channel along time"),
        (two.drop_vars("signal"), "b: not a node of signals"),
        (good.drop_vars("time"), "signals have no clock"),
        (good.values, "b: not one signal"),
        (signal(np.zeros(9), Clock.regular(0, 9, MS, dated=False)), "only one of the signals has a date"),
        (good[:0], "a signal has no sample"),
    ):
        with pytest.raises(sd.ParameterError, match=said):
            sd.align.estimate_offset(good, bad)


def test_correlations_are_those_of_numpy_over_pairs_that_are_there() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=40) + 1e4, random.normal(size=100) + 1e4
    a[random.random(40) < 0.2] = np.nan
    b[random.random(100) < 0.2] = np.nan
    b[60:100] = np.nan
    got = correlations(a, b)
    for lag in range(61):
        both = np.isfinite(a) & np.isfinite(b[lag : lag + 40])
        want = np.corrcoef(a[both], b[lag : lag + 40][both])[0, 1] if both.sum() >= 20 else np.nan
        np.testing.assert_allclose(got[lag], want, atol=1e-9)
    assert np.isnan(correlations(np.ones(10), random.normal(size=20))).all()
    assert np.isnan(correlations(np.full(10, np.nan), random.normal(size=20))).all()


def test_highest_peak_is_between_samples_and_has_a_runner_up() -> None:
    x = np.arange(60.0)
    values = np.exp(-(((x - 20.3) / 3) ** 2)) + 0.4 * np.exp(-(((x - 45) / 3) ** 2))
    place, height, runner_up = highest(values)
    assert abs(place - 20.3) < 0.05
    assert height == values[20]
    assert abs(runner_up - 0.499) < 0.1
    assert highest(np.array([0.1, 0.9, 0.1]))[1:] == (0.9, 0.1)
    for none in (x, -x, np.full(5, np.nan), np.array([0.5, np.nan, 0.9, 0.1, 0.2]), -np.ones(5)):
        assert np.isnan(highest(none)).all()


def test_line_is_that_of_most_points() -> None:
    random = np.random.default_rng(0)
    x = np.linspace(0, 30_000, 200)
    y = 12 + 50e-6 * x + random.normal(size=200) * 0.1
    wild = random.random(200) < 0.4
    slope, height, on = consensus_line(x, np.where(wild, random.uniform(-300, 300, 200), y), 1.0, 500e-6)
    assert abs(slope - 50e-6) < 3e-6
    assert abs(height - 12) < 0.1
    assert on.sum() >= (~wild).sum()
    assert consensus_line(x[:0], x[:0], 1.0, 1.0)[2].shape == (0,)
    assert consensus_line(x[:1], y[:1], 1.0, 1.0)[2].tolist() == [True]


def oximeter(test_data: Path, column: str) -> xr.DataArray:
    table = pd.read_csv(test_data / "resmed-night-a" / "checkme-o2-max-20260310.csv", na_values="--")
    times = pd.to_datetime(table["Time"], format="%H:%M:%S %b %d %Y").to_numpy("datetime64[ns]")
    values = xr.DataArray(table[column].to_numpy(float), dims="time")
    return values.assign_coords(time_coordinate(Timestamps.of(times)))


@pytest.mark.parametrize(("of_mask", "of_wrist"), [("RespRate.2s", "Pulse Rate"), ("MinVent.2s", "Motion"),
                                                   ("Leak.2s", "Motion"), ("TidVol.2s", "Oxygen Level")])  # fmt: skip
def test_real_night_of_mask_and_oximeter_has_no_confident_offset(test_data: Path, of_mask: str, of_wrist: str) -> None:
    """Breathing and pulse go together at times only, and with lags of their own: windows say -6 to -70 s."""
    night = sd.open_recording(test_data / "resmed-night-a" / "20260310_000159_PLD.edf", chunks=None)
    mask = night["0.5Hz"]["signal"].sel(channel=of_mask)
    found = sd.align.estimate_offset(mask, oximeter(test_data, of_wrist), window="20min")
    assert not found.found
    assert found.confidence < 0.5
    assert "agree" in found.reason


def test_real_pulse_finds_its_own_clock_again(test_data: Path) -> None:
    right = oximeter(test_data, "Pulse Rate")
    wrong = sd.align.shift_clock(right, "17.3s", 45.0)
    found = sd.align.estimate_offset(right, wrong)
    assert abs(found.offset / np.timedelta64(1, "s") + 17.3) < 0.1
    assert abs(found.drift + 45) < 5
    assert found.confidence == 1.0
