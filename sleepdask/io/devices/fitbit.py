"""Fitbit: JSON files of an account export with heart rate, steps and sleep levels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.streams import NAT, Channel, Parts, Stream
from sleepdask.signals.recording import annotations_dataset

_HEART, _STEPS, _SLEEP = "heart_rate", "steps", "sleep"
_NAME = re.compile(r"(heart_rate|steps|sleep)(-\d{4}-\d\d-\d\d.*)?\.json")
_MONTH_FIRST = re.compile(r"(\d\d)/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)")
_ISO = re.compile(r"((?:1[7-9]|2[01])\d\d-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)")
_PIVOT = 69  # of years of two digits, as POSIX has it: 69 is 1969, 68 is 2068
_SENSOR = "Fitbit"
_HR = (Channel("hr", "bpm", "hr", _SENSOR), Channel("hr_confidence", "", "status", _SENSOR))
_COUNT = (Channel("steps", "steps", "activity", _SENSOR),)
_MINUTE = 60_000_000_000
_SECOND = 1_000_000_000


@dataclass
class _Levels:
    """Sleep levels as annotations."""

    onset: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class FitbitReader(Reader):
    """Heart rate, steps and sleep of a Fitbit account: one file, or a folder of them."""

    format: ClassVar[str] = "Fitbit JSON"

    def recognises(self, look: Look) -> bool:
        if look.is_folder:
            return any(self.recognises(each) for each in look.others() if _NAME.fullmatch(each.name))
        return bool(_NAME.fullmatch(look.name)) and look.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        look = Look(path)
        files: Sequence[Path | RemoteFile] = [named(path)]
        if look.is_folder:
            files = [each for each in look.files if _NAME.fullmatch(each.name.lower())]
            if others := [each.name for each in look.files if each not in files]:
                shown = ", ".join(others[:3]) + (" and more" if len(others) > 3 else "")
                findings.note("others", f"{len(others)} files of other kinds: {shown}", "they are left out")
        streams, levels = [], _Levels()
        for file in files:
            kind, rows = _kind(file.name), _rows(file)
            if kind == _SLEEP:
                _add_levels(levels, rows, findings, file)
            elif rows:
                streams.append(_heart(rows, findings, file) if kind == _HEART else _steps(rows, findings, file))
            else:
                findings.warn("empty", "there is no row", "it is left out", where=file.name)
        if streams and levels.onset:
            findings.warn(
                "clocks",
                "sleep is in local time, but heart rate and steps of many exports are in UTC, and no file says so",
                "all times are taken for local ones; if they are not, open each kind with a timezone of its own",
            )
        return recorded(
            Parts(streams, _annotations(levels, path) if how.annotations and levels.onset else None),
            path,
            how,
            findings,
        )


def _kind(name: str) -> str:
    match = _NAME.fullmatch(name.lower())
    return match.group(1) if match else ""


def _rows(path: Path | RemoteFile) -> list[dict[str, Any]]:
    text = whole_text(path)
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileFormatError("the JSON is broken", where=path, found=str(error)[:80], fix="export it again") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FileFormatError("it is no list of entries", where=path, expected='[{"dateTime": ...}, ...]')
    return rows


def _heart(rows: Sequence[dict[str, Any]], findings: Findings, path: Path | RemoteFile) -> Stream:
    each = [value if isinstance(value := row.get("value"), dict) else {} for row in rows]
    values = np.array([_numbers(value.get(name) for value in each) for name in ("bpm", "confidence")])
    _tell_bad(values[0], findings, path)
    return Stream("hr", _HR, values, _stamps([row.get("dateTime") for row in rows], path), resolution=_SECOND)


def _steps(rows: Sequence[dict[str, Any]], findings: Findings, path: Path | RemoteFile) -> Stream:
    values = np.array([_numbers(row.get("value") for row in rows)])
    _tell_bad(values[0], findings, path)
    stamps = _stamps([row.get("dateTime") for row in rows], path)
    return Stream(_STEPS, _COUNT, values, stamps, period=Fraction(_MINUTE), gap=_MINUTE)


def _add_levels(levels: _Levels, logs: Sequence[dict[str, Any]], findings: Findings, path: Path | RemoteFile) -> None:
    """Add the levels of each sleep; ``shortData`` are short times awake that lie on top of the others."""
    odd = 0
    for log in logs:
        told = log.get("levels")
        told = told if isinstance(told, dict) else {}
        for part, suffix in (("data", ""), ("shortData", ", short")):
            for entry in told.get(part) or []:
                level, onset, seconds = (entry.get(name) for name in ("level", "dateTime", "seconds"))
                if not (isinstance(level, str) and isinstance(onset, str) and _number(seconds) >= 0):
                    odd += 1
                    continue
                levels.onset.append(onset)
                levels.seconds.append(float(seconds))
                levels.text.append(f"{level}{suffix}")
    if odd:
        findings.warn(
            "levels", f"{odd} sleep levels without a start, length or name", "left out", where=named(path).name
        )


def _annotations(levels: _Levels, path: Path | RemoteFile) -> xr.Dataset:
    onsets = _stamps(levels.onset, path)
    if (onsets == NAT).any():
        found = levels.onset[int(np.argmax(onsets == NAT))]
        raise FileFormatError("a sleep level has no time that can be read", where=path, found=repr(found[:40]))
    lengths = np.round(np.array(levels.seconds) * _SECOND).astype(np.int64)
    order = np.lexsort((np.array(levels.text), onsets))
    whole = annotations_dataset(onsets.astype("datetime64[ns]"), lengths.astype("timedelta64[ns]"), levels.text).isel(
        annotation=order
    )
    rows = list(zip(onsets[order].tolist(), lengths[order].tolist(), whole["text"].values.tolist(), strict=True))
    first = [k for k, row in enumerate(rows) if k == 0 or row != rows[k - 1]]  # a sleep may be in two files
    return whole.isel(annotation=first)


def _stamps(texts: Sequence[Any], path: Path | RemoteFile) -> NDArray[np.int64]:
    """Times in ns since 1970 as they are written: month, day and year of two digits, or ISO."""
    iso = [_iso(text, path) for text in texts]
    try:
        return np.array(iso, "datetime64[ns]").astype(np.int64)
    except ValueError:
        return np.array([_one(text) for text in iso], np.int64)


def _iso(text: Any, path: Path | RemoteFile) -> str:
    if not isinstance(text, str):
        return "NaT"
    if match := _MONTH_FIRST.fullmatch(text):
        month, day, year, clock = match.groups()
        if int(month) > 12:
            raise FileFormatError(
                "times are not month/day/year",
                where=path,
                expected="months up to 12, as Fitbit writes them",
                found=text,
                fix="export the account again",
            )
        return f"{'19' if int(year) >= _PIVOT else '20'}{year}-{month}-{day}T{clock}"
    match = _ISO.fullmatch(text)
    return f"{match.group(1)}T{match.group(2)}" if match else "NaT"


def _one(text: str) -> int:
    try:
        return int(np.datetime64(text, "ns").astype(np.int64))
    except ValueError:  # such as 31 February
        return NAT


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return float("nan")
    return number if isfinite(number) and not isinstance(value, bool) else float("nan")


def _numbers(values: Iterable[Any]) -> list[float]:
    return [_number(value) for value in values]


def _tell_bad(values: NDArray[np.float64], findings: Findings, path: Path | RemoteFile) -> None:
    if bad := int(np.isnan(values).sum()):
        findings.warn("values", f"{bad} values are no numbers", "they are missing", where=named(path).name)
