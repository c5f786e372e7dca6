"""Recordings of a study read by the batch, wherever work runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sleepdask.parallel.backends import backend_name
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.executor import ParallelExecutor

T = TypeVar("T")
_TASKS, _MOST = 16, 32


@dataclass(frozen=True)
class Batch:
    """Recordings that a task reads; `first` is the position of the first of them among all.

    ``keys`` holds for each what is known of it beside its table.
    """

    first: int
    ids: tuple[str, ...]
    keys: tuple[Any, ...] = ()


def cut(ids: Sequence[str], keys: Sequence[Any] = (), size: int | None = None) -> list[Batch]:
    """Cut recordings into batches; by default many enough to keep workers busy, and of 32 at most.

    Examples
    --------
    >>> [batch.ids for batch in cut(["P1", "P2", "P3"], size=2)]
    [('P1', 'P2'), ('P3',)]
    """
    size = size or 1 << max(0, min(_MOST, len(ids) // _TASKS).bit_length() - 1)
    return [Batch(k, tuple(ids[k : k + size]), tuple(keys[k : k + size])) for k in range(0, len(ids), size)]


def run_batches(
    function: Callable[[Batch], T], batches: Sequence[Batch], config: ParallelConfig, desc: str
) -> Iterator[tuple[int, T]]:
    """Yield (index, result) of each batch as it comes, from where graphs run; an error of one ends it all."""
    where, workers = backend_name(config), config.graph_workers
    config = replace(
        config,
        enabled=where != "sync",
        chunk_size=1,
        max_workers_cpu=workers,
        max_workers_io=workers,
        on_error="raise",
    )
    use_processes = where not in ("sync", "threads")
    return ParallelExecutor(config).map_with_progress(function, batches, use_processes, desc)


def in_order(results: Iterator[tuple[int, T]]) -> Iterator[T]:
    """Results in the order of their indices; those that come early wait."""
    early: dict[int, T] = {}
    wanted = 0
    for index, result in results:
        early[index] = result
        while wanted in early:
            yield early.pop(wanted)
            wanted += 1
