"""What a recording holds, as far as the columns of a table depend on it; and the columns of many recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import is_dated, signal_nodes
from sleepdask.signals.units import with_unit


@dataclass(frozen=True)
class ChannelLayout:
    """A channel: its name, normalised unit and signal type."""

    name: str
    unit: str
    signal_type: str


@dataclass(frozen=True)
class NodeLayout:
    """A node: its name, rate in Hz (the usual one, unless it is fixed), and channels."""

    name: str
    rate: float
    channels: tuple[ChannelLayout, ...]
    fixed: bool = True


@dataclass(frozen=True)
class Layout:
    """A recording: its nodes, its time zone, and whether it has a date."""

    nodes: tuple[NodeLayout, ...]
    zone: str
    dated: bool

    @classmethod
    def of(cls, recording: xr.DataTree) -> Layout:
        """Layout of an open recording; `ParameterError` if it has no signals."""
        nodes = signal_nodes(recording)
        return cls(
            tuple(_node(name, node) for name, node in nodes.items()),
            str(recording.attrs.get("time_zone", "")),
            is_dated(nodes),
        )

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Layout:
        """Read what `document` gave."""
        nodes = tuple(
            NodeLayout(
                node["name"],
                node["rate"],
                tuple(ChannelLayout(**each) for each in node["channels"]),
                node.get("fixed", True),
            )
            for node in document["nodes"]
        )
        return cls(nodes, document["zone"], document["dated"])

    @property
    def channels(self) -> dict[str, ChannelLayout]:
        """All channels by name."""
        return {channel.name: channel for node in self.nodes for channel in node.channels}


def common_units(layouts: Iterable[Layout]) -> dict[str, str]:
    """Unit that most recordings have of each channel; of two that are as common, the one that comes first."""
    counts: dict[str, Counter[str]] = {}
    for layout in layouts:
        for name, channel in layout.channels.items():
            counts.setdefault(name, Counter())[channel.unit] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()}


def common_zone(layouts: Iterable[Layout]) -> str:
    """Zone that `start` of all recordings is told in: theirs, UTC if they have several, none (empty) if they have none.

    Raises
    ------
    ParameterError
        Some have one and some have none: their local times are not comparable.
    """
    zones = {layout.zone for layout in layouts if layout.dated}
    if len(zones) > 1 and "" in zones:
        found = f"{', '.join(sorted(zones - {''}))}, and recordings without one"
        fix = "say in which zone the others were recorded (timezone=, --timezone)"
        raise ParameterError("some recordings have a time zone and some have none", found=found, fix=fix)
    return zones.pop() if len(zones) == 1 else "UTC" if zones else ""


@dataclass(frozen=True)
class Columns:
    """Columns that the tables of all recordings have, and what each feature column is."""

    schema: pa.Schema
    definitions: dict[str, dict[str, str]]


def columns_of(
    layouts: Sequence[Layout], features: Sequence[Feature], window: float, units: dict[str, str], zone: str
) -> Columns:
    """Columns of all recordings, those of the first one first.

    Parameters
    ----------
    layouts
        Of the recordings, in an order that does not change.
    features
        To compute.
    window
        Length of an epoch in seconds.
    units
        Of each channel, in the whole study.
    zone
        Name of the time zone of `start`; empty if it is local time.
    """
    definitions: dict[str, dict[str, str]] = {}
    nodes: dict[str, None] = {}
    for node in (node for layout in layouts for node in layout.nodes):
        outputs = [o for f in features if not f.lacks(node.rate, fixed=node.fixed, window=window) for o in f.outputs]
        if not outputs or window * node.rate < 1 - 1e-9:
            continue
        nodes[node.name] = None
        for channel in node.channels:
            for output in outputs:
                definitions.setdefault(
                    f"{channel.name}/{output.name}",
                    {
                        "units": with_unit(output.units, units.get(channel.name, channel.unit)),
                        "definition": output.definition,
                        "reference": output.reference,
                    },
                )
    fields = [
        pa.field("epoch", pa.int64()),
        pa.field("start", pa.timestamp("ns", zone or None)),
        pa.field("stage", pa.string()),
        *(pa.field(name, pa.float64()) for name in definitions),
    ]
    for name in nodes:
        fields += [pa.field(f"{name}/coverage", pa.float64()), pa.field(f"{name}/status", pa.string())]
    return Columns(pa.schema(fields), definitions)


def _node(name: str, node: xr.Dataset) -> NodeLayout:
    clock = clock_of(node)
    return NodeLayout(name, float(clock.rate), _channels(node), isinstance(clock, Clock))


def _channels(node: xr.Dataset) -> tuple[ChannelLayout, ...]:
    blank = [""] * node.sizes["channel"]
    units, types = (node[name].values if name in node.coords else blank for name in ("unit", "signal_type"))
    return tuple(
        ChannelLayout(str(name), str(unit), str(kind))
        for name, unit, kind in zip(node["channel"].values, units, types, strict=True)
    )
