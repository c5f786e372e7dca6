"""A Dask cluster, on this machine or elsewhere, through its Client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence, Set
from concurrent.futures import CancelledError
from concurrent.futures import Future as LocalFuture
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

from dask.core import flatten
from dask.sizeof import sizeof
from distributed import Client, Future, KilledWorker, futures_of, wait

from sleepdask.errors import BackendError, TooSlowError, WorkerLostError
from sleepdask.parallel.backends.base import Backend, Terms
from sleepdask.parallel.backends.base import Future as AnyFuture
from sleepdask.parallel.backends.here import too_slow
from sleepdask.parallel.backends.scheduler_progress import follow

_LOOK_SECONDS = 0.2
_JOIN_SECONDS = 60
_CANCEL_SECONDS = 5  # a scheduler takes note of it later, not at once
_CANCEL_LOOK_SECONDS = 0.01
_END_SECONDS = 1
_BIG = 1 << 20


class OnCluster(Backend):
    """Runs on the workers of a cluster.

    Parameters
    ----------
    name
        ``"processes"`` or ``"distributed"``.
    client
        Connected, not asynchronous.
    workers
        Tasks at once; default all threads of the cluster.
    kill
        Kills the workers at these addresses, whatever they do, and has them replaced: for clusters of our own,
        where what never ends can be ended.
    """

    def __init__(
        self,
        name: str,
        client: Client,
        workers: int | None = None,
        kill: Callable[[Collection[str]], None] | None = None,
    ) -> None:
        self.name = name
        self.client = client
        self.dashboard = client.dashboard_link or ""
        self._kill = kill
        self.workers = workers or self._threads()

    def get(self, graph: Any, keys: Any, terms: Terms) -> Any:
        packed = self.client.get(graph, keys, sync=False, retries=terms.retries)
        futures = list(flatten([packed], container=list))
        with follow(self.client, futures, terms.progress):
            return self._wait(lambda: self.client.gather(packed, asynchronous=True), futures, set(graph), terms)

    def persist(self, collections: Sequence[Any], terms: Terms) -> Any:
        kept = self.client.persist(list(collections), retries=terms.retries)
        futures = futures_of(kept)
        with follow(self.client, futures, terms.progress):
            keys = {key for collection in collections for key in collection.__dask_graph__()}
            self._wait(lambda: self._all(futures), futures, keys, terms)
        return kept

    def submit(self, function: Callable[..., Any], *arguments: Any) -> AnyFuture:
        """Submit, and have the client's own loop fetch the result: nobody waits for one that is lost and made anew."""
        remote = self.client.submit(function, *arguments, pure=False)
        future = asyncio.run_coroutine_threadsafe(_result(remote), self.client.loop.asyncio_loop)
        future.remote = remote  # type: ignore[attr-defined]
        return future

    def share(self, thing: Any) -> Any:
        return self.client.scatter(thing, hash=False) if sizeof(thing) > _BIG else thing

    def cancel(self, futures: Sequence[AnyFuture]) -> None:
        self._cancel(_remote(futures))  # what fetches a result is left alone: torn off, it would spoil the connection

    def stop(self, futures: Sequence[AnyFuture]) -> None:
        remote = _remote(futures)
        self._stop(remote, {future.key for future in remote})

    def _cancel(self, futures: Sequence[Future]) -> None:
        if self.client.status != "running":  # it would wait for a scheduler that may be gone
            return
        with suppress(Exception):  # what is gone needs no end
            self.client.cancel(futures, force=True)

    def _stop(self, futures: Sequence[Future], keys: Set[Any]) -> None:
        busy = self._busy(keys)
        self._cancel(futures)
        if self._kill:  # work of others that such a worker has is done again elsewhere
            deadline = monotonic() + _CANCEL_SECONDS
            while self._busy(keys) and monotonic() < deadline:  # killed before, this work would begin anew elsewhere
                sleep(_CANCEL_LOOK_SECONDS)
            self._kill(busy)

    def has_begun(self, future: AnyFuture) -> bool:
        keys = {each.key for each in _remote([future])}
        return not keys or bool(self._busy(keys))

    def _busy(self, keys: Set[Any]) -> list[str]:
        """Addresses of the workers that have any of these tasks in hand; none of a scheduler that is gone."""
        if self.client.status != "running":
            return []
        with suppress(Exception):
            return [worker for worker, tasks in self.client.processing().items() if not keys.isdisjoint(tasks)]
        return []

    def check(self) -> None:
        if self.client.status != "running":
            raise gone(self.client)

    def explain(self, error: BaseException) -> BaseException:
        if isinstance(error, KilledWorker):
            return WorkerLostError("each worker that ran this died", fix="give them more memory, or read their logs")
        if isinstance(error, CancelledError | asyncio.CancelledError | OSError) and self.client.status != "running":
            return gone(self.client)
        if isinstance(error, CancelledError):
            if "connection-lost" in str(error):
                return gone(self.client)
            return BackendError("the computation was cancelled", found=str(error), fix="run it again")
        return error

    def _wait(
        self, start: Callable[[], Coroutine[Any, Any, Any]], futures: list[Future], keys: Set[Any], terms: Terms
    ) -> Any:
        """Wait on the client's own loop, so that a lost scheduler, a time limit and Ctrl-C are seen meanwhile."""
        deadline = None if terms.timeout is None else monotonic() + terms.timeout

        async def run() -> Any:
            return await start()

        waiting = asyncio.run_coroutine_threadsafe(run(), self.client.loop.asyncio_loop)
        try:
            while True:
                try:
                    return waiting.result(_LOOK_SECONDS)
                except TimeoutError:
                    if waiting.done():
                        raise
                self.check()
                if deadline is not None and monotonic() > deadline:
                    raise too_slow("the computation", terms.timeout)
        except Exception as error:
            if isinstance(error, TooSlowError):
                self._stop(futures, keys)
            _end(waiting)
            explained = self.explain(error)
            if explained is error:
                raise
            raise explained from error
        except BaseException:
            self._stop(futures, keys)
            _end(waiting)
            raise

    async def _all(self, futures: list[Future]) -> None:
        with self.client.as_current():
            await wait(futures)
        for future in futures:
            if future.status != "finished":
                await future  # raises what it raised

    def _threads(self) -> int:
        """Threads of all workers; waits for the first of them."""
        try:
            self.client.wait_for_workers(1, timeout=_JOIN_SECONDS)
        except TimeoutError:
            raise BackendError(
                f"no worker has joined within {_JOIN_SECONDS} s",
                where=self.client.scheduler.address,
                fix="start workers, or say workers= if they will come later",
            ) from None
        return sum(self.client.nthreads().values())


def _end(waiting: LocalFuture[Any]) -> None:
    """Let what waits for futures that are cancelled end by itself: torn off, its parts would complain."""
    with suppress(Exception, asyncio.CancelledError):
        waiting.result(_END_SECONDS)
    waiting.cancel()


async def _result(future: Future) -> Any:
    return await future


def _remote(futures: Sequence[AnyFuture]) -> list[Future]:
    return [future.remote for future in futures if hasattr(future, "remote")]


def gone(client: Client) -> BackendError:
    """Say that the scheduler cannot be reached any more."""
    where = client.scheduler.address if client.scheduler else ""
    return BackendError("the scheduler has gone", where=where, fix="start it again, or run on another backend")
