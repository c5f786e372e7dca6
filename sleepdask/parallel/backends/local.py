"""Dask clusters of processes on this machine: started once, shared, and closed in the end."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dask

from sleepdask.errors import BackendError
from sleepdask.parallel.backends.cluster import OnCluster
from sleepdask.parallel.tls import as_security

if TYPE_CHECKING:
    from distributed import LocalCluster, Security

# Dask's nannies set MALLOC_TRIM_THRESHOLD_, after which glibc returns every large buffer to the system and faults it
# in anew; None keeps them from it. Their limits for BLAS stay; numba is not among them.
WORKERS: dict[str, dict[str, Any]] = {
    "pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": None},
    "environ": {"NUMBA_NUM_THREADS": 1},
}
# What a map runs there: imported before a worker joins, so that no item's time is spent on it.
_PRELOAD = "sleepdask.parallel.maps"
_CLOSE_SECONDS = 10


@dataclass
class _Started:
    cluster: Any
    client: Any
    users: int = 0

    def end(self) -> None:
        with _lock:
            for key in [key for key, started in _clusters.items() if started is self]:
                del _clusters[key]
        with suppress(Exception):  # what is gone needs no end
            self.client.close(timeout=_CLOSE_SECONDS)
        with suppress(Exception):
            self.cluster.close(timeout=_CLOSE_SECONDS)

    def kill(self, addresses: Collection[str]) -> None:
        for nanny in self.cluster.workers.values():
            if nanny.worker_address in addresses and nanny.pid:
                with suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)


_clusters: dict[Any, _Started] = {}
_lock = threading.RLock()
os.register_at_fork(after_in_child=_clusters.clear)  # they belong to the parent


@contextmanager
def local_cluster(
    workers: int,
    *,
    memory_limit: int | None = None,
    security: Any = None,
    prepare: Callable[[], object] | None = None,
) -> Iterator[OnCluster]:
    """Borrow a cluster of that many processes of one thread each; one is started if there is none.

    `prepare` runs before a start, to do once what all workers would else do each.
    """
    key = (workers, memory_limit, security)
    with _lock:
        if key not in _clusters or _clusters[key].client.status != "running":
            _refuse_in_a_child()
            _close_idle()
            if prepare:
                prepare()
            _clusters[key] = _start(workers, memory_limit, as_security(security))
        started = _clusters[key]
        started.users += 1
    try:
        yield OnCluster("processes", started.client, workers, kill=started.kill)
    finally:
        with _lock:
            started.users -= 1


def close_local_clusters() -> None:
    """Close all of them; the next use starts a new one."""
    with _lock:
        for started in list(_clusters.values()):
            started.end()


atexit.register(close_local_clusters)


def _start(workers: int, memory_limit: int | None, security: Security | None) -> _Started:
    from distributed import Client

    options: dict[str, Any] = {} if memory_limit is None else {"memory_limit": memory_limit}
    if security is not None:
        options["security"] = security
    with dask.config.set(_worker_config()), _without(WORKERS["pre-spawn-environ"]):
        try:
            cluster = _steady_cluster()(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                **options,
            )
        except RuntimeError as error:
            raise BackendError("no worker process could be started", fix=_GUARD) from error
    return _Started(cluster, Client(cluster, set_as_default=False))


def _steady_cluster() -> type[LocalCluster]:
    """Cluster that waits for a lost worker as long as it takes: one that dies again and again is slow to come back."""
    from distributed import LocalCluster
    from distributed.deploy.cluster import Cluster

    class SteadyCluster(LocalCluster):  # type: ignore[misc]
        def _update_worker_status(self, op: str, msg: Any) -> None:
            Cluster._update_worker_status(self, op, msg)  # LocalCluster's own gives such a worker up

    return SteadyCluster


def _worker_config() -> dict[str, Any]:
    sections = {f"distributed.nanny.{name}": changes for name, changes in WORKERS.items()}
    preload = [*dask.config.get("distributed.worker.preload"), _PRELOAD]
    return {name: {**dask.config.get(name), **changes} for name, changes in sections.items()} | {
        "distributed.worker.preload": preload
    }


@contextmanager
def _without(names: Collection[str]) -> Iterator[None]:
    """Take variables out of the environment that children inherit: a nanny of somebody else leaves them there."""
    taken = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(taken)


_GUARD = "a script that starts processes must do so under: if __name__ == '__main__':"


def _refuse_in_a_child() -> None:
    process = multiprocessing.current_process()
    if getattr(process, "_inheriting", False):  # a worker that imports the script that started it
        raise BackendError("this script starts its work when it is imported, as each worker process does", fix=_GUARD)
    if process.daemon:
        raise BackendError("a worker process cannot start processes", fix="use backend='sync' or 'threads' in a task")


def _close_idle() -> None:
    for started in list(_clusters.values()):
        if started.users == 0:
            started.end()
