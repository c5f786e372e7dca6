"""``sleepdask convert``: recordings into Zarr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import xarray as xr

from sleepdask.cli.channels import channel_table_option, open_named
from sleepdask.cli.locations import layout_option, location
from sleepdask.cli.output import exit_code, output_options, policy_option, report, show, timezone_option
from sleepdask.cli.where import backend_options
from sleepdask.errors import ParameterError, SleepdaskError
from sleepdask.io.atomic import check_outputs
from sleepdask.io.edf.records import DTYPES
from sleepdask.io.remote.file import locate, named
from sleepdask.io.source import open_source
from sleepdask.io.store.writing import SUFFIX
from sleepdask.parallel.config import ParallelConfig
from sleepdask.runners import save_recording
from sleepdask.signals.recording import SIGNAL, only_channels, recording_id


@click.command("convert")
@click.argument("paths", type=location, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Store to make, such as night.zarr; or a folder, in which each becomes NAME.zarr.",
)
@click.option("--channels", multiple=True, help="Name or glob of channels to keep, such as 'EEG*'; repeatable.")
@layout_option
@channel_table_option
@click.option("--dtype", type=click.Choice(DTYPES), help="Of the samples.  [default: float32, or as a store has them]")
@policy_option
@timezone_option
@backend_options
@click.option("--force", is_flag=True, help="Replace stores that are already there.")
@output_options
def command(
    *,
    paths: tuple[Path | str, ...],
    output: Path,
    config: ParallelConfig,
    force: bool,
    quiet: bool,
    as_json: bool,
    **how: Any,
) -> int:
    """Store the recordings at PATHS in Zarr: physical values, times, annotations, what was odd, where they come from.

    What cannot be converted is told, and does not stop the others.
    """
    files: list[dict[str, Any]] = []
    failed: list[str] = []
    targets = _targets(paths, output, force=force)
    for path, target in targets.items():
        began = perf_counter()
        try:
            recording = _opened(path, **how)
            save_recording(
                recording, target, source=path, force=force, config=config, progress=False if quiet else None
            )
        except SleepdaskError as error:
            if len(targets) == 1:
                raise
            failed.append(f"{named(locate(path)).name}: not converted: {error}")
        else:
            files.append(_describe(path, target, recording, perf_counter() - began))
    findings = [f"{file['recording']}: {said}" for file in files for said in file["findings"]] + failed
    show({"files": files, "failed": failed}, "\n".join(map(_text, files)), as_json=as_json, quiet=quiet)
    report([], findings, quiet=quiet)
    return exit_code(findings)


def _targets(paths: Sequence[Path | str], output: Path, *, force: bool) -> dict[Path | str, Path]:
    """Store that each recording becomes; what could not be written is refused before anything is."""
    if output.suffix == SUFFIX:
        if len(paths) > 1:
            raise click.UsageError(f"{len(paths)} recordings do not become one store: name a folder with -o")
        targets = {paths[0]: output}
    else:
        targets = {path: output / f"{named(locate(path)).stem}{SUFFIX}" for path in paths}
    twice = [name for name, count in Counter(target.name for target in targets.values()).items() if count > 1]
    if twice or len(targets) < len(paths):
        found = ", ".join(twice) or "the same recording twice"
        raise ParameterError(
            "several recordings would become one store", found=found, fix="convert them into two folders"
        )
    for path, target in targets.items():
        if isinstance(path, Path) and not path.exists():
            raise ParameterError("no such file", where=path, fix="check the path")
        check_outputs(target.parent, [target.name], force=force)
    return targets


def _opened(path: Path | str, *, channels: Sequence[str], channel_table: str | None, **how: Any) -> xr.DataTree:
    recording = open_named([path], channel_table, **how)
    return only_channels(recording, channels) if channels else recording


def _describe(path: Path | str, target: Path, recording: xr.DataTree, seconds: float) -> dict[str, Any]:
    """What became of one recording, as plain JSON types."""
    nodes = {name: node for name, node in recording.children.items() if SIGNAL in node}
    return {
        "recording": named(locate(path)).name,
        "recording_id": recording_id(recording),
        "output": str(target),
        "nodes": list(nodes),
        "channels": sum(node.sizes["channel"] for node in nodes.values()),
        "bytes_read": _size(path),
        "bytes_written": _size(target),
        "findings": list(recording.attrs.get("findings", [])),
        "seconds": round(seconds, 3),
    }


def _text(file: dict[str, Any]) -> str:
    channels = f"{file['channels']} channel{'s' * (file['channels'] != 1)}"
    sizes = f"{file['bytes_read'] / 1e6:.1f} MB to {file['bytes_written'] / 1e6:.1f} MB"
    return f"{file['output']}: {', '.join([channels, *file['nodes']])}, {sizes}, {file['seconds']:.1f} s"


def _size(path: Path | str) -> int:
    if isinstance(path, str):
        with open_source(locate(path)) as source:
            return source.size
    return sum(part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path]) if part.is_file())
