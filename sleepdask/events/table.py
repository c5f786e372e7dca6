"""The table of events, and what its columns mean."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.events.kinds import TIME, Kind, kind_of
from sleepdask.events.searching import EVENTS
from sleepdask.events.task import Detected
from sleepdask.zones import Zone, zone_of


def is_events(item: object) -> bool:
    """Whether this is what `detect` gives, computed or not."""
    return isinstance(item, xr.Dataset) and EVENTS in item.data_vars and "detector" in item.attrs


def events_of(events: object) -> Kind:
    """Kind of the events; `ParameterError` if they are none."""
    if not isinstance(events, xr.Dataset) or not is_events(events):
        raise ParameterError(
            "these are no events", expected="what sleepdask.events.detect gives", found=type(events).__name__
        )
    return kind_of(events.attrs["kind"])


def event_table(events: xr.Dataset) -> pd.DataFrame:
    """One row an event of computed events, channel by channel in order of time; ``attrs`` tell units and origin."""
    kind = events_of(events)
    found: list[Detected] = events[EVENTS].values.tolist()
    zone = zone_of(events.attrs) if events.attrs["dated"] else None
    columns: dict[str, Any] = {}
    for column in kind.columns:
        values = np.concatenate([each.columns[column.name] for each in found])
        columns[column.name] = _local(values, zone) if column.units == TIME else values
    stages = [stage or None for each in found for stage in each.columns["stage"].tolist()]
    channels = np.repeat(events["channel"].values.astype(object), [each.columns["stage"].size for each in found])
    table = pd.DataFrame(columns | {"stage": pd.array(stages, dtype="str"), "channel": pd.array(channels, dtype="str")})
    leading = ["start", "duration", "channel", "stage"]
    table = table[[*leading, *(name for name in table.columns if name not in leading)]]
    kept = ("recording_id", "source", "time_zone", "hypnogram", "kind", "stages", "detector", "yasa", "findings")
    table.attrs = {name: events.attrs[name] for name in kept} | {
        "parameters": json.loads(events.attrs["parameters"]),
        "units": {column.name: column.units for column in kind.columns if column.units != TIME},
        "definitions": {column.name: column.definition for column in kind.columns}
        | {"stage": f"sleep stage at the {kind.stage_at}"},
        "reference": kind.reference,
        "notes": [*events.attrs["notes"], *(note for each in found for note in each.notes)],
    }
    return table


def _local(times: NDArray[Any], zone: Zone | None) -> Any:
    return times if zone is None else pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(zone.name)
