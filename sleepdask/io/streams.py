"""What devices write down, as nodes of a recording: rows put in order, told about, and given a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.row_order import in_order
from sleepdask.io.stream_rows import NAT as NAT
from sleepdask.io.stream_rows import ordered_rows
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.joined_array import JoinedArray, Piece, Source, joined_signal
from sleepdask.signals.recording import ANNOTATIONS, SIGNAL, channel_coordinates, is_dated, recording_tree, span
from sleepdask.signals.regularity import Fit, fit_clock
from sleepdask.signals.timestamps import AnyClock
from sleepdask.times import describe_time, stored_time
from sleepdask.zones import Zone

ODD_DRIFT = 1e-4
"""Parts of one from which on the drift of a clock is odd: 9 s a day."""

_DIMS = ("channel", "time")
_LATEST = int(np.iinfo(np.int64).max)

_T = TypeVar("_T")


@dataclass(frozen=True)
class Channel:
    """One column of what a device wrote.

    Parameters
    ----------
    label
        Name, unique among all channels of the recording.
    unit
        As the file has it.
    signal_type
        One of `sleepdask.signals.types.TYPES`; empty: told from label, unit and rate.
    sensor
        What measured it, such as "Polar Sense"; no serial number.
    """

    label: str
    unit: str = ""
    signal_type: str = ""
    sensor: str = ""


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples that a device took together: of each, one value a channel.

    Parameters
    ----------
    name
        Of the node, such as "acc".
    channels
        In the order of the rows of `values`.
    values
        Dims (channel, row), floating, NaN where missing: a NumPy array, a lazy one of xarray, or a variable of either.
    stamps
        Time of each row in the order of the file, ns since 1970, `NAT` where it cannot be read; local times, or
        instants if `instants` says so. None: `clock` tells them.
    clock
        Where the file states a start and a rate.
    instants
        Whether times are UTC.
    resolution
        What the stamps were rounded to, in ns.
    period
        Period in ns that the device states; None: it is told from the stamps.
    gap
        Longest distance in ns without a gap, of stamps at any times; None: five usual ones.
    attrs
        Further attributes of the node: JSON types.
    dated
        False if nobody knows when the recording started: stamps are then ns since it did, perhaps below 0.
    """

    name: str
    channels: tuple[Channel, ...]
    values: Any
    stamps: NDArray[np.int64] | None = None
    clock: AnyClock | None = None
    instants: bool = False
    resolution: int = 1
    period: Fraction | None = None
    gap: int | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    dated: bool = True

    def __post_init__(self) -> None:
        if (self.stamps is None) == (self.clock is None):
            raise ParameterError("a stream has either stamps or a clock", where=self.name)
        size = len(self.stamps) if self.stamps is not None else self.clock.size if self.clock is not None else 0
        if self.values.shape != (len(self.channels), size):
            raise ParameterError(
                "a stream needs a value of each channel at each time",
                where=self.name,
                expected=f"dims (channel, row) of {(len(self.channels), size)}",
                found=str(self.values.shape),
            )

    @property
    def has_date(self) -> bool:
        """Whether its times are of a date, by its clock if it has one."""
        return self.dated if self.clock is None else self.clock.dated

    @property
    def variable(self) -> xr.Variable:
        """Its values, dims (channel, time); lazy ones stay so."""
        if isinstance(self.values, xr.Variable):
            return self.values
        lazy = isinstance(self.values, BackendArray)
        return xr.Variable(_DIMS, indexing.LazilyIndexedArray(self.values) if lazy else self.values)


@dataclass
class Parts:
    """What a reader found in the files of one recording.

    Parameters
    ----------
    streams
        In the order in which their nodes shall be; several of one name and the same channels are fragments of one.
    annotations
        As `annotations_dataset` makes it, with times as those of the streams; None if there are none.
    attrs
        Further attributes of the recording: JSON types that name no person or device.
    """

    streams: list[Stream] = field(default_factory=list)
    annotations: xr.Dataset | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)


def recording_of(
    parts: Parts, findings: Findings, *, recording_id: str, source: str, timezone: str | None, dtype: str | None = None
) -> xr.DataTree:
    """Recording of what a reader found: rows in order and told about, each stream with its clock.

    Parameters
    ----------
    parts
        What was found.
    findings
        Of its files: rows without a time, out of order, or twice; clocks that drift.
    recording_id, source
        Its name, and that of its file or folder.
    timezone
        Zone of the device's clock, for local times; what times are shown in, for instants. None: local times stay
        naive, and instants are those of the zone "UTC".
    dtype
        Of the samples; default float32.

    Raises
    ------
    FileFormatError
        The policy refuses an oddity; there are no samples; or local times do not tell instants in the zone.
    """
    zone = None if timezone is None else Zone.of(timezone)
    instants = {stream.instants for stream in parts.streams}
    if len(instants) > 1:
        raise FileFormatError("some of its times are local and some are UTC", where=source)
    if zone is None and instants == {True}:
        zone = Zone.of("UTC")
    if zone is not None and not all(stream.has_date for stream in parts.streams):
        message = f"the recording has no date, so that its time zone {zone.name} says nothing"
        findings.note("zone-unused", message, "times count from its start")
    local = zone is not None and instants != {True}
    streams = [_in_zone(stream, zone) for stream in parts.streams] if zone is not None and local else parts.streams
    nodes: dict[str, xr.Dataset] = {}
    for stream in _whole(streams):
        node = _node(stream, zone, findings, dtype or "float32")
        if node is not None:
            nodes[stream.name] = node
    start = stored_time(span(nodes)[0], zone) if nodes and is_dated(nodes) else "NaT"
    if parts.annotations is not None and parts.annotations.sizes["annotation"]:
        notes = _annotations(parts.annotations, zone, findings, instants=not local)
        onsets = notes["onset"].values
        known = onsets[~np.isnat(onsets)]
        if not nodes and known.size and known.dtype.kind == "M":
            start = stored_time(int(known.min().astype(np.int64)), zone)
        nodes[ANNOTATIONS] = notes
    if not nodes:
        raise FileFormatError("it holds no samples", where=source)
    return recording_tree(
        nodes,
        {
            "recording_id": recording_id,
            "source": source,
            "format": findings.format,
            "start": start,
            "time_zone": "" if zone is None else zone.name,
            "findings": [str(finding) for finding in findings.found],
            **parts.attrs,
        },
    )


def _whole(streams: Iterable[Stream]) -> list[Stream]:
    """Streams with fragments of one put together."""
    groups: dict[tuple[Any, ...], list[Stream]] = {}
    for stream in streams:
        groups.setdefault((stream.name, stream.channels, stream.instants), []).append(stream)
    names = [name for name, *_ in groups]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileFormatError(f"its files have different columns or times of {twice[0]!r}", fix="open them one by one")
    return [_together(group) for group in groups.values()]


def _together(group: Sequence[Stream]) -> Stream:
    """One stream of the fragments of it, in order of time."""
    if len(group) == 1:
        return group[0]
    name = group[0].name
    if not all(stream.has_date for stream in group):
        raise FileFormatError("parts of it have no date to be put in order by", where=name, fix="open them one by one")
    stamps = [_stamps(stream) for stream in group]
    order = sorted(range(len(group)), key=lambda k: int(stamps[k][stamps[k] != NAT].min(initial=_LATEST)))
    rows = tuple(range(len(group[0].channels)))
    pieces = [Piece((Source(group[k].variable, rows, rows),), 0, len(stamps[k])) for k in order if len(stamps[k])]
    whole = replace(
        group[0],
        values=joined_signal(pieces, len(rows)) if pieces else group[0].variable,
        stamps=np.concatenate([stamps[k] for k in order]),
        clock=None,
        resolution=max(stream.resolution for stream in group),
        period=_common([stream.period for stream in group]),
        gap=_common([stream.gap for stream in group]),
    )
    clock = _one_rule([group[k].clock for k in order])
    return whole if clock is None else replace(whole, stamps=None, clock=clock)


def _common(values: Sequence[_T | None]) -> _T | None:
    return values[0] if len(set(values)) == 1 else None


def _one_rule(clocks: Sequence[AnyClock | None]) -> Clock | None:
    """Exact clock of fragments, if each states the same rate and none overlaps another one."""
    rules = [clock for clock in clocks if isinstance(clock, Clock)]
    if len(rules) < len(clocks):
        return None
    try:
        return Clock.joined(rules)
    except ParameterError:
        return None


def _stamps(stream: Stream) -> NDArray[np.int64]:
    if stream.stamps is not None:
        return stream.stamps
    assert stream.clock is not None
    return stream.clock.times(np.arange(stream.clock.size)).astype(np.int64)


def _in_zone(stream: Stream, zone: Zone) -> Stream:
    """Stream whose clock, stated in local times, tells instants; a rule goes on as it began, whatever clocks did."""
    if stream.clock is None or not stream.has_date:
        return stream
    if not isinstance(stream.clock, Clock):
        return replace(stream, clock=None, stamps=stream.clock.stamps)
    start = stream.clock.start
    if doubt := zone.doubt(start):
        fix = f"say which: timezone='{zone.name}{doubt.before}' or '{zone.name}{doubt.after}'"
        raise FileFormatError(f"its start {doubt.what}", where=stream.name, found=describe_time(start), fix=fix)
    late = zone.one(start) - start
    runs = tuple(replace(run, start=run.start + late) for run in stream.clock.runs)
    return replace(stream, clock=Clock(runs, stream.clock.num, stream.clock.den), instants=True)


def _node(stream: Stream, zone: Zone | None, findings: Findings, dtype: str) -> xr.Dataset | None:
    variable, attrs = stream.variable, {}
    if stream.clock is not None:
        clock = stream.clock
    else:
        assert stream.stamps is not None
        stamps = stream.stamps
        if zone is not None and stream.dated and not stream.instants:
            stamps = _instants(stamps, zone, findings, stream.name)
        rows = ordered_rows(stamps, variable, findings, stream.name, local=zone is None and stream.dated)
        if not rows.size:
            what = "no row has a time" if len(stamps) else "there is no row"
            findings.warn("empty", what, "it is left out", where=stream.name)
            return None
        if rows.size < len(stamps) or np.any(np.diff(rows) != 1):
            variable = variable.isel(time=rows)
            stamps = stamps[rows]
        fit = fit_clock(stamps, resolution=stream.resolution, period=stream.period, gap=stream.gap, dated=stream.dated)
        _tell_clock(fit, findings, stream)
        clock = fit.clock
        if isinstance(clock, Clock):
            attrs = {"clock_jitter_seconds": fit.jitter / 1e9, "clock_drift": fit.drift}
    if not clock.size:
        findings.warn("empty", "there is no row", "it is left out", where=stream.name)
        return None
    if variable.dtype != dtype:
        variable = variable.astype(dtype) if isinstance(stream.values, np.ndarray) else _cast(variable, dtype)
    labels = [channel.label for channel in stream.channels]
    coords = channel_coordinates(labels, [channel.unit for channel in stream.channels], clock.rate)
    told = [channel.signal_type for channel in stream.channels]
    types = [given or kind for given, kind in zip(told, coords["signal_type"][1].tolist(), strict=True)]
    coords["signal_type"] = ("channel", np.array(types, dtype=str))
    return xr.Dataset(
        {SIGNAL: variable},
        coords={
            "channel": ("channel", np.array(labels, dtype=str)),
            **coords,
            "sensor": ("channel", np.array([channel.sensor for channel in stream.channels], dtype=str)),
        },
        attrs={**attrs, **stream.attrs},
    ).assign_coords(time_coordinate(clock))


def _cast(variable: xr.Variable, dtype: str) -> xr.Variable:
    """Lazy values as another type, still lazy; xarray would read all of them."""
    if variable.chunks is not None:
        return variable.astype(dtype)
    rows = tuple(range(variable.shape[0]))
    piece = Piece((Source(variable, rows, rows),), 0, variable.shape[1])
    return xr.Variable(_DIMS, indexing.LazilyIndexedArray(JoinedArray([piece], len(rows), np.dtype(dtype))))


def _instants(stamps: NDArray[np.int64], zone: Zone, findings: Findings, name: str) -> NDArray[np.int64]:
    """Instants of local times; in an hour that came twice the order of the rows decides."""
    known = stamps != NAT
    none = np.zeros(int(known.sum()), np.int64)
    utc, told = in_order(stamps[known], none, none.astype(bool), zone, findings)
    if told:
        findings.note("clock-change", told, "the order of the rows tells which is which", where=name)
    result = stamps.copy()
    result[known] = utc
    return result


def _annotations(notes: xr.Dataset, zone: Zone | None, findings: Findings, *, instants: bool) -> xr.Dataset:
    if zone is None or instants or notes["onset"].dtype.kind == "m":
        return notes
    local = notes["onset"].values.astype(np.int64)
    onsets = _instants(local, zone, findings, ANNOTATIONS).astype("datetime64[ns]")
    return notes.assign(onset=("annotation", onsets, notes["onset"].attrs))


def _tell_clock(fit: Fit, findings: Findings, stream: Stream) -> None:
    if abs(fit.drift) >= ODD_DRIFT:
        message = f"its clock is {abs(fit.drift) * 1e6:.3g} ppm {'slow' if fit.drift > 0 else 'fast'}"
        assert stream.period is not None
        kept = abs(float(fit.clock.rate * stream.period) / 1e9 - 1) < ODD_DRIFT / 100
        reading = "the stated rate is kept, as all times are near to it" if kept else "it has the rate that is measured"
        findings.note("drift", message, reading, where=stream.name)
