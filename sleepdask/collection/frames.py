"""Signals and features as tables of pandas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sleepdask.collection.adding import is_stages
from sleepdask.collection.metadata import FeatureMetadata
from sleepdask.collection.words import STAGE
from sleepdask.errors import ParameterError
from sleepdask.io.tables import feature_names, feature_nodes
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL
from sleepdask.zones import Zone

INDEX = "timestamp"
MISSING = "N/A"  # level of a combined table where metadata say nothing


def signal_table(node: xr.Dataset, zone: Zone | None) -> pd.DataFrame:
    """Samples of a computed node, one column a channel; or its stages, None where not scored."""
    if is_stages(node):
        stages = [str(stage) or None for stage in node["stage"].values]
        return pd.DataFrame({STAGE: pd.array(stages, dtype="str")}, index=_index(node["onset"].values, zone))
    clock = clock_of(node)
    values = node[SIGNAL].transpose("time", "channel").values
    labels = [str(label) for label in node["channel"].values]
    return pd.DataFrame(values, index=_index(clock.times(np.arange(clock.size)), zone), columns=labels)


def feature_table(tree: xr.DataTree, metadata: FeatureMetadata | None, zone: Zone | None) -> pd.DataFrame:
    """Features of a computed tree, columns (signal_key, feature); of a lazy one without metadata the index alone."""
    index = _index(tree.coords["start"].values, zone)
    if metadata is None:
        return pd.DataFrame(index=index)
    columns: dict[tuple[str, str], Any] = {}
    for key in metadata.source_signal_keys:
        node = tree.children[key].to_dataset(inherit=False)
        for k, label in enumerate(node["channel"].values):
            for name in feature_names(node):
                values = node[name].transpose("channel", "epoch").values[k]
                if values.dtype.kind == "f":
                    columns[key, f"{label}_{name}"] = values
                else:
                    texts = [str(value) or None for value in values]
                    columns[key, name] = pd.array(texts, dtype="str")
    table = pd.DataFrame(columns, index=index)
    table.columns = pd.MultiIndex.from_tuples(list(columns), names=["signal_key", "feature"])
    return table


def column_names(tree: xr.DataTree) -> tuple[str, ...]:
    """Names of the columns of features without the keys of signals, each once; nothing is computed."""
    names = {
        name if node[name].dtype.kind != "f" else f"{label}_{name}": None
        for node in feature_nodes(tree).values()
        for label in node["channel"].values
        for name in feature_names(node)
    }
    return tuple(names)


def combined_signals(
    tables: Mapping[str, pd.DataFrame], metadata: Mapping[str, Any], levels: Sequence[str]
) -> pd.DataFrame:
    """Signals of one clock side by side, without rows that are NaN in all of them.

    Parameters
    ----------
    tables
        By key, all of one index.
    metadata
        By key.
    levels
        Fields of the metadata that become levels of the columns, before the column; none: columns are called ``key``,
        or ``key_column`` where a signal has several.
    """
    names: list[Any] = []
    for key, table in tables.items():
        for column in table.columns:
            plain = key if len(table.columns) == 1 else f"{key}_{column}"
            names.append((*(_level(metadata[key], field) for field in levels), column) if levels else plain)
    joined = pd.concat(tables.values(), axis=1)
    return _named(joined, names, [*levels, "column"] if levels else None).dropna(how="all")


def combined_features(
    tables: Mapping[str, pd.DataFrame], metadata: Mapping[str, Any], levels: Sequence[str]
) -> pd.DataFrame:
    """Features of one grid side by side, levels (*levels, feature_set, signal_key, feature).

    Raises
    ------
    ParameterError
        Their epochs are not the same.
    """
    names: list[Any] = []
    first = next(iter(tables))
    for key, table in tables.items():
        if not table.index.equals(tables[first].index):
            raise ParameterError(
                "features are of different epochs", expected=_span(tables[first]), found=f"{key}: {_span(table)}"
            )
        names += [(*(_level(metadata[key], field) for field in levels), key, *column) for column in table.columns]
    joined = pd.concat(tables.values(), axis=1)
    return _named(joined, names, [*levels, "feature_set", "signal_key", "feature"])


def _named(table: pd.DataFrame, names: list[Any], levels: list[str] | None) -> pd.DataFrame:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ParameterError(f"two columns are called {twice!r}", fix="choose other keys, or further levels")
    table.columns = pd.Index(names) if levels is None else pd.MultiIndex.from_tuples(names, names=levels)
    return table


def _level(metadata: Any, field: str) -> Any:
    value = getattr(metadata, field)
    if isinstance(value, str | int | float):
        return value if value != "" else MISSING
    return str(_plain(value)) if value else MISSING


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, Iterable) else value


def _span(table: pd.DataFrame) -> str:
    return f"{len(table)} epochs from {table.index[0]}"


def _index(times: Any, zone: Zone | None) -> pd.Index[Any]:
    if times.dtype.kind == "m":
        return pd.TimedeltaIndex(times, name=INDEX)
    index = pd.DatetimeIndex(times, name=INDEX)
    return index if zone is None else index.tz_localize("UTC").tz_convert(zone.name)
