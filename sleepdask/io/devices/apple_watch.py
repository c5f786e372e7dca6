"""Samples of an Apple Watch as the PhysioNet set "sleep-accel" has them: seconds and values, without a date."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.telling import tell_table
from sleepdask.io.tabular.times import TimeFormat

_WATCH = "Apple Watch"
_SECONDS = "seconds"
_NUMBER = r"-?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_LONGEST = 1e8  # seconds: a recording is shorter than three years, and times since 1970 are longer


@dataclass(frozen=True)
class _Kind:
    """One of its files, told by the end of its name."""

    name: str
    channels: tuple[Channel, ...]


_KINDS = {
    "acceleration": _Kind("acc", tuple(Channel(f"acc_{axis}", "g", "acc", _WATCH) for axis in "xyz")),
    "heartrate": _Kind("hr", (Channel("hr", "bpm", "hr", _WATCH),)),
    "steps": _Kind("steps", (Channel("steps", "", "activity", _WATCH),)),
}
_NAME = re.compile(rf"((?:.*_)?)({'|'.join(_KINDS)})\.(?:txt|csv)", re.IGNORECASE)


class AppleWatchReader(Reader):
    """Files such as ``46343_acceleration.txt`` and ``46343_heartrate.txt``, or a folder with those of one recording."""

    format: ClassVar[str] = "Apple Watch"

    def recognises(self, look: Look) -> bool:
        if not look.is_folder:
            return _is_of_watch(look)
        files = [each for each in look.others() if _NAME.fullmatch(each.name)]
        beginnings = {each.name.rpartition("_")[0] for each in files}
        return len(beginnings) == 1 and all(_is_of_watch(each) for each in files)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        look = Look(path)
        files = [each for each in look.others() if _NAME.fullmatch(each.name)] if look.is_folder else [look]
        return recorded(
            Parts([_stream(each, how, findings) for each in files]),
            path,
            how,
            findings,
        )


def _is_of_watch(look: Look) -> bool:
    """Whether its name says what it holds, and it holds as many numbers a line, the first of them no date."""
    kind = _kind(look)
    lines = [line.strip() for line in look.lines[:-1] or look.lines if line.strip()]
    if kind is None or not lines:
        return False
    row = re.compile("[ ,]".join([_NUMBER] * (1 + len(kind.channels))))
    return all(row.fullmatch(line) for line in lines) and abs(float(re.split("[ ,]", lines[0])[0])) < _LONGEST


def _kind(look: Look) -> _Kind | None:
    found = _NAME.fullmatch(look.name)
    return _KINDS[found[2]] if found else None


def _stream(look: Look, how: How, findings: Findings) -> Stream:
    kind = _kind(look)
    assert kind is not None
    labels = tuple(channel.label for channel in kind.channels)
    delimiter = "," if "," in look.lines[0] else " "
    form = TableFormat(delimiter, names=(_SECONDS, *labels), quoted=False)
    table = TableFile.open(look.path, form, time=_SECONDS, time_format=TimeFormat("seconds", aware=False))
    assert table.times is not None
    tell_table(table, labels, findings)
    values = table.values(labels, how.dtype or "float32")
    return Stream(kind.name, kind.channels, values, table.times.stamps, resolution=table.times.resolution, dated=False)
