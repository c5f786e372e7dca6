"""Clocks found in times that were written down, against the clocks these were made with."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.regularity import fit_clock
from sleepdask.signals.timestamps import Timestamps

MS, S = 1_000_000, 1_000_000_000
START = 1_710_197_250_123_456_789
RATES = [Fraction(r) for r in ("1", "4", "25", "50", "52", "64", "100", "130", "256", "1/3", "1/60", "12.8", "51.2")]
seeds = st.integers(0, 2**31)


def period_of(rate: Fraction) -> Fraction:
    return S / rate


def largest_distance(clock: object, stamps: np.ndarray) -> int:
    assert isinstance(clock, Clock)
    return int(np.abs(clock.times(np.arange(clock.size)).astype(np.int64) - stamps).max())


@given(st.sampled_from(RATES), seeds, st.booleans())
@settings(max_examples=60)
def test_a_regular_clock_with_jitter__is_found_with_its_exact_rate(rate: Fraction, seed: int, stated: bool) -> None:
    chance = np.random.default_rng(seed)
    period = period_of(rate)
    true = Clock.regular(START, int(chance.integers(400, 3000)), period.numerator, period.denominator)
    # Half of the hundredth of a period to either side of the true times.
    off = chance.integers(-int(period / 200), int(period / 200) + 1, true.size)
    stamps = true.times(np.arange(true.size)).astype(np.int64) + off
    fit = fit_clock(stamps, period=period if stated else None)
    assert isinstance(fit.clock, Clock)
    assert fit.clock.rate == rate
    assert fit.jitter == pytest.approx(largest_distance(fit.clock, stamps), abs=1)
    assert fit.jitter <= period / 100
    assert abs(fit.clock.start - true.start) <= period / 100
    assert abs(fit.drift) < 1e-4


@given(st.sampled_from([r for r in RATES if r <= 256]), seeds, st.sampled_from(["floor", "round"]))
@settings(max_examples=60)
def test_times_in_milliseconds__are_off_by_that(rate: Fraction, seed: int, how: str) -> None:
    chance = np.random.default_rng(seed)
    period = period_of(rate)
    true = Clock.regular(START + int(chance.integers(0, S)), 2000, period.numerator, period.denominator)
    exact = true.times(np.arange(true.size)).astype(np.int64)
    stamps = (exact + (MS // 2 if how == "round" else 0)) // MS * MS
    clock = fit_clock(stamps, resolution=MS).clock
    assert clock.rate == rate
    assert largest_distance(clock, stamps) <= MS


@given(st.sampled_from(RATES), st.lists(st.tuples(st.integers(20, 200), st.integers(2, 5000)), min_size=2, max_size=5))
@settings(max_examples=60)
def test_gaps__are_where_samples_are_missing(rate: Fraction, runs: list[tuple[int, int]]) -> None:
    period = period_of(rate)
    start, made = START, []
    for size, pause in runs:
        made.append((start, size))
        start += int((size + pause) * period) + int(period // 3)  # it begins anywhere again
    true = Clock.segmented(made, period.numerator, period.denominator)
    stamps = true.times(np.arange(true.size)).astype(np.int64)
    fit = fit_clock(stamps)
    assert isinstance(fit.clock, Clock)
    assert [run.size for run in fit.clock.runs] == [size for size, _ in runs]
    assert fit.clock.rate == rate
    assert largest_distance(fit.clock, stamps) <= 1


@given(st.integers(10, 400), seeds, st.integers(100 * MS, 2 * S), st.sampled_from([1, MS, 10 * MS]))
def test_irregular_times__never_become_regular(size: int, seed: int, period: int, resolution: int) -> None:
    chance = np.random.default_rng(seed)
    steps = chance.uniform(0.7, 1.3, size) * period
    stamps = np.unique((START + np.cumsum(steps.astype(np.int64))) // resolution * resolution)
    assert isinstance(fit_clock(stamps, resolution=resolution).clock, Timestamps)
    assert isinstance(fit_clock(stamps, period=Fraction(period)).clock, Timestamps)


def test_few_beats__follow_no_rule_unless_rounding_explains_all() -> None:
    beats = np.array([0, 1000, 1990, 3005]) * MS
    assert isinstance(fit_clock(beats, resolution=MS).clock, Timestamps)
    assert isinstance(fit_clock(beats, resolution=100 * MS).clock, Clock)
    assert isinstance(fit_clock(beats, resolution=MS, period=Fraction(S)).clock, Clock)
    assert isinstance(fit_clock(np.array([0, 20, 40]) * MS).clock, Clock)
    # Whole seconds: times at 0, 1 and 3 s are no samples at 0.5, 1.5 and 2.5 s.
    assert isinstance(fit_clock(np.array([0, 1, 3]) * S, resolution=S).clock, Timestamps)
    assert isinstance(fit_clock(np.array([0, 1, 3, 4, 6, 7, 8, 10, 11, 12, 13]) * S, resolution=S).clock, Timestamps)


@pytest.mark.parametrize("stamps", [[], [5], [5, 1_000]])
def test_no_rule_in_fewer_than_three(stamps: list[int]) -> None:
    clock = fit_clock(np.array(stamps, np.int64), dated=False).clock
    assert clock == Timestamps.of(stamps, dated=False)


def test_rates_that_nobody_means__are_measured() -> None:
    true = Clock.regular(START, 20_000, 19_253_817_001, 1000)  # about 51.9377 Hz
    stamps = true.times(np.arange(true.size)).astype(np.int64)
    jitter = np.random.default_rng(1).integers(-150_000, 150_001, stamps.size)
    fit = fit_clock(stamps + jitter)
    assert isinstance(fit.clock, Clock)
    assert float(fit.clock.rate) == pytest.approx(float(true.rate), rel=1e-7)
    assert largest_distance(fit.clock, stamps) < 192_538
    assert fit.drift == 0


@pytest.mark.parametrize(("ppm", "hours"), [(20, 10), (-20, 10), (500, 2), (-500, 2), (20, 0.02), (0, 10)])
def test_drift(ppm: int, hours: float) -> None:
    """A device that takes longer for its samples than it says is slow; hours of that are many samples."""
    size = round(hours * 3600 * 50)
    period = Fraction(20 * MS) * (1_000_000 + ppm) / 1_000_000
    stamps = (START + np.arange(size) * period.numerator // period.denominator) // MS * MS
    fit = fit_clock(stamps, resolution=MS, period=Fraction(20 * MS))
    assert isinstance(fit.clock, Clock)
    assert largest_distance(fit.clock, stamps) <= MS
    if hours < 1 or not ppm:
        assert fit.drift == 0  # less than what rounding can make
        assert fit.clock.rate == 50
    else:
        assert fit.drift == pytest.approx(ppm / 1e6, rel=0.01)
        assert float(fit.clock.rate) == pytest.approx(50 / (1 + ppm / 1e6), rel=1e-8)


def test_a_stated_rate_that_is_wrong__is_not_believed() -> None:
    stamps = START + np.arange(1000) * 10 * MS
    for stated in (20 * MS, 5 * MS, 9.99 * MS, 0, -3, 10**30):
        fit = fit_clock(stamps, period=Fraction(stated))
        assert fit.clock == Clock.regular(START, 1000, 10 * MS)
    assert fit_clock(stamps, period=Fraction(20 * MS)).drift == pytest.approx(-0.5)


def test_a_stated_rate_may_be_finer_than_a_clock() -> None:
    stated = Fraction(10**18 + 1, 10**11)  # 10 ms and a bit
    fit = fit_clock(START + np.arange(1000) * 10 * MS, period=stated)
    assert isinstance(fit.clock, Clock)
    assert fit.clock.rate == 100


def test_a_rate_above_one_a_nanosecond_does_not_exist() -> None:
    assert fit_clock(np.arange(START, START + 50)).clock == Clock.regular(START, 50, 1)


@pytest.mark.parametrize(
    "years",
    [[1678, 2262], [1678, 1970, 2261], [1700, 1800, 1900, 2000], [1900, 1970, 2024], [1970, 2000, 2030], [1931, 2076]],
)
def test_times_at_the_ends_of_what_64_bits_hold(years: list[int]) -> None:
    for stated in (None, Fraction(S), Fraction(10**18)):
        stamps = np.array([f"{year}-01-01" for year in years], "datetime64[ns]").astype(np.int64)
        assert isinstance(fit_clock(stamps, period=stated).clock, Timestamps)
    days = stamps[-1] - np.arange(100)[::-1] * 86_400 * S
    fit = fit_clock(days)
    assert isinstance(fit.clock, Clock) and fit.clock.rate == Fraction(1, 86_400)  # noqa: PT018


def test_times_out_of_order_are_refused() -> None:
    with pytest.raises(ParameterError, match="out of order"):
        fit_clock(np.array([0, 2, 1, 3]))


def test_many_samples_and_gaps_take_no_loop() -> None:
    """A loop over samples or stretches would take much longer."""
    sizes = np.arange(1_000_000) // 12  # a gap after each twelfth
    stamps = START + np.arange(1_000_000) * 20 * MS + sizes * S
    began = time.process_time()
    fit = fit_clock(stamps, resolution=MS)
    assert time.process_time() - began < 8
    assert isinstance(fit.clock, Clock)
    assert len(fit.clock.runs) == 83_334
    assert fit.jitter == 0
