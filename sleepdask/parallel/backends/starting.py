"""How a Dask cluster of processes on this machine starts, and what may keep it from that."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import process, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask

from sleepdask.errors import BackendError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Security

# Dask's nannies set MALLOC_TRIM_THRESHOLD_, after which glibc returns every large buffer to the system and faults it
# in anew; None keeps them from it. Their limits for BLAS stay; numba is not among them.
WORKERS: dict[str, dict[str, Any]] = {
    "pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": None},
    "environ": {"NUMBA_NUM_THREADS": 1},
}
_PRELOAD = "sleepdask.parallel.backends.in_worker"
_CLOSE_SECONDS = 10


def start(workers: int, memory_limit: int | None, security: Security | None) -> tuple[LocalCluster, Client]:
    """Start a cluster in another thread: after Ctrl-C it ends once it is there, as half of one cannot be closed."""
    with ThreadPoolExecutor(1, initializer=_block_interrupts) as thread:
        starting = thread.submit(_start, workers, memory_limit, security)
        try:
            return starting.result()
        except BaseException:
            starting.add_done_callback(_close_unwanted)
            raise


def close(cluster: LocalCluster, client: Client) -> None:
    """Close a cluster, whatever state it is in and whatever its workers do: nobody wants that any more."""
    for nanny in list(cluster.workers.values()):
        with suppress(Exception):
            nanny.close_gracefully()  # it starts no other worker
            os.kill(nanny.pid, signal.SIGKILL)
    for each in (client, cluster):
        with suppress(Exception):  # what is gone needs no end
            each.close(timeout=_CLOSE_SECONDS)


def refuse_where_none_can_start() -> None:
    """Raise `BackendError` in a worker, and in a program that workers could not import; a script without guard ends."""
    here = multiprocessing.current_process()
    if getattr(here, "_inheriting", False):  # a worker that imports the script that started it, which says why
        raise SystemExit(1)
    if here.daemon:
        raise BackendError("a worker process cannot start processes", fix="use backend='sync' or 'threads' in a task")
    program = _program()
    if program is not None and not program.exists():
        raise BackendError(
            "worker processes import the program that starts them, which is no file",
            found=program.name,
            fix="save it as a file",
        )


def _program() -> Path | None:
    """Path from which multiprocessing will import the main module; None if it will not, or by name."""
    main = sys.modules["__main__"]
    if getattr(main, "__spec__", None) is not None or getattr(main, "__file__", None) is None:
        return None
    folder: str | None = getattr(process, "ORIGINAL_DIR", None)
    return Path(folder or "", str(main.__file__))


def _block_interrupts() -> None:
    """Keep Ctrl-C from this thread, and so from all threads and processes that it starts: it is for the main thread."""
    if hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # its start would let interrupts in again
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _close_unwanted(starting: Future[tuple[LocalCluster, Client]]) -> None:
    if not starting.exception():
        close(*starting.result())


def _start(workers: int, memory_limit: int | None, security: Security | None) -> tuple[LocalCluster, Client]:
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
            died = "failed to start worker process" in str(error.__cause__)  # it told itself why, or need not
            raise BackendError("no worker process could be started", fix=_GUARD) from (None if died else error)
    return cluster, Client(cluster, set_as_default=False)


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
