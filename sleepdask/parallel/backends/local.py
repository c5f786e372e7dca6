"""Dask clusters of processes on this machine: shared, and closed in the end."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sleepdask.parallel.backends.cluster import OnCluster
from sleepdask.parallel.backends.starting import close, refuse_where_none_can_start, start
from sleepdask.parallel.tls import as_security


@dataclass
class _Started:
    cluster: Any
    client: Any
    users: int = 0

    def end(self) -> None:
        with _lock:
            for key in [key for key, started in _clusters.items() if started is self]:
                del _clusters[key]
        close(self.cluster, self.client)

    def kill(self, addresses: Collection[str]) -> None:
        for nanny in self.cluster.workers.values():
            if nanny.worker_address in addresses and nanny.pid:
                with suppress(ProcessLookupError):
                    os.kill(nanny.pid, signal.SIGKILL)
                    _meant.left += 1


class _Meant(logging.Filter):
    """Keeps a nanny from warning of a worker that was killed on purpose; it warns once of each."""

    left = 0

    def filter(self, record: logging.LogRecord) -> bool:
        meant = self.left > 0 and str(record.msg).startswith("Restarting worker")
        self.left -= meant
        return not meant


class _Hush(logging.Filter):
    """Keeps what the parts of a cluster say of each other's end, some of it late, from who ended it."""

    on = False

    def begin(self) -> None:
        self.on = True
        for handler in logging.getLogger("distributed").handlers:
            handler.addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        return not self.on or record.levelno >= logging.ERROR


class _Dropped(logging.Filter):
    """Keeps a scheduler from calling it an error that a result which was on its way is not wanted any more."""

    def filter(self, record: logging.LogRecord) -> bool:
        states = record.args if isinstance(record.args, Mapping) else {}
        return not (str(record.msg).startswith("Couldn't gather keys") and set(states.values()) == {"forgotten"})


_meant = _Meant()
_hush = _Hush()
logging.getLogger("distributed.nanny").addFilter(_meant)
logging.getLogger("distributed.scheduler").addFilter(_Dropped())

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
            refuse_where_none_can_start()
            _close_idle()
            if prepare:
                prepare()
            _hush.on = False
            _clusters[key] = _Started(*start(workers, memory_limit, as_security(security)))
        started = _clusters[key]
        started.users += 1
    try:
        yield OnCluster("processes", started.client, workers, kill=started.kill)
    except KeyboardInterrupt:
        _hush.begin()
        if started.users == 1:  # it may have come where nobody could stop what the workers do
            started.end()
        raise
    finally:
        with _lock:
            started.users -= 1


def close_local_clusters() -> None:
    """Close all of them; the next use starts a new one."""
    with _lock:
        for started in list(_clusters.values()):
            started.end()


def _close_at_exit() -> None:
    _hush.begin()
    close_local_clusters()


atexit.register(_close_at_exit)


def _close_idle() -> None:
    for started in list(_clusters.values()):
        if started.users == 0:
            started.end()
