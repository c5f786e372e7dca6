"""What people bring, as nodes of a recording: trees, Datasets, arrays, and tables of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from sleepdask.collection.words import STAGE
from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.hypnogram import hypnogram_dataset
from sleepdask.io.scores.vocabularies import NOTHING, word_stage
from sleepdask.io.streams import NAT, Channel, Parts, Stream, recording_of
from sleepdask.signals.index import ClockIndex, clock_of
from sleepdask.signals.recording import SIGNAL, channel_coordinates, with_labels
from sleepdask.signals.timestamps import Timestamps
from sleepdask.times import time_dtype
from sleepdask.zones import Zone, is_zone, zone_of

_RESOLUTIONS = (1_000_000, 1_000)  # ns to which loggers round times
_DIMS = ("channel", "time")


@dataclass(frozen=True)
class Added:
    """One thing that was brought.

    Parameters
    ----------
    node
        ``signal (channel, time)`` on a clock, or a hypnogram.
    zone
        Zone of its times; empty: local; None: nothing says.
    findings
        What was odd about it.
    """

    node: xr.Dataset
    zone: str | None
    findings: tuple[str, ...] = ()


def node_of(key: str, data: Any, *, zone: str, units: Mapping[str, str] | str, policy: str) -> Added:
    """Node of a recording out of what was brought; nothing is computed.

    Parameters
    ----------
    key
        For messages, and for the column of what has no name.
    data
        A node of a `DataTree`, a Dataset with ``signal (channel, time)`` or with scores, a DataArray with `time`, or a
        table or series of pandas with times as its index.
    zone
        Zone of the collection; empty: none.
    units
        By column, or of all; only for what has none.
    policy
        How much may be odd about the times of a table.

    Raises
    ------
    ParameterError
        It is nothing of that.
    FileFormatError
        The policy refuses its times.
    """
    if isinstance(data, pd.Series):
        data = data.to_frame(key if data.name is None else str(data.name))
    if isinstance(data, pd.DataFrame):
        return _of_table(key, data, zone, units, policy)
    told: str | None = None
    if isinstance(data, xr.DataTree):
        if SIGNAL not in data.data_vars and "stage" not in data.data_vars:
            found = ", ".join(map(str, data.children)) or "nothing"
            raise ParameterError(
                "this node holds no signal", where=key, found=found, fix="give one of its nodes, or use from_recording"
            )
        told = "" if (known := zone_of(data.root.attrs)) is None else known.name
        data = data.to_dataset(inherit=False)
    if isinstance(data, xr.DataArray):
        data = _of_array(key, data)
    if not isinstance(data, xr.Dataset):
        raise ParameterError(
            "this is no signal",
            where=key,
            expected="a node of a recording, a Dataset, a DataArray, or a table with times as its index",
            found=type(data).__name__,
        )
    if {"onset", "duration", "stage"} <= set(data.data_vars):
        return Added(data, str(data.attrs.get("time_zone", "")) if told is None else told)
    if SIGNAL not in data.data_vars or set(data[SIGNAL].dims) != set(_DIMS):
        raise ParameterError(
            "a signal is a variable signal (channel, time)", where=key, found=str(list(data.data_vars))
        )
    if not isinstance(data.xindexes.get("time"), ClockIndex) and "time" in data.indexes:
        return _of_index(key, data, zone, units, policy)
    return Added(_described(with_labels(data), units), told)


def _of_array(key: str, array: xr.DataArray) -> xr.Dataset:
    if array.dims == ("time",):
        array = array.expand_dims(channel=[str(array.name or key)])
    if set(array.dims) != set(_DIMS):
        raise ParameterError("a signal has the dimensions channel and time", where=key, found=str(array.dims))
    if "channel" not in array.coords:
        array = array.assign_coords(channel=[f"{key}_{k}" for k in range(array.sizes["channel"])])
    return array.transpose(*_DIMS).rename(SIGNAL).to_dataset()


def _of_index(key: str, data: xr.Dataset, zone: str, units: Mapping[str, str] | str, policy: str) -> Added:
    """Node whose times are an ordinary index: those of a collection with a zone are UTC, as all that NumPy has."""
    stamps = np.asarray(data["time"].values, "datetime64[ns]").astype(np.int64)
    signal = data[SIGNAL].variable.transpose(*_DIMS)
    labels = [str(label) for label in data["channel"].values]
    told = [str(unit) for unit in data["unit"].values] if "unit" in data.coords else _units(labels, units)
    dtype = signal.dtype if signal.dtype.kind == "f" else np.dtype("float64")
    return _streamed(key, labels, told, signal, stamps, zone, dtype, policy, instants=bool(zone))


def _of_table(key: str, table: pd.DataFrame, zone: str, units: Mapping[str, str] | str, policy: str) -> Added:
    index = table.index
    labels = [str(label) for label in table.columns]
    if len(set(labels)) != len(labels) or not labels:
        raise ParameterError("a table needs columns, each of a name of its own", where=key, found=", ".join(labels))
    if not isinstance(index, pd.DatetimeIndex):
        raise ParameterError(
            "the index of a table has to be times",
            where=key,
            expected="a DatetimeIndex",
            found=type(index).__name__,
            fix="parse them with their format, and say in which zone they are with tz_localize",
        )
    instants = index.tz is not None
    stamps = (index.tz_convert(None) if instants else index).as_unit("ns").asi8
    shown = (Zone.of(str(index.tz)).name if is_zone(str(index.tz)) else "UTC") if instants else ""
    if STAGE in labels:
        return _scores(key, table, stamps, shown, policy)
    if texts := [label for label, (_, column) in zip(labels, table.items(), strict=True) if not _is_number(column)]:
        raise ParameterError(f"columns are no numbers: {', '.join(texts)}", where=key, fix="leave them out")
    values = np.ascontiguousarray(table.to_numpy(np.float64, na_value=np.nan).T)
    told = _units(labels, units)
    return _streamed(key, labels, told, values, stamps, shown, np.dtype("float64"), policy, instants=instants)


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def _units(labels: list[str], units: Mapping[str, str] | str) -> list[str]:
    if isinstance(units, str):
        return [units] * len(labels)
    if unknown := set(units) - set(labels):
        raise ParameterError(f"no column {sorted(unknown)[0]!r} has a unit", expected=", ".join(labels))
    return [units.get(label, "") for label in labels]


def _streamed(
    key: str,
    labels: list[str],
    units: list[str],
    values: Any,
    stamps: NDArray[np.int64],
    zone: str,
    dtype: np.dtype[Any],
    policy: str,
    *,
    instants: bool,
) -> Added:
    findings = Findings(key, policy)
    channels = tuple(Channel(label, unit) for label, unit in zip(labels, units, strict=True))
    stream = Stream(key, channels, values, stamps, instants=instants, resolution=_resolution(stamps))
    recording = recording_of(
        Parts([stream]), findings, recording_id=key, source="memory", timezone=zone or None, dtype=dtype.name
    )
    return Added(recording.children[key].to_dataset(inherit=False), zone, tuple(map(str, findings.found)))


def _resolution(stamps: NDArray[np.int64]) -> int:
    """What times seem to be rounded to, in ns: at most a millisecond, as a whole second may be a period."""
    known = stamps[stamps != NAT]
    return next((step for step in _RESOLUTIONS if not np.any(known % step)), 1)


def _scores(key: str, table: pd.DataFrame, stamps: NDArray[np.int64], zone: str, policy: str) -> Added:
    """Hypnogram of a column of stages, each of which holds until the next, if that comes in time."""
    if len(table.columns) > 1:
        others = ", ".join(str(label) for label in table.columns if label != STAGE)
        raise ParameterError(
            "sleep stages and samples do not share a key", where=key, found=others, fix="add them under another key"
        )
    known = stamps != NAT
    order = np.argsort(stamps[known], kind="stable")
    onset = stamps[known][order]
    labels = [str(label) for label in table[STAGE].fillna("").to_numpy()[known][order]]
    findings = Findings(key, policy)
    if lost := int(np.sum(~known)):
        findings.warn("no-time", f"{lost} rows without a time that can be read", "left out")
    if not onset.size:
        raise ParameterError("there is no score", where=key)
    clock = Timestamps.of(np.unique(onset))
    following = np.append(onset[1:], onset[-1] + clock.period)
    duration = np.where(following - onset > clock.gap, clock.period, following - onset)
    stages = [NOTHING.get(label.lower(), word_stage(label)) for label in labels]
    attrs = {"source": "memory"} | ({"time_zone": zone} if zone else {})
    scores = hypnogram_dataset(onset, np.maximum(duration, 1), labels, stages, findings, attrs=attrs)
    return Added(scores, zone, tuple(map(str, findings.found)))


def _described(node: xr.Dataset, units: Mapping[str, str] | str) -> xr.Dataset:
    """Node with all that is said of channels; what it says itself stays."""
    clock = clock_of(node)
    labels = [str(label) for label in node["channel"].values]
    if len(set(labels)) != len(labels):
        raise ParameterError("each channel needs a name of its own", found=", ".join(labels))
    told = [str(unit) for unit in node["unit"].values] if "unit" in node.coords else _units(labels, units)
    coords = {
        **channel_coordinates(labels, told, clock.rate),
        "sensor": ("channel", np.array([""] * len(labels), dtype=str)),
    }
    missing = {name: coord for name, coord in coords.items() if name not in node.coords}
    return node.assign_coords(channel=np.array(labels, dtype=str), **missing)  # type: ignore[arg-type]


def is_stages(node: xr.Dataset) -> bool:
    """Whether a node holds scores, and no samples."""
    return SIGNAL not in node.data_vars


def is_node_dated(node: xr.Dataset) -> bool:
    """Whether the times of a node are instants or local times, and not lengths of time since a start."""
    if is_stages(node):
        return bool(node["onset"].dtype.kind == time_dtype(dated=True).kind)
    return clock_of(node).dated
