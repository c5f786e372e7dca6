"""Polar Sensor Logger: an app that writes a text file for each kind of signal of a Polar sensor.

A folder of such files is one recording. The phone's time, which all files have, is that of the recording; where a
sensor tells its own, that one gives the distances of samples (`sensor_clock`). The time of an interval between beats is
the one that the app wrote beside it, from which one interval on is the time of the next; it was reckoned when the
sensor sent several of them, and is not exact enough to be the time of a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.devices.others import tell_others
from sleepdask.io.devices.polar_files import MARKER, PPI, Device, PolarFile, polar_file, polar_files
from sleepdask.io.devices.polar_table import PolarTable, read_table
from sleepdask.io.devices.recorded import recorded
from sleepdask.io.devices.sensor_clock import Tied, one_after_another, tie
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.streams import NAT, ODD_DRIFT, Parts, Stream
from sleepdask.signals.recording import IDENTITY, annotations_dataset
from sleepdask.times import describe_span

_MILLISECOND = 1_000_000  # ns
_FAR = 1_000_000_000  # ns between the phone's time and the sensor's from which on it is told
_FEW_SHARED = 10  # rows of two files at the same time that prove nothing yet


class PolarReader(Reader):
    """Files of the Polar Sensor Logger: one of them, or a folder of those of one sensor."""

    format: ClassVar[str] = "Polar Sensor Logger"

    def recognises(self, look: Look) -> bool:
        return bool(polar_files(look)) if look.is_folder else polar_file(look) is not None

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        findings.format = self.format
        look = Look(path)
        files = polar_files(look)
        tell_others(look, [file.path for file in files], findings)
        device = _one_device(files, path)
        if odd := sum(not file.kind for file in files):
            said = "1 file has" if odd == 1 else f"{odd} files have"
            findings.warn("unknown-columns", f"{said} columns of no kind that is known", "left out")
        tables: dict[str, list[PolarTable]] = {}
        for file in files:
            if file.kind and (file.kind != MARKER or how.annotations):
                table = read_table(file, device.model, findings, how.dtype or "float32")
                tables.setdefault(file.kind, []).append(table)
        markers = tables.pop(MARKER, [])
        streams = [stream for kind in sorted(tables) for stream in _streams(tables[kind], findings)]
        return recorded(
            Parts(
                streams,
                _annotations(markers, findings),
                {IDENTITY: {"device": device.serial}} if how.keep_identity and device.serial else {},
            ),
            path,
            how,
            findings,
        )


def _one_device(files: Sequence[PolarFile], path: Path | RemoteFile) -> Device:
    """The sensor that wrote the files, as far as their names tell; several are refused, and not named."""
    devices = {file.device for file in files} - {Device()}
    models, serials = ({getattr(one, part) for one in devices} - {""} for part in ("model", "serial"))
    if len({model.lower() for model in models}) > 1 or len(serials) > 1:
        raise FileFormatError(
            "the files are of several sensors",
            where=path,
            expected="those of one sensor in a folder",
            found=f"{max(len(models), len(serials))} of {', '.join(sorted(models))}",
            fix="put those of each into a folder of its own, and give open_recording both folders",
        )
    return Device(next(iter(models), "Polar"), next(iter(serials), ""))


def _streams(tables: Sequence[PolarTable], findings: Findings) -> list[Stream]:
    """Files of one kind as fragments of one stream, on the phone's clock."""
    kind = tables[0].file.kind
    tables = sorted(tables, key=lambda table: int(table.phone[table.phone != NAT].min(initial=np.iinfo(np.int64).max)))
    for pair in combinations(tables, 2):
        _check_same_stream(*pair)
    if kind == PPI:
        tables = _beats(tables, findings)
    resolution = max(table.resolution for table in tables)
    phone = np.concatenate([table.phone for table in tables])
    attrs: dict[str, float] = {}
    stamps = phone
    sensors = [table.sensor for table in tables if table.sensor is not None]
    if len(sensors) == len(tables) and (sensor := np.concatenate(sensors)).max(initial=NAT) != NAT:
        if lost := int((sensor == NAT).sum()):
            said = "1 row has" if lost == 1 else f"{lost:,} rows have"
            findings.warn("no-sensor-time", f"{said} no time of the sensor", "the phone's is taken", where=kind)
        tied = tie(phone, sensor, resolution)
        stamps, attrs = tied.stamps, {"clock_drift": tied.drift}
        _tell(tied, kind, findings)
    parts = np.split(stamps, np.cumsum([len(table.phone) for table in tables])[:-1])
    return [
        Stream(
            kind,
            table.channels,
            table.values,
            stamps=part,
            instants=table.instants,
            resolution=resolution,
            attrs=attrs,
        )
        for table, part in zip(tables, parts, strict=True)
    ]


def _beats(tables: Sequence[PolarTable], findings: Findings) -> list[PolarTable]:
    """Intervals between beats in the order of the beats, those that are in two files taken once."""
    found: list[PolarTable] = []
    moved = repeated = 0
    for table in tables:
        new = np.ones(len(table.phone), bool)
        for earlier in tables[: len(found)]:
            new &= ~np.isin(table.phone, earlier.phone) | (table.phone == NAT)
        repeated += int((~new).sum())
        values = table.values[:, new]
        row = [channel.label for channel in table.channels].index(PPI)
        stamps, count = one_after_another(table.phone[new], values[row].values.astype(np.float64) * _MILLISECOND)
        moved += count
        found.append(replace(table, values=values, phone=stamps, sensor=None))  # no sensor knows when a beat was
    if repeated:
        said = f"{repeated:,} {'row is' if repeated == 1 else 'rows are'} in two files"
        findings.note("repeated", said, "taken once", where=PPI)
    if moved:
        said = f"{moved:,} {'row is' if moved == 1 else 'rows are'} not later than the one before"
        findings.warn("out-of-order", said, "in the order of the beats, each an interval after the other", where=PPI)
    return found


def _tell(tied: Tied, kind: str, findings: Findings) -> None:
    if tied.jumps:
        often = "once" if tied.jumps == 1 else f"{tied.jumps:,} times"
        said = f"the sensor's clock or the phone's was set anew {often}"
        findings.warn("clock-set", said, "each stretch follows the phone's clock", where=kind)
    if abs(tied.drift) >= ODD_DRIFT:
        said = f"the sensor's clock is {abs(tied.drift) * 1e6:.3g} ppm {'slow' if tied.drift > 0 else 'fast'}"
        findings.note("drift", said, "its times are put on the phone's clock", where=kind)
    if tied.farthest >= _FAR:
        said = f"times of the phone are up to {describe_span(tied.farthest)} from those of the sensor"
        findings.warn("late", said, "the sensor's distances are kept", where=kind)


def _check_same_stream(one: PolarTable, other: PolarTable) -> None:
    """Refuse two files that were written at the same time with different samples: two sensors."""
    (a, b), (c, d) = _span(one), _span(other)
    keys = [
        _keys(table, sensor=one.sensor is not None and other.sensor is not None)[
            (table.phone >= max(a, c)) & (table.phone <= min(b, d))
        ]
        for table in (one, other)
    ]
    fewer = min(map(len, keys))
    if fewer > _FEW_SHARED and len(np.intersect1d(keys[0], keys[1])) < fewer / 2:
        raise FileFormatError(
            f"two files of {one.file.kind!r} have different samples of the same time",
            where=named(other.file.path).name,
            expected="files of one sensor",
            fix="open the files of each sensor by themselves",
        )


def _keys(table: PolarTable, *, sensor: bool) -> NDArray[np.int64]:
    """What tells rows apart."""
    return table.sensor if sensor and table.sensor is not None else table.phone


def _span(table: PolarTable) -> tuple[int, int]:
    known = table.phone[table.phone != NAT]
    return (int(known.min()), int(known.max())) if known.size else (0, -1)


def _annotations(markers: Sequence[PolarTable], findings: Findings) -> xr.Dataset | None:
    """Markers as annotations without a length, in order of time."""
    onsets = np.concatenate([table.phone for table in markers]) if markers else np.empty(0, np.int64)
    texts = [text for table in markers for text in table.texts]
    known = np.flatnonzero(onsets != NAT)
    if lost := len(onsets) - known.size:
        said = "1 marker" if lost == 1 else f"{lost} markers"
        findings.warn("no-time", f"{said} without a time that can be read", "left out", where=MARKER)
    rows = known[np.argsort(onsets[known], kind="stable")]
    if not rows.size:
        return None
    none = np.full(rows.size, "NaT", "timedelta64[ns]")
    return annotations_dataset(onsets[rows], none, [texts[row] for row in rows])
