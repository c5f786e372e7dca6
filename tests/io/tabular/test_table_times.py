"""Times of rows: exact to the nanosecond, whatever way they are written; nothing is guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.streams import NAT
from sleepdask.io.tabular.pattern import pattern_times, regex_of
from sleepdask.io.tabular.times import TimeFormat, parse_times

ISO = TimeFormat()
EPOCH = datetime(1970, 1, 1)
moments = st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1))
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def nanoseconds(moment: datetime) -> int:
    since = moment - (EPOCH if moment.tzinfo is None else EPOCH.replace(tzinfo=UTC))
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from("T "))
def test_iso_times_are_those_of_the_standard_library(times: list[datetime], between: str) -> None:
    found = parse_times([time.isoformat(between) for time in times], ISO)
    assert found.stamps.tolist() == [nanoseconds(time) for time in times]
    assert not found.instants
    assert found.resolution == (1000 if any(time.microsecond for time in times) else 10**9)


@given(st.lists(st.tuples(moments, offsets), min_size=1, max_size=20), st.booleans())
def test_offsets_from_utc_may_differ(times: list[tuple[datetime, timezone]], spaced: bool) -> None:
    aware = [time.replace(tzinfo=offset) for time, offset in times]
    texts = [time.isoformat() for time in aware]
    if spaced:  # as in "2024-03-11 23:00:00 +0100"
        texts = [f"{text[:-6]} {text[-6:].replace(':', '')}".replace("T", " ") for text in texts]
    found = parse_times(texts, ISO)
    assert found.stamps.tolist() == [nanoseconds(time) for time in aware]
    assert found.instants


@pytest.mark.parametrize(
    ("text", "resolution"),
    [
        ("2024-03-11", 86_400 * 10**9),
        ("2024-03-11T23:05", 60 * 10**9),
        ("2024-03-11T23:05:30", 10**9),
        ("2024-03-11T23:05:30.5", 10**8),
        ("2024-03-11 23:05:30,25", 10**7),
        ("2024-03-11T23:05:30.123456789", 1),
        ("2024-03-11T23:05:30.1234567891", 1),
        ("2024-03-11T23:05:30.50Z", 10**7),
        ("2024-03-11T23:05+01:00", 60 * 10**9),
    ],
)
def test_resolution_is_told_from_the_digits(text: str, resolution: int) -> None:
    assert parse_times([text], ISO).resolution == resolution
    assert parse_times([text, ""], ISO).resolution == resolution


@pytest.mark.parametrize(
    "text", ["2024-02-30", "2024-13-01", "2024-03-11T24:00:00", "2024-03-11T23:60", "1600-01-01", "2300-01-01", "x"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    found = parse_times(["2024-03-11T23:00:00", text, "2024-03-11T23:00:01"], ISO)
    assert (found.stamps == NAT).tolist() == [False, True, False]
    with pytest.raises(FileFormatError, match=r"most of its times cannot be read.*ISO 8601"):
        parse_times([text], ISO)


def test_empty_cells_have_no_time() -> None:
    assert parse_times(["", " ", None], ISO).stamps.tolist() == [NAT] * 3
    assert parse_times([], ISO).stamps.tolist() == []


@pytest.mark.parametrize("text", ["03/04/2024 10:00", "3.4.2024", "03-04-24 10:00:00"])
def test_a_date_that_could_be_two_days_is_refused(text: str) -> None:
    with pytest.raises(FileFormatError, match=r"whether the day or the month comes first.*%d/%m/%Y.*%m/%d/%Y"):
        parse_times([text], ISO)


def test_local_times_and_instants_do_not_mix() -> None:
    with pytest.raises(FileFormatError, match=r"1 with one, 2 without"):
        parse_times(["2024-03-11T23:00:00Z", "2024-03-11T23:00:00", "2024-03-11T23:00:00"], ISO)
    with pytest.raises(FileFormatError, match=r"without an offset"):
        parse_times(["2024-03-11T23:00:00Z"], TimeFormat(aware=False))


decimals = st.decimals(Decimal("-2e9"), Decimal("5e9"), places=9, allow_nan=False, allow_infinity=False)


@given(st.lists(decimals, min_size=1, max_size=20), st.sampled_from([0, 946_684_800 * 10**9, -5]))
def test_seconds_are_exact(values: list[Decimal], origin: int) -> None:
    found = parse_times([f"{value:f}" for value in values], TimeFormat("seconds", origin=origin))
    assert found.stamps.tolist() == [int(value * 10**9) + origin for value in values]
    assert found.resolution == 1
    assert found.instants == (origin == 0)


@pytest.mark.parametrize(
    ("kind", "text", "want", "resolution"),
    [
        ("seconds", "1560279825.000000", 1_560_279_825 * 10**9, 1000),
        ("seconds", "-12,5", -12_500_000_000, 10**8),
        ("seconds", "1.1234567899", 1_123_456_789, 1),
        ("milliseconds", "1560279825123", 1_560_279_825_123 * 10**6, 10**6),
        ("milliseconds", "1.5", 1_500_000, 10**5),
        ("microseconds", "17", 17_000, 1000),
        ("nanoseconds", "704201974831254116", 704_201_974_831_254_116, 1),
        ("nanoseconds", "12.9", 12, 1),
    ],
)
def test_numbers_of_any_unit(kind: str, text: str, want: int, resolution: int) -> None:
    found = parse_times([text, "", f" {text}"], TimeFormat(kind))
    assert found.stamps.tolist() == [want, NAT, want]
    assert found.resolution == resolution


@pytest.mark.parametrize("text", ["99999999999999999999", "9223372037", "x", "1e9", "0x1"])
def test_a_number_that_is_no_time_is_none(text: str) -> None:
    assert parse_times([text, "1", "2"], TimeFormat("seconds")).stamps.tolist() == [NAT, 10**9, 2 * 10**9]


def test_the_origin_may_not_push_a_time_over_the_edge() -> None:
    late = TimeFormat("seconds", origin=2**63 - 10**9)
    assert parse_times(["0", "0.5", "2"], late).stamps.tolist() == [2**63 - 10**9, 2**63 - 5 * 10**8, NAT]
    assert parse_times(np.array([0, 2, 0]), late).stamps.tolist() == [2**63 - 10**9, NAT, 2**63 - 10**9]


@given(st.lists(st.integers(-(10**9), 4 * 10**9), min_size=1, max_size=20))
def test_arrays_of_numbers(values: list[int]) -> None:
    want = [value * 10**9 for value in values]
    assert parse_times(np.array(values), TimeFormat("seconds")).stamps.tolist() == want
    assert parse_times(np.array(values, float), TimeFormat("seconds")).stamps.tolist() == want
    halves = parse_times(np.array([*values, np.nan]) + 0.5, TimeFormat("seconds"))
    assert halves.stamps.tolist() == [stamp + 5 * 10**8 for stamp in want] + [NAT]


PATTERNS = ["%d.%m.%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p", "%H:%M:%S %b %d %Y", "%A, %d %B %Y %H:%M:%S.%f", "%F %T%z",
            "%Y%m%d %H%M%S", "100%% %d-%m-%Y at %H.%M.%S"]  # fmt: skip


@given(
    st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2068, 1, 1)), min_size=1, max_size=10),
    st.sampled_from(PATTERNS),
)
def test_patterns_are_those_of_the_standard_library(times: list[datetime], pattern: str) -> None:
    texts = [time.replace(tzinfo=UTC).strftime(pattern) for time in times]
    longhand = pattern.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
    if pattern == "%Y%m%d %H%M%S":
        texts = [f"{time:%Y%m%d %H%M%S}" for time in times]
    found = parse_times(texts, TimeFormat("strptime", pattern))
    assert found.stamps.tolist() == [nanoseconds(datetime.strptime(text, longhand)) for text in texts]
    assert found.instants == ("%z" in pattern)
    assert found.resolution == (1000 if "%f" in pattern else 10**9)


def test_patterns_do_not_roll_over_or_read_half_a_text() -> None:
    texts = pa.array(
        ["31.02.2024 10:00", "30.02.2023 10:00", "01.03.2024 10:00 h", "01.03.2024 25:00", "1.3.2024 7:05"]
    )
    found = pattern_times(texts, regex_of("%d.%m.%Y %H:%M"))
    assert (found.stamps == NAT).tolist() == [True] * 4 + [False]
    assert pd.Timestamp(int(found.stamps[-1])) == pd.Timestamp("2024-03-01T07:05")


@pytest.mark.parametrize("pattern", ["%H:%M", "%d.%m.%Y %I:%M", "%Q %Y-%m-%d", "%Y-%m-%d %d", "%j %Y"])
def test_a_pattern_that_tells_no_time_is_refused(pattern: str) -> None:
    with pytest.raises(ParameterError):
        TimeFormat("strptime", pattern)


@pytest.mark.parametrize("wrong", [{"kind": "minutes"}, {"pattern": "%Y-%m-%d"}, {"kind": "strptime"}, {"origin": 5}])
def test_a_format_of_times_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        TimeFormat(**wrong)  # type: ignore[arg-type]
