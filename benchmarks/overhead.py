"""What it costs to hand out a task: maps and graphs of tasks that take a known time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

from dask.delayed import delayed

from benchmarks.backends import AUTO, DISTRIBUTED, PROCESSES, RAY, SYNC, THREADS, WORKERS, Place, open_places
from benchmarks.table import Aim, Row, at_least, at_most, row
from benchmarks.timing import Case, Ratio, Series, take_turns
from sleepdask.parallel import ParallelExecutor, open_backend
from sleepdask.parallel.graphs import compute_on

Function = Callable[[Any], Any]
Way = Callable[[Function, Sequence[Any]], object]
"""Calls a function with each item."""

BASE = "plain loop"
_AUTO, _PROCESSES = f"map_threaded, {AUTO}", f"map_processes, {PROCESSES}"
_THREAD = "plain loop in another thread"
_THREAD_POOL = f"ThreadPoolExecutor({WORKERS}).map"
_POOL = f"ProcessPoolExecutor({WORKERS}).map"
_USED = (SYNC, THREADS, AUTO, PROCESSES, DISTRIBUTED, RAY)
_GRAPH_PLACES = (SYNC, THREADS, PROCESSES, DISTRIBUTED)
_COUNTS = {0: 2_000, 1: 500, 10: 100, 100: 20}  # milliseconds of a task: tasks
_QUICK = 10  # times fewer tasks
_FEWEST = 4
_GRAPH_TASKS = 100
_GRAPHED = (0, 10)  # milliseconds of a task
_STEPS = 35_000  # about a millisecond
_MORE_OFTEN = 3  # the same loop in another thread differs by a fifth, if a machine is shared


@dataclass(frozen=True)
class Tasks:
    """Tasks of one kind: what is called, with what, how often in a map and how often in a graph."""

    title: str
    function: Function
    item: Any
    mapped: int
    graphed: int = 0
    note: str = ""

    def cases(self, maps: Mapping[str, Way], graphs: Mapping[str, Way]) -> list[Case]:
        """Make the cases of all ways to do them."""
        used = [(name, way, self.mapped) for name, way in maps.items()]
        if self.graphed:
            used += [(name, way, self.graphed) for name, way in graphs.items()]
        return [Case(self.name(name), partial(self._per_task, way, count), note=self.note) for name, way, count in used]

    def name(self, way: str) -> str:
        """Name the case of a way."""
        return f"{self.title}: {way}"

    def _per_task(self, way: Way, count: int) -> float:
        items = [self.item] * count
        began = time.perf_counter()
        way(self.function, items)
        return (time.perf_counter() - began) / count * 1e6


def same(item: Any) -> Any:
    """Do nothing."""
    return item


def busy(steps: int) -> int:
    """Keep the interpreter to itself."""
    total = 0
    for step in range(steps):
        total += step
    return total


def overhead_rows(repeats: int, *, quick: bool) -> list[Row]:
    """Time tasks of several lengths, handed out in every way, in microseconds for each."""
    with open_places(_USED) as places, _standard_pools() as pools:
        maps: dict[str, Way] = {BASE: _loop} | _maps(places) | pools
        graphs = {f"graph, {name}": partial(_graph, places[name]) for name in _GRAPH_PLACES}
        rows = []
        for milliseconds, tasks in _waiting(quick).items():
            rows += _rows(tasks, take_turns(tasks.cases(maps, graphs), repeats), milliseconds)
        tasks = Tasks("Python", busy, _STEPS, _count(_COUNTS[1], quick), note="holds the GIL: threads do not help")
        few = {name: maps[name] for name in (BASE, _AUTO, _PROCESSES, _THREAD_POOL, _POOL)} | {_THREAD: _in_a_thread}
        rows += _rows(tasks, take_turns(tasks.cases(few, {}), repeats * _MORE_OFTEN))
    return rows


def _waiting(quick: bool) -> dict[int, Tasks]:
    """Tasks that only wait, by their milliseconds."""
    return {
        milliseconds: Tasks(
            f"{milliseconds} ms",
            time.sleep if milliseconds else same,
            milliseconds / 1e3,
            _count(count, quick),
            _count(_GRAPH_TASKS, quick) if milliseconds in _GRAPHED else 0,
            "" if milliseconds else "all of it is overhead",
        )
        for milliseconds, count in _COUNTS.items()
    }


def _count(count: int, quick: bool) -> int:
    return max(_FEWEST, count // _QUICK) if quick else count


def _rows(tasks: Tasks, series: dict[str, Series], waits: int | None = None) -> list[Row]:
    base = series[tasks.name(BASE)]
    aims: dict[str, Aim | None] = {}
    if waits != 0:
        auto = series[tasks.name(_AUTO)]
        aims[auto.case.name] = at_most("auto / loop", Ratio.of(auto, base), 1.1)
    if waits == max(_COUNTS):
        processes = series[tasks.name(_PROCESSES)]
        aims[processes.case.name] = at_least("loop / processes", Ratio.of(base, processes), 1.9)
    return [row(one, base, aims.get(name), "us") for name, one in series.items()]


def _maps(places: dict[str, Place]) -> dict[str, Way]:
    ways: dict[str, Way] = {f"map_threaded, {name}": partial(_threaded, places[name]) for name in (THREADS, AUTO)}
    for name in (PROCESSES, DISTRIBUTED, RAY):
        ways[f"map_processes, {name}"] = partial(_processes, places[name])
    return ways


@contextmanager
def _standard_pools() -> Iterator[dict[str, Way]]:
    with (
        ThreadPoolExecutor(WORKERS) as threads,
        ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as processes,
    ):
        yield {
            _THREAD_POOL: partial(_pooled, threads),
            _POOL: partial(_pooled, processes),
        }


def _loop(function: Function, items: Sequence[Any]) -> object:
    return [function(item) for item in items]


def _in_a_thread(function: Function, items: Sequence[Any]) -> object:
    thread = threading.Thread(target=_loop, args=(function, items))
    thread.start()
    return thread.join()


def _threaded(place: Place, function: Function, items: Sequence[Any]) -> object:
    return ParallelExecutor(place()).map_threaded(function, items)


def _processes(place: Place, function: Function, items: Sequence[Any]) -> object:
    return ParallelExecutor(place()).map_processes(function, items)


def _pooled(pool: Executor, function: Function, items: Sequence[Any]) -> object:
    return list(pool.map(function, items))


def _graph(place: Place, function: Function, items: Sequence[Any]) -> object:
    config = place()
    task = delayed(function, pure=False)
    with open_backend(config) as backend:
        return compute_on(backend, [task(item) for item in items], config, progress=False)
