"""What a collection holds at one moment: never changed, only replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
from sleepdask.signals.recording import ANNOTATIONS
from sleepdask.times import describe_time, stored_time
from sleepdask.zones import Zone


@dataclass(frozen=True, eq=False)
class State:
    """A collection at one moment.

    Parameters
    ----------
    recording
        One node a signal.
    features
        One node a set of features, with a node a signal below it.
    signals, sets
        What is known of each, also of those whose node was cleared.
    sources
        What was added, as it was: what all else is derived from. The samples are those of the recording, not copies.
    metadata
        Of the whole.
    grid
        Of epochs.
    clock
        That signals are put onto.
    combined, combined_with, matrix
        The last combined tables, and how the first was made.
    """

    recording: xr.DataTree = field(default_factory=xr.DataTree)
    features: xr.DataTree = field(default_factory=xr.DataTree)
    signals: Mapping[str, TimeSeriesMetadata] = field(default_factory=dict)
    sets: Mapping[str, FeatureMetadata] = field(default_factory=dict)
    sources: Mapping[str, xr.Dataset | xr.DataTree] = field(default_factory=dict)
    metadata: CollectionMetadata = field(default_factory=CollectionMetadata)
    grid: EpochGrid | None = None
    clock: Clock | None = None
    combined: pd.DataFrame | None = None
    combined_with: Mapping[str, Any] | None = None
    matrix: pd.DataFrame | None = None

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
        attrs = dict(self.recording.attrs)
        attrs["findings"] = [*attrs.get("findings", []), *findings]
        recording = with_children(self.recording, nodes, attrs)
        clocks = [clock_of(node.to_dataset()) for name, node in recording.children.items() if _has_clock(name, node)]
        dated = [clock for clock in clocks if clock.dated]
        start = stored_time(min(clock.start for clock in dated), self.zone) if dated else "NaT"
        recording.attrs |= {"start": start, "time_zone": self.metadata.timezone}
        recording.attrs |= {"recording_id": self.metadata.collection_id or "collection"}
        return replace(self, recording=recording, signals={**self.signals, **told})

    def without(self, key: str) -> State:
        """State without the node of a signal or feature; what is known of it stays."""
        gone: dict[str, Any] = {key: None}
        if key in self.signals:
            return replace(self, recording=with_children(self.recording, gone, self.recording.attrs))
        return replace(self, features=with_children(self.features, gone, self.features.attrs))

    def with_feature(self, key: str, tree: xr.DataTree, metadata: FeatureMetadata) -> State:
        """State with features that are new, or in the place of those of this key."""
        features = with_children(self.features, {key: tree}, self.features.attrs)
        return replace(self, features=features, sets={**self.sets, key: metadata})


def with_children(tree: xr.DataTree, nodes: Mapping[str, Any], attrs: Mapping[Any, Any]) -> xr.DataTree:
    """Tree with other nodes below its root: in the place of those of the same name, without those that are None."""
    children = dict(tree.children) | {key: _tree(node) for key, node in nodes.items() if node is not None}
    gone = {key for key, node in nodes.items() if node is None}
    kept = {key: child for key, child in children.items() if key not in gone}
    return xr.DataTree(xr.Dataset(attrs=dict(attrs)), children=kept, name=tree.name)


def _tree(node: xr.Dataset | xr.DataTree) -> xr.DataTree:
    return xr.DataTree(node) if isinstance(node, xr.Dataset) else node


def _has_clock(name: str, node: xr.DataTree) -> bool:
    return name != ANNOTATIONS and not is_stages(node.to_dataset())


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
