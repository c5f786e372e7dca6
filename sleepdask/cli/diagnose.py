"""``sleepdask diagnose``: what is odd about recordings, and what reading makes of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sleepdask.cli.locations import layout_option, location
from sleepdask.cli.output import DONE, WITH_FINDINGS, output_options, show
from sleepdask.io.diagnose import NONE, Diagnosis, diagnose, summary
from sleepdask.parallel.settings import parallel_config

NO_RECORDINGS = "no recordings there: no file named .edf, .bdf or .rec, no store, none that begins as EDF or BDF does"
_READ = {
    "strict": "nothing odd",
    "warn": "read with findings",
    "repair": "read with --policy repair only",
    NONE: "not read",
}


@click.command("diagnose")
@click.argument("paths", type=location, nargs=-1, required=True)
@layout_option
@output_options
def command(paths: tuple[Path | str, ...], *, layout: Path | None, quiet: bool, as_json: bool) -> int:
    """Look at the recordings at PATHS, files or whole folders, before they are read: their headers, no samples.

    A file says what is odd, where, and after an arrow what reading makes of it. Exit code 3 if anything is odd.
    """
    with parallel_config(enable_progress=not quiet):
        files = diagnose(*paths, layout=layout)
    counts = summary(files)
    document = {"files": [file.document() for file in files], "summary": counts}
    show(document, _text(files, counts, quiet=quiet), as_json=as_json)
    return DONE if all(file.policy == "strict" for file in files) else WITH_FINDINGS


def _text(files: Sequence[Diagnosis], counts: dict[str, Any], *, quiet: bool) -> str:
    tables = [_table(file) for file in files if file.findings or not quiet]
    return "\n\n".join([*tables, _summary(counts)])


def _table(file: Diagnosis) -> str:
    lines = [f"{file.path}  {file.format}  {_READ[file.policy]}".replace("    ", "  ")]
    for finding in file.findings:
        lines.append(f"  {finding.severity:<8} {finding.code:<22} {finding.where}".rstrip())
        for text in filter(None, (finding.message, finding.reading and f"-> {finding.reading}")):
            lines += textwrap.wrap(text, 110, initial_indent=" " * 11, subsequent_indent=" " * 11)
    return "\n".join(lines)


def _summary(counts: dict[str, Any]) -> str:
    policies = counts["policies"]
    told = ", ".join(f"{policies[policy]} {text}" for policy, text in _READ.items() if policies[policy])
    lines = [f"{counts['files']} files: {told}" if counts["files"] else NO_RECORDINGS]
    lines += [f"  {number:>6}  {code}" for code, number in counts["findings"].items()]
    return "\n".join(lines)
