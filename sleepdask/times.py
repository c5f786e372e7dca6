"""Durations and instants as people write them, turned into integer nanoseconds."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from sleepdask.errors import ParameterError

Duration = str | int | float | timedelta | np.timedelta64
Instant = Any  # text, datetime, np.datetime64, pd.Timestamp

_DAY = 86_400_000_000_000
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?")
_CLOCK_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?")


def time_dtype(*, dated: bool) -> np.dtype[Any]:
    """Kind of times: instants, or lengths of time since the start of a recording whose date nobody knows."""
    return np.dtype("datetime64[ns]" if dated else "timedelta64[ns]")


def duration_ns(value: Duration, name: str = "duration") -> int:
    """Nanoseconds of a duration; a plain number is in seconds.

    Examples
    --------
    >>> duration_ns("30s"), duration_ns(0.5), duration_ns("5min")
    (30000000000, 500000000, 300000000000)
    """
    try:
        if isinstance(value, np.number) and not isinstance(value, np.timedelta64):
            value = value.item()
        if isinstance(value, str) and (seconds := re.fullmatch(r"([+-]?\d+(\.\d+)?) ?s?", value.strip())):
            value = float(seconds.group(1))  # pandas loses a nanosecond of some decimals
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = np.timedelta64(round(value * 1_000_000_000), "ns")
        span = pd.Timedelta(value)
        if pd.isna(span):
            raise ValueError("no duration")
        return int(span.as_unit("ns").value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ParameterError(
            f"{name} is not a duration", expected="such as '30s', '5min' or a number of seconds", found=repr(value)
        ) from error


def instant_ns(value: Instant, after: int, name: str = "time") -> int:
    """Nanoseconds since 1970 of a date with time, or of the first such time of day at or after `after`.

    Examples
    --------
    >>> recording_start = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(int))
    >>> np.datetime64(instant_ns("06:30", recording_start), "ns")
    np.datetime64('2024-03-12T06:30:00.000000000')
    """
    if isinstance(value, str) and _CLOCK_TIME.fullmatch(value.strip()):
        hours, minutes, *seconds = value.strip().split(":")
        of_day = duration_ns(int(hours) * 3600 + int(minutes) * 60) + duration_ns(seconds[0] if seconds else 0)
        if int(hours) < 24 and int(minutes) < 60 and float(seconds[0] if seconds else 0) < 60:
            return after + (of_day - after) % _DAY
        raise _not_a_time(name, value, "'23:05' or ")
    try:
        return to_ns(local_instant(value, name), name)
    except ParameterError as error:
        raise _not_a_time(name, value, "'23:05' or ") from error


def local_instant(value: Instant, name: str = "time") -> np.datetime64[Any]:
    """Local time of an ISO 8601 text (at the unit that it names), a datetime, or a pandas or NumPy time.

    Examples
    --------
    >>> local_instant("2024-03-11T23:05")
    np.datetime64('2024-03-11T23:05')
    """
    try:
        if isinstance(value, np.datetime64):
            return value
        if isinstance(value, str):
            if _ISO.fullmatch(value.strip()):
                return np.datetime64(value.strip())
        elif isinstance(value, date | type(pd.NaT)):
            stamp = pd.Timestamp(value)  # type: ignore[arg-type]
            if pd.isna(stamp) or stamp.tzinfo is None:
                return stamp.to_datetime64()  # NumPy alone would drop its nanoseconds
    except ValueError as error:
        raise _not_a_time(name, value) from error
    raise _not_a_time(name, value)


def to_ns(value: Instant | int, name: str = "time") -> int:
    """Nanoseconds since 1970 of a local time; a whole number is taken as just that.

    Raises
    ------
    ParameterError
        It is no time, or beyond what 64 bits hold (1678 to 2261).
    """
    if isinstance(value, int | np.integer):
        return int(value)
    moment = local_instant(value, name)
    try:
        nanoseconds = moment.astype("datetime64[ns]")  # overflows silently before NumPy 2.5
    except OverflowError as error:
        raise _not_a_time(name, value) from error
    if np.isnat(moment) or nanoseconds.astype(moment.dtype) != moment:
        raise _not_a_time(name, value)
    return int(nanoseconds.astype(np.int64))


def describe_time(nanoseconds: int, *, dated: bool = True, unit: Literal["s", "ms", "ns"] = "s") -> str:
    """Short text for a time; an instant down to the unit.

    Examples
    --------
    >>> describe_time(1_710_197_250_000_000_000), describe_time(90_000_000_000, dated=False)
    ('2024-03-11T22:47:30', '1 min 30 s after the start')
    """
    if dated:
        return str(np.datetime64(nanoseconds, "ns").astype(f"datetime64[{unit}]"))
    return f"{describe_span(nanoseconds) or '0 s'} after the start"


def describe_span(nanoseconds: int) -> str:
    """Short text for a length of time.

    Examples
    --------
    >>> describe_span(79_500_000_000_000), describe_span(12_500_000_000)
    ('22 h 5 min', '12.5 s')
    """
    if nanoseconds < 60_000_000_000:
        return f"{nanoseconds / 1e9:g} s"
    minutes, seconds = divmod(round(nanoseconds / 1e9, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours} h" * bool(hours), f"{minutes} min" * bool(minutes), f"{seconds:g} s" * bool(seconds)]
    return " ".join(part for part in parts if part)


def _not_a_time(name: str, value: object, also: str = "") -> ParameterError:
    return ParameterError(
        f"{name} is not a local time",
        expected=f"such as {also}'2024-03-11T23:05:30', without a time zone",
        found=repr(value),
    )
