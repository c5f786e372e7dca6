"""Withings sleep mat: CSV files of an account export, each row a start, and lists of durations and values."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.dates import date_ns
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.streams import NAT, Channel, Parts, Stream
from sleepdask.signals.recording import annotations_dataset

_PREFIX = "raw_sleep-monitor_"
_HEADER = ["start", "duration", "value"]
_SUMMARY = "sleep.csv"
_SENSOR = "Withings sleep mat"
_STATE = "sleep_state"
_CHANNELS = {
    "hr": Channel("hr", "bpm", "hr", _SENSOR),
    "respiratory-rate": Channel("resp_rate", "1/min", "resp_rate", _SENSOR),
    "snoring": Channel("snoring", "", "snore", _SENSOR),
    "sleep-state": Channel(_STATE, "", "status", _SENSOR),
}
# https://developer.withings.com/api-reference: Sleep v2 - Get. The export itself says less.
_STATES = {0: "awake", 1: "light", 2: "deep", 3: "rem"}
_SECOND = 1_000_000_000


@dataclass
class _Values:
    """Values of one file in its order: when each begins (ns), how long it holds (ns), and what it is."""

    onset: list[int] = field(default_factory=list)
    length: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    instants: set[bool] = field(default_factory=set)


class WithingsReader(Reader):
    """Raw files of a Withings sleep mat: one of them, or the folder of an account export."""

    format: ClassVar[str] = "Withings sleep mat"

    def recognises(self, look: Look) -> bool:
        if look.is_folder:
            return any(_is_raw(path.name) for path in look.files)
        if _is_raw(look.name):
            return True
        return look.name == _SUMMARY and bool(look.lines) and _is_summary(look.lines)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        files: Sequence[Path | RemoteFile] = [named(path)]
        look = Look(path)
        if look.is_folder:
            files = [each for each in look.files if _is_raw(each.name)]
            _tell_others([each.name for each in look.files if each not in files], findings)
        elif look.name == _SUMMARY:
            raise FileFormatError(
                "a summary of nights is no recording",
                where=path,
                expected=f"the values of a night, in {_PREFIX}hr.csv and the like",
                found="one row a night",
                fix=f"open the folder, or one of its files {_PREFIX}*.csv",
            )
        streams, notes = [], None
        for file in files:
            kind = _kind(file.name)
            values = _read(file, findings)
            if not values.onset:
                findings.warn("empty", "there is no value", "it is left out", where=file.name)
                continue
            streams.append(_stream(_CHANNELS[kind], values, file))
            if kind == "sleep-state" and how.annotations:
                notes = _states(values, findings, file.name)
        return recorded(
            Parts(streams, notes),
            path,
            how,
            findings,
        )


def _kind(name: str) -> str:
    return name.lower().removeprefix(_PREFIX).removesuffix(".csv")


def _is_raw(name: str) -> bool:
    return name.lower().startswith(_PREFIX) and name.lower().endswith(".csv") and _kind(name) in _CHANNELS


def _is_summary(lines: Sequence[str]) -> bool:
    """Whether rows begin with two times; the names of the columns are in the language of the account."""
    rows = [row for row in csv.reader(lines[1:3]) if len(row) > 2]
    return bool(rows) and all(_time(row[0])[0] != NAT and _time(row[1])[0] != NAT for row in rows)


def _tell_others(names: Sequence[str], findings: Findings) -> None:
    summaries = [name for name in names if name.lower() == _SUMMARY]
    unread = [name for name in names if name.lower().startswith(_PREFIX)]
    if summaries:
        findings.note("summary", "a summary of nights", "it holds no signal, and is left out", where=summaries[0])
    for name in unread:
        findings.warn("unread", "values of a kind that is not read", "they are left out", where=name)


def _read(path: Path | RemoteFile, findings: Findings) -> _Values:
    rows = csv.reader(whole_text(path).splitlines(), strict=True)
    values, odd, bad = _Values(), 0, 0
    try:
        header = [cell.strip().lower() for cell in next(rows, [])]
        if header != _HEADER:
            expected, columns = (",".join(names) for names in (_HEADER, header))
            raise FileFormatError("the columns are others", where=path, expected=expected, found=columns[:80])
        for row in rows:
            durations, found = (_numbers(cell) for cell in row[1:]) if len(row) == len(_HEADER) else (None, None)
            if not row:
                continue
            if durations is None or found is None or len(durations) != len(found) or not all(map(_lasts, durations)):
                odd += 1
                continue
            onset, with_offset = _time(row[0])
            values.instants |= set() if onset == NAT else {with_offset}
            for duration, value in zip(durations, found, strict=True):
                length = round(duration * _SECOND)
                values.onset.append(onset)
                values.length.append(length)
                values.value.append(_value(value))
                bad += value is not None and np.isnan(values.value[-1])
                onset = onset if onset == NAT else onset + length
    except csv.Error:  # a quote that is never closed: the file ends inside a row
        odd += 1
    if odd:
        message = f"{odd} rows whose durations and values are not two lists of numbers of one length"
        findings.warn("lists", message, "they are left out", where=named(path).name)
    if bad:
        findings.warn("values", f"{bad} values are no numbers", "they are missing", where=named(path).name)
    if len(values.instants) > 1:
        raise FileFormatError("some times have an offset from UTC and some have none", where=path)
    return values


def _numbers(cell: str) -> list[Any] | None:
    """List of a cell; None if it holds none."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _lasts(duration: Any) -> bool:
    return isinstance(duration, int | float) and not isinstance(duration, bool) and 0 < duration < 1e6


def _value(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and isfinite(value) else float("nan")


def _time(text: str) -> tuple[int, bool]:
    """Time in ns since 1970, and whether it is an instant; `NAT` if it cannot be read."""
    try:
        time = datetime.fromisoformat(text.strip())
        instant = time.tzinfo is not None
        naive = time.astimezone(UTC).replace(tzinfo=None) if instant else time
    except (ValueError, OverflowError):
        return NAT, False
    known = date_ns(naive)
    return (NAT, False) if known is None else (known, instant)


def _stream(channel: Channel, values: _Values, path: Path | RemoteFile) -> Stream:
    lengths = set(values.length)
    if not values.instants:
        raise FileFormatError("no row has a time that can be read", where=path, expected="2020-10-23T22:03:00+02:00")
    return Stream(
        channel.label,
        (channel,),
        np.array([values.value]),
        np.array(values.onset, np.int64),
        instants=values.instants == {True},
        period=Fraction(lengths.pop()) if len(lengths) == 1 else None,
        gap=max(values.length),
    )


def _states(values: _Values, findings: Findings, name: str) -> xr.Dataset:
    """Annotations of the stretches of one state, named as the vendor does where it is sure which codes these are.

    The note in some exports says that 1 is any sleep. Only where a file has more than that are its codes those of
    the interface for programs.
    """
    staged = not {2.0, 3.0}.isdisjoint(values.value)
    if not staged and 1.0 in values.value:
        message = "the codes 0 and 1 alone may be wake and sleep, or wake and light sleep"
        findings.warn("codes", message, "they are not named", where=name)
    onsets, durations, texts = [], [], []
    for onset, length, value in _merged(values):
        onsets.append(onset)
        durations.append(length)
        texts.append(_STATES[int(value)] if staged and value in _STATES else f"sleep state {value:g}")
    return annotations_dataset(
        np.array(onsets, np.int64).astype("datetime64[ns]"), np.array(durations, "timedelta64[ns]"), texts
    )


def _merged(values: _Values) -> Iterator[tuple[int, int, float]]:
    """Stretches of one value without a gap, in order of time; of each time the first value in the file."""
    first: dict[int, tuple[int, float]] = {}
    for onset, length, value in zip(values.onset, values.length, values.value, strict=True):
        first.setdefault(onset, (length, value))
    begun: tuple[int, int, float] | None = None
    for onset, (length, value) in sorted(first.items()):
        if onset == NAT or np.isnan(value):
            continue
        if begun is not None and begun[2] == value and begun[0] + begun[1] == onset:
            begun = (begun[0], begun[1] + length, value)
            continue
        if begun is not None:
            yield begun
        begun = (onset, length, value)
    if begun is not None:
        yield begun
