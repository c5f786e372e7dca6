"""Dask collections computed or persisted on a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dask.base import compute, is_dask_collection

from sleepdask.parallel.backends import Backend, Terms
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.progress import ProgressOption, announce, choose_progress


def compute_on(
    backend: Backend, collections: Sequence[Any], config: ParallelConfig, progress: ProgressOption = None
) -> tuple[Any, ...]:
    """Compute Dask collections in one pass.

    Examples
    --------
    >>> import dask
    >>> from sleepdask.parallel.backends import open_backend
    >>> config = ParallelConfig(backend="threads")
    >>> with open_backend(config) as backend:
    ...     compute_on(backend, [dask.delayed(sum)([1, 2])], config)
    (3,)
    """
    terms = _terms(backend, "compute", config, progress)
    results: tuple[Any, ...] = compute(*collections, scheduler=backend.scheduler(terms))
    return results


def persist_on(
    backend: Backend, collections: Sequence[Any], config: ParallelConfig, progress: ProgressOption = None
) -> tuple[Any, ...]:
    """Compute Dask collections in one pass and keep the results where the backend has them."""
    lazy = [each for each in collections if is_dask_collection(each)]
    kept = iter(backend.persist(lazy, _terms(backend, "persist", config, progress)) if lazy else ())
    return tuple(next(kept) if is_dask_collection(each) else each for each in collections)


def _terms(backend: Backend, description: str, config: ParallelConfig, wanted: ProgressOption) -> Terms:
    progress = choose_progress(description, wanted, enabled=config.enable_progress)
    announce(backend.dashboard, progress)
    return Terms(progress, config.retries, config.seconds)
