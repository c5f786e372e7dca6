"""ISO 8601 dates with times of day, with or without an offset from UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sleepdask.io.tabular.pattern import pattern_times
from sleepdask.io.tabular.stamps import DAY, SECOND, Stamps

_ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9})[0-9]*)?)?"
    r"(?: ?(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_WITH_SECONDS = len("2024-03-11T23:05:30")
_LENGTHS = ((_WITH_SECONDS, SECOND), (len("2024-03-11T23:05"), 60 * SECOND), (len("2024-03-11T23"), 3600 * SECOND))


def iso_times(texts: Any) -> Stamps:
    """Stamps of Arrow strings; digits beyond nanoseconds are cut off.

    Examples
    --------
    >>> times = iso_times(pa.array(["2024-03-11T23:00:00+01:00", "2024-03-11 22:00:01Z"]))
    >>> np.diff(times.stamps).tolist(), times.aware, times.naive
    ([1000000000], 2, 0)
    """
    for zone in (None, "UTC"):
        try:  # the quick way, where all are written in the usual way and alike
            stamps = pc.cast(texts, pa.timestamp("ns", zone))
        except pa.ArrowInvalid:
            continue
        if stamps.null_count or not len(stamps):
            break
        found = np.array(pc.cast(stamps, pa.int64()).to_numpy(zero_copy_only=False), np.int64)
        aware = len(found) if zone else 0
        return Stamps(found, aware, len(found) - aware, _resolution(texts, zone is not None))
    return pattern_times(texts, _ISO)


def _resolution(texts: Any, aware: bool) -> int:  # noqa: FBT001
    """Of the finest time as it is written, in ns: told by its length, as all parts but the last have a fixed one."""
    if aware:
        texts = pc.replace_substring_regex(texts, r"([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$", "")
    longest = int(pc.max(pc.binary_length(texts)).as_py())
    if longest > _WITH_SECONDS:
        return int(10 ** (9 - (longest - _WITH_SECONDS - 1)))
    return next((size for length, size in _LENGTHS if longest >= length), DAY)
