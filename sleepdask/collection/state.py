"""What a collection holds at one moment: never changed, only replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from sleepdask.collection.adding import is_node_dated, is_stages
from sleepdask.collection.metadata import CollectionMetadata, FeatureMetadata, TimeSeriesMetadata
from sleepdask.collection.words import STAGE, type_of, unknown_key
from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import ANNOTATIONS, recording_tree
from sleepdask.times import describe_time, stored_time
from sleepdask.zones import Zone


@dataclass(frozen=True, eq=False)
class State:
    """A collection at one moment.

    Parameters
    ----------
    nodes
        Of the recording, one a signal.
    trees
        Of the features, one a set, with a node a signal below it.
    signals, sets
        What is known of each, also of those whose node was cleared.
    sources
        What was added, as it was: what all else is derived from. The samples are those of the recording, not copies.
    metadata
        Of the whole.
    attrs
        Of the file that it came from: source, format.
    findings
        What was odd, and what failed.
    annotations
        Of the recording that it came from.
    grid
        Of epochs.
    clock
        That signals are put onto.
    combined, combined_with, matrix
        The last combined tables, and how the first was made.
    """

    nodes: Mapping[str, xr.Dataset] = field(default_factory=dict)
    trees: Mapping[str, xr.DataTree] = field(default_factory=dict)
    signals: Mapping[str, TimeSeriesMetadata] = field(default_factory=dict)
    sets: Mapping[str, FeatureMetadata] = field(default_factory=dict)
    sources: Mapping[str, xr.Dataset | xr.DataTree] = field(default_factory=dict)
    metadata: CollectionMetadata = field(default_factory=CollectionMetadata)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    annotations: xr.Dataset | None = None
    grid: EpochGrid | None = None
    clock: Clock | None = None
    combined: pd.DataFrame | None = None
    combined_with: Mapping[str, Any] | None = None
    matrix: pd.DataFrame | None = None

    @cached_property
    def recording(self) -> xr.DataTree:
        """All signals as one recording."""
        own = {} if self.annotations is None else {ANNOTATIONS: self.annotations}
        return recording_tree({**self.nodes, **own}, self.recording_attrs)

    @cached_property
    def features(self) -> xr.DataTree:
        """All features as one tree."""
        return xr.DataTree(children=dict(self.trees))

    @cached_property
    def recording_attrs(self) -> dict[str, Any]:
        """What holds for the whole recording."""
        clocks = [clock_of(node) for node in self.nodes.values() if not is_stages(node)]
        dated = [clock.start for clock in clocks if clock.dated]
        return {
            **self.attrs,
            "recording_id": self.metadata.collection_id or "collection",
            "start": stored_time(min(dated), self.zone) if dated else "NaT",
            "time_zone": self.metadata.timezone,
            "findings": list(self.findings),
        }

    @property
    def zone(self) -> Zone | None:
        """Zone of all times; None: they are local, or lengths of time."""
        return Zone.of(self.metadata.timezone) if self.metadata.timezone else None

    @property
    def keys(self) -> list[str]:
        """Of signals and features, in the order in which they came."""
        return [*self.signals, *self.sets]

    @property
    def dated(self) -> bool | None:
        """Whether all times are instants or local times; None while there is no signal."""
        nodes = [node for node in self.sources.values() if isinstance(node, xr.Dataset)]
        return is_node_dated(nodes[0]) if nodes else None

    def check_new(self, key: str) -> None:
        """Raise `ParameterError` if there is something under a key."""
        if key in self.keys:
            raise ParameterError(
                f"there is a {'signal' if key in self.signals else 'feature'} {key!r}", fix="choose another key"
            )

    def signal(self, key: str) -> TimeSeriesMetadata:
        """What is known of a signal; `ParameterError` if there is none."""
        if key not in self.signals:
            raise unknown_key(key, self.signals)
        return self.signals[key]

    def feature(self, key: str) -> FeatureMetadata:
        """What is known of a set of features; `ParameterError` if there is none."""
        if key not in self.sets:
            raise unknown_key(key, self.sets, "feature")
        return self.sets[key]

    def with_signals(
        self,
        nodes: Mapping[str, xr.Dataset],
        metadata: Mapping[str, TimeSeriesMetadata],
        findings: tuple[str, ...] = (),
    ) -> State:
        """State with signals that are new, or in the place of those of these keys."""
        told = {key: _filled(each, nodes[key], self.zone) for key, each in metadata.items()}
        return replace(
            self,
            nodes={**self.nodes, **nodes},
            signals={**self.signals, **told},
            findings=(*self.findings, *findings),
        )

    def without(self, key: str) -> State:
        """State without the node of a signal or feature; what is known of it stays."""
        return replace(
            self,
            nodes={name: node for name, node in self.nodes.items() if name != key},
            trees={name: tree for name, tree in self.trees.items() if name != key},
        )

    def with_feature(self, key: str, tree: xr.DataTree, metadata: FeatureMetadata) -> State:
        """State with features that are new, or in the place of those of this key."""
        return replace(self, trees={**self.trees, key: tree}, sets={**self.sets, key: metadata})


def _filled(metadata: TimeSeriesMetadata, node: xr.Dataset, zone: Zone | None) -> TimeSeriesMetadata:
    """Metadata with what follows from the data."""
    if is_stages(node):
        onset = node["onset"].values
        ends = onset + node["duration"].values
        spans = [int(each.astype("datetime64[ns]" if onset.dtype.kind == "M" else "timedelta64[ns]").astype(int))
                 for each in (onset[0], ends[-1])]  # fmt: skip
        start, end = (_time(each, is_node_dated(node), zone) for each in spans)
        return replace(metadata, signal_type=STAGE, sample_rate=None, start_time=start, end_time=end)
    clock = clock_of(node)
    start, end = (_time(each, clock.dated, zone) for each in (clock.start, clock.end))
    units = dict(zip(map(str, node["channel"].values), map(str, node["unit"].values), strict=True))
    kind = metadata.signal_type
    return replace(
        metadata,
        signal_type=type_of(map(str, node["signal_type"].values)) if kind == "unknown" else kind,
        sample_rate=float(clock.rate) if isinstance(clock, Clock) else None,
        units=units,
        start_time=start,
        end_time=end,
    )


def _time(nanoseconds: int, dated: bool, zone: Zone | None) -> str:  # noqa: FBT001
    return stored_time(nanoseconds, zone) if dated else describe_time(nanoseconds, dated=False)
