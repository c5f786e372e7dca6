"""``sleepdask info``: what a recording holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import xarray as xr

from sleepdask.cli.channels import channel_table_option, open_named
from sleepdask.cli.output import exit_code, output_options, policy_option, report, show
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import ANNOTATIONS, SIGNAL
from sleepdask.times import describe_span, describe_time


@click.command("info")
@click.argument("path", type=click.Path(path_type=Path))
@channel_table_option
@policy_option
@output_options
def command(path: Path, *, channel_table: str | None, policy: str, quiet: bool, as_json: bool) -> int:
    """Show what a recording holds: nodes, channels, rates, units, time. No sample is read."""
    recording = open_named(path, channel_table, policy)
    document = describe(recording)
    show(document, _text(document), as_json=as_json)
    report([], document["findings"], quiet=quiet)
    return exit_code(document["findings"])


def describe(recording: xr.DataTree) -> dict[str, Any]:
    """Recording as plain JSON types."""
    nodes = {name: node.to_dataset() for name, node in recording.children.items() if SIGNAL in node}
    annotations = recording.children.get(ANNOTATIONS)
    return {str(key): value for key, value in recording.attrs.items()} | {
        "annotations": annotations.sizes["annotation"] if annotations is not None else 0,
        "nodes": [_describe_node(name, node) for name, node in nodes.items()],
    }


def _describe_node(name: str, node: xr.Dataset) -> dict[str, Any]:
    clock = clock_of(node)
    details = ("label", "unit", "physical_dimension", "signal_type", "sensor", "prefilter")
    return {
        "node": name,
        "sampling_frequency": float(clock.rate),
        "samples": clock.size,
        "gaps": len(clock.runs) - 1,
        "start": describe_time(clock.start, dated=clock.dated, unit="ns"),
        "end": describe_time(clock.end, dated=clock.dated, unit="ns"),
        "seconds": (clock.end - clock.start) / 1e9,
        "channels": [
            {"channel": str(label)} | {key: str(node[key].values[i]) for key in details if key in node.coords}
            for i, label in enumerate(node["channel"].values)
        ],
    }


def _text(document: dict[str, Any]) -> str:
    lines = [f"{document['source']}  {document.get('format', 'no file')}  start {_seconds(document['start'])}"]
    for node in document["nodes"]:
        gaps = f", {node['gaps']} gap{'s'[: node['gaps'] - 1]}" if node["gaps"] else ""
        length = describe_span(round(node["seconds"] * 1e9))
        lines.append(f"\n{node['node']}: {length}, {node['samples']:,} samples a channel{gaps}")
        width = max(len(channel["channel"]) for channel in node["channels"])
        for channel in node["channels"]:
            name, kind, unit = channel["channel"], channel["signal_type"], channel["unit"] or "no unit"
            label = f"  [{channel['label']}]" if channel.get("label", name) != name else ""
            lines.append(f"  {name:<{width}}  {kind:<11}  {unit:<8}  {channel['sensor']}{label}".rstrip())
    if document["annotations"]:
        lines.append(f"\n{document['annotations']} annotations")
    return "\n".join(lines)


def _seconds(time: str) -> str:
    return "unknown" if time == "NaT" else time.removesuffix(".000000000").replace("T", " ")
