"""sleepdask against the limit, against itself on one thread, and against its own tasks without Dask."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sleepdask as sd
from benchmarks.limit import Limit
from benchmarks.nights import NightFile
from benchmarks.table import Aim, Row, at_least, at_most, row
from benchmarks.timing import Case, Ratio, take_turns
from benchmarks.work import DEFAULTS, EPOCH_SECONDS, OURS, WORK, file_to_table
from sleepdask.features.plan import plan_extraction
from sleepdask.features.task import gather
from sleepdask.signals.recording import SIGNAL

_ONE, _SYNC = "sleepdask, 1 thread", "sleepdask, sync"
_LIMIT, _LIMIT_ONE = "limit, 2 threads", "limit, 1 thread"
_DIRECT, _GRAPH = "chunk tasks called directly", "the same tasks by Dask, sync"


def pipeline_rows(night: NightFile, repeats: int) -> list[Row]:
    """Time the whole way and its parts."""
    table = partial(file_to_table, night.path)
    limit = Limit.of(night.path)
    cases = [
        Case(OURS, _quiet(table)),
        Case(_LIMIT, partial(limit.run, 2)),
        Case(_ONE, _quiet(table, workers=1)),
        Case(_SYNC, _quiet(table, backend="sync", workers=1)),
        Case(_LIMIT_ONE, partial(limit.run, 1)),
        *_dask_cases(night),
        Case("all default features, 2 threads", _quiet(table, features=DEFAULTS)),
        *_parts_of_ours(night),
        *_parts_of_limit(limit),
    ]
    series = take_turns(cases, repeats)

    def between(upper: str, lower: str) -> Ratio | None:
        return Ratio.of(series[upper], series[lower])

    share = between(_DIRECT, _GRAPH)
    aims: dict[str, Aim | None] = {
        OURS: at_most("ours / limit, 2 threads", between(OURS, _LIMIT), 1.6),
        _ONE: at_least("1 thread / 2 threads", between(_ONE, OURS), 1.8),
        _GRAPH: Aim("Dask's share ≤ 0.15", 1 - share.middle, 0.15, at_most=True) if share else None,
    }
    return [row(one, series[OURS], aims.get(name)) for name, one in series.items()]


def _quiet(function: Callable[..., Any], **options: Any) -> Callable[[], None]:
    """Call and drop the result, so that a case does not seem to measure itself."""

    def run() -> None:
        function(**options)

    return run


def _dask_cases(night: NightFile) -> list[Case]:
    recording = sd.open_recording(night.path, workers=1)
    plan = plan_extraction(sd.open_recording(night.path, chunks=None), WORK, epoch=EPOCH_SECONDS, workers=1)

    def direct() -> None:
        for node in plan.nodes.values():
            signal = node.signals[SIGNAL].variable
            boxes = []
            for k in range(node.task.n_chunks):
                first, after = node.task.chunk(k)[0]
                boxes.append(node.task(signal[:, first:after].values, (0, k)))
            gather([boxes])

    def by_dask() -> None:
        sd.compute(sd.extract(recording, WORK, epoch=EPOCH_SECONDS, workers=1), backend="sync", progress=False)

    return [Case(_DIRECT, direct), Case(_GRAPH, by_dask, note="graph building counts as Dask's")]


def _parts_of_ours(night: NightFile) -> list[Case]:
    recording = sd.open_recording(night.path, workers=2)
    lazy = partial(sd.extract, recording, WORK, epoch=EPOCH_SECONDS, workers=2)
    done = sd.compute(lazy(), backend="threads", workers=2, progress=False)
    return [
        Case("part of ours: open_recording", _quiet(sd.open_recording, path=night.path, workers=2)),
        Case("part of ours: extract (build the graph)", _quiet(lazy)),
        Case("part of ours: table of computed features", _quiet(sd.to_dataframe, features=done, progress=False)),
    ]


def _parts_of_limit(limit: Limit) -> list[Case]:
    decoded = [limit.decode(chunk) for chunk in limit.chunks]

    def read() -> None:
        for chunk in limit.chunks:
            limit.decode(chunk)

    def sweep() -> None:
        for samples in decoded:
            limit.sweep(samples)

    def transform() -> None:
        for samples in decoded:
            limit.transform(samples)

    parts = {"read and decode": read, "sweep": sweep, "transforms": transform}
    return [Case(f"part of the limit, 1 thread: {name}", run) for name, run in parts.items()]
