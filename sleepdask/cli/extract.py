"""``sleepdask extract``: one recording to a feature table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sleepdask.cli.channels import channel_table_option
from sleepdask.cli.epochs import epoch_options
from sleepdask.cli.job import DEFAULT_FEATURES, Job, finish, run
from sleepdask.cli.locations import also_option, keep_identity_option, layout_option, location
from sleepdask.cli.output import exit_code, output_options, policy_option, report, show, timezone_option
from sleepdask.cli.own import import_option
from sleepdask.cli.prediction import add_prediction
from sleepdask.cli.preprocessing import preprocessing_options
from sleepdask.cli.where import backend_options
from sleepdask.features import parse_features
from sleepdask.features.second_pass_text import parse_steps
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.io.beside import Beside
from sleepdask.io.results import FILE_NAMES
from sleepdask.parallel.config import ParallelConfig


@click.command("extract")
@click.argument("paths", type=location, nargs=-1, required=True)
@also_option
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
@click.option(
    "--hypnogram",
    type=location,
    metavar="PATH",
    help="File with the sleep stages, of any format that the verb hypnogram reads.",
)
@click.option(
    "--features",
    default=DEFAULT_FEATURES,
    show_default=True,
    help="Features or families (see the verb features) or all, joined by commas; parameters follow a colon, as in"
    " bandpower:average=median,hjorth.",
)
@import_option
@click.option(
    "--second-pass",
    multiple=True,
    callback=lambda _, __, texts: [text for text in texts if parse_steps(text)],
    metavar="STEPS",
    help="Also give the features in the light of the night, as by smooth:window=7.5min+scale_5_95; repeatable.",
)
@epoch_options
@preprocessing_options
@layout_option
@channel_table_option
@click.option(
    "--format",
    "formats",
    default="parquet",
    show_default=True,
    help=f"Any of {', '.join(FILE_NAMES)}, joined by commas.",
)
@policy_option
@timezone_option
@keep_identity_option
@backend_options
@click.option("--dry-run", is_flag=True, help="Show the plan and stop: nodes, epochs, chunks, bytes, tasks, time.")
@click.option("--force", is_flag=True, help="Replace results that are already there.")
@output_options
def command(
    *,
    paths: tuple[Path | str, ...],
    also: tuple[Beside, ...],
    output: Path,
    features: str,
    second_pass: list[str],
    filter: str | None,  # noqa: A002 - the name of the option
    notch: str | None,
    reference: str | None,
    formats: str,
    channels: tuple[str, ...],
    layout: Path | None,
    channel_table: str | None,
    config: ParallelConfig,
    policy: str,
    timezone: str | None,
    keep_identity: bool,
    dry_run: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
    hypnogram: Path | str | None,
    **options: Any,
) -> int:
    """Compute features of every epoch of the recording at PATHS and write them into a folder.

    Several PATHS are files of one night, in any order: they are joined by the clock.

    The folder gets features.parquet (one row an epoch), provenance.json and overview.png. PATHS may be URLs.
    """  # fmt: skip
    job = Job(
        path=paths,
        also=also,
        output=output,
        hypnogram=hypnogram,
        layout=layout,
        channel_table=channel_table,
        features=parse_features(features),
        second_pass=tuple(second_pass),
        preprocessing=Preprocessing(filter or "", notch or "", reference or ""),
        formats=tuple(kind.strip() for kind in formats.split(",")),
        options=options | {"channels": list(channels) or None},
        config=config,
        policy=policy,
        timezone=timezone,
        keep_identity=keep_identity,
        force=force,
    )
    if dry_run:
        planned = job.plan()
        plan = planned.summary()
        add_prediction(plan, planned, config)
        show(plan, _plan_text(plan), as_json=as_json)
        report([], plan["findings"], quiet=quiet)
        return exit_code(plan["findings"])
    return finish(run(job, progress=False if quiet else None), quiet=quiet, as_json=as_json)


def _plan_text(plan: dict[str, Any]) -> str:
    lines = [f"{plan['recording_id']}: {plan['epochs']} epochs of {plan['epoch_seconds']:g} s from {plan['start']}"]
    for node in plan["nodes"]:
        size = (
            f"{node['decoded_bytes'] / 1e6:.1f} MB decoded, at most {node['largest_chunk_bytes'] / 1e6:.1f} MB a chunk"
        )
        lines.append(
            f"{node['node']}: {len(node['channels'])} channels, {node['columns']} columns, {node['chunks']} chunks"
            f" of up to {node['epochs_per_chunk']} epochs, {size}"
        )
    lines.append(f"{plan['tasks']} tasks, about {plan['predicted_seconds']:g} s")
    lines += [f"note: {note}" for note in plan["notes"]]
    return "\n".join(lines)
