"""``sleepdask hypnogram``: what a file of scores holds, and the same scores in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr

from sleepdask.cli.locations import location
from sleepdask.cli.output import exit_code, output_options, report, show, timezone_option
from sleepdask.hypnogram import STAGES, UNSCORED, stage_counts
from sleepdask.io.hypnogram_files import write_hypnogram
from sleepdask.io.hypnograms import read_hypnogram
from sleepdask.io.scores.registry import FORMATS
from sleepdask.io.scores.vocabularies import INTEGERS
from sleepdask.times import describe_span, shown_time, stored_time, to_ns
from sleepdask.zones import Zone, zone_of


@click.command("hypnogram")
@click.argument("path", type=location)
@click.option("--format", type=click.Choice(list(FORMATS)), help="Kind of file; else its content tells it.")
@click.option("--start", help="Start of the recording, such as 2024-03-11T23:05, for files without dates.")
@click.option("--lights-off", help="Lights off, for scores that count from it; a time of day needs --start.")
@click.option(
    "--vocabulary",
    type=click.Choice(list(INTEGERS)),
    help="What the integers of the file mean: 4 is REM in aasm, stage 4 in r&k.",
)
@click.option("--epoch-length", help="Length of an epoch, for lists that do not say it; else 30s.")
@timezone_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write .csv, .tsv (BIDS, needs a start) or .edf.")
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
@output_options
def command(
    *, path: Path | str, output: Path | None, force: bool, quiet: bool, as_json: bool, start: str | None, **options: Any
) -> int:
    """Show stages, span and findings of the hypnogram at PATH, and write it in another format."""
    hypnogram = read_hypnogram(path, start=start, **options)
    if output is not None:
        write_hypnogram(hypnogram, output, start=start, force=force)
    document = describe(hypnogram) | ({} if output is None else {"output": str(output)})
    show(document, _text(document), as_json=as_json, quiet=quiet)
    report(document["notes"], document["findings"], quiet=quiet)
    return exit_code(document["findings"])


def describe(hypnogram: xr.Dataset) -> dict[str, Any]:
    """Hypnogram as plain JSON types; a begin without a date is counted from what `relative_to` says."""
    zone = zone_of(hypnogram.attrs)
    onset, duration, stage = (hypnogram[name].values for name in ("onset", "duration", "stage"))
    minutes = {name: float(np.sum(duration[stage == name]) / np.timedelta64(1, "m")) for name in (*STAGES, UNSCORED)}
    end = (onset + duration).max()
    return {
        "source": hypnogram.attrs["source"],
        "format": hypnogram.attrs["format"],
        "scores": hypnogram.sizes["score"],
        "relative_to": hypnogram.attrs.get("relative_to", ""),
        "time_zone": "" if zone is None else zone.name,
        "start": _moment(onset[0], zone),
        "end": _moment(end, zone),
        "span_seconds": float((end - onset[0]) / np.timedelta64(1, "s")),
        "epoch_seconds": hypnogram.attrs.get("epoch_seconds"),
        "stages": stage_counts(stage) | {"unscored": int(np.sum(stage == UNSCORED))},
        "minutes": {name or "unscored": round(value, 3) for name, value in minutes.items()},
        "notes": hypnogram.attrs.get("notes", []),
        "findings": hypnogram.attrs["findings"],
    }


def _moment(value: np.datetime64 | np.timedelta64, zone: Zone | None) -> str | float:
    return (
        stored_time(to_ns(value), zone) if isinstance(value, np.datetime64) else float(value / np.timedelta64(1, "s"))
    )


def _text(document: dict[str, Any]) -> str:
    epochs = f" of {document['epoch_seconds']:g} s" if document["epoch_seconds"] else ""
    zone = zone_of({"time_zone": document["time_zone"]})
    begin, end = (_clock(document[name], zone) for name in ("start", "end"))
    begin = begin.removesuffix(f" {zone.name}") if zone else begin
    span = describe_span(round(document["span_seconds"] * 1e9))
    lines = [
        f"{document['source']}  {document['format']}  {document['scores']} scores{epochs}",
        f"{begin} to {end}, {span}{_origin(document['relative_to'])}",
        "",
    ]
    for name, count in document["stages"].items():
        if count:
            lines.append(f"  {name:<8}  {count:>5} scores  {document['minutes'][name]:>7g} min")
    if "output" in document:
        lines.append(f"\n{document['output']}")
    return "\n".join(lines)


def _clock(moment: str | float, zone: Zone | None) -> str:
    if isinstance(moment, str):
        return shown_time(to_ns(moment, zone=zone), zone, "ns").replace(".000000000", "")
    return f"{int(moment // 3600)}:{int(moment // 60 % 60):02}:{moment % 60:02g}"


def _origin(relative_to: str) -> str:
    return {"": "", "start": " from the recording's start", "midnight": ", time of day"}[relative_to]
