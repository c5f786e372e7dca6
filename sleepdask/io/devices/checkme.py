"""Night of a Checkme oximeter, or another one of Viatom's (Wellue, ViHealth), as its program exports it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import NAT, Channel, Parts, Stream
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.pattern import pattern_times, regex_of
from sleepdask.io.tabular.telling import tell_table
from sleepdask.io.tabular.times import TimeFormat

_COLUMNS = {
    "Oxygen Level": Channel("spo2", "%", "spo2", "oximeter"),
    "Pulse Rate": Channel("pulse", "bpm", "hr", "oximeter"),
    "Motion": Channel("motion", "", "activity", "oximeter"),
}
_TIME = "Time"
_HEADER = ",".join((_TIME, *_COLUMNS)).lower()
_PATTERNS = ("%H:%M:%S %b %d %Y", "%H:%M:%S %b %d, %Y", "%I:%M:%S %p %b %d %Y", "%I:%M:%S %p %b %d, %Y")
_FORMAT = TableFormat(nulls=("--",), columns=(_TIME, *_COLUMNS))


class CheckmeReader(Reader):
    """CSV files with the columns Time, Oxygen Level, Pulse Rate, Motion."""

    format: ClassVar[str] = "Checkme oximeter"

    def recognises(self, look: Look) -> bool:
        return bool(look.lines) and look.lines[0].strip().lower().startswith(_HEADER)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        table = TableFile.open(path, _FORMAT, time=_TIME, time_format=_time_format(path))
        assert table.times is not None
        tell_table(table, tuple(_COLUMNS), findings)
        stamps, instants, resolution = table.times
        values = table.values(tuple(_COLUMNS), how.dtype or "float32")
        stream = Stream("oximeter", tuple(_COLUMNS.values()), values, stamps, None, instants, resolution)
        return recorded(
            Parts([stream]),
            path,
            how,
            findings,
        )


def _time_format(path: Path | RemoteFile) -> TimeFormat:
    """How its times are written: a pattern with a month that has a name, or ISO 8601."""
    text = next((row[0] for row in csv.reader(Look(path).lines[1:]) if row), "")
    for pattern in _PATTERNS:
        if pattern_times(pa.array([text]), regex_of(pattern)).stamps[0] != NAT:
            return TimeFormat("strptime", pattern)
    return TimeFormat()
