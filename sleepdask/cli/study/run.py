"""``sleepdask study run``: features of all recordings of a table."""

from __future__ import annotations

from pathlib import Path

import click

from sleepdask.cli.output import DONE, WITH_FINDINGS, output_options, show
from sleepdask.cli.study.options import plan_options
from sleepdask.cli.study.texts import standing_text
from sleepdask.cli.words import command_words
from sleepdask.parallel.settings import get_parallel_config, parallel_config
from sleepdask.study.config import StudyConfig
from sleepdask.study.study import Study


@click.command("run")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, help="Folder for the results, or the URL of an object store.")
@plan_options
@click.option("--dry-run", is_flag=True, help="Show what would be done and stop.")
@click.option("--retry-failed", is_flag=True, help="Also analyse again what is not ok.")
@click.option("--max-failures", metavar="N|N%", help="Stop when more recordings failed: a number, or a share of all.")
@click.option("--report/--no-report", default=True, help="Write report.html at the end.  [default: report]")
@output_options
def command(
    table: Path,
    *,
    output: str,
    study_config: StudyConfig,
    dry_run: bool,
    retry_failed: bool,
    max_failures: str | None,
    report: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Compute features of every recording in TABLE and write them into a folder; what is done already is kept.

    The folder gets features/ (Parquet, one file a recording, the same columns in all), outcomes.parquet (what became of
    each), study.json and report.html. Run it again to go on, or after files, features or parameters have changed: only
    what they touch is computed. Exit codes: 0 all ok, 3 some are not, 2 refused, 130 interrupted.
    """
    with parallel_config(enable_progress=get_parallel_config().enable_progress and not quiet):
        study = Study.from_table(table, output, config=study_config, command=command_words())
    if dry_run:
        prepared = study.prepared(retry_failed=retry_failed)
        todo = [job.entry.recording_id for job in prepared.jobs]
        unreadable = {name: scan.error for name, scan in prepared.scans.items() if scan.error}
        document = {
            "recordings": len(study.recording_ids),
            "done": len(prepared.done),
            "to_analyse": todo,
            "columns": len(prepared.columns.schema),
            "unreadable": unreadable,
        }
        text = (
            f"{document['recordings']} recordings: {document['done']} done, {len(todo)} to analyse,"
            f" {len(unreadable)} of all cannot be read; {document['columns']} columns"
        )
        show(document, text, as_json=as_json)
        return DONE
    count = sum(1 for _ in study.iterate(retry_failed=retry_failed, max_failures=max_failures))
    if report and (count or not study.has_report):
        study.report()
    state = study.standing() | {"location": output, "analysed": count}
    nothing = "" if count else "\nnothing to do: files, features and parameters are those of the last run"
    show(state, standing_text(state) + nothing, as_json=as_json, quiet=quiet)
    return DONE if state["statuses"]["ok"] == state["recordings"] else WITH_FINDINGS
