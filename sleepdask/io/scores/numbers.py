"""Numbers, times of day and dates as programs write them, in exact nanoseconds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from sleepdask.io.scores.base import CLOCK, INSTANT, MIDNIGHT, START
from sleepdask.io.scores.file import ScoreFile
from sleepdask.zones import offset_ns

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
USUAL_EPOCH, LONGEST_EPOCH = 30 * SECOND, 3600 * SECOND
LONGEST = 10**9  # seconds, some 30 years
_MOST_DAYS = 14  # from the first to the last date of a file, where their order has to be found out
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.IGNORECASE | re.ASCII)
_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_TIME = re.compile(r"(\d\d?)[:.](\d\d)(?:[:.](\d\d)(?:[.,](\d{1,9}))?)?(?: ?([ap])\.?m\.?)?", re.IGNORECASE | re.ASCII)
_DATE = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_WITH_OFFSET = re.compile(r"(.+\d) ?(Z|[+-](?:0\d|1[0-5]):[0-5]\d(?::[0-5]\d)?)", re.ASCII)
_DATE_AND_TIME = re.compile(r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})(?:[T ]| - |, )\s*(.+)", re.ASCII)


def seconds_ns(text: str, file: ScoreFile, line: int, name: str) -> int:
    """Nanoseconds of a number of seconds, with a point or a comma for decimals.

    Raises
    ------
    FileFormatError
        It is no number, is absurdly large, or its comma could as well part thousands.
    """
    text = text.strip()
    if _COMMA.fullmatch(text):
        if _THOUSANDS.fullmatch(text):
            raise file.refusal(f"{name}: the comma could part decimals or thousands", line=line, found=repr(text))
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise file.refusal(f"{name} is no number of seconds", line=line, found=repr(text[:40]))
    value = Decimal(text)
    if abs(value) > LONGEST:
        raise file.refusal(f"{name} is beyond 30 years", line=line, found=text[:40])
    return int((value * SECOND).to_integral_value())


def duration_ns(text: str, file: ScoreFile, line: int) -> int:
    """Nanoseconds of a duration; 0 where none is stated.

    Raises
    ------
    FileFormatError
        It is no number, or negative.
    """
    if text.strip().lower() in {"", "n/a", "nan"}:
        return 0
    value = seconds_ns(text, file, line, "duration")
    if value < 0:
        raise file.refusal("a duration is negative", line=line, found=f"{text.strip()} s")
    return value


def time_of_day(text: str) -> int | None:
    """Nanoseconds after midnight of such as ``23:05:30``, ``23.05.30,5`` or ``11:05:30 PM``; None if it is none."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    if half := (match[5] or "").lower():
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "p")
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (hour * 3600 + minute * 60 + second) * SECOND + int((match[4] or "").ljust(9, "0"))


def onsets_ns(
    texts: Sequence[str], durations: Sequence[int], lines: Sequence[int], file: ScoreFile
) -> tuple[str, NDArray[np.int64]]:
    """Onsets of a column, and what they count from: seconds, times of day, or dates with times, never mixed.

    Dates with times may state their offset from UTC, all or none. Times of day run on past midnight: each is the one
    nearest to the end of the row before.
    """
    first = texts[0].strip()
    if _NUMBER.fullmatch(first) or _COMMA.fullmatch(first):
        values = [seconds_ns(text, file, line, "onset") for text, line in zip(texts, lines, strict=True)]
        return START, np.array(values, np.int64)
    if time_of_day(first) is None and _DATE_AND_TIME.fullmatch(first):
        stated = [_WITH_OFFSET.fullmatch(text.strip()) for text in texts]
        if None in stated:
            return CLOCK, _dated(texts, lines, file)
        local = _dated([match[1] for match in stated if match], lines, file)
        return INSTANT, local - np.array([offset_ns(match[2]) for match in stated if match], np.int64)
    times = [time_of_day(text) for text in texts]
    if None in times:
        k = times.index(None)
        expected = "all in seconds, as time of day, or as date and time, with offsets from UTC or without"
        raise file.refusal("an onset is no time", line=lines[k], expected=expected, found=repr(texts[k][:40]))
    return MIDNIGHT, _unwrapped(np.array(times, np.int64), np.asarray(durations, np.int64))


def day_ns(text: str, order: str) -> int | None:
    """Midnight of a date, ns since 1970; `order` is "dmy" or "mdy", a date that begins with the year has its own."""
    match = _DATE.fullmatch(text.strip())
    if not match:
        return None
    a, b, c = int(match[1]), int(match[3]), int(match[4])
    year, month, day = (a, b, c) if len(match[1]) == 4 else (c, b, a) if order == "dmy" else (c, a, b)
    if not 1970 <= year < 2200:
        return None
    try:
        return (date(year, month, day) - date(1970, 1, 1)).days * DAY
    except ValueError:
        return None


def orders_of(dates: Sequence[str], most_days: int = 0) -> list[str]:
    """Orders of day and month in which all dates exist and, if asked for, lie within so many days."""
    fitting = []
    for order in ("dmy", "mdy"):
        days = [day_ns(text, order) for text in dates]
        known = [day for day in days if day is not None]
        if len(known) == len(days) and (not most_days or max(known) - min(known) <= most_days * DAY):
            fitting.append(order)
    return fitting


def _dated(texts: Sequence[str], lines: Sequence[int], file: ScoreFile) -> NDArray[np.int64]:
    onsets, dates = [], []
    for text, line in zip(texts, lines, strict=True):
        match = _DATE_AND_TIME.fullmatch(text.strip())
        time = time_of_day(match[2]) if match else None
        if match is None or time is None:
            expected = "date and time, all of them with their offset from UTC or none"
            raise file.refusal("an onset is no time", line=line, expected=expected, found=repr(text[:40]))
        onsets.append(time)
        dates.append(match[1])
    different = list(dict.fromkeys(dates))
    order = _order(different, file, american=texts[0].strip().lower().endswith("m"))
    day_of = {text: day_ns(text, order) for text in different}
    for text, line in zip(dates, lines, strict=True):
        if day_of[text] is None:
            raise file.refusal("no such date", line=line, found=repr(text))
    return np.array([day_of[text] for text in dates], np.int64) + np.array(onsets, np.int64)


def _order(dates: Sequence[str], file: ScoreFile, *, american: bool) -> str:
    """Order of day and month that the dates prove; day first, with a finding, where they prove none.

    With times such as 10 PM the month is as likely to come first: that would be a guess.
    """
    orders = orders_of(dates)
    if len(orders) > 1:
        orders = orders_of(dates, _MOST_DAYS) or orders
    if len(orders) > 1 and any(day_ns(text, "dmy") != day_ns(text, "mdy") for text in dates) and "." not in dates[0]:
        said, reading = f"dates such as {dates[0]} do not tell day from month", "the day is taken to come first"
        if american:
            file.findings.guess(
                "date-order", file.refusal(said, fix="export it with dates such as 2016-04-03"), reading
            )
        else:
            file.findings.warn("date-order", said, reading)
    return orders[0] if orders else "dmy"


def _unwrapped(times: NDArray[np.int64], durations: NDArray[np.int64]) -> NDArray[np.int64]:
    steps = np.diff(times)
    steps -= DAY * np.rint((steps - durations[:-1]) / DAY).astype(np.int64)
    onsets = times[0] + np.concatenate([[0], np.cumsum(steps)])
    return np.asarray(onsets - onsets.min() // DAY * DAY, np.int64)
