"""Times of the rows of an EnchantedWave session: what their Time says, else the start and their Seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.rows import Rows
from sleepdask.io.streams import NAT
from sleepdask.io.tabular.times import TimeFormat, Times
from sleepdask.times import describe_span

_START = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?\s*;?\s*$")
_OF_DAY = re.compile(r"(\d\d?):(\d\d):(\d\d)(?:\.(\d{1,9}))?")
_SECOND = 1_000_000_000
_MINUTE, _DAY = 60 * _SECOND, 86_400 * _SECOND


@dataclass(frozen=True)
class Start:
    """When a session began: local time in ns since 1970, and its offset from UTC in ns, None if none is stated."""

    local: int
    offset: int | None


def start_of(line: str) -> Start | None:
    """Start that ends a line such as ``Data Begin: 2025-03-17T02:41:52.1866600-04:00;``; None if none does.

    Examples
    --------
    >>> start_of("Data Begin: 2025-03-17T02:41:52-04:00;").offset // 3_600_000_000_000
    -4
    """
    match = _START.search(line)
    if match is None:
        return None
    local = int(_parsed([match[1]])[0])
    if local == NAT:
        return None
    offset = None if match[2] is None else local - int(_parsed([match[1] + match[2]])[0])
    return Start(local, offset)


def row_times(columns: Mapping[str, int], rows: Rows, start: Start | None, findings: Findings, source: str) -> Times:
    """Times of the rows: instants if any offset from UTC is stated, else local.

    A row has the time of its column Time: a date with a time of day, or a time of day alone, whose date follows from
    the start. Where that cannot be read it is reckoned from the start and Seconds. Both are compared where both are
    there.

    Raises
    ------
    FileFormatError
        No row has a time; times are of several kinds; or Time and Seconds contradict each other (a guess).
    """
    texts = rows.texts(columns["time"]) if "time" in columns else [""] * len(rows.cells)
    dated = TimeFormat().parsed(pa.array(texts, pa.string()))
    if dated.aware and dated.naive:
        raise FileFormatError("some of its times have an offset from UTC, others have none", where=source)
    read, digits = dated.stamps, dated.resolution
    if not dated.aware + dated.naive and start is not None:
        read, digits = _of_day(texts, start)
    instants = bool(dated.aware) or (start is not None and start.offset is not None)
    if instants and not dated.aware and start is not None and start.offset is not None:
        read = np.where(read == NAT, NAT, read - start.offset)
    reckoned = np.full(len(texts), NAT)
    if start is not None and instants == (start.offset is not None):
        begin = start.local - (start.offset or 0)
        if "seconds" in columns:
            seconds = rows.numbers(columns["seconds"], "Seconds")
            told = np.flatnonzero(np.abs(seconds) < _DAY)
            reckoned[told] = begin + np.rint(seconds[told] * _SECOND).astype(np.int64)
            digits = digits or _resolution([text for text in rows.texts(columns["seconds"]) if text])
        _compare(read, reckoned, begin, findings, source)
    lost = np.flatnonzero((read == NAT) & (reckoned != NAT))
    if lost.size:
        both = np.flatnonzero((read != NAT) & (reckoned != NAT))
        shift = int(np.median(read[both] - reckoned[both])) if both.size else 0
        read = read.copy()
        read[lost] = reckoned[lost] + shift
        if any(texts):  # a column without any time is as good as none
            said = f"{lost.size:,} of {len(texts):,} rows: the Time cannot be read"
            findings.warn("no-time", said, "the start and Seconds tell it")
    if not (read != NAT).any():
        raise FileFormatError(
            "no row has a time",
            where=source,
            expected="dates and times in the column Time, or a start after 'Data Begin:' and the column Seconds",
        )
    return Times(read, instants, digits or 1)


def _compare(read: NDArray[np.int64], reckoned: NDArray[np.int64], begin: int, findings: Findings, source: str) -> None:
    """Refuse a Time that is more than a minute from what the start and Seconds say, or from a start without them."""
    known = np.flatnonzero((read != NAT) & (reckoned != NAT))
    if known.size:
        apart = int(np.abs(read[known] - reckoned[known]).max())
        fits = apart <= _MINUTE
    else:
        first = read[read != NAT][:1]
        apart = int(np.abs(first - begin).max(initial=0))
        fits = not first.size or -_MINUTE <= int(first[0]) - begin <= _DAY
    if not fits:
        refusal = FileFormatError(
            "the column Time and the start of the session contradict each other",
            where=source,
            expected="times that the start and Seconds give too, but for a minute",
            found=f"times up to {describe_span(apart)} from that",
            fix="correct the line 'Data Begin:'",
        )
        findings.guess("times-contradict", refusal, "the column Time is taken")


def _of_day(texts: Sequence[str], start: Start) -> tuple[NDArray[np.int64], int]:
    """Times of day, put on the date of the start and the days after it, and what they are rounded to."""
    read = np.full(len(texts), NAT)
    matches = {row: match for row, text in enumerate(texts) if (match := _OF_DAY.fullmatch(text))}
    if not matches:
        return read, 0
    rows = np.array(list(matches))
    of_day = np.array([_since_midnight(match) for match in matches.values()], np.int64)
    midnight = start.local - start.local % _DAY
    before = np.concatenate([[start.local % _DAY], of_day[:-1]])
    days = np.cumsum(before - of_day > _DAY // 2)  # a step back by more than half a day is a midnight
    read[rows] = midnight + days * _DAY + of_day
    read[rows[of_day >= _DAY]] = NAT
    return read, 10 ** (9 - max(len(match[4] or "") for match in matches.values()))


def _since_midnight(match: re.Match[str]) -> int:
    hours, minutes, seconds = (int(match[k]) for k in (1, 2, 3))
    if minutes > 59 or seconds > 59:
        return _DAY
    return (hours * 3600 + minutes * 60 + seconds) * _SECOND + int((match[4] or "").ljust(9, "0"))


def _resolution(texts: Sequence[str]) -> int:
    """What numbers of seconds are rounded to, in ns, told from their digits."""
    return int(10 ** (9 - min(9, max((len(text.partition(".")[2]) for text in texts), default=0))))


def _parsed(texts: Sequence[str]) -> NDArray[np.int64]:
    return TimeFormat().parsed(pa.array(list(texts), pa.string())).stamps
