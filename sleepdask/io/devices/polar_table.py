"""One file of the Polar Sensor Logger, read: the times of both clocks, and the values of its columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core import indexing

from sleepdask.findings import Findings
from sleepdask.io.devices.polar_files import MARKER, PolarFile
from sleepdask.io.devices.rows import Rows, last_line, tell_bad, tell_cut_off, whole_lines
from sleepdask.io.devices.whole import whole_text
from sleepdask.io.remote.file import named
from sleepdask.io.streams import NAT, Channel
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat, unique_names
from sleepdask.io.tabular.times import TimeFormat, Times, parse_times

_FEW_ROWS = {MARKER, "hr", "ppi"}  # some a second at most, of which cells at the end may lack
_NEVER_ZERO = {"hr": "no contact", "ppi": "no interval", "ppi_hr": "not measured"}  # what a 0 says
_OF_PHONE = TimeFormat()
_OF_SENSOR = TimeFormat("nanoseconds", origin=946_684_800_000_000_000)  # from 2000 on


@dataclass(frozen=True)
class PolarTable:
    """What one file holds.

    Parameters
    ----------
    file
        Where it is, and what its columns are.
    channels
        Of the columns that are read.
    values
        Dims (channel, time), NaN where missing; lazy where there are many.
    phone
        When each row was received, ns since 1970, `NAT` where it cannot be read.
    sensor
        When each was taken by the sensor's own clock, ns since 1970, `NAT` where it does not say; None: no column.
    resolution
        What the phone's times are rounded to, in ns.
    instants
        Whether the phone's times have an offset from UTC, and are UTC here.
    texts
        Of a file of markers.
    """

    file: PolarFile
    channels: tuple[Channel, ...]
    values: xr.Variable
    phone: NDArray[np.int64]
    sensor: NDArray[np.int64] | None
    resolution: int
    instants: bool
    texts: tuple[str, ...] = ()


def read_table(file: PolarFile, sensor: str, findings: Findings, dtype: str) -> PolarTable:
    """Read a file; long ones lazily but for their times.

    Parameters
    ----------
    file
        What its first line says.
    sensor
        Name of the device.
    findings
        Collects what is odd.
    dtype
        Of the values.
    """
    for column in file.unknown():
        findings.note("unknown-column", f"column {column!r} is not known", "it is not read", where=file.kind)
    return (_few if file.kind in _FEW_ROWS else _many)(file, file.channels(sensor), findings, dtype)


def _few(file: PolarFile, channels: dict[int, Channel], findings: Findings, dtype: str) -> PolarTable:
    lines = whole_lines(whole_text(file.path), findings, file.kind)[1:]
    rows = Rows.of(lines, file.delimiter, len(file.cells))
    where = named(file.path).name
    times = parse_times(rows.texts(0), _OF_PHONE, where=where)
    values = np.full((len(channels), len(rows.cells)), np.nan, dtype)
    for k, (column, channel) in enumerate(channels.items()):
        values[k] = rows.numbers(column, channel.label)
        if channel.label in _NEVER_ZERO and (zeros := values[k] == 0).any():
            said = f"{int(zeros.sum()):,} of {zeros.size:,} values are 0: {_NEVER_ZERO[channel.label]}"
            findings.warn("zero", said, "missing there", where=channel.label)
            values[k, zeros] = np.nan
    rows.tell(findings, file.kind, short=file.kind != "hr")  # the app leaves cells out that it has no value for
    taken = (
        None
        if file.sensor_column is None
        else _known(parse_times(rows.texts(file.sensor_column), _OF_SENSOR, where=where))
    )
    variable = xr.Variable(("channel", "time"), values)
    texts = tuple(rows.texts(1)) if file.kind == MARKER else ()
    return PolarTable(
        file, tuple(channels.values()), variable, times.stamps, taken, times.resolution, times.instants, texts
    )


def _many(file: PolarFile, channels: dict[int, Channel], findings: Findings, dtype: str) -> PolarTable:
    names = unique_names(list(file.cells))
    columns = tuple(names[column] for column in channels)
    labels = dict(zip(columns, (channel.label for channel in channels.values()), strict=True))
    form = TableFormat(file.delimiter, skip=1, names=names, columns=columns, quoted=False)
    table = TableFile.open(file.path, form, time=names[0], time_format=_OF_PHONE)
    assert table.times is not None
    ragged, keep = table.ragged, table.rows
    if last := last_line(file.path):
        tell_cut_off(findings, file.kind)
        if last.count(file.delimiter) == len(names) - 1:
            keep -= 1
        else:
            ragged -= 1
    if ragged:
        said = "1 row has" if ragged == 1 else f"{ragged:,} rows have"
        findings.warn("ragged", f"{said} too few or too many cells", "left out", where=file.kind)
    tell_bad({labels[name]: count for name, count in table.bad.items() if name in labels}, findings)
    taken = (
        None if file.sensor_column is None else _known(table.parsed_times(names[file.sensor_column], _OF_SENSOR))[:keep]
    )
    lazy = xr.Variable(("channel", "time"), indexing.LazilyIndexedArray(table.values(columns, dtype)))
    times = table.times
    return PolarTable(
        file,
        tuple(channels.values()),
        lazy[:, :keep],
        times.stamps[:keep],
        taken,
        times.resolution,
        times.instants,
    )


def _known(times: Times) -> NDArray[np.int64]:
    """Times of the sensor; `NAT` where it says 0, which is that it does not know."""
    return np.where(times.stamps == _OF_SENSOR.origin, NAT, times.stamps)
