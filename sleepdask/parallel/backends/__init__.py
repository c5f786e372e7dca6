"""Where things run: one small file a backend, and here the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from sleepdask.parallel.backends.base import Backend, Terms
from sleepdask.parallel.backends.inline import Inline
from sleepdask.parallel.backends.remote import active_client, connect, in_task
from sleepdask.parallel.backends.threads import Threads, inside
from sleepdask.parallel.config import ParallelConfig

__all__ = ["Backend", "Purpose", "Terms", "backend_name", "close_pools", "graph_workers", "open_backend"]

Purpose = Literal["graph", "cpu", "io"]


def backend_name(config: ParallelConfig, purpose: Purpose = "graph") -> str:
    """Tell where a graph, or a map of calculations (``cpu``) or of waiting (``io``), really runs.

    Examples
    --------
    >>> backend_name(ParallelConfig()), backend_name(ParallelConfig(), "cpu")
    ('threads', 'processes')
    >>> backend_name(ParallelConfig(enabled=False))
    'sync'
    """
    if not config.enabled or config.backend == "sync":
        return "sync"
    # a thread that waits for threads of its own kind may do so for ever
    threads = "sync" if inside.get() else "threads"
    if purpose == "io":
        return threads
    if config.backend == "auto":
        if in_task():  # the workers are busy with tasks such as this one
            return "sync"
        if config.scheduler is not None or active_client():
            return "distributed"
    if config.backend in ("auto", "threads"):
        return threads if purpose == "graph" else "processes"
    return config.backend


def graph_workers(config: ParallelConfig) -> int:
    """Tell how many tasks of a graph run at once; of a cluster elsewhere, it is asked.

    Examples
    --------
    >>> graph_workers(ParallelConfig(workers=3)), graph_workers(ParallelConfig(enabled=False))
    (3, 1)
    """
    name = backend_name(config)
    if name in ("threads", "processes"):
        return config.graph_workers
    with open_backend(config) as backend:
        return backend.workers


@contextmanager
def open_backend(
    config: ParallelConfig, purpose: Purpose = "graph", *, prepare: Callable[[], object] | None = None
) -> Iterator[Backend]:
    """Context with the backend for a purpose; pools and clusters that it needs are started once and kept.

    `prepare` runs in this process before worker processes are started.

    Examples
    --------
    >>> with open_backend(ParallelConfig(backend="threads", workers=2)) as backend:
    ...     backend.name, backend.workers
    ('threads', 2)
    """
    name = backend_name(config, purpose)
    if name == "threads":
        yield Threads(config.graph_workers if purpose == "graph" else config.max_workers_io)
    elif name == "processes":
        from sleepdask.parallel.backends.local import local_cluster

        workers = config.graph_workers if purpose == "graph" else config.max_workers_cpu
        limit = None if config.memory_limit is None else int(config.memory_limit)
        with local_cluster(workers, memory_limit=limit, security=config.security, prepare=prepare) as cluster:
            yield cluster
    elif name == "distributed":
        from sleepdask.parallel.backends.cluster import OnCluster

        yield OnCluster(name, connect(config), config.workers)
    elif name == "ray":
        from sleepdask.parallel.backends.on_ray import OnRay

        yield OnRay(config.workers)
    else:
        yield Inline()


def close_pools() -> None:
    """Close the clusters started and the connections made by this process; the next use makes new ones."""
    from sleepdask.parallel.backends.local import close_local_clusters
    from sleepdask.parallel.backends.remote import close_clients

    close_local_clusters()
    close_clients()
