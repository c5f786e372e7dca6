"""Workers of Ray, which must be installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any

from dask.core import flatten

from sleepdask.errors import BackendError, WorkerLostError
from sleepdask.parallel.backends import base
from sleepdask.parallel.backends.here import too_slow

_LOOK_SECONDS = 0.2


class OnRay(base.Backend):
    """Runs on Ray: on the cluster this process is connected to, else on one it starts on this machine.

    Results are those of all other backends, but Ray's Dask scheduler is looked after less than Dask's own.
    """

    name = "ray"

    def __init__(self, workers: int | None = None) -> None:
        self._ray = _ray()
        if not self._ray.is_initialized():
            self._ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def get(self, graph: Any, keys: Any, terms: base.Terms) -> Any:
        from ray.util.dask import ray_dask_get
        from ray.util.dask.scheduler import ray_get_unpack

        again = {"max_retries": terms.retries or 3, "retry_exceptions": terms.retries > 0}
        packed = ray_dask_get(graph, keys, ray_persist=True, ray_remote_args=again)
        references = [each for each in flatten(packed, (list, tuple)) if isinstance(each, self._ray.ObjectRef)]
        try:
            self._wait(references, terms)
            return ray_get_unpack(packed)
        except BaseException as error:
            self._cancel(references)
            explained = self.explain(error)
            if explained is error:
                raise
            raise explained from error

    def submit(self, function: Callable[..., Any], *arguments: Any) -> base.Future:
        reference = _remote(function).remote(*arguments)
        future: base.Future = reference.future()
        future.reference = reference  # type: ignore[attr-defined]
        return future

    def share(self, thing: Any) -> Any:
        return self._ray.put(thing)

    def cancel(self, futures: Sequence[base.Future]) -> None:
        self._cancel([future.reference for future in futures if hasattr(future, "reference")])

    def explain(self, error: BaseException) -> BaseException:
        errors = self._ray.exceptions
        if isinstance(error, errors.WorkerCrashedError | errors.OutOfMemoryError):
            return WorkerLostError("each worker that ran this died", fix="give them more memory, or read their logs")
        if isinstance(error, errors.RayTaskError) and isinstance(error.cause, Exception):
            return error.cause
        return error

    def _wait(self, references: list[Any], terms: base.Terms) -> None:
        deadline = None if terms.timeout is None else monotonic() + terms.timeout
        terms.progress.start(len(references))
        try:
            while references:
                done, references = self._ray.wait(references, num_returns=len(references), timeout=_LOOK_SECONDS)
                terms.progress.advance(len(done))
                if references and deadline is not None and monotonic() > deadline:
                    raise too_slow("the computation", terms.timeout)
        finally:
            terms.progress.finish()

    def _cancel(self, references: list[Any]) -> None:
        if not references:
            return
        _, pending = self._ray.wait(references, num_returns=len(references), timeout=0)
        for reference in pending:  # Ray may abort the process if what has just ended is cancelled
            with suppress(Exception):
                self._ray.cancel(reference, force=True)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise BackendError("backend 'ray' needs ray", fix="pip install 'sleepdask[ray]'") from error
    return ray


@cache
def _remote(function: Callable[..., Any]) -> Any:
    return _ray().remote(max_retries=3)(function)
