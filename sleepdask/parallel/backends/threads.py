"""Threads of this process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import ContextVar, copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from sleepdask.errors import TooSlowError
from sleepdask.parallel.backends import base
from sleepdask.parallel.backends.here import run_here

_Job = tuple[Future[Any], Callable[[], Any]]

inside: ContextVar[bool] = ContextVar("inside", default=False)
"""Whether this context runs in a pool's thread, where waiting for another thread could be for ever."""


class ThreadPool(Executor):
    """Executor of daemon threads that see the context of who submits.

    The standard one joins its threads when the interpreter ends, so that one task that never does hangs it.
    """

    def __init__(self, workers: int) -> None:
        self._most = workers
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._growing = threading.Lock()
        self._threads = 0
        self._lost: set[Future[Any]] = set()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((future, partial(copy_context().run, _call, partial(function, *args, **kwargs))))
        self._grow()
        return future

    def give_up(self, future: Future[Any]) -> None:
        """Drop a job; one that runs loses its thread, which is replaced, and ends if the job ever does."""
        with self._growing:
            if future.cancel() or future.done() or future in self._lost:
                return
            self._lost.add(future)
            self._most += 1
        self._grow()

    def _grow(self) -> None:
        with self._growing:
            if not self._idle.acquire(blocking=False) and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, daemon=True, name=f"parallel-{self._threads}").start()

    def _work(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """Do a job; false if the thread was replaced meanwhile. Leaves nothing of the job in the idle thread."""
        try:
            future, call = self._jobs.get_nowait()
        except Empty:
            self._idle.release()
            future, call = self._jobs.get()
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
        with self._growing:
            if future not in self._lost:
                return True
            self._lost.remove(future)
            self._most -= 1
            self._threads -= 1
            return False


def _call(function: Callable[[], Any]) -> Any:
    inside.set(True)
    return function()


class Threads(base.Backend):
    """A pool of threads, shared by all who ask for the same number of them."""

    name = "threads"
    in_process = True
    batch_seconds = 0.01

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = _pool(workers)

    def get(self, graph: Any, keys: Any, terms: base.Terms) -> Any:
        submitted: set[Future[Any]] = set()

        def submit(*arguments: Any) -> Future[Any]:
            future = self._pool.submit(*arguments)
            submitted.add(future)
            future.add_done_callback(submitted.discard)
            return future

        with one_blas_thread:
            try:
                return run_here(submit, self.workers, graph, keys, terms)
            except TooSlowError:
                for future in list(submitted):
                    self._pool.give_up(future)
                raise
            except BaseException:
                for future in list(submitted):
                    future.cancel()
                raise

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._pool.submit(function, *arguments)

    def drop(self, future: base.Future) -> None:
        if isinstance(future, Future):
            self._pool.give_up(future)

    def has_begun(self, future: base.Future) -> bool:
        return not isinstance(future, Future) or future.running() or future.done()


_pools: dict[int, ThreadPool] = {}
_pools_lock = threading.Lock()
os.register_at_fork(after_in_child=_pools.clear)  # a forked process has none of their threads


def _pool(workers: int) -> ThreadPool:
    with _pools_lock:
        return _pools.setdefault(workers, ThreadPool(workers))


class _OneBlasThread:
    """Context that keeps libraries for linear algebra to one thread each, while anybody computes on threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._controller: Any = None
        self._modules = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._limit = self._libraries().limit(limits=1)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._limit.restore_original_limits()

    def _libraries(self) -> Any:
        """Libraries that are loaded; looked for again only if a module was imported, as that takes a millisecond."""
        from threadpoolctl import ThreadpoolController

        if self._modules != len(sys.modules):
            self._controller, self._modules = ThreadpoolController(), len(sys.modules)
        return self._controller


one_blas_thread = _OneBlasThread()
