"""Dates of devices in nanoseconds, within what 64 bits hold: NumPy would make another date of any beyond."""

from __future__ import annotations

from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)
_YEARS = range(1678, 2262)


def date_ns(time: datetime) -> int | None:
    """Nanoseconds since 1970 of a naive time; None if its year is beyond 1678 to 2261."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000 if time.year in _YEARS else None
