"""Durations and instants as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.times import describe_span, duration_ns, instant_ns

S = 1_000_000_000
DAY = 86_400 * S
REFERENCE = int(np.datetime64("2024-03-11T22:47:30.5", "ns").astype(np.int64))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("30", 30),
        (" 30 ", 30),
        ("0.5", 0.5),
        ("5min", 300),
        ("1h30min", 5400),
        ("1 min 30 s", 90),
        ("250ms", 0.25),
        ("2D", 172_800),
        ("P1D", 86_400),
        (30, 30),
        (0, 0),
        (0.1, 0.1),
        ("0.032767", 0.032767),
        ("0.032767s", 0.032767),
        (-3, -3),
        (timedelta(minutes=1), 60),
        (np.timedelta64(5, "m"), 300),
        (np.timedelta64(1500, "ms"), 1.5),
        (pd.Timedelta("1s"), 1),
        (np.int64(30), 30),
        (np.int16(30), 30),
        (np.uint8(200), 200),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
    ],
)
def test_duration(value: Any, seconds: float) -> None:
    assert duration_ns(value) == round(seconds * S)


@given(st.integers(-(10**9), 10**9), st.integers(0, 10**9 - 1))
def test_duration__of_a_timedelta64_is_exact(whole: int, part: int) -> None:
    assert duration_ns(np.timedelta64(whole * S + part, "ns")) == whole * S + part
    assert duration_ns(whole) == whole * S


@pytest.mark.parametrize(
    "value",
    [
        "soon",
        "",
        "nan",
        "NaT",
        "5 parsecs",
        None,
        np.timedelta64("NaT", "ns"),
        pd.NaT,
        float("nan"),
        float("inf"),
        1e20,
        1e300,
        True,
        [30],
        np.timedelta64(5, "M"),
        "1" * 40,
    ],
)
def test_duration__refuses(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"epoch is not a duration; expected such as '30s'.*; found "):
        duration_ns(value, "epoch")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("22:47:30.5", "2024-03-11T22:47:30.5"),
        ("22:47:30.4", "2024-03-12T22:47:30.4"),
        ("23:05", "2024-03-11T23:05"),
        (" 6:30 ", "2024-03-12T06:30"),
        ("00:00", "2024-03-12"),
        ("22:47", "2024-03-12T22:47"),
        ("23:59:59.999999999", "2024-03-11T23:59:59.999999999"),
        ("2024-03-11T23:05", "2024-03-11T23:05"),
        ("2024-03-11 23:05:30.25", "2024-03-11T23:05:30.25"),
        ("2024-03-10", "2024-03-10"),
        (datetime(2024, 3, 11, 23), "2024-03-11T23"),
        (date(2024, 3, 11), "2024-03-11"),
        (pd.Timestamp("2024-03-11T23:00:00.123456789"), "2024-03-11T23:00:00.123456789"),
        (np.datetime64("2024-03-11T23:00:00.123456789"), "2024-03-11T23:00:00.123456789"),
    ],
)
def test_instant(value: Any, expected: str) -> None:
    assert np.datetime64(instant_ns(value, REFERENCE), "ns") == np.datetime64(expected, "ns")


@given(st.times(), st.integers(-(10**18), 4 * 10**18))
def test_time_of_day__is_the_first_within_a_day_of_the_reference(moment: time, after: int) -> None:
    found = instant_ns(moment.isoformat(), after)
    of_day = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * S + moment.microsecond * 1000
    assert 0 <= found - after < DAY
    assert found % DAY == of_day


@pytest.mark.parametrize(
    "value",
    [
        "24:00",
        "25:10",
        "12:60",
        "12:30:60",
        "23:59:60",
        "12:30:75",
        "bedtime",
        "",
        "NaT",
        None,
        pd.NaT,
        [1],
        time(23, 5),
        np.datetime64("NaT", "ns"),
        "2024-13-01",
        "2024-03-11T23:05+01:00",
        "2024-03-11T23:05Z",
        "23:05Z",
        "9999-01-01",
        datetime(2024, 3, 11, tzinfo=UTC),
        pd.Timestamp("2024-03-11", tz="Europe/Berlin"),
    ],
)
def test_instant__refuses(value: Any) -> None:
    with pytest.raises(ParameterError, match=r"lights_off is not a local time; expected .*without a time zone; found "):
        instant_ns(value, REFERENCE, "lights_off")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (12.5, "12.5 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (90.5, "1 min 30.5 s"),
        (3600, "1 h"),
        (3601, "1 h 1 s"),
        (60 + 1e-9, "1 min"),
        (3600 - 1e-9, "1 h"),
        (79_500, "22 h 5 min"),
        (14 * 86_400, "336 h"),
    ],
)
def test_describe_span(seconds: float, text: str) -> None:
    assert describe_span(round(seconds * S)) == text


@given(st.integers(0, 30 * 86_400))
def test_describe_span__of_whole_seconds_loses_nothing(seconds: int) -> None:
    parts = describe_span(seconds * S).split()
    worth = {"h": 3600, "min": 60, "s": 1}
    assert sum(int(n) * worth[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True)) == seconds
