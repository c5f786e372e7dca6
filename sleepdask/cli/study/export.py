"""``sleepdask study export``: the features of a study as one table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from sleepdask.cli.output import exit_code, output_options, report, show
from sleepdask.cli.where import backend_options
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.settings import parallel_config
from sleepdask.study.finished import FinishedStudy, open_study_folder
from sleepdask.study.results.export import PENDING, Exported, export

_table = click.Path(path_type=Path, dir_okay=False)


@click.command("export")
@click.argument("output")
@click.option("--wide", type=_table, help="One row a recording: status, covariates, means of each column by stage.")
@click.option("--long", type=_table, help="One row a recording, stage and column: epochs, mean, std, median.")
@click.option("--summary", type=_table, help="One row a group and column: recordings, epochs, mean, std, quantiles.")
@click.option("--by", metavar="NAME,...", help="Stage and covariates that --summary groups by.  [default: stage]")
@click.option("--columns", multiple=True, help="Name or glob of columns, such as '*/bandpower_delta'; repeatable.")
@click.option("--force", is_flag=True, help="Replace tables that are already there.")
@backend_options
@output_options
def command(
    *,
    output: str,
    wide: Path | None,
    long: Path | None,
    summary: Path | None,
    by: str | None,
    columns: tuple[str, ...],
    force: bool,
    config: ParallelConfig,
    quiet: bool,
    as_json: bool,
) -> int:
    """Write the features of the study in OUTPUT as tables, .csv or .parquet; of one that still runs, what there is.

    Epochs that are missing or have failed do not count. Exit code 3 if recordings have no features.
    """
    if wide is None and long is None and summary is None:
        raise click.UsageError("name a table to write: --wide, --long or --summary")
    if by is not None and summary is None:
        raise click.UsageError("--by says how --summary groups; the other tables are by recording and stage")
    study = open_study_folder(output)
    names = ["stage"] if by is None else [name.strip() for name in by.split(",") if name.strip()]
    with parallel_config(config, enable_progress=config.enable_progress and not quiet) as where:
        written = export(
            study, wide=wide, long=long, summary=summary, by=names, columns=columns or None, force=force, config=where
        )
    lacking = _lacking(study)
    show(_document(study, written, lacking), "\n".join(map(_text, written)), as_json=as_json, quiet=quiet)
    findings = [f"{len(ids)} recordings have no features, as they are {status}" for status, ids in lacking.items()]
    report([], findings, quiet=quiet)
    return exit_code(findings)


def _lacking(study: FinishedStudy) -> dict[str, list[str]]:
    """Recordings without features by status."""
    there, lacking = set(study.ids), dict[str, list[str]]()
    for entry in study.entries:
        if entry.recording_id not in there:
            outcome = study.outcomes.get(entry.recording_id)
            lacking.setdefault(PENDING if outcome is None else outcome.status, []).append(entry.recording_id)
    return lacking


def _document(study: FinishedStudy, written: Sequence[Exported], lacking: dict[str, list[str]]) -> dict[str, object]:
    return {
        "location": study.files.location,
        "recordings": len(study.entries),
        "with_features": len(study.ids),
        "without_features": lacking,
        "tables": [{"path": str(each.path), "rows": each.rows, "columns": each.columns} for each in written],
    }


def _text(table: Exported) -> str:
    return f"{table.path}: {table.rows:,} rows, {table.columns:,} columns"
