"""The epoch grid against a loop over windows and the exact times of samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock

S = 1_000_000_000
NIGHT = 1_710_197_250 * S
lengths = st.integers(1, 40) | st.sampled_from([S, S // 3, 30 * S])


@given(st.integers(-100, 100), st.integers(0, 400), st.integers(1, 40), st.integers(1, 60), st.none() | st.integers())
def test_grid__holds_every_whole_window(low: int, span: int, window: int, step: int, origin: int | None) -> None:
    high, anchor = low + span, low if origin is None else origin
    expected = [t for t in range(low, high - window + 1) if (t - anchor) % step == 0]
    if not expected:
        with pytest.raises(ParameterError, match="no whole epoch"):
            EpochGrid.spanning(low, high, window=window, step=step, origin=origin)
        return
    grid = EpochGrid.spanning(low, high, window=window, step=step, origin=origin)
    starts, ends = (edge.astype(np.int64).tolist() for edge in grid.windows())
    assert starts == expected
    assert ends == [t + window for t in expected]
    assert grid.end == ends[-1]
    assert grid.trailing(high) == high - ends[-1]
    if origin is None:
        assert grid.count == (high - low - window) // step + 1


@given(st.integers(0, 20), st.integers(0, 20))
def test_windows__of_a_part_are_that_part(i: int, j: int) -> None:
    grid = EpochGrid(NIGHT, 5 * S, 30 * S, 20)
    for whole, part in zip(grid.windows(), grid.windows(i, j), strict=True):
        assert part.tolist() == whole[i:j].tolist()


@given(
    lead=st.integers(-50, 50),
    size=st.integers(1, 60),
    num=st.integers(1, 20),
    den=st.integers(1, 7),
    stride=st.integers(1, 3),
    step=st.integers(1, 40),
    window=st.integers(1, 40),
    count=st.integers(1, 15),
)
def test_bounds__are_the_samples_whose_exact_time_is_in_the_window(
    lead: int, size: int, num: int, den: int, stride: int, step: int, window: int, count: int
) -> None:
    clock = Clock.regular(NIGHT, size, num, den).isel(slice(None, None, stride))
    grid = EpochGrid(NIGHT + lead, step, window, count)
    times = [NIGHT + j * stride * Fraction(num, den) for j in range(clock.size)]
    starts, stops = grid.bounds(clock)
    for k in range(count):
        low = grid.start + k * step
        assert list(range(starts[k], stops[k])) == [j for j, t in enumerate(times) if low <= t < low + window]
    half = count // 2
    assert [bound.tolist() for bound in grid.bounds(clock, half)] == [starts[half:].tolist(), stops[half:].tolist()]


@given(st.integers(1, 50), st.integers(1, 9), st.integers(1, 200))
def test_expected__is_held_by_every_window_within_the_clock(num: int, den: int, window: int) -> None:
    clock = Clock.regular(NIGHT, 400, num, den)
    low, high = clock.start, clock.end
    if high - low < window:
        return
    grid = EpochGrid.spanning(low, high, window=window, step=7)
    starts, stops = grid.bounds(clock)
    exact = window * den // num
    assert grid.expected(clock) == max(1, exact)
    assert set((stops - starts).tolist()) <= {exact, exact + 1}
    if exact:
        assert grid.coverage(clock).tolist() == [1.0] * grid.count


def test_coverage__is_the_share_of_the_samples_there() -> None:
    clock = Clock.segmented([(NIGHT, 45 * 100), (NIGHT + 80 * S, 20 * 100)], S, 100)
    grid = EpochGrid.spanning(NIGHT, NIGHT + 120 * S, window=30 * S, step=30 * S)
    assert grid.coverage(clock).tolist() == [1.0, 0.5, 1 / 3, 1 / 3]
    assert grid.expected(clock) == 3000


def test_coverage__of_epochs_shorter_than_a_sample() -> None:
    clock = Clock.regular(NIGHT, 3, 60 * S)
    grid = EpochGrid.spanning(NIGHT, NIGHT + 180 * S, window=30 * S, step=30 * S)
    assert grid.coverage(clock).tolist() == [1.0, 0.0] * 3


@given(lengths, lengths, st.integers(0, 10**10))
def test_trailing__is_never_negative(window: int, step: int, high: int) -> None:
    assert EpochGrid(0, step, window, 3).trailing(high) == max(0, high - (2 * step + window))


@pytest.mark.parametrize(
    ("span", "window", "step", "message"),
    [
        (100, 0, 1, "epoch must be longer than zero"),
        (100, -S, 1, "epoch must be longer than zero; found -1 s"),
        (100, 1, 0, "step must be longer than zero"),
        (100, 1, -1, "step must be longer than zero"),
        (29 * S, 30 * S, 30 * S, "no whole epoch.*at least 30 s.*found 29 s"),
        (0, 30 * S, 30 * S, "no whole epoch.*found 0 s"),
    ],
)
def test_grid__refuses(span: int, window: int, step: int, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        EpochGrid.spanning(NIGHT, NIGHT + span, window=window, step=step)


def test_grid__of_one_window_that_just_fits() -> None:
    assert EpochGrid.spanning(5, 35, window=30, step=7) == EpochGrid(5, 7, 30, 1)
    with pytest.raises(ParameterError, match="no whole epoch"):
        EpochGrid.spanning(5, 35, window=30, step=7, origin=6)
