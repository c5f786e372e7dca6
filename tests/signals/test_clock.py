"""The clock against exact fractions, sample by sample."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import pairwise
from math import floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Run, to_ns

S = 1_000_000_000
START = to_ns(np.datetime64("2024-03-11T22:47:30.123456789"))
PERIODS = {
    "12.8 Hz": (10 * S, 128),
    "3001 in 30 s": (30 * S, 3001),
    "1/3 Hz": (3 * S, 1),
    "1024 Hz": (S, 1024),
    "256 Hz": (S, 256),
    "1/30 Hz": (30 * S, 1),
    "7 ns": (7, 1),
}
periods = st.sampled_from(list(PERIODS.values())) | st.tuples(st.integers(1, 10**9), st.integers(1, 1000))


@st.composite
def segmented_clocks(draw: st.DrawFn) -> Clock:
    """Clock of one to four runs, some empty, with gaps from nothing to a few samples."""
    num, den = draw(periods)
    start, runs = draw(st.integers(-(10**18), 4 * 10**18)), []
    for size in draw(st.lists(st.integers(0, 12), min_size=1, max_size=4)):
        runs.append((start, size))
        start += -(-size * num // den) + draw(st.sampled_from([0, 1])) + draw(st.integers(0, 3 * num // den))
    return Clock.segmented(runs, num, den)


slices = st.builds(slice, *[st.none() | st.integers(-30, 30)] * 2, st.none() | st.integers(1, 5))
clocks = st.builds(lambda clock, cut: clock.isel(cut), segmented_clocks(), st.just(slice(None)) | slices)


def exact(clock: Clock) -> list[tuple[int, Fraction]]:
    """Run number and exact time of every sample."""
    period = Fraction(clock.num, clock.den)
    return [
        (k, run.start + Fraction(run.phase, clock.den) + j * period)
        for k, run in enumerate(clock.runs)
        for j in range(run.size)
    ]


def nanoseconds(clock: Clock) -> list[int]:
    return clock.times(np.arange(clock.size)).astype(np.int64).tolist()


def instants_around(draw: st.DrawFn, clock: Clock) -> int:
    """An instant near a sample or anywhere about the clock."""
    times = [floor(t) for _, t in exact(clock)] + [clock.start, clock.end]
    near = st.builds(lambda t, d: t + d, st.sampled_from(times), st.integers(-2, 2))
    return draw(near | st.integers(min(times) - S, max(times) + S))


@given(clocks)
def test_times__are_the_floor_of_exact_fractions(clock: Clock) -> None:
    assert nanoseconds(clock) == [floor(t) for _, t in exact(clock)]
    assert clock.size == len(exact(clock))
    assert clock.times(np.zeros((0, 2), int)).shape == (0, 2)


@given(clocks, st.data())
def test_searchsorted__counts_the_samples_before_an_instant(clock: Clock, data: st.DataObject) -> None:
    asked = [instants_around(data.draw, clock) for _ in range(8)]
    counted = clock.searchsorted(np.array(asked, "datetime64[ns]").reshape(2, 4))
    assert counted.ravel().tolist() == [sum(t < ask for _, t in exact(clock)) for ask in asked]
    assert counted.shape == (2, 4)


@given(clocks, st.data())
def test_bounds__are_the_longest_run_of_the_half_open_window(clock: Clock, data: st.DataObject) -> None:
    windows = [sorted(instants_around(data.draw, clock) for _ in range(2)) for _ in range(5)]
    low, high = np.array(windows, "datetime64[ns]").T
    starts, stops = clock.bounds(low, high)
    for (a, b), start, stop in zip(windows, starts.tolist(), stops.tolist(), strict=True):
        inside = [(k, i) for i, (k, t) in enumerate(exact(clock)) if a <= t < b]
        runs = [[i for k, i in inside if k == number] for number in range(len(clock.runs))]
        assert list(range(start, stop)) == max(runs, key=len)  # of equally long runs the first
        assert 0 <= start <= stop <= clock.size


def test_bounds__across_a_gap_keep_the_longest_run() -> None:
    clock = Clock.segmented([(0, 10), (20 * S, 15), (60 * S, 5)], S)
    starts, stops = clock.bounds(np.array([0, 5 * S, 12 * S, 8 * S]), np.array([65 * S, 22 * S, 18 * S, 20 * S]))
    assert list(zip(starts.tolist(), stops.tolist(), strict=True)) == [(10, 25), (5, 10), (10, 10), (8, 10)]


def test_bounds__leave_out_a_sample_exactly_at_the_end() -> None:
    clock = Clock.regular(0, 10, S)
    assert [int(bound[0]) for bound in clock.bounds(2 * S, 4 * S)] == [2, 4]
    assert [int(bound[0]) for bound in clock.bounds(2 * S + 1, 4 * S + 1)] == [3, 5]


@given(clocks, slices)
def test_isel__takes_the_same_samples_as_an_array(clock: Clock, cut: slice) -> None:
    picked = clock.isel(cut)
    assert nanoseconds(picked) == nanoseconds(clock)[cut]
    assert picked.rate == clock.rate / (cut.step or 1)


@given(clocks, slices, slices)
def test_isel__composes(clock: Clock, first: slice, second: slice) -> None:
    assert nanoseconds(clock.isel(first).isel(second)) == nanoseconds(clock)[first][second]


@given(clocks)
def test_start_and_end__frame_the_samples(clock: Clock) -> None:
    if clock.size and all(run.size for run in clock.runs):
        samples, period = exact(clock), Fraction(clock.num, clock.den)
        assert clock.start == floor(samples[0][1])
        assert clock.end == floor(samples[-1][1] + period)


def test_start_and_end__of_an_empty_clock_agree() -> None:
    clock = Clock.regular(START, 5, S).isel(slice(3, 3))
    assert (clock.size, clock.start, clock.end) == (0, START, START)
    assert clock.searchsorted(np.datetime64(START + S, "ns")) == 0


@given(segmented_clocks(), st.lists(st.integers(0, 50), max_size=3), st.integers(1, 4))
def test_joined__is_the_inverse_of_cutting(clock: Clock, cuts: list[int], step: int) -> None:
    clock = clock.isel(slice(None, None, step))
    edges = [0, *sorted(min(cut, clock.size) for cut in cuts), clock.size]
    pieces = [clock.isel(slice(a, b)) for a, b in pairwise(edges)]
    joined = Clock.joined(pieces)
    late = np.subtract(nanoseconds(joined), nanoseconds(clock))
    assert np.all(np.abs(late) <= (len(clock.runs) > 1))  # runs less than 1 ns apart become one
    assert joined.size == clock.size
    assert len(joined.runs) <= len(clock.runs)  # no cut is left as a gap


def test_joined__keeps_a_gap_and_closes_none() -> None:
    a, b, c = Clock.regular(0, 3, S), Clock.regular(3 * S, 4, S), Clock.regular(9 * S, 2, S)
    assert Clock.joined([a, b, c]).runs == (Run(0, 7), Run(9 * S, 2))
    assert Clock.joined([a.isel(slice(0, 0)), a]).runs == (Run(0, 3),)
    assert Clock.joined([a.isel(slice(0, 0))]).size == 0


def test_joined__refuses_other_rates_and_wrong_order() -> None:
    a, b = Clock.regular(0, 3, S), Clock.regular(3 * S, 3, S)
    with pytest.raises(ParameterError, match=r"one rate.*1 Hz, 2 Hz"):
        Clock.joined([a, Clock.regular(3 * S, 3, S, 2)])
    with pytest.raises(ParameterError, match="one rate"):
        Clock.joined([a, b.isel(slice(None, None, 2))])
    with pytest.raises(ParameterError, match="out of order"):
        Clock.joined([b, a])


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("step", [1, 3])
def test_two_weeks__every_label_finds_its_own_sample(period: tuple[int, int], step: int) -> None:
    num, den = period
    size = 14 * 86_400 * S * den // num
    clock = Clock.regular(START, size, num, den).isel(slice(None, None, step))
    random = np.random.default_rng(0)
    index = np.append(random.integers(clock.size // 2, clock.size, 5000), [0, 1, clock.size - 2, clock.size - 1])
    times = clock.times(index)
    assert np.array_equal(clock.searchsorted(times), index)
    assert np.array_equal(clock.searchsorted(times + np.timedelta64(1, "ns")), index + 1)
    expected = [START + j * step * num // den for j in index.tolist()]
    assert times.astype(np.int64).tolist() == expected
    assert abs(clock.end - (START + 14 * 86_400 * S)) <= step * num / den


def test_rate__is_exact() -> None:
    assert Clock.regular(0, 1, 30 * S, 3001).rate == Fraction(3001, 30)
    assert Clock.regular(0, 1, 3 * S).rate == Fraction(1, 3)
    assert Clock.regular(0, 9, S, 256).isel(slice(None, None, 4)).rate == 64


def test_period__is_kept_in_lowest_terms() -> None:
    assert Clock.regular(0, 10, 30 * S, 3000) == Clock.regular(0, 10, S, 100)
    assert hash(Clock.regular(0, 10, 30 * S, 3000)) == hash(Clock.regular(0, 10, S, 100))
    assert Clock.regular(0, 10, S, 100) != Clock.regular(0, 10, S, 101)


def test_pickle__is_small_and_leaves_cached_arrays_behind() -> None:
    clock = Clock.segmented([(START + k * 3600 * S, 256 * 3000) for k in range(10)], S, 256)
    unused = pickle.dumps(clock)
    clock.times([0, 5])
    parcel = pickle.dumps(clock)
    copy = pickle.loads(parcel)
    assert copy == clock
    assert parcel == unused
    assert len(parcel) < 1000
    assert "first" in vars(clock)
    assert "first" not in vars(copy)
    assert np.array_equal(copy.times([0, -1]), clock.times([0, -1]))


@pytest.mark.parametrize(
    ("runs", "period", "message"),
    [
        ([(0, 10), (9 * S, 5)], (S, 1), "overlap or are out of order.*after 1970-01-01T00:00:09"),
        ([(20 * S, 5), (0, 5)], (S, 1), "overlap or are out of order"),
        ([], (S, 1), "at least one run"),
        ([(0, -1)], (S, 1), "fewer than 0"),
        ([(0, 5)], (0, 1), "above 0"),
        ([(0, 5)], (-S, 1), "above 0"),
        ([(0, 5)], (2**61 + 1, 2), "too fine"),
        ([(0, 5)], (10**13, 639_873), "too fine"),
    ],
)
def test_clock__refuses(runs: list[tuple[int, int]], period: tuple[int, int], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Clock.segmented(runs, *period)


@pytest.mark.parametrize("phase", [-1, 3])
def test_clock__refuses_a_phase_beyond_its_period(phase: int) -> None:
    with pytest.raises(ParameterError, match="phase"):
        Clock((Run(0, 5, phase),), S, 3)


@given(clocks, st.integers(0, 30), st.integers(1, 4))
def test_equal__are_clocks_that_tell_the_same(clock: Clock, start: int, step: int) -> None:
    part = clock.isel(slice(start, None, step))
    runs = [(run.start, run.size) for run in part.runs]
    if part.size and not any(run.phase for run in part.runs):
        assert part == Clock.segmented(runs, clock.num * step, clock.den)


def test_runs_may_touch() -> None:
    assert Clock.segmented([(0, 10), (9 * S + 1, 5)], S).size == 15


def test_searchsorted__of_instants_far_from_the_recording() -> None:
    clock = Clock.regular(START, 100, S, 1024)
    far = np.array(["1678-01-01", "1970-01-01", "2261-01-01", "NaT"], "datetime64[ns]")
    assert clock.searchsorted(far).tolist() == [0, 0, 100, 0]


def test_to_ns__reads_what_numpy_reads() -> None:
    expected = 1_710_201_600_000_000_000
    same = ["2024-03-12", np.datetime64("2024-03-12"), np.int64(expected), expected]
    assert [to_ns(time) for time in same] == [expected] * 4


def test_to_ns__keeps_the_nanoseconds_of_pandas() -> None:
    assert to_ns(pd.Timestamp("2024-03-12T00:00:00.123456789")) == 1_710_201_600_123_456_789


def test_spans_are_the_times_that_each_run_covers() -> None:
    start, end = Clock.segmented([(0, 3), (10**9, 2), (5 * 10**9, 0)], 10**9, 3).spans
    assert start.tolist() == [0, 10**9, 5 * 10**9]
    assert end.tolist() == [10**9, 1_666_666_666, 5 * 10**9]


@pytest.mark.parametrize(("late", "runs"), [(-5, 1), (0, 1), (5, 1), (6, 2), (-6, 2)])
def test_joined_within_a_tolerance(late: int, runs: int) -> None:
    one, other = Clock.regular(0, 10, 100), Clock.regular(1000 + late, 10, 100)
    assert len(Clock.joined([one, other], tolerance=5).runs) == runs
    assert len(Clock.joined([one, other]).runs) == (1 if late == 0 else 2)
