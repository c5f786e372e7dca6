"""``sleepdask info``: what a recording holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import xarray as xr

from sleepdask.cli.channels import channel_table_option, open_named
from sleepdask.cli.locations import IDENTITY_NOTE, also_option, keep_identity_option, layout_option, location
from sleepdask.cli.output import exit_code, output_options, policy_option, report, show, timezone_option
from sleepdask.io.beside import Beside
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import ANNOTATIONS, BESIDE, SIGNAL
from sleepdask.times import describe_span, describe_time, shown_time, stored_time, to_ns
from sleepdask.zones import Zone, zone_of


@click.command("info")
@click.argument("paths", type=location, nargs=-1, required=True)
@layout_option
@also_option
@channel_table_option
@policy_option
@timezone_option
@keep_identity_option
@output_options
def command(
    paths: tuple[Path | str, ...],
    *,
    also: Sequence[Beside],
    channel_table: str | None,
    keep_identity: bool,
    quiet: bool,
    as_json: bool,
    **how: Any,
) -> int:
    """Show what a recording holds: nodes, channels, rates, units, time. No sample is read.

    Several PATHS are files of one night, in any order: they are joined by the clock.
    """
    recording = open_named(paths, channel_table, also=also or None, keep_identity=keep_identity, **how)
    document = describe(recording)
    show(document, _text(document, recording), as_json=as_json)
    report([IDENTITY_NOTE] if keep_identity else [], document["findings"], quiet=quiet)
    return exit_code(document["findings"])


def describe(recording: xr.DataTree) -> dict[str, Any]:
    """Recording as plain JSON types."""
    nodes = {name: node.to_dataset() for name, node in recording.children.items() if SIGNAL in node}
    annotations = recording.children.get(ANNOTATIONS)
    return {str(key): value for key, value in recording.attrs.items()} | {
        "annotations": annotations.sizes["annotation"] if annotations is not None else 0,
        "nodes": [_describe_node(name, node, zone_of(recording.attrs)) for name, node in nodes.items()],
    }


def _describe_node(name: str, node: xr.Dataset, zone: Zone | None) -> dict[str, Any]:
    clock = clock_of(node)
    text = partial(stored_time, zone=zone) if clock.dated else partial(describe_time, dated=False)
    details = ("label", "unit", "physical_dimension", "signal_type", "sensor", "prefilter")
    return {
        "node": name,
        "beside": node.attrs.get(BESIDE, {}).get("source", ""),
        "sampling_frequency": float(clock.rate),
        "fixed_rate": isinstance(clock, Clock),
        "samples": clock.size,
        "gaps": len(clock.first) - 2,
        "start": text(clock.start),
        "end": text(clock.end),
        "seconds": (clock.end - clock.start) / 1e9,
        "channels": [
            {"channel": str(label)} | {key: str(node[key].values[i]) for key in details if key in node.coords}
            for i, label in enumerate(node["channel"].values)
        ],
    }


def _text(document: dict[str, Any], recording: xr.DataTree) -> str:
    lines = [f"{document['source']}  {document.get('format', 'no file')}  start {_start(recording)}"]
    for node in document["nodes"]:
        gaps = f", {node['gaps']} gap{'s'[: node['gaps'] - 1]}" if node["gaps"] else ""
        length = describe_span(round(node["seconds"] * 1e9))
        pace = "" if node["fixed_rate"] else f" at any times, about {node['sampling_frequency']:.3g} Hz"
        other = f"; beside the night, {node['beside']}" if node["beside"] else ""
        lines.append(f"\n{node['node']}: {length}, {node['samples']:,} samples a channel{pace}{gaps}{other}")
        width = max(len(channel["channel"]) for channel in node["channels"])
        kinds = max(len(channel["signal_type"]) for channel in node["channels"])
        for channel in node["channels"]:
            name, kind, unit = channel["channel"], channel["signal_type"], channel["unit"] or "no unit"
            label = f"  [{channel['label']}]" if channel.get("label", name) != name else ""
            lines.append(f"  {name:<{width}}  {kind:<{max(kinds, 11)}}  {unit:<8}  {channel['sensor']}{label}".rstrip())
    if "identity" in document:
        lines += ["", *_identity(document["identity"])]
    if document["annotations"]:
        lines.append(f"\n{document['annotations']} annotations")
    return "\n".join(lines)


def _identity(identity: dict[str, Any]) -> list[str]:
    """Lines on who was recorded; of joined recordings that differ, on each of them."""
    lines: list[str] = []
    for name, value in identity.items():
        each = [f"{name}, {line}" for line in _identity(value)] if isinstance(value, dict) else None
        lines += each or [f"{name.replace('_', ' ')}: {value}"]
    return lines


def _start(recording: xr.DataTree) -> str:
    start, zone = recording.attrs["start"], zone_of(recording.attrs)
    return "unknown" if start == "NaT" else shown_time(to_ns(start, zone=zone), zone, "ns").replace(".000000000", "")
