"""Running Dask collections on the backend that a configuration names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import dask

from sleepdask.parallel.config import ParallelConfig


def scheduling(config: ParallelConfig) -> AbstractContextManager[Any]:
    """Context in which Dask computes as the configuration says."""
    if config.effective_backend == "sync":
        return dask.config.set(scheduler="sync")
    return dask.config.set(scheduler="threads", num_workers=config.effective_workers)
