"""Dask graphs in this process, by Dask's own loop: watched, retried, limited in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from time import monotonic
from typing import Any

from dask.callbacks import Callback
from dask.local import get_async

from sleepdask.errors import TooSlowError
from sleepdask.parallel.backends.base import Terms
from sleepdask.parallel.progress import Progress, Silent

Submit = Callable[..., Future[Any]]


def run_here(submit: Submit, workers: int, graph: Any, keys: Any, terms: Terms) -> Any:
    """Run a graph, its tasks handed to `submit`, at most `workers` of them at once."""
    watch = _Watch(terms)

    def run() -> Any:
        return get_async(
            _retrying(submit, terms.retries),
            workers,
            graph,
            keys,
            get_id=threading.get_ident,
            pack_exception=lambda error, _: (error, error.__traceback__),
            callbacks=[*Callback.active, watch.callbacks],  # those of the user, such as Dask's profilers, go on
        )

    return run() if terms.timeout is None else _within(terms.timeout, run, watch)


def _retrying(submit: Submit, retries: int) -> Submit:
    def run(execute: Callable[[Any], list[tuple[Any, Any, bool]]], tasks: Any) -> list[tuple[Any, Any, bool]]:
        results = execute(tasks)
        for _ in range(retries):
            if not any(failed for _, _, failed in results):
                break
            results = execute(tasks)
        return results

    return (lambda execute, tasks: submit(run, execute, tasks)) if retries else submit


class _Watch:
    """Callbacks of Dask's loop that show progress, and stop it once it is given up."""

    def __init__(self, terms: Terms) -> None:
        self._progress: Progress = terms.progress
        self._deadline = None if terms.timeout is None else monotonic() + terms.timeout
        self._timeout = terms.timeout
        self._lock = threading.Lock()
        self._left = False
        self.callbacks = (None, self._start, self._before, self._after, self._finish)

    def _start(self, graph: Any, state: Any) -> None:
        self._progress.start(sum(len(state[part]) for part in ("ready", "waiting", "running", "finished")))

    def _before(self, key: Any, graph: Any, state: Any) -> None:
        if self._left or (self._deadline is not None and monotonic() > self._deadline):
            raise self.too_slow()

    def _after(self, key: Any, result: Any, graph: Any, state: Any, worker: Any) -> None:
        with self._lock:
            self._progress.advance()

    def _finish(self, graph: Any, state: Any, failed: bool) -> None:  # noqa: FBT001
        self.leave()

    def leave(self) -> None:
        """Finish; a graph that is left behind begins no further task, and what it still does is not shown."""
        self._left = True
        with self._lock:
            self._progress.finish()
            self._progress = Silent()

    def too_slow(self) -> TooSlowError:
        return too_slow("the computation", self._timeout)


def too_slow(what: str, timeout: float | None) -> TooSlowError:
    """Say that something did not end in time."""
    return TooSlowError(f"{what} did not end within {timeout:g} s", fix="give it more time with timeout=")


def _within(seconds: float, run: Callable[[], Any], watch: _Watch) -> Any:
    """Wait for `run` in another thread, which can be left behind if it never ends."""
    result: Future[Any] = Future()
    context = copy_context()

    def work() -> None:
        try:
            result.set_result(context.run(run))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=work, daemon=True, name="parallel-graph").start()
    try:
        return result.result(seconds)
    except BaseException as error:
        if result.done():  # the work's own error
            raise
        watch.leave()
        if isinstance(error, TimeoutError):
            raise watch.too_slow() from None
        raise
