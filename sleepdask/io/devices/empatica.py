"""Empatica E4: a folder of text files, one a sensor, that state a start in unix time and a rate.

Samples are counted from the start at that rate, so that a row too few or too many would shift all that follow: a file
with such rows is refused. The time of an interval between beats is its end, as the vendor says: that of the second
beat.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.others import tell_others
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.rows import Rows, last_line, tell_bad, tell_cut_off, whole_lines
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.streams import NAT, Channel, Parts, Stream
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat
from sleepdask.signals.clock import Clock
from sleepdask.signals.conversion import ScaledArray
from sleepdask.signals.recording import annotations_dataset
from sleepdask.times import describe_span

_SENSOR = "Empatica E4"
_TAGS = "tags"
_IBI = "ibi"
_TAG = "tag"  # text of what a press of the button leaves
_A_STEP = Fraction(1, 64)  # g, that a step of the accelerometer is
_APART = 60_000_000_000  # ns by which starts or ends of the files of one session may differ
_SECOND = 1_000_000_000
_MOST_HERTZ = 1000

_CHANNELS = {
    "acc": tuple(Channel(f"acc_{axis}", "g", "acc", _SENSOR) for axis in "xyz"),
    "bvp": (Channel("bvp", "", "ppg", _SENSOR),),
    "eda": (Channel("eda", "uS", "", _SENSOR),),
    "hr": (Channel("hr", "bpm", "hr", _SENSOR),),
    _IBI: (Channel("ibi", "s", "rr", _SENSOR),),
    "temp": (Channel("temp", "degC", "temperature", _SENSOR),),
}


@dataclass(frozen=True)
class _Head:
    """What a file says first: its kind, when it starts in ns since 1970, its rate in Hz (None of intervals)."""

    path: Path | RemoteFile
    kind: str
    start: int
    rate: Fraction | None


class EmpaticaReader(Reader):
    """What an Empatica E4 wrote: a session's folder, or one file of it."""

    format: ClassVar[str] = "Empatica E4"

    def recognises(self, look: Look) -> bool:
        return bool(_heads(look))

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        look = Look(path)
        heads = sorted(_heads(look), key=lambda head: head.kind)
        kinds = [head.kind for head in heads]
        if twice := sorted({kind for kind in kinds if kinds.count(kind) > 1}):
            raise FileFormatError(
                f"two files have {twice[0].upper()}",
                where=path,
                expected="the files of one session in a folder",
                fix="put those of each session into a folder of its own",
            )
        streams = [
            _intervals(head, findings) if head.rate is None else _samples(head, how.dtype or "float32", findings)
            for head in heads
        ]
        _tell_spans(streams, findings)
        tags = [each for each in look.files if each.name.lower() == f"{_TAGS}.csv"]
        tell_others(look, [*(head.path for head in heads), *tags], findings)
        return recorded(
            Parts(streams, _annotations(tags[0], findings) if tags and how.annotations else None),
            path,
            how,
            findings,
        )


def _heads(look: Look) -> list[_Head]:
    """What the files at a path say that are of an E4."""
    looks = look.others() if look.is_folder else [look]
    return [head for each in looks if (head := _head(each)) is not None]


def _head(look: Look) -> _Head | None:
    """What a file says first; None if it is none of an E4, which its name and its first lines tell."""
    kind = re.split(r"[^a-z]+", look.name.removesuffix(".csv"))[-1]
    if not look.name.endswith(".csv") or kind not in _CHANNELS or len(look.lines) < 1 + (kind != _IBI):
        return None
    first = [cell.strip() for cell in look.lines[0].split(",")]
    if kind == _IBI:
        start, rate = _decimal(first[0]), None
        if [cell.lower() for cell in first[1:]] != [_IBI]:
            return None
    else:
        width, second = len(_CHANNELS[kind]), [cell.strip() for cell in look.lines[1].split(",")]
        if (len(first), len(second)) != (width, width) or len(set(first)) > 1 or len(set(second)) > 1:
            return None
        start, rate = _decimal(first[0]), _decimal(second[0])
        if rate is None or not 0 < rate <= _MOST_HERTZ:
            return None
    if start is None or not _SECOND <= start < 10 * _SECOND:  # 2001 to 2286
        return None
    return _Head(look.path, kind, round(start * _SECOND), rate)


def _decimal(text: str) -> Fraction | None:
    """Exact number that a text is; None if it is none."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return Fraction(value) if value.is_finite() else None


def _samples(head: _Head, dtype: str, findings: Findings) -> Stream:
    channels = _CHANNELS[head.kind]
    names = tuple(channel.label for channel in channels)
    table = TableFile.open(head.path, TableFormat(skip=2, names=names, columns=names, quoted=False))
    wrong, size = table.ragged + table.blank, table.rows
    if last := last_line(head.path):
        tell_cut_off(findings, head.kind)
        if last.count(",") == len(names) - 1:
            size -= 1
        else:
            wrong -= 1
    if wrong:
        raise FileFormatError(
            "rows with too few or too many values: the time of all that follow is not known",
            where=named(head.path).name,
            expected=f"{len(names)} values in each row" if len(names) > 1 else "a value in each row",
            found=f"{wrong:,} others",
            fix="download the session again",
        )
    tell_bad(table.bad, findings)
    values = xr.Variable(("channel", "time"), indexing.LazilyIndexedArray(table.values(names, dtype)))[:, :size]
    if head.kind == "acc":
        steps = (_A_STEP,) * len(names)
        values = xr.Variable(values.dims, indexing.LazilyIndexedArray(ScaledArray(values, steps)))
    assert head.rate is not None
    period = _SECOND / head.rate
    period = period.limit_denominator(isqrt(int(2**61 / period)))  # as close as exact 64-bit arithmetic can hold
    clock = Clock.regular(head.start, size, period.numerator, period.denominator)
    return Stream(head.kind, channels, values, clock=clock, instants=True)


def _intervals(head: _Head, findings: Findings) -> Stream:
    """Intervals between beats, each at its end."""
    lines = whole_lines(whole_text(head.path), findings, head.kind)[1:]
    rows = Rows.of(lines, ",", 2)
    values = rows.numbers(1, head.kind)[None]
    rows.tell(findings, head.kind)
    stamps = np.array([_stamp(text, head.start) for text in rows.texts(0)], np.int64)
    return Stream(head.kind, _CHANNELS[head.kind], values, stamps=stamps, instants=True, resolution=1000)


def _stamp(text: str, origin: int) -> int:
    """Time that is so many seconds after an origin; `NAT` if it cannot be read."""
    seconds = _decimal(text)
    return NAT if seconds is None or abs(seconds) >= 10 * _SECOND else origin + round(seconds * _SECOND)


def _tell_spans(streams: Sequence[Stream], findings: Findings) -> None:
    """Tell if files do not start or end together, as those of one session do but for seconds."""
    clocks = {stream.name: stream.clock for stream in streams if stream.clock is not None and stream.clock.size}
    for said, times in (
        ("start", {name: clock.start for name, clock in clocks.items()}),
        ("end", {name: clock.end for name, clock in clocks.items()}),
    ):
        if times and (apart := max(times.values()) - min(times.values())) > _APART:
            first, last = min(times, key=times.__getitem__), max(times, key=times.__getitem__)
            message = f"its files {said} up to {describe_span(apart)} apart: {first} first, {last} last"
            findings.warn(f"{said}s-apart", message, "each is read as it is")


def _annotations(path: Path, findings: Findings) -> xr.Dataset | None:
    """Presses of the button, in order of time; None if there are none."""
    text = whole_text(path) if path.stat().st_size else ""
    stamps: NDArray[np.int64] = np.array(
        [_stamp(line, 0) for line in whole_lines(text, findings, _TAGS) if line.strip()], np.int64
    )
    known = np.sort(stamps[stamps != NAT])
    if lost := len(stamps) - known.size:
        said = "1 tag" if lost == 1 else f"{lost} tags"
        findings.warn("no-time", f"{said} without a time that can be read", "left out", where=_TAGS)
    if not known.size:
        return None
    return annotations_dataset(known, np.full(known.size, "NaT", "timedelta64[ns]"), [_TAG] * known.size)
