"""Where the recordings of a study go: one at a time, into processes unless others are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from sleepdask.features.warm import warm_kernels
from sleepdask.parallel.backends import backend_name
from sleepdask.parallel.config import BackendName, ParallelConfig
from sleepdask.parallel.executor import ParallelExecutor


def study_executor(config: ParallelConfig, *, scanning: bool = False) -> ParallelExecutor:
    """Executor that takes one recording at a time, on as many workers as a graph has.

    It goes where it would if there were many, even if it is the only one: it may be there that its files are, and one
    that kills its process must not kill this one.
    """
    workers = config.graph_workers
    alone = config.backend == "auto" and config.enabled and not scanning
    one_each = replace(
        config,
        backend=cast(BackendName, backend_name(config, "cpu")) if alone else config.backend,
        chunk_size=10 if scanning else 1,
        max_workers_cpu=workers,
        max_workers_io=workers,
        on_error="return",
        retries=0,
    )
    return ParallelExecutor(one_each, prepare=warm_kernels, grow=scanning)


def runs_in_processes(config: ParallelConfig) -> bool:
    """Whether recordings go to processes, here or elsewhere: unless threads, or none of both, are asked for."""
    return config.backend != "threads" and backend_name(config, "cpu") != "sync"
