"""``sleepdask deidentify``: copies of recordings without what identifies people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sleepdask.cli.locations import location
from sleepdask.cli.output import DONE, WITH_FINDINGS, output_options, policy_option, report, show
from sleepdask.errors import ParameterError, SleepdaskError
from sleepdask.io.deidentify import Deidentified, deidentify
from sleepdask.io.folders import recording_files
from sleepdask.io.remote.file import RemoteFile, locate, named

_SUFFIXES = (".edf", ".bdf", ".rec")


@click.command("deidentify")
@click.argument("paths", type=location, nargs=-1, required=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="The copy, or a folder for copies."
)
@click.option("--id", "code", help="Takes the place of the patient of one recording, and in a folder names the copy.")
@click.option("--remove-date", is_flag=True, help="Leave no date; the time of day stays in the header.")
@click.option("--remove-annotations", is_flag=True, help="Leave no annotation: their free text may hold names.")
@click.option("--remove-sensors", is_flag=True, help="Leave no text about transducers.")
@policy_option
@click.option("--force", is_flag=True, help="Replace copies that are already there.")
@output_options
def command(
    *, paths: tuple[Path | str, ...], output: Path, code: str | None, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Write copies of the recordings at PATHS, files or whole folders, that name neither patient nor staff nor device.

    Samples stay byte for byte. Names of files stay as they are unless --id or --output says another.
    """
    files = [file for path in paths for file in recording_files(path, devices=False)]
    if not files:
        raise ParameterError(
            "no recordings there", where=", ".join(map(str, paths)), expected="EDF or BDF files", fix="check the path"
        )
    if code is not None and len(files) != 1:
        raise click.UsageError(f"--id belongs to one recording, and there are {len(files)}")
    targets = _targets(files, output, code, single=len(paths) == 1 and files == [named(locate(paths[0]))])
    done: list[Deidentified] = []
    refused: list[str] = []
    for file, target in zip(files, targets, strict=True):
        try:
            done.append(deidentify(file, target, code=code or "X", **options))
        except SleepdaskError as error:
            if len(files) == 1:
                raise
            refused.append(str(error))
    show(
        {"files": [one.document() for one in done], "refused": refused},
        "\n".join(f"{one.source} -> {one.output}  {one.size:,} bytes, samples unchanged" for one in done),
        as_json=as_json,
        quiet=quiet or not done,
    )
    notes = [f"{one.source}: {note}" for one in done for note in one.notes]
    findings = [f"{one.source}: {finding}" for one in done for finding in one.findings] + refused
    report(notes, findings, quiet=quiet)
    return WITH_FINDINGS if findings else DONE


def _targets(files: Sequence[Path | RemoteFile], output: Path, code: str | None, *, single: bool) -> list[Path]:
    """Path of each copy; refuses two of one name."""
    if single and output.suffix.lower() in _SUFFIXES and not output.is_dir():
        return [output]
    names = [file.name if code is None else f"{code}{file.suffix}" for file in files]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise click.UsageError(f"{len(twice)} names are those of several recordings; give each folder an output")
    return [output / name for name in names]
