"""What every backend offers: graphs computed, single calls taken, and a way to stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sleepdask.parallel.backends.views import merge_views
from sleepdask.parallel.progress import Progress, Silent


class Future(Protocol):
    """What `concurrent.futures.Future` and `distributed.Future` have in common."""

    def result(self) -> Any: ...
    def cancel(self) -> Any: ...
    def add_done_callback(self, function: Callable[[Any], Any], /) -> Any: ...


@dataclass(frozen=True)
class Terms:
    """What holds for one computation: how it is shown, retried and limited in time."""

    progress: Progress = field(default_factory=Silent)
    retries: int = 0
    timeout: float | None = None


class Backend(ABC):
    """Somewhere to run things.

    ``name`` is one of `BACKENDS`, ``workers`` the number of tasks that run at once, ``dashboard`` a link or empty,
    ``in_process`` says whether arguments and results stay in this process, as they are.
    """

    name: str
    workers: int
    dashboard: str = ""
    in_process: bool = False
    batch_seconds: float = 0.1  # of a map: shorter ones cost more to send than they take

    @abstractmethod
    def get(self, graph: Any, keys: Any, terms: Terms) -> Any:
        """Run a Dask graph and return what the keys stand for: a scheduler in Dask's sense."""

    def persist(self, collections: Sequence[Any], terms: Terms) -> Any:
        """Compute collections and keep the results where the backend has them."""
        from dask.base import persist

        return persist(*collections, scheduler=self.scheduler(terms))

    def scheduler(self, terms: Terms) -> Callable[..., Any]:
        """Return `get` as `dask.compute` wants it: a name would make Dask import distributed to see if it knows it."""

        def get(graph: Any, keys: Any, **_: Any) -> Any:
            return self.get(merge_views(graph, keys), keys, terms)

        return get

    @abstractmethod
    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """Call a function with picklable arguments on a worker."""

    def share(self, thing: Any) -> Any:
        """Bring something that many calls need to the workers once; the result stands for it in `submit`."""
        return thing

    def cancel(self, futures: Sequence[Future]) -> None:
        """Drop the calls that wait; those that run come to their end."""
        for future in futures:
            future.cancel()

    def stop(self, futures: Sequence[Future]) -> None:
        """Drop the calls that wait, and end those that run if that can be done."""
        self.cancel(futures)

    def drop(self, future: Future) -> None:
        """Give up a call that takes too long, so that others can have its worker."""
        self.stop([future])

    def has_begun(self, future: Future) -> bool:
        """Whether a worker has the call in hand."""
        return True

    def check(self) -> None:
        """Raise a `BackendError` if there is nothing to wait for any more."""
        return

    def explain(self, error: BaseException) -> BaseException:
        """Put an error of the machinery into our words."""
        return error
