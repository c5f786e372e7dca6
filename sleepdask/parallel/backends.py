"""Running Dask collections on the backend that a configuration names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import dask
import dask.local
import dask.threaded

from sleepdask.parallel.config import ParallelConfig


def scheduling(config: ParallelConfig) -> AbstractContextManager[Any]:
    """Context in which Dask computes as the configuration says."""
    # Schedulers are given as functions: their names would make Dask import distributed, to see if it knows them.
    if config.effective_backend == "sync":
        return dask.config.set(scheduler=dask.local.get_sync)
    return dask.config.set(scheduler=dask.threaded.get, num_workers=config.effective_workers)
