"""Everything in the calling thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sleepdask.parallel.backends.base import Backend, Terms
from sleepdask.parallel.backends.here import run_here


class Inline(Backend):
    """Runs what it is given at once; a graph with a time limit runs in a thread that can be left behind."""

    name = "sync"
    workers = 1
    in_process = True
    batch_seconds = 0.01

    def get(self, graph: Any, keys: Any, terms: Terms) -> Any:
        return run_here(self.submit, 1, graph, keys, terms)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future
