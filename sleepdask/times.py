"""Durations and instants as people write them, turned into integer nanoseconds."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from sleepdask.errors import ParameterError
from sleepdask.zones import Zone, offset_ns

Duration = str | int | float | timedelta | np.timedelta64
Instant = Any  # text, datetime, np.datetime64, pd.Timestamp

_DAY = 86_400_000_000_000
_ISO = re.compile(r"\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?")
_CLOCK_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,9})?)?")
_WITH_OFFSET = re.compile(r"(.*?\d) ?(Z|[+-](?:0\d|1[0-5]):[0-5]\d(?::[0-5]\d)?)")


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


def instant_ns(value: Instant, after: int, name: str = "time", zone: Zone | None = None) -> int:
    """Nanoseconds since 1970 of a date with time, or of the first such time of day at or after `after`.

    Without a zone these are local times. With one they are instants (UTC): texts and naive datetimes are local times of
    the zone, unless they state their offset; NumPy's are UTC already, as those of a recording are.

    Raises
    ------
    ParameterError
        It is no time; or one that came twice in the zone or never was, as the clock was changed.

    Examples
    --------
    >>> recording_start = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(int))
    >>> np.datetime64(instant_ns("06:30", recording_start), "ns")
    np.datetime64('2024-03-12T06:30:00.000000000')
    """
    text, offset = _split(value) if zone is not None and isinstance(value, str) else (value, None)
    if isinstance(text, str) and _CLOCK_TIME.fullmatch(text.strip()):
        hours, minutes, *seconds = text.strip().split(":")
        of_day = duration_ns(int(hours) * 3600 + int(minutes) * 60) + duration_ns(seconds[0] if seconds else 0)
        if int(hours) >= 24 or int(minutes) >= 60 or float(seconds[0] if seconds else 0) >= 60:
            raise _not_a_time(name, value, zone, "'23:05' or ")
        if zone is not None and offset is None:
            return _next_of_zone(of_day, after, name, zone)
        return after + (of_day - (offset or 0) - after) % _DAY
    if isinstance(value, int | np.integer):
        raise _not_a_time(name, value, zone, "'23:05' or ")
    return to_ns(value, name, zone, also="'23:05' or ")


def _next_of_zone(of_day: int, after: int, name: str, zone: Zone) -> int:
    """First instant at or after another one at which the clock of a zone shows a time of day."""
    local = int(zone.local(after)) // _DAY * _DAY + of_day
    while max(readings := [int(reading) for reading in zone.utc(local)]) < after:
        local += _DAY
    first, second = readings
    return second if first < after <= second else zone.one(local, name)


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


def to_ns(value: Instant | int, name: str = "time", zone: Zone | None = None, *, also: str = "") -> int:
    """Nanoseconds since 1970 of a time, read as `instant_ns` does; a whole number is taken as just that.

    Raises
    ------
    ParameterError
        It is no time, or beyond what 64 bits hold (1678 to 2261); or it came twice in the zone, or never was.
    """
    if isinstance(value, int | np.integer):
        return int(value)
    if zone is None or isinstance(value, np.datetime64):
        return _naive_ns(value, name, zone, also)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _naive_ns(pd.Timestamp(value).tz_convert(None), name, zone, also)
    text, offset = _split(value) if isinstance(value, str) else (value, None)
    local = _naive_ns(text, name, zone, also, said=value)
    return zone.one(local, name) if offset is None else local - offset


def _split(text: str) -> tuple[str, int | None]:
    """Text of a time without its offset from UTC, and that in ns."""
    match = _WITH_OFFSET.fullmatch(text.strip())
    return (match[1], offset_ns(match[2])) if match else (text, None)


def _naive_ns(value: Instant, name: str, zone: Zone | None, also: str, said: object = None) -> int:
    refusal = _not_a_time(name, value if said is None else said, zone, also)
    try:
        moment = local_instant(value, name)
    except ParameterError as error:
        raise refusal from error
    try:
        nanoseconds = moment.astype("datetime64[ns]")  # overflows silently before NumPy 2.5
    except OverflowError as error:
        raise refusal from error
    if np.isnat(moment) or nanoseconds.astype(moment.dtype) != moment:
        raise refusal
    return int(nanoseconds.astype(np.int64))


def describe_time(
    nanoseconds: int, *, dated: bool = True, unit: Literal["s", "ms", "ns"] = "s", zone: Zone | None = None
) -> str:
    """Short text for a time; an instant down to the unit, with its offset where the zone is known.

    Examples
    --------
    >>> describe_time(1_710_197_250_000_000_000), describe_time(90_000_000_000, dated=False)
    ('2024-03-11T22:47:30', '1 min 30 s after the start')
    """
    if not dated:
        return f"{describe_span(nanoseconds) or '0 s'} after the start"
    if zone is not None:
        return zone.text(nanoseconds, unit)
    return str(np.datetime64(nanoseconds, "ns").astype(f"datetime64[{unit}]"))


def stored_time(nanoseconds: int, zone: Zone | None = None) -> str:
    """Text that attributes have for an instant: local time, or UTC (marked with a Z) where the zone is known.

    Examples
    --------
    >>> stored_time(1_710_197_250_000_000_000, Zone.of("Europe/Berlin"))
    '2024-03-11T22:47:30.000000000Z'
    """
    return f"{np.datetime64(nanoseconds, 'ns')}{'Z' if zone else ''}"


def shown_time(nanoseconds: int, zone: Zone | None = None, unit: Literal["s", "ms", "ns"] = "s") -> str:
    """Text for people: local time and the zone, if known; with the offset only where the clock showed it twice.

    Examples
    --------
    >>> shown_time(1_710_193_650_000_000_000, Zone.of("Europe/Berlin"))
    '2024-03-11 22:47:30 Europe/Berlin'
    """
    if zone is None:
        return describe_time(nanoseconds, unit=unit).replace("T", " ")
    local = int(zone.local(nanoseconds))
    text = describe_time(local, unit=unit) if zone.doubt(local) is None else zone.text(nanoseconds, unit)
    return f"{text.replace('T', ' ')} {zone.name}"


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


def _not_a_time(name: str, value: object, zone: Zone | None = None, also: str = "") -> ParameterError:
    said = "without a time zone" if zone is None else f"of {zone.name}, or with its offset from UTC"
    return ParameterError(
        f"{name} is not a local time",
        expected=f"such as {also}'2024-03-11T23:05:30', {said}",
        found=repr(value),
    )
