"""Options that say where a job runs, for the verbs that compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from sleepdask.parallel.config import BACKENDS
from sleepdask.parallel.settings import resolve

PLACE_OPTIONS = (
    click.option("--backend", type=click.Choice(BACKENDS), help="Where to run.  [default: threads; study: processes]"),
    click.option("--workers", type=click.IntRange(min=1), help="Threads or processes; default all CPUs there are."),
    click.option("--scheduler", help="Dask cluster to run on: its address, or the path of its scheduler file."),
    click.option(
        "--security", type=click.Path(path_type=Path), help="Folder with the certificates of a tls:// cluster."
    ),
)


def backend_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options to a verb, which gets what they say as `config`; Dask's configuration says the rest."""

    @wraps(command)
    def run(
        *, backend: str | None, workers: int | None, scheduler: str | None, security: Path | None, **rest: Any
    ) -> int:
        config = resolve(backend=backend, workers=workers, scheduler=scheduler, security=security)
        return command(config=config, **rest)

    for option in reversed(PLACE_OPTIONS):
        run = option(run)
    return run
