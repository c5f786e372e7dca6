"""How many events each epoch holds."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.events.kinds import Kind
from sleepdask.events.searching import EVENTS
from sleepdask.events.table import events_of
from sleepdask.events.task import Detected
from sleepdask.io.tables import is_features
from sleepdask.parallel.light import light

VERSION = 1
_LEAST = 0.5


def densities(events: xr.Dataset, features: xr.DataTree) -> xr.DataTree:
    """Put the events of each epoch beside its features, as events per minute; lazy if the events are.

    An event belongs to each epoch that holds its middle, half-way from start to end.

    Parameters
    ----------
    events
        As `detect` gives them, lazy or computed.
    features
        As `extract` gives them, of the same recording: their epochs are taken.

    Returns
    -------
    features
        The same with ``spindle_density``, ``slow_wave_density`` or ``rem_density``, dims (epoch, channel), float64,
        in 1/min, on each node that has one of the channels: events over the minutes of the epoch that were searched.
        NaN where less than half of the epoch was, as outside the stages of `detect`, and for channels that were not
        searched. The density of rapid eye movements stands in both channels of the eyes.

    Raises
    ------
    ParameterError
        These are no events, or no tree of features, or of another recording; no node has one of the channels; or the
        density is already there.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night, scores = sd.open_recording("night.edf"), sd.read_hypnogram("hypnogram.edf")
    >>> features = sd.extract(night, sd.features.Hjorth(), hypnogram=scores)
    >>> events = sd.events.detect(night, "spindles", hypnogram=scores)  # doctest: +SKIP
    >>> sd.to_dataframe(sd.events.densities(events, features))  # doctest: +SKIP
    """
    kind = events_of(events)
    if not is_features(features):
        raise ParameterError("densities need features", expected="the tree of extract, as a whole")
    if features.attrs.get("recording_id") != events.attrs["recording_id"]:
        raise ParameterError(
            "events and features are of different recordings",
            expected=str(features.attrs.get("recording_id")),
            found=events.attrs["recording_id"],
        )
    starts = features.coords["start"].values.astype(np.int64)
    count = partial(_density, starts=starts, window=round(features.attrs["epoch_seconds"] * 1e9))
    columns = {
        channel: _column(events[EVENTS].data[i : i + 1], count, starts.size)
        for i, label in enumerate(events["channel"].values.tolist())
        for channel in json.loads(events.attrs["sources"])[label]
    }
    nothing = np.full(starts.size, np.nan)
    grown = features.copy()
    placed = False
    for node in grown.subtree:
        names = node.coords["channel"].values.tolist() if "status" in node.data_vars else []
        if not {*names} & {*columns}:
            continue
        if kind.density in node.data_vars:
            raise ParameterError(f"{kind.density!r} is there already", where=node.path)
        values = _side_by_side([columns.get(name, nothing) for name in names])
        column = xr.Variable(("epoch", "channel"), values, _attributes(events, kind))
        node.dataset = node.to_dataset(inherit=False).assign({kind.density: column})
        placed = True
    if not placed:
        raise ParameterError("no node of the features has a channel of the events", found=", ".join(columns))
    return grown


def _column(found: Any, count: Any, epochs: int) -> Any:
    if isinstance(found, da.Array):
        return da.map_blocks(count, found, dtype=np.float64, chunks=((epochs,),), meta=np.empty(0))
    return count(found)


def _side_by_side(columns: list[Any]) -> Any:
    """Columns of one node, dims (epoch, channel), in one chunk."""
    if not any(isinstance(column, da.Array) for column in columns):
        return np.stack(columns, axis=1)
    return da.stack(columns, axis=1).rechunk({0: -1, 1: -1}, method="tasks")


@light
def _density(found: NDArray[Any], starts: NDArray[np.int64], window: int) -> NDArray[np.float64]:
    detected: Detected = found[0]
    begin, end = (detected.columns[name].astype(np.int64) for name in ("start", "end"))
    middles = np.sort(begin + (end - begin) // 2)
    counts = np.searchsorted(middles, starts + window) - np.searchsorted(middles, starts)
    searched = _covered(detected.looked_at, starts + window) - _covered(detected.looked_at, starts)
    minutes = np.where(searched >= _LEAST * window, searched / 60e9, np.nan)
    return np.asarray(counts / minutes, np.float64)


def _covered(spans: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Length of ordered, disjoint spans before each time, ns."""
    low, high = spans.T
    total = np.concatenate([[0], np.cumsum(high - low)])
    k = np.searchsorted(low, times, "right")
    overhang = np.where(k > 0, np.maximum(np.concatenate([[0], high])[k] - times, 0), 0)
    return np.asarray(total[k] - overhang, np.int64)


def _attributes(events: xr.Dataset, kind: Kind) -> dict[str, Any]:
    stages = ", ".join(events.attrs["stages"])
    return {
        "units": "1/min",
        "definition": (
            f"{kind.name} whose middle lies in the epoch, per minute of it that was searched (stages: {stages}), "
            f"NaN where less than half was; {events.attrs['detector']} of YASA {events.attrs['yasa']}"
        ),
        "reference": kind.reference,
        "feature": f"events.{kind.name}",
        "version": VERSION,
        "parameters": events.attrs["parameters"],
    }
