"""Features as one flat table, and back: the layout that every written table has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import xarray as xr

from sleepdask.times import time_dtype
from sleepdask.zones import zone_of

PER_EPOCH = ("coverage", "status")
NOT_FEATURES = {*PER_EPOCH, "reason"}


def flat_table(features: xr.DataTree) -> pd.DataFrame:
    """One row an epoch: ``epoch``, ``start``, ``stage``, then all features, coverage and status.

    Columns are ``<channel>/<feature>`` and ``<node>/coverage``; names split at the last ``/``. `start` knows its time
    zone if the recording did; `stage` is null where not scored.
    """
    return pd.DataFrame(flat_columns(features))


def flat_columns(features: xr.DataTree) -> dict[str, Any]:
    """Columns of `flat_table` by name, in its order."""
    stages = [str(stage) or None for stage in features.coords["stage"].values]
    columns: dict[str, Any] = {
        "epoch": features.coords["epoch"].values,
        "start": _starts(features),
        "stage": pd.array(stages, dtype="str"),
    }
    nodes = feature_nodes(features)
    for node in nodes.values():
        values = {name: node.variables[name].transpose("channel", "epoch").values for name in feature_names(node)}
        for i, channel in enumerate(node["channel"].values):
            for name, per_channel in values.items():
                columns[f"{channel}/{name}"] = per_channel[i]
    for path, node in nodes.items():
        columns[f"{path}/coverage"] = node["coverage"].values
        columns[f"{path}/status"] = pd.array(node["status"].values.astype(object), dtype="str")
    return columns


def _starts(features: xr.DataTree) -> Any:
    starts = features.coords["start"].values
    zone = zone_of(features.attrs)
    if zone is None or starts.dtype.kind == "m":
        return starts
    return pd.DatetimeIndex(starts).tz_localize("UTC").tz_convert(zone.name)


def tree_from_table(table: pd.DataFrame, description: Mapping[str, Any]) -> xr.DataTree:
    """Features as `extract` gives them, out of a flat table and its description (`describe`)."""
    values = {
        "epoch": table["epoch"].to_numpy(np.int64),
        "start": table["start"].to_numpy(time_dtype(dated=table["start"].dtype.kind == "M")),
        "stage": table["stage"].fillna("").to_numpy("<U2"),
    }
    coords = {name: ("epoch", values[name], attrs) for name, attrs in description["coordinates"].items()}
    root = xr.Dataset(coords=coords, attrs=dict(description["attributes"]))
    nodes = {name: _node(table, name, node) for name, node in description["nodes"].items()}
    return xr.DataTree.from_dict({"/": root} | nodes)


def describe(features: xr.DataTree) -> dict[str, Any]:
    """Everything about computed features that a flat table cannot hold, as plain JSON types."""
    return {
        "attributes": dict(features.attrs),
        "coordinates": {name: dict(features.coords[name].attrs) for name in ("epoch", "start", "stage")},
        "nodes": {path: _describe_node(node) for path, node in feature_nodes(features).items()},
    }


def is_features(item: object) -> TypeGuard[xr.DataTree]:
    """Whether this is the whole tree that `extract` gives, computed or not."""
    return isinstance(item, xr.DataTree) and "stage" in item.coords


def feature_nodes(features: xr.DataTree) -> dict[str, xr.Dataset]:
    """Nodes that hold features, by name."""
    return {node.path.strip("/"): node.to_dataset() for node in features.subtree if "status" in node.data_vars}


def feature_names(node: xr.Dataset) -> list[str]:
    """Variables of a node that are features."""
    return [str(name) for name in node.data_vars if name not in NOT_FEATURES]


def causes(node: xr.Dataset) -> dict[str, list[list[int]]]:
    """Each reason once, with the epochs it holds for as ranges of row numbers ``[first, last]``."""
    found: dict[str, list[list[int]]] = {}
    for epoch, reason in enumerate(node["reason"].values.tolist()):
        if reason:
            ranges = found.setdefault(reason, [])
            if ranges and ranges[-1][1] == epoch - 1:
                ranges[-1][1] = epoch
            else:
                ranges.append([epoch, epoch])
    return found


def _describe_node(node: xr.Dataset) -> dict[str, Any]:
    per_channel = [str(name) for name in node.coords if node[name].dims == ("channel",) and name != "channel"]
    return {
        "attributes": dict(node.attrs),
        "channels": [
            {"name": str(channel)} | {name: str(node[name].values[i]) for name in per_channel}
            for i, channel in enumerate(node["channel"].values)
        ],
        "features": {
            name: dict(attrs) | {"parameters": json.loads(attrs["parameters"])}
            for name, attrs in ((name, node.variables[name].attrs) for name in feature_names(node))
        },
        "per_epoch": {name: dict(node.variables[name].attrs) for name in (*PER_EPOCH, "reason")},
        "reasons": causes(node),
    }


def _node(table: pd.DataFrame, path: str, description: Mapping[str, Any]) -> xr.Dataset:
    channels = description["channels"]
    names = [channel["name"] for channel in channels]
    variables: dict[str, Any] = {
        feature: (
            ("epoch", "channel"),
            table[[f"{name}/{feature}" for name in names]].to_numpy(np.float64),
            attrs | {"parameters": json.dumps(attrs["parameters"])},
        )
        for feature, attrs in description["features"].items()
    }
    reason = np.full(len(table), "", object)
    for cause, ranges in description["reasons"].items():
        for first, last in ranges:
            reason[first : last + 1] = cause
    variables |= {
        "coverage": ("epoch", table[f"{path}/coverage"].to_numpy(np.float64)),
        "status": ("epoch", table[f"{path}/status"].to_numpy(dtype=str)),
        "reason": ("epoch", reason),
    }
    for name, attrs in description["per_epoch"].items():
        variables[name] += (attrs,)
    keys = list(channels[0]) if channels else []
    coords = {"channel" if key == "name" else key: ("channel", [channel[key] for channel in channels]) for key in keys}
    return xr.Dataset(variables, coords=coords, attrs=dict(description["attributes"]))
