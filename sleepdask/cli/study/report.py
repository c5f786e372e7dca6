"""``sleepdask study report``: the page that tells all about a study."""

from __future__ import annotations

import click

from sleepdask.cli.output import DONE, output_options, show
from sleepdask.cli.where import backend_options
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.settings import parallel_config
from sleepdask.study.finished import open_study_folder
from sleepdask.study.reporting.report import FILE_NAME


@click.command("report")
@click.argument("output")
@click.option("--by", metavar="NAME,...", help="Covariates that tell distributions apart.  [default: group, if any]")
@backend_options
@output_options
def command(output: str, *, by: str | None, config: ParallelConfig, quiet: bool, as_json: bool) -> int:
    """Write report.html of the study in OUTPUT, finished or not: what became of each recording, and what they hold."""
    names = None if by is None else [name.strip() for name in by.split(",") if name.strip()]
    with parallel_config(config, enable_progress=config.enable_progress and not quiet) as where:
        open_study_folder(output).report(names, config=where)
    path = f"{output.rstrip('/')}/{FILE_NAME}"
    show({"report": path}, path, as_json=as_json, quiet=quiet)
    return DONE
