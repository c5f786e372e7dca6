"""The clock of a sensor tied to that of the phone: distances exact, drift found, jumps and delays survived."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.io.devices.sensor_clock import one_after_another, tie
from sleepdask.io.streams import NAT

MS, SECOND = 1_000_000, 1_000_000_000
START = 1_710_197_250 * SECOND  # of the phone's clock
OF_2000 = 946_684_800 * SECOND


def two_clocks(
    *, rate: float = 52, hours: float = 1, ppm: float = 0, late_ms: float = 0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True times on the phone's clock, those that the phone wrote, and those of a sensor that is slow by some ppm."""
    rng = np.random.default_rng(seed)
    true = START + np.rint(np.arange(int(hours * 3600 * rate)) / rate * SECOND).astype(np.int64)
    late = rng.exponential(late_ms * MS, len(true)).astype(np.int64) if late_ms else 0
    phone = np.maximum.accumulate(true + late) // MS * MS
    sensor = (true - START - np.rint((true - START) * ppm * 1e-6).astype(np.int64)) + START - OF_2000 + 7 * SECOND
    return true, phone, sensor


@given(ppm=st.floats(-200, 200), late_ms=st.sampled_from([0.0, 5.0, 80.0]), seed=st.integers(0, 9))
def test_the_phone_tells_the_time_and_the_sensor_the_distances(ppm: float, late_ms: float, seed: int) -> None:
    true, phone, sensor = two_clocks(rate=10, ppm=ppm, late_ms=late_ms, seed=seed)
    tied = tie(phone, sensor, MS)
    off = tied.stamps - true
    # The usual delay is in it, as nothing tells it; a drift that is not clear is not taken out.
    assert np.ptp(off) <= 4 * MS + 4 * late_ms * MS
    assert np.abs(off - late_ms * MS).max() <= 4 * MS + 4 * late_ms * MS
    if tied.drift:
        assert tied.drift == pytest.approx(ppm * 1e-6, abs=1e-6 + late_ms * 2e-7)
        assert np.ptp(off) <= 2 * MS + 0.5 * late_ms * MS
    else:
        assert np.ptp(np.diff(tied.stamps) - np.diff(sensor)) == 0
    assert tied.jumps == 0


def test_the_drift_of_a_night_is_found() -> None:
    true, phone, sensor = two_clocks(rate=5, hours=8, ppm=35, late_ms=30)
    tied = tie(phone, sensor, MS)
    assert tied.drift == pytest.approx(35e-6, abs=2e-7)
    assert np.abs(tied.stamps - true - 21 * MS).max() < 10 * MS  # the median of the delays


def test_a_drift_below_the_noise_is_not_believed() -> None:
    true, phone, sensor = two_clocks(hours=0.1)
    tied = tie(phone, sensor, MS)
    assert tied.drift == 0
    np.testing.assert_array_equal(np.diff(tied.stamps), np.diff(sensor))
    assert np.abs(tied.stamps - true).max() <= MS


def test_a_clock_that_was_set_anew_is_tied_again() -> None:
    true, phone, sensor = two_clocks(hours=0.2)
    sensor[1000:] -= 10**17
    tied = tie(phone, sensor, MS)
    assert tied.jumps == 1
    assert np.abs(tied.stamps - true).max() <= MS


def test_rows_that_only_one_clock_knows() -> None:
    true, phone, sensor = two_clocks(hours=0.01)
    phone[[0, 40, 41]] = NAT
    sensor[[10, 90]] = NAT
    sensor[50] = phone[50] = NAT
    tied = tie(phone, sensor, MS)
    assert tied.stamps[50] == NAT
    known = np.delete(np.arange(len(true)), 50)
    assert np.abs(tied.stamps - true)[known].max() <= MS


def test_a_lone_time_of_another_clock_is_not_taken() -> None:
    _, phone, sensor = two_clocks(hours=0.01)
    phone[20], sensor[20] = NAT, 12345
    assert tie(phone, sensor, MS).stamps[20] == NAT


def test_nothing_is_tied_to_nothing() -> None:
    nothing = np.full(3, NAT)
    assert tie(nothing, np.arange(3), MS).stamps.tolist() == nothing.tolist()
    assert tie(nothing[:0], nothing[:0], MS).jumps == 0


@given(
    lengths=st.lists(st.integers(300, 2000), min_size=1, max_size=60),
    sizes=st.lists(st.integers(1, 6), min_size=60, max_size=60),
    delays=st.lists(st.integers(-2000, 2000), min_size=60, max_size=60),
)
def test_beats_keep_their_order(lengths: list[int], sizes: list[int], delays: list[int]) -> None:
    begins = np.concatenate([[0], np.cumsum(lengths[:-1])])
    packet = np.repeat(np.arange(60), sizes)[: len(lengths)]
    written = (begins + np.array(delays)[packet]) * MS
    stamps, moved = one_after_another(written, np.array(lengths) * 1e6)
    assert np.all(np.diff(stamps) > 0)
    assert moved == np.sum(stamps != written)
    if moved == 0:
        np.testing.assert_array_equal(stamps, written)
    assert np.all(stamps >= written)


def test_what_is_no_delay_stays_where_it_is() -> None:
    hour = 3600 * SECOND
    stamps, moved = one_after_another(np.array([hour, hour + SECOND, 0, SECOND, SECOND, NAT]), np.full(6, 9e8))
    assert moved == 0  # an hour back is a clock that was changed; a row that is there twice stays so
    assert stamps.tolist() == [hour, hour + SECOND, 0, SECOND, SECOND, NAT]


def test_intervals_without_a_length_are_a_nanosecond_apart() -> None:
    stamps, moved = one_after_another(np.array([SECOND, SECOND - 1]), np.array([np.nan, 1e9]))
    assert (stamps.tolist(), moved) == ([SECOND, SECOND + 1], 1)
