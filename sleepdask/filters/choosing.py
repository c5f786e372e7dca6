"""Which channels of a recording something is done to, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.conversion import described_channels
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import (
    FILTER_NOTES,
    FILTERS,
    SIGNAL,
    matches,
    names_meant,
    node_name,
    recording_id,
    signal_nodes,
    with_labels,
)
from sleepdask.signals.types import TYPES

ELECTRIC = ("eeg", "eog", "emg", "ecg")  # what is filtered unless something else is asked for

Texts = str | Sequence[str]


@dataclass(frozen=True)
class Changed:
    """What becomes of a node.

    Parameters
    ----------
    node
        What takes its place; None for nothing.
    notes
        What was left out by rule.
    beside
        A node that comes to the others, named after its rate.
    """

    node: xr.Dataset | None
    notes: tuple[str, ...] = ()
    beside: xr.Dataset | None = None


Change = Callable[[str, xr.Dataset, Collection[int]], Changed]


def on_chosen(recording: xr.DataTree, channels: Texts | None, types: Texts | None, change: Change) -> xr.DataTree:
    """Recording with its nodes of signals changed; root, annotations and other channels stay.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    channels, types
        Names or globs of channels, or signal types; one of them at most. Default: `ELECTRIC`.
    change
        Gets the name of a node, the node, and the rows that are meant, of which there are some.

    Raises
    ------
    ParameterError
        A name means no channel, a type is not known, or no channel is meant.
    """
    meant = _meant(recording, channels, types)
    notes: list[str] = list(recording.attrs.get(FILTER_NOTES, []))
    nodes, beside = dict[str, xr.Dataset](), list[xr.Dataset]()
    for node in recording.subtree:
        dataset = node.to_dataset(inherit=False)
        if SIGNAL in dataset.data_vars:
            dataset = with_labels(dataset)
            rows = [n for n, name in enumerate(dataset["channel"].values.tolist()) if str(name) in meant]
            if rows:
                changed = change(node.path.strip("/"), dataset, rows)
                notes += changed.notes
                if changed.beside is not None:
                    beside.append(changed.beside)
                if changed.node is None:
                    continue
                dataset = changed.node
        nodes[node.path] = dataset
    for dataset in beside:
        name = node_name(clock_of(dataset).rate, (path.strip("/") for path in nodes))
        nodes[f"/{name}"] = dataset
    if not any(SIGNAL in node.data_vars for node in nodes.values()):
        raise ParameterError("no channel is left", where=recording_id(recording), found=notes[-1])
    made = xr.DataTree.from_dict(nodes, name=recording.name)
    made.attrs = {**recording.attrs, **({FILTER_NOTES: notes} if notes else {})}
    return made


def _meant(recording: xr.DataTree, channels: Texts | None, types: Texts | None) -> set[str]:
    if channels is not None and types is not None:
        raise ParameterError("both channels and types are given", fix="give one of them")
    where = recording_id(recording)
    there = {
        name: kind for node in signal_nodes(recording).values() for name, kind, _ in described_channels(node, where)
    }
    if channels is not None:
        patterns = [channels] if isinstance(channels, str) else list(channels)
        for pattern in patterns:
            if not any(matches(name, pattern) for name in there):
                fix = did_you_mean(pattern, there)
                expected = f"one of {', '.join(there)}"
                raise ParameterError(f"no channel matches {pattern!r}", where=where, expected=expected, fix=fix)
        return names_meant(there, patterns)
    kinds = ELECTRIC if types is None else (types,) if isinstance(types, str) else tuple(types)
    for kind in kinds:
        if kind not in TYPES:
            fix = did_you_mean(str(kind), TYPES)
            raise ParameterError(
                "unknown signal type", expected=f"one of {', '.join(TYPES)}", found=repr(kind), fix=fix
            )
    meant = {name for name, kind in there.items() if kind in kinds}
    if not meant:
        found = ", ".join(f"{name} ({kind})" for name, kind in there.items())
        fix = "name them with channels="
        raise ParameterError(f"no channel is of type {' or '.join(kinds)}", where=where, found=found, fix=fix)
    return meant


def without(node: xr.Dataset, rows: Collection[int]) -> xr.Dataset | None:
    """Node without some of its channels; None if none is left."""
    kept = [row for row in range(node.sizes["channel"]) if row not in set(rows)]
    return node.isel(channel=kept) if kept else None


def names_of(node: xr.Dataset, rows: Collection[int]) -> list[str]:
    """Names of some channels."""
    return [str(name) for name in node["channel"].values[np.array(sorted(rows), int)]]


def told(node: xr.Dataset, document: dict[str, Any]) -> xr.Dataset:
    """Node whose attributes also say what was done to it."""
    made = node.copy(deep=False)
    made.attrs = {**node.attrs, FILTERS: [*node.attrs.get(FILTERS, []), document]}
    return made
