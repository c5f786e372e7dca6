"""ISO 8601 dates with times of day, with or without an offset from UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sleepdask.io.tabular.pattern import pattern_times
from sleepdask.io.tabular.stamps import DAY, SECOND, Stamps

_ISO = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9})[0-9]*)?)?"
    r"(?: ?(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?)?$"
)
_WITH_SECONDS = len("2024-03-11T23:05:30")
_LOCAL, _INSTANT = pa.timestamp("ns"), pa.timestamp("ns", "UTC")
_FEW = 16  # stamps that are looked at first
_LENGTHS = ((_WITH_SECONDS, SECOND), (len("2024-03-11T23:05"), 60 * SECOND), (len("2024-03-11T23"), 3600 * SECOND))
_SIZES = (DAY, *(size for _, size in reversed(_LENGTHS)), *(10**k for k in range(8, 0, -1)))


def iso_times(texts: Any) -> Stamps:
    """Stamps of Arrow strings, or of Arrow timestamps that were parsed of some; digits beyond nanoseconds are cut off.

    Examples
    --------
    >>> times = iso_times(pa.array(["2024-03-11T23:00:00+01:00", "2024-03-11 22:00:01Z"]))
    >>> np.diff(times.stamps).tolist(), times.aware, times.naive
    ([1000000000], 2, 0)
    """
    if pa.types.is_timestamp(texts.type):
        found = _numbers(texts)
        return _alike(found, _finest(found), aware=texts.type.tz is not None)
    for kind in (_LOCAL, _INSTANT):
        try:  # the quick way, where all are written in the usual way and alike
            stamps = pc.cast(texts, kind)
        except pa.ArrowInvalid:
            continue
        if stamps.null_count or not len(stamps):
            break
        aware = kind is _INSTANT
        return _alike(_numbers(stamps), _resolution(texts, aware), aware=aware)
    return pattern_times(texts, _ISO)


def iso_type(found: Stamps) -> Any:
    """Arrow type of timestamps whose texts are written as those of these stamps; None if they are not all alike."""
    if found.aware and found.naive:
        return None
    return _INSTANT if found.aware else _LOCAL


def _numbers(stamps: Any) -> NDArray[np.int64]:
    return np.array(pc.cast(stamps, pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _alike(stamps: NDArray[np.int64], resolution: int, *, aware: bool) -> Stamps:
    return Stamps(stamps, len(stamps) if aware else 0, 0 if aware else len(stamps), resolution)


def _finest(stamps: NDArray[np.int64]) -> int:
    """Longest time in ns that is a step of the way times are written, and of which all of these are multiples."""
    few = stamps[:_FEW]
    return next((size for size in _SIZES if not np.any(few % size) and not np.any(stamps % size)), 1)


def _resolution(texts: Any, aware: bool) -> int:  # noqa: FBT001
    """Of the finest time as it is written, in ns: told by its length, as all parts but the last have a fixed one."""
    if aware:
        texts = pc.replace_substring_regex(texts, r"([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$", "")
    longest = int(pc.max(pc.binary_length(texts)).as_py())
    if longest > _WITH_SECONDS:
        return int(10 ** (9 - (longest - _WITH_SECONDS - 1)))
    return next((size for length, size in _LENGTHS if longest >= length), DAY)
