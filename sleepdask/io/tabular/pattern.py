"""Times by a pattern as of `strptime`: strict, in English whatever the machine speaks, many at once."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.io.streams import NAT
from sleepdask.io.tabular.stamps import DAY, SECOND, Stamps, days_since_1970, nothing

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                "november", "december")  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFSET = r"Z|[+-][0-9]{2}:?[0-9]{2}"

_DIRECTIVES = {
    "Y": "(?P<year>[0-9]{4})",
    "y": "(?P<short>[0-9]{2})",
    "m": "(?P<month>[0-9]{1,2})",
    "b": f"(?P<name>{'|'.join(_MONTHS)})",
    "B": f"(?P<name>{'|'.join(_LONG_MONTHS)})",
    "d": "(?P<day>[0-9]{1,2})",
    "H": "(?P<hour>[0-9]{1,2})",
    "I": "(?P<half>[0-9]{1,2})",
    "p": "(?P<noon>am|pm)",
    "M": "(?P<minute>[0-9]{1,2})",
    "S": "(?P<second>[0-9]{1,2})",
    "f": "(?P<part>[0-9]{1,9})",
    "z": f"(?P<offset>{OFFSET})",
    "a": f"(?:{'|'.join(name[:3] for name in _WEEKDAYS)})",
    "A": f"(?:{'|'.join(_WEEKDAYS)})",
    "%": "%",
}
_SHORT = {"T": "%H:%M:%S", "F": "%Y-%m-%d"}


@cache
def regex_of(pattern: str) -> str:
    r"""Regular expression of a pattern, with a named group for each part of a time.

    Raises
    ------
    ParameterError
        It has a directive that is not read, one twice, or no date.

    Examples
    --------
    >>> regex_of("%Y-%m-%d")
    '(?i)^(?P<year>[0-9]{4})\\-(?P<month>[0-9]{1,2})\\-(?P<day>[0-9]{1,2})$'
    """
    for name, long in _SHORT.items():
        pattern = pattern.replace(f"%{name}", long)
    out = ""
    for directive, plain in re.findall(r"%(.?)|([^%]+)", pattern):
        if plain:
            out += "".join(r"\s+" if part.isspace() else re.escape(part) for part in re.findall(r"\s+|\S+", plain))
            continue
        if directive not in _DIRECTIVES:
            known = ", ".join(f"%{name}" for name in (*_DIRECTIVES, *_SHORT))
            raise ParameterError("unknown directive in a pattern of times", expected=known, found=f"%{directive}")
        out += _DIRECTIVES[directive]
    groups = re.findall(r"\(\?P<(\w+)>", out)
    if twice := sorted({name for name in groups if groups.count(name) > 1}):
        raise ParameterError("a pattern of times has a part twice", found=f"{pattern!r}: the {twice[0]}")
    has = set(groups)
    if not (has & {"year", "short"} and has & {"month", "name"} and "day" in has):
        expected = "year, month and day, such as '%d.%m.%Y %H:%M:%S'"
        fix = "where the date is in a column of its own, name both columns as time"
        raise ParameterError("a pattern of times needs a date", expected=expected, found=repr(pattern), fix=fix)
    if ("half" in has) != ("noon" in has):
        raise ParameterError("hours of half a day need am or pm", expected="%I with %p", found=repr(pattern))
    return f"(?i)^{out}$"


def pattern_times(texts: Any, regex: str) -> Stamps:
    """Stamps of Arrow strings that a regular expression with named groups cuts into parts.

    Examples
    --------
    >>> times = pattern_times(pa.array(["00:02:16 Mar 10 2026", "--"]), regex_of("%H:%M:%S %b %d %Y"))
    >>> times.stamps.astype("datetime64[ns]").astype("datetime64[s]").astype(str).tolist(), times.resolution
    (['2026-03-10T00:02:16', 'NaT'], 1000000000)
    """
    parts = pc.extract_regex(pc.utf8_trim_whitespace(texts), regex)
    if isinstance(parts, pa.ChunkedArray):
        parts = parts.combine_chunks()
    good = np.asarray(pc.is_valid(parts).to_numpy(zero_copy_only=False), bool)
    if not good.any():
        return nothing(len(good))
    groups = {parts.type.field(i).name for i in range(parts.type.num_fields)}

    def number(name: str, default: int = 0) -> NDArray[np.int64]:
        if name not in groups:
            return np.full(len(good), default, np.int64)
        cells = parts.field(name)
        cells = pc.if_else(pc.equal(cells, ""), None, cells)
        return np.asarray(pc.fill_null(pc.cast(cells, pa.int64()), default).to_numpy(zero_copy_only=False), np.int64)

    year = number("year")
    if "short" in groups:
        year = number("short") + np.where(number("short") < 69, 2000, 1900)  # as POSIX has it
    month = number("month") if "month" in groups else _month(parts.field("name"))
    days, dated = days_since_1970(year, month, number("day"))
    hour, minute, second = number("hour"), number("minute"), number("second")
    if "half" in groups:
        half = number("half")
        after_noon = np.asarray(pc.equal(pc.utf8_lower(parts.field("noon")), "pm").fill_null(False), bool)  # noqa: FBT003
        dated &= (half >= 1) & (half <= 12)
        hour = half % 12 + 12 * after_noon
    dated &= (hour < 24) & (minute < 60) & (second < 60)
    fraction, digits = _fraction(parts.field("part")) if "part" in groups else (np.int64(0), 0)
    offset, with_offset = _offsets(parts.field("offset")) if "offset" in groups else (np.int64(0), np.zeros_like(good))
    good &= dated
    stamps = days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND + fraction - offset
    stamps = np.where(good, stamps, NAT)
    aware = int((good & with_offset).sum())
    resolution = _resolution(parts, groups, digits) if good.any() else 0
    return Stamps(stamps, aware, int(good.sum()) - aware, resolution)


def _month(names: Any) -> NDArray[np.int64]:
    first = pc.utf8_lower(pc.utf8_slice_codeunits(names, 0, 3))
    return np.asarray(pc.fill_null(pc.index_in(first, pa.array(_MONTHS)), -1).to_numpy(zero_copy_only=False)) + 1


def _fraction(cells: Any) -> tuple[NDArray[np.int64], int]:
    """Nanoseconds of digits after a decimal point, and how many the longest has."""
    padded = pc.utf8_rpad(pc.fill_null(cells, ""), 9, "0")
    digits = int(pc.max(pc.utf8_length(cells)).as_py() or 0)
    return np.asarray(pc.cast(padded, pa.int64()).to_numpy(zero_copy_only=False), np.int64), digits


def _offsets(cells: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Nanoseconds that local times are ahead of UTC, and where an offset is written."""
    cells = pc.fill_null(cells, "")
    codes = pc.dictionary_encode(cells)
    each = np.array([_offset(text) for text in codes.dictionary.to_pylist()], np.int64)
    number = np.asarray(codes.indices)
    return each[number], np.asarray(pc.not_equal(cells, "").to_numpy(zero_copy_only=False), bool)


def _offset(text: str) -> int:
    if text in ("", "z", "Z"):
        return 0
    minutes = int(text[1:3]) * 60 + int(text[-2:] if len(text) > 3 else 0)
    return (-1 if text[0] == "-" else 1) * minutes * 60 * SECOND


def _resolution(parts: Any, groups: set[str], digits: int) -> int:
    """Of the finest part that is written anywhere, in ns."""
    if digits:
        return int(10 ** (9 - digits))
    for name, size in (("second", SECOND), ("minute", 60 * SECOND), ("hour", 3600 * SECOND), ("half", 3600 * SECOND)):
        if name in groups and pc.any(pc.not_equal(parts.field(name), "")).as_py():
            return size
    return DAY
