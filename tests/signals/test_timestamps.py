"""Sample times that follow no rule, against plain loops over them, and against the clock of the same times."""

from __future__ import annotations

import pickle
import time
from itertools import pairwise

import numpy as np
import pytest
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, longest_runs
from sleepdask.signals.timestamps import Timestamps

S = 1_000_000_000
LAST = 2**63 - 1

distances = st.integers(1, 30)


@st.composite
def timestamps(draw: st.DrawFn, least: int = 0) -> Timestamps:
    steps = draw(st.lists(distances, min_size=least, max_size=25))
    stamps = np.cumsum([draw(st.integers(-100, 100)), *steps])[: len(steps)]
    period = draw(st.integers(1, 10))
    return Timestamps(np.asarray(stamps, np.int64), period, period * draw(st.integers(1, 4)), draw(st.booleans()))


slices = st.builds(slice, *[st.none() | st.integers(-30, 30)] * 2, st.none() | st.integers(1, 5))
windows = st.lists(st.tuples(st.integers(-150, 700), st.integers(1, 120)), min_size=1, max_size=8)


def stretches(clock: Timestamps) -> list[list[int]]:
    """Sample numbers between gaps."""
    parts: list[list[int]] = []
    for i, stamp in enumerate(clock.stamps.tolist()):
        if parts and stamp - int(clock.stamps[i - 1]) <= clock.gap:
            parts[-1].append(i)
        else:
            parts.append([i])
    return parts


def times(values: list[int], clock: Timestamps) -> np.ndarray:
    return np.array(values, np.int64).astype(clock.dtype)


@given(timestamps(), st.lists(st.integers(-150, 900), max_size=8))
def test_searchsorted__counts_the_samples_before_a_time(clock: Timestamps, asked: list[int]) -> None:
    counted = clock.searchsorted(times(asked, clock))
    assert counted.tolist() == [sum(stamp < ask for stamp in clock.stamps.tolist()) for ask in asked]
    assert counted.dtype == np.int64
    assert clock.searchsorted(np.array("NaT", clock.dtype)) == 0


@given(timestamps())
def test_stretches__lie_between_gaps(clock: Timestamps) -> None:
    parts = stretches(clock)
    assert clock.first.tolist() == ([part[0] for part in parts] or [0]) + [clock.size]
    begins, ends = clock.spans
    stamps = clock.stamps.tolist()
    assert begins.tolist() == ([stamps[part[0]] for part in parts] or [0])
    assert ends.tolist() == ([stamps[part[-1]] + clock.period for part in parts] or [0])
    assert (clock.start, clock.end) == ((stamps[0], stamps[-1] + clock.period) if stamps else (0, 0))


@given(timestamps(), windows)
def test_bounds__are_the_longest_stretch_of_the_half_open_window(
    clock: Timestamps, asked: list[tuple[int, int]]
) -> None:
    low, high = [a for a, _ in asked], [a + n for a, n in asked]
    starts, stops = clock.bounds(times(low, clock), times(high, clock))
    stamps = clock.stamps.tolist()
    for a, b, start, stop in zip(low, high, starts.tolist(), stops.tolist(), strict=True):
        inside = [[i for i in part if a <= stamps[i] < b] for part in stretches(clock)] or [[]]
        assert list(range(start, stop)) == max(inside, key=len)
        assert 0 <= start <= stop <= clock.size


@given(timestamps(), windows)
def test_expected__adds_what_is_missing_before_and_after(clock: Timestamps, asked: list[tuple[int, int]]) -> None:
    low, high = [a for a, _ in asked], [a + n for a, n in asked]
    starts, stops = (bound.tolist() for bound in clock.bounds(times(low, clock), times(high, clock)))
    stamps, parts = clock.stamps.tolist(), stretches(clock)
    begins, ends = {part[0] for part in parts}, {part[-1] for part in parts}
    expected = []
    for a, b, start, stop in zip(low, high, starts, stops, strict=True):
        count = stop - start
        if not count:
            expected.append(max(1, (b - a) // clock.period))
            continue
        missing, at = 0, stamps[start] - clock.period
        while start in begins and at >= a:
            missing, at = missing + 1, at - clock.period
        at = stamps[stop - 1] + clock.period
        while stop - 1 in ends and at < b:
            missing, at = missing + 1, at + clock.period
        expected.append(count + missing)
    got = clock.expected(times(low, clock), times(high, clock))
    assert got.tolist() == expected
    assert np.all(got >= np.maximum(1, np.subtract(stops, starts)))  # so that no coverage is above 1


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(2, 40)), min_size=1, max_size=4), st.integers(1, 9))
def test_times_of_a_regular_clock__give_what_the_clock_gives(runs: list[tuple[int, int]], window: int) -> None:
    period, start, given_runs = 10, 1000, []
    for size, pause in runs:
        given_runs.append((start, size))
        start += (size + pause) * period
    clock = Clock.segmented(given_runs, period)
    stamps = clock.times(np.arange(clock.size)).astype(np.int64)
    same = Timestamps(stamps, period, period)
    grid = EpochGrid.spanning(900, start + 100, window=window * period, step=7)
    assert [b.tolist() for b in grid.bounds(same)] == [b.tolist() for b in grid.bounds(clock)]
    starts, stops = grid.bounds(same)
    assert ((stops - starts) / same.expected(*grid.windows())).tolist() == grid.coverage(clock).tolist()
    assert same.size == clock.size
    assert (same.start, same.end, same.rate) == (clock.start, clock.end, clock.rate)


@given(timestamps(), slices)
def test_isel__takes_the_same_samples_as_an_array(clock: Timestamps, cut: slice) -> None:
    part = clock.isel(cut)
    assert part.stamps.tolist() == clock.stamps[cut].tolist()
    assert part.dated == clock.dated
    assert clock.isel(slice(None)) == clock


def test_isel__of_few_samples_of_many_stays_a_clock() -> None:
    clock = Timestamps.of(np.arange(5) * 10**17)
    assert clock.isel(slice(None, None, 10**12)).stamps.tolist() == [0]
    assert Timestamps(np.array([0]), 10**18, LAST).isel(slice(None, None, 3)).gap == LAST
    assert Timestamps.of([]).isel(slice(None, None, 3)).size == 0


@given(timestamps(least=1), st.lists(st.integers(0, 30), max_size=3))
def test_joined__is_the_inverse_of_cutting(clock: Timestamps, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, clock.size) for cut in cuts), clock.size]
    assert Timestamps.joined([clock.isel(slice(a, b)) for a, b in pairwise(edges)]) == clock


def test_joined__has_the_distances_of_the_largest() -> None:
    few, many = Timestamps.of([0, 50 * S]), Timestamps.of(np.arange(100, 200) * S)
    joined = Timestamps.joined([few, many])
    assert (joined.period, joined.gap) == (S, 5 * S)
    assert joined.first.tolist() == [0, 1, 2, 102]


def test_joined__refuses() -> None:
    one, other = Timestamps.of(np.arange(10) * S), Timestamps.of(np.arange(9, 20) * S)
    with pytest.raises(ParameterError, match=r"overlap or are out of order.*after 1970-01-01T00:00:09.*found .*:09"):
        Timestamps.joined([one, other])
    with pytest.raises(ParameterError, match="overlap or are out of order"):
        Timestamps.joined([other, Timestamps.of([]), one])
    with pytest.raises(ParameterError, match="without a date"):
        Timestamps.joined([one, Timestamps.of([10**12], dated=False)])


@given(timestamps())
def test_a_copy__is_equal(clock: Timestamps) -> None:
    copy = pickle.loads(pickle.dumps(clock))
    assert copy == clock
    assert hash(copy) == hash(clock)
    assert tokenize(copy) == tokenize(clock)
    assert "from" in repr(copy)


def test_others__are_not_equal() -> None:
    clock = Timestamps.of([1, 5, 9])
    others = [
        Timestamps.of([1, 5, 10]),
        Timestamps.of([1, 5]),
        Timestamps(clock.stamps, 5, 20),
        Timestamps(clock.stamps, 4, 21),
        Timestamps(clock.stamps, 4, 20, dated=False),
    ]
    assert all(other != clock for other in others)
    assert len({tokenize(each) for each in [clock, *others]}) == 6
    assert clock != Clock.regular(1, 3, 4)
    assert clock != "clock"


def test_times__are_kept_whatever_becomes_of_the_array() -> None:
    stamps = np.array([1, 5, 9])
    clock = Timestamps.of(stamps)
    stamps[0] = 7
    assert clock.times([0, 2]).astype(np.int64).tolist() == [1, 9]
    with pytest.raises(ValueError, match="read-only"):
        clock.stamps[0] = 0


def test_of__tells_the_usual_distance() -> None:
    assert Timestamps.of([0, 10, 21, 31, 500]).period == 10
    assert Timestamps.of([0, 10, 21, 31, 500]).gap == 50
    assert Timestamps.of([7]).period == Timestamps.of([]).period == S
    assert Timestamps.of([0, 10], gap=3).gap == 10
    assert Timestamps.of([0, 10], gap=30).gap == 30
    assert Timestamps.of([0, LAST - 10], period=5).first.tolist() == [0, 1, 2]
    assert Timestamps.of([0, 4 * 10**18]).gap == LAST
    assert Timestamps.of(np.array(["2024-03-11T23:00", "2024-03-11T23:01"], "datetime64[s]")).period == 60 * S
    assert Timestamps.of(np.array([1, 2], "timedelta64[s]"), dated=False).stamps.tolist() == [S, 2 * S]


@pytest.mark.parametrize(
    ("stamps", "options", "message"),
    [
        ([5, 5], {}, r"out of order, or twice the same; expected a time after .*005; found .*005"),
        ([5, 9, 7], {"period": 1}, r"out of order, or twice the same; expected a time after .*009; found .*007"),
        ([[1, 2]], {"period": 1}, "a list of times"),
        (3, {}, "a list of times"),
        ([0.5, 1.5], {}, "a list of times"),
        ([1, 2], {"period": 0}, "a period above 0"),
        (["NaT", "2024-03-11"], {"period": 1}, "found one that is missing"),
        ([0, LAST - 5], {"period": 6}, "expected 1678 to 2262"),
    ],
)
def test_what_is_no_clock__is_refused(stamps: object, options: dict[str, int], message: str) -> None:
    array = np.array(stamps, "datetime64[ns]" if isinstance(stamps, list) and "NaT" in stamps else None)
    with pytest.raises(ParameterError, match=message):
        Timestamps.of(array, **options)
    if "gap" not in options:
        with pytest.raises(ParameterError, match="no shorter"):
            Timestamps(np.array([1, 2]), 5, 4)


def test_times_at_the_ends_of_what_64_bits_hold() -> None:
    clock = Timestamps(np.array([-LAST, 0, LAST - 10]), 10, 50)
    assert clock.first.tolist() == [0, 1, 2, 3]  # distances beyond 2**63 are gaps too
    assert clock.end == LAST
    assert "2262" in repr(clock)
    assert clock.bounds(clock.moment(-LAST), clock.moment(LAST))[0].tolist() == [0]


@given(
    st.lists(st.integers(0, 60), max_size=12).map(lambda cuts: np.array(sorted(set(cuts)), np.int64)),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), min_size=1, max_size=6),
)
def test_longest_runs__against_a_loop(cuts: np.ndarray, asked: list[tuple[int, int]]) -> None:
    starts, stops = [a for a, _ in asked], [a + n for a, n in asked]
    got = longest_runs(starts, stops, cuts)
    for a, b, start, stop in zip(starts, stops, *(bound.tolist() for bound in got), strict=True):
        edges = [a, *[cut for cut in cuts.tolist() if a < cut < b], b]
        assert (start, stop) == max(pairwise(edges), key=lambda piece: piece[1] - piece[0])


def test_many_samples_and_gaps_take_no_loop() -> None:
    """Each loop over samples, stretches or windows would take many seconds."""
    steps = np.where(np.arange(1_000_000) % 3 == 0, 100, 7)
    clock = Timestamps.of(np.cumsum(steps) * S)
    grid = EpochGrid.spanning(clock.start, clock.end, window=3000 * S, step=300 * S)
    began = time.process_time()
    starts, stops = grid.bounds(clock)
    expected = clock.expected(*grid.windows())
    assert time.process_time() - began < 5
    assert len(clock.first) > 300_000
    assert set((stops - starts).tolist()) <= {2, 3}
    assert np.all(expected >= stops - starts)
