"""When a recording begins: the date and time fields of the header as exact nanoseconds, or that nobody says."""

from __future__ import annotations

import datetime as dt
import re

from sleepdask.io.edf.fields import Field

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATE = re.compile(r"(\d?\d)([./:-]) ?(\d?\d)\2 ?(\d\d|yy)", re.ASCII)
_TIME = re.compile(r"(\d?\d)([.:-]) ?(\d?\d)\2 ?(\d?\d)", re.ASCII)
_LONG_DATE = re.compile(rf"Startdate (\d\d)-({'|'.join(MONTHS)})-(\d{{4}})(?: |$)", re.ASCII | re.IGNORECASE)

# What de-identified files have, as EDF has no field that says "unknown".
_REMOVED = dt.date(1985, 1, 1)
_NO_LONG_DATE = re.compile(r"Startdate X(?: |$)")

_UNKNOWN = "the start is unknown, and times count from it"


def start_ns(date: Field, time: Field, recording: Field, *, plus: bool) -> int | None:
    """Start of a recording as written in its header, whole seconds.

    Parameters
    ----------
    date, time
        The fields ``dd.mm.yy`` and ``hh.mm.ss``. Years 85 to 99 are 1985 to 1999, 00 to 84 are 2000 to 2084.
    recording
        The recording field, whose ``Startdate dd-MMM-yyyy`` carries all four digits of the year.
    plus
        Whether the file is EDF+ (or BDF+). Else the recording field is only asked if the date field holds none.

    Returns
    -------
    int or None
        Nanoseconds since 1970-01-01 00:00 of the local wall clock (EDF knows no time zone). None, with a finding,
        if a field is no date or no time of day, as in anonymised files.

    Raises
    ------
    FileFormatError
        If the two dates contradict each other, or slashes leave open which number is the month.
    """
    day = _day(date, recording, plus=plus)
    clock = _clock(time)
    if day is None or clock is None:
        return None
    return (dt.datetime.combine(day, clock) - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) * 1000


def _day(field: Field, recording: Field, *, plus: bool) -> dt.date | None:
    text, long = field.text(), _long_date(recording)
    parts = _DATE.fullmatch(text)
    short = _short_date(field, parts, long) if parts else None
    if short is None:
        if long is None:
            field.findings.warn("no-date", f"holds no date: {field.quoted()}", _UNKNOWN, where=field.where)
        else:
            field.note("date-elsewhere", f"holds no date: {field.quoted()}", f"the recording field has it: {long}")
        return long
    if short == _REMOVED and _NO_LONG_DATE.match(recording.text()):
        message = "holds the date that stands for a removed one, and the recording field says that it is unknown"
        field.findings.warn("no-date", message, _UNKNOWN, where=field.where)
        return None
    if "." not in text:
        field.note("date-separator", f"is not written with points: {field.quoted()}", f"it is read as {short}")
    if not plus or long in (None, short):
        return short
    refusal = field.refusal("contradicts the start date of the EDF+ recording field", f"the date in both, here {long}")
    field.findings.guess("two-dates", refusal, f"the recording field is right: {long}", where=field.where)
    return long


def _short_date(field: Field, parts: re.Match[str], long: dt.date | None) -> dt.date | None:
    """Date of the field, its century by the rule of EDF; None if there is no such day, or no year."""
    day, month = int(parts[1]), int(parts[3])
    if parts[4] == "yy":
        if long is None:
            return None
        year = long.year
    else:
        year = int(parts[4]) + (1900 if int(parts[4]) >= 85 else 2000)
    if long and (long.day, long.month, long.year % 100) == (day, month, year % 100):
        return long
    if parts[2] == "/" and 1 <= day <= 12 and 1 <= month <= 12 and day != month:
        refusal = field.refusal("leaves open which number is the month", "dd.mm.yy with points")
        field.findings.guess("slashed-date", refusal, "the first number is the day", where=field.where)
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _long_date(recording: Field) -> dt.date | None:
    found = _LONG_DATE.match(recording.text())
    try:
        return dt.date(int(found[3]), MONTHS.index(found[2].upper()) + 1, int(found[1])) if found else None
    except ValueError:
        return None


def _clock(field: Field) -> dt.time | None:
    text = field.text()
    parts = _TIME.fullmatch(text)
    try:
        clock = dt.time(int(parts[1]), int(parts[3]), int(parts[4])) if parts else None
    except ValueError:
        clock = None
    if clock is None:
        field.findings.warn("no-time", f"holds no time of day: {field.quoted()}", _UNKNOWN, where=field.where)
    elif text != f"{clock:%H.%M.%S}":
        field.note("time-separator", f"is not written as hh.mm.ss: {field.quoted()}", f"it is read as {clock}")
    return clock
