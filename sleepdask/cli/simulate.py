"""``sleepdask simulate``: synthetic cohorts, to try a study on before there are recordings."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from time import perf_counter

import click

from sleepdask.cli.output import DONE, output_options, show
from sleepdask.parallel.settings import parallel_config
from sleepdask.simulate.cohort import FAULTS_TABLE, simulate_cohort
from sleepdask.simulate.montage import MONTAGES


@click.group("simulate")
def command() -> None:
    """Make synthetic recordings."""


@command.command("cohort")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--nights", default=100, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option(
    "--faulty", default=10, show_default=True, type=click.IntRange(min=0), help="How many have damaged files."
)
@click.option(
    "--hours", default=8.0, show_default=True, type=float, help="Length of each night, a whole number of 30 s epochs."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Another seed, other nights.")
@click.option(
    "--montage",
    default="psg",
    show_default=True,
    type=click.Choice(list(MONTAGES)),
    help="Channels: psg, 8 at 256, 128 and 1 Hz (89 MB a night); reference, 8 at 256 Hz; small, 2 EEG at 64 Hz, SpO2.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Processes that make nights.")
@click.option("--force", is_flag=True, help="Replace an earlier cohort.")
@output_options
def cohort(
    *,
    folder: Path,
    nights: int,
    faulty: int,
    hours: float,
    seed: int,
    montage: str,
    workers: int,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Write a cohort of synthetic nights into FOLDER, some with faults: recordings.csv, faults.csv and nights/.

    The table recordings.csv is ready for a study; faults.csv says what is wrong with which file, and what a report
    should say of it. The same seed gives the same bytes.
    """
    began = perf_counter()
    with parallel_config(enable_progress=not quiet):
        table = simulate_cohort(folder, nights, faulty, hours, MONTAGES[montage], seed, workers=workers, force=force)
    with table.with_name(FAULTS_TABLE).open(encoding="utf-8", newline="") as file:
        faults = list(csv.DictReader(file))
    document = {
        "recordings": str(table),
        "nights": nights,
        "hours": hours,
        "seed": seed,
        "montage": montage,
        "faults": faults,
        "seconds": round(perf_counter() - began, 3),
    }
    kinds = Counter(row["fault"] for row in faults)
    lines = [f"{folder / table.name}: {nights} nights of {hours:g} h, {faulty} of them faulty"]
    lines += [f"  {number:>6}  {kind}" for kind, number in sorted(kinds.items())]
    show(document, "\n".join(lines), as_json=as_json, quiet=quiet)
    return DONE
