"""``sleepdask study find``: folders become the table of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sleepdask.cli.output import exit_code, output_options, report, show
from sleepdask.findings import Finding
from sleepdask.parallel.settings import parallel_config
from sleepdask.study.finding.find import FoundRecordings, check_table, find_recordings

_MOST = 10  # findings of one kind that are printed; the JSON document has all


@click.command("find")
@click.argument("folders", metavar="DIR...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The table to write, a CSV file.")
@click.option(
    "--pattern",
    help="Paths of recordings, with fields: '{recording_id}-PSG.edf', '{recording_id}/night{night}.edf'. Other fields "
    "become covariates. With a * the files of one id are one recording.",
)
@click.option("--hypnogram-pattern", help="Paths of hypnograms with the same fields: '{recording_id}*Hypnogram*'.")
@click.option(
    "--participants",
    type=click.Path(path_type=Path),
    help="Table with a row a participant_id or recording_id.  [default: participants.tsv in DIR]",
)
@click.option("--force", is_flag=True, help="Replace a table that is already there.")
@output_options
def command(
    folders: tuple[Path, ...],
    *,
    output: Path,
    pattern: str | None,
    hypnogram_pattern: str | None,
    participants: Path | None,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Find the recordings below DIR, each with its hypnogram, and write them as the table of a study.

    What could belong to two recordings belongs to none, and is told. Exit code 3 if anything is odd.
    """
    check_table(output, force=force)
    with parallel_config(enable_progress=not quiet):
        found = find_recordings(
            *folders, pattern=pattern, hypnogram_pattern=hypnogram_pattern, participants=participants
        )
    found.write(output, force=force)
    document = {"output": str(output), **found.document(output.absolute().parent)}
    show(document, _text(output, found), as_json=as_json, quiet=quiet)
    report(found.notes, list(_some(found.findings)), quiet=quiet)
    return exit_code([str(finding) for finding in found.findings])


def _text(output: Path, found: FoundRecordings) -> str:
    paired = sum(entry.hypnogram is not None for entry in found.entries)
    told = f"{paired} with a hypnogram, {len(found.entries) - paired} without"
    return f"{output}: {len(found.entries)} recordings, {told}"


def _some(findings: Sequence[Finding]) -> Iterator[str]:
    """Lines of the first findings of each kind, and how many more there are."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= _MOST:
            yield str(finding)
    for code, count in counts.items():
        if count > _MOST:
            yield f"{count - _MOST} more of the kind {code} (all with --json)"
