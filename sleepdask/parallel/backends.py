"""Which of Dask's schedulers runs a collection, on the backend that a configuration names."""

from __future__ import annotations

from typing import Any

import dask.local
import dask.threaded

from sleepdask.parallel.config import ParallelConfig


def schedule(config: ParallelConfig) -> dict[str, Any]:
    """Arguments that make ``dask.compute`` or ``dask.persist`` run as the configuration says.

    They go with the call: a setting of Dask's configuration would hold for the whole process, and calls in
    several threads would undo each other's. Schedulers are given as functions, as their names would make
    Dask import distributed, to see if it knows them.
    """
    if config.effective_backend == "sync":
        return {"scheduler": dask.local.get_sync}
    return {"scheduler": dask.threaded.get, "num_workers": config.effective_workers}
