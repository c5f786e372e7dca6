"""When a recording begins: the date and time fields of the header as exact nanoseconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sleepdask.io.edf.fields import Field

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATE = re.compile(r"(\d\d)\.(\d\d)\.(\d\d|yy)", re.ASCII)
_TIME = re.compile(r"(\d\d)\.(\d\d)\.(\d\d)", re.ASCII)
_LONG_DATE = re.compile(rf"Startdate (\d\d)-({'|'.join(_MONTHS)})-(\d{{4}})(?: |$)", re.ASCII | re.IGNORECASE)

# EDF+ writes this date when the year has no two-digit form, and anonymisers when there is none to give.
_CLIPPED = ("01", "01", "85")


def start_ns(date: Field, time: Field, recording: Field | None) -> int:
    """Start of a recording as written in its header, whole seconds.

    Parameters
    ----------
    date, time
        The fields ``dd.mm.yy`` and ``hh.mm.ss``. Years 85 to 99 are 1985 to 1999, 00 to 84 are 2000 to 2084.
    recording
        The recording field of an EDF+ file, whose ``Startdate dd-MMM-yyyy`` carries all four digits of the
        year; None for EDF.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01 00:00 of the local wall clock (EDF knows no time zone).

    Raises
    ------
    FileFormatError
        If a field is no date or time, or the two dates contradict each other.
    """
    day, month, year = _short_date(date)
    long = _LONG_DATE.match(recording.text()) if recording is not None else None
    if long:
        full = int(long[3])
        same_day = (int(day), int(month)) == (int(long[1]), _MONTHS.index(long[2].upper()) + 1)
        open_year = year == "yy" or (day, month, year) == _CLIPPED
        if not same_day or not (open_year or int(year) == full % 100):
            raise date.refusal(
                "contradicts the start date of the EDF+ recording field",
                f"the date in both, here {long[0].strip()!r}",
            )
    elif year == "yy":
        raise date.refusal("leaves the year to the recording field, which has none", "'Startdate dd-MMM-yyyy' there")
    else:
        full = int(year) + (1900 if int(year) >= 85 else 2000)
    clock = _TIME.fullmatch(time.text())
    if not clock:
        raise time.refusal("is not a time of day", "hh.mm.ss with points, such as '23.05.00'")
    try:
        start = datetime(full, int(month), int(day))
    except ValueError as error:
        raise _no_date(date) from error
    try:
        start = start.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3]))
    except ValueError as error:
        raise time.refusal("is not a time of day", "00.00.00 to 23.59.59") from error
    return (start - datetime(1970, 1, 1)) // timedelta(microseconds=1) * 1000


def _short_date(date: Field) -> tuple[str, str, str]:
    parts = _DATE.fullmatch(date.text())
    if not parts:
        raise _no_date(date)
    return parts[1], parts[2], parts[3]


def _no_date(date: Field) -> Exception:
    return date.refusal(
        "is not a date",
        "dd.mm.yy, such as '24.04.89'",
        fix="write the true start date, or 01.01.85 where it was removed, into a copy of the file",
    )
