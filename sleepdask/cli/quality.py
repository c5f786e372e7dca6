"""``sleepdask quality``: a verdict for every channel of a recording."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from sleepdask import quality
from sleepdask.cli.channels import channel_table_option, open_named
from sleepdask.cli.locations import also_option, layout_option, location
from sleepdask.cli.output import exit_code, output_options, policy_option, report, show, timezone_option
from sleepdask.cli.where import backend_options
from sleepdask.errors import ParameterError
from sleepdask.io.atomic import check_outputs, staged_outputs
from sleepdask.io.beside import Beside
from sleepdask.io.cells import escaped
from sleepdask.io.hypnograms import read_hypnogram
from sleepdask.parallel.backends import graph_workers
from sleepdask.parallel.config import ParallelConfig
from sleepdask.quality.rules import METHODS
from sleepdask.quality.verdicts import PRESENT, percent
from sleepdask.runners import compute

_COLUMNS = {
    "missing": "missing",
    "flat": "flat",
    "clipped": "clipped",
    "beyond_limit": "large",
    "artefact": "artefact",
    "line": "line",
    "usable": "usable",
}
_TEXTS = ("node", "signal_type", "unit", "verdict", "reason")


@click.command("quality")
@click.argument("paths", type=location, nargs=-1, required=True)
@also_option
@click.option(
    "--hypnogram", type=location, metavar="PATH", help="Sleep stages: artefacts are then told stage by stage."
)
@click.option("--epoch", default="30s", show_default=True, help="Length of an epoch, such as 30s or 5s.")
@click.option("--channels", multiple=True, help="Name or glob of channels to judge, such as 'EEG*'; repeatable.")
@click.option(
    "--method",
    type=click.Choice((*METHODS, "none")),
    default="std",
    show_default=True,
    help="How artefact epochs of EEG are told.",
)
@layout_option
@channel_table_option
@policy_option
@timezone_option
@backend_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the table into this .csv file.")
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
@output_options
def command(
    *,
    paths: tuple[Path | str, ...],
    also: Sequence[Beside],
    hypnogram: Path | str | None,
    epoch: str,
    channels: tuple[str, ...],
    method: str,
    layout: Path | None,
    channel_table: str | None,
    policy: str,
    timezone: str | None,
    config: ParallelConfig,
    output: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Judge every channel of the recording at PATHS: what share of it is missing, flat, clipped, an artefact.

    Several PATHS are files of one night, in any order: they are joined by the clock.

    Verdicts are good, fair, poor and bad; present where only what is missing can be judged.
    """
    if output is not None:
        _check_output(output, force=force)
    recording = open_named(paths, channel_table, also=also or None, policy=policy, timezone=timezone, layout=layout)
    scores = None
    if hypnogram is not None:
        zoned = recording.attrs["time_zone"] and recording.attrs["start"] != "NaT"
        start, zone = (recording, timezone) if zoned else (None, None)
        scores = read_hypnogram(hypnogram, start=start, timezone=zone, policy=policy)
    lazy = quality.table(
        recording,
        method=None if method == "none" else method,
        epoch=epoch,
        channels=list(channels) or None,
        hypnogram=scores,
        workers=graph_workers(config),
    )
    table = compute(lazy, config=config, progress=False if quiet else None)
    rows = table.to_dataframe().reset_index()
    if output is not None:
        _write(rows, output, force=force)
    document = {
        "recording_id": table.attrs["recording_id"],
        "epochs": int(rows["epochs"].max()),
        "epoch_seconds": table.attrs["epoch_seconds"],
        "channels": [_plain(row) for row in rows.to_dict("records")],
        "definitions": {str(name): table[name].attrs.get("definition", "") for name in table.data_vars},
        "notes": table.attrs["notes"],
        "findings": table.attrs["findings"],
    } | ({} if output is None else {"output": str(output)})
    show(document, _text(document, rows), as_json=as_json)
    report(document["notes"], document["findings"], quiet=quiet)
    return exit_code(document["findings"])


def _plain(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Row as JSON types: what is not known is null."""
    return {str(name): None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _text(document: dict[str, Any], rows: pd.DataFrame) -> str:
    lines = [f"{document['recording_id']}: {document['epochs']} epochs of {document['epoch_seconds']:g} s", ""]
    shares = [str(name) for name in rows if str(name).startswith("line_noise_") and str(name).endswith("_share")]
    rows = rows.assign(line=rows[shares].max(axis=1))
    cells = [["channel", "type", *_COLUMNS.values(), "verdict", ""]]
    for row in rows.to_dict("records"):
        numbers = ["-" if pd.isna(row[name]) else percent(row[name]) for name in _COLUMNS]
        reason = "" if row["verdict"] == PRESENT else row["reason"]
        cells.append([" ".join(str(row["channel"]).split()), row["signal_type"], *numbers, row["verdict"], reason])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        shown = [
            text.rjust(width) if 2 <= i < 2 + len(_COLUMNS) else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(shown).rstrip())
    if "output" in document:
        lines += ["", document["output"]]
    return "\n".join(lines)


def _check_output(output: Path, *, force: bool) -> None:
    if output.suffix.lower() != ".csv":
        raise ParameterError("the table is written as CSV", expected="a name that ends in .csv", found=output.name)
    check_outputs(output.parent, [output.name], force=force)


def _write(rows: pd.DataFrame, output: Path, *, force: bool) -> None:
    """Write the table, whole or not at all; texts that a spreadsheet would run as a formula get an apostrophe."""
    safe = rows.assign(**{name: rows[name].map(escaped) for name in ("channel", *_TEXTS)})
    with staged_outputs(output.parent, [output.name], force=force) as paths:
        safe.to_csv(paths[output.name], index=False, lineterminator="\n")
