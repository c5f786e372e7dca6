"""``sleepdask demo``: the whole job on a synthetic night, or on a recording of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from sleepdask.cli.job import DEFAULT_FEATURES, RESULTS, Job, finish, run
from sleepdask.cli.output import output_options
from sleepdask.cli.where import backend_options
from sleepdask.errors import OutputError
from sleepdask.features import parse_features
from sleepdask.io.atomic import check_outputs
from sleepdask.parallel.config import ParallelConfig

_STEM = "demo"


@click.command("demo")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("sleepdask-demo"), show_default=True)
@click.option("--hypnogram", type=click.Path(path_type=Path), help="File with the sleep stages of PATH, of any format.")
@click.option("--hours", default=8.0, show_default=True, type=click.FloatRange(0.1, 24), help="Length of the night.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Another seed, another night.")
@click.option("--force", is_flag=True, help="Replace results that are already there.")
@backend_options
@output_options
def command(
    *,
    path: Path | None,
    output: Path,
    hypnogram: Path | None,
    hours: float,
    seed: int,
    config: ParallelConfig,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Make a synthetic night (or take the recording at PATH) and run the whole job on it.

    The synthetic night is written as EDF+ beside the results, and replaces that of an earlier demo with them.
    """
    if path is None:
        force = force or (output / f"{_STEM}-PSG.edf").exists()
        check_outputs(output, RESULTS, force=force)
        if hypnogram is not None:
            raise click.UsageError("--hypnogram belongs to a recording: give its PATH too")
        if not quiet and not as_json:
            click.echo(f"making a synthetic night of {hours:g} h in {output}/ ...", err=True)
        path, hypnogram = _synthetic_night(output, hours, seed)
    features = parse_features(DEFAULT_FEATURES)
    job = Job(path=path, output=output, hypnogram=hypnogram, features=features, config=config, force=force)
    return finish(run(job, progress=False if quiet else None), quiet=quiet, as_json=as_json)


def _synthetic_night(folder: Path, hours: float, seed: int) -> tuple[Path, Path]:
    from sleepdask.simulate import simulate_night

    try:
        folder.mkdir(parents=True, exist_ok=True)
        psg, hypnogram = simulate_night(hours=hours, seed=seed).write(folder, stem=_STEM)
    except OSError as error:
        raise OutputError(f"the night cannot be written: {error.strerror or error}", where=folder) from error
    return psg, hypnogram
