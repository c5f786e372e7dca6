"""Actiwatch AWD: seven lines of header, then one count of activity a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.dates import date_ns
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.running import shift_to_utc
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.signals.clock import Clock
from sleepdask.signals.recording import IDENTITY, annotations_dataset

_HEADER = 7
_SECONDS = {"1": 15, "2": 30, "4": 60, "8": 120, "20": 300, "81": 2, "C1": 5, "C2": 10}
"""Length of an epoch by the code in the header."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = re.compile(r"(\d{1,2})-([a-z]{3})-(\d{4}|\d{2})", re.IGNORECASE)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_COUNT = re.compile(r"(\d{1,9})\s*(?:,\s*(\d+(?:\.\d*)?)\s*,?\s*)?(M)?", re.IGNORECASE)
_PIVOT = 69  # of years of two digits, as POSIX has it: 69 is 1969, 68 is 2068
_ODD = 0.01  # part of all lines that may be no count
_SENSOR = "Actiwatch"
_ACTIVITY = Channel("activity", "counts", "activity", _SENSOR)
_LIGHT = Channel("light", "lux", "light", _SENSOR)


class ActiwatchReader(Reader):
    """Counts of an Actiwatch, as its programs export them (AWD)."""

    format: ClassVar[str] = "Actiwatch AWD"

    def recognises(self, look: Look) -> bool:
        lines = look.lines
        return (
            look.name.endswith(".awd")
            and len(lines) >= _HEADER
            and bool(_DATE.fullmatch(lines[1].strip()))
            and bool(_TIME.fullmatch(lines[2].strip()))
        )

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        lines = [line.strip() for line in whole_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        if lines[-1]:
            findings.warn("truncated", "the last line has no end, so that it may be cut off", "it is left out")
            lines[-1] = ""
        while lines and not lines[-1]:
            lines.pop()
        header = lines[:_HEADER]
        start, length = _start(header, path), _length(header, path)
        values, marked = _counts(lines[_HEADER:], findings, path)
        shift = shift_to_utc(start, how.timezone, findings)
        clock = Clock.regular(start + (shift or 0), values.shape[1], length, 1)
        channels = (_ACTIVITY, _LIGHT)[: len(values)]
        notes = None
        if marked and how.annotations:
            onsets = clock.times(np.array(marked))
            durations = np.full(len(marked), np.timedelta64(length, "ns"))
            notes = annotations_dataset(onsets, durations, ["Marker"] * len(marked))
        attrs: dict[str, Any] = {}
        if how.keep_identity:
            attrs = {IDENTITY: {"name": header[0], "serial_number": header[5]}}
        return recorded(
            Parts([Stream("activity", channels, values, clock=clock, instants=shift is not None)], notes, attrs),
            path,
            how,
            findings,
        )


def _start(header: Sequence[str], path: Path | RemoteFile) -> int:
    """Local start in ns since 1970."""
    if len(header) < _HEADER:
        raise FileFormatError("the header is cut off", where=path, expected=f"{_HEADER} lines", found=len(header))
    date, time = _DATE.fullmatch(header[1]), _TIME.fullmatch(header[2])
    month = date.group(2).lower() if date else ""
    if date is None or time is None or month not in _MONTHS:
        expected = "a start such as 23-Jan-1998 and 13:58, in lines 2 and 3"
        raise FileFormatError("the start cannot be read", where=path, expected=expected)
    day, year = int(date.group(1)), int(date.group(3))
    if len(date.group(3)) == 2:
        year += 1900 if year >= _PIVOT else 2000
    hour, minute, second = (int(part or 0) for part in time.groups())
    try:
        start = date_ns(datetime(year, _MONTHS.index(month) + 1, day, hour, minute, second))
    except ValueError:  # such as 31 February
        start = None
    if start is None:
        raise FileFormatError("there is no such date", where=path, found=header[1])
    return start


def _length(header: Sequence[str], path: Path | RemoteFile) -> int:
    """Length of an epoch in ns."""
    seconds = _SECONDS.get(header[3].upper())
    if seconds is None:
        raise FileFormatError(
            "the length of an epoch is not known",
            where=f"{path}, line 4",
            expected="one of " + ", ".join(f"{code} ({length} s)" for code, length in _SECONDS.items()),
            found=repr(header[3][:20]),
            fix="export the file as a table with times, and say with layout= what its columns are",
        )
    return seconds * 1_000_000_000


def _counts(lines: Sequence[str], findings: Findings, path: Path | RemoteFile) -> tuple[Any, list[int]]:
    """Counts, and light where a line has two numbers, dims (channel, epoch); and the numbers of the marked epochs."""
    if not lines:
        raise FileFormatError("it holds no samples", where=path)
    matches = [_COUNT.fullmatch(line) for line in lines]
    odd = [k for k, match in enumerate(matches) if match is None]
    if len(odd) > _ODD * len(lines):
        where = f"{path}, line {odd[0] + _HEADER + 1}"
        raise FileFormatError(
            "lines are no counts", where=where, expected="a number", found=f"{len(odd)} of {len(lines)}"
        )
    if odd:
        message = f"{len(odd)} lines are no counts, the first in line {odd[0] + _HEADER + 1}"
        findings.warn("values", message, "these epochs are missing")
    texts = [match.groups() if match else (None, None, None) for match in matches]
    light = any(text[1] is not None for text in texts)
    values = np.array([[float(text[k] or "nan") for text in texts] for k in range(1 + light)])
    return values, [k for k, text in enumerate(texts) if text[2] is not None]
