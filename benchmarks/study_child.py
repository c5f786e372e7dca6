"""Runs as a process of its own: many nights, one way, and prints as JSON how long it took and what came of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import pandas as pd

import sleepdask as sd
from benchmarks.work import EPOCH_SECONDS, POWER, WORK, compute_every_time
from sleepdask.features import Feature
from sleepdask.parallel import close_pools

PSD, BOTH = "PSD", "STATS and PSD"
FEATURES: dict[str, tuple[Feature, ...]] = {PSD: (POWER,), BOTH: WORK}
ONE, TWO, WARM = "study, 1 worker", "study, 2 processes", "study, 2 processes, started"
LOOP, LOOPS = "plain loop, 1 core", "plain loop in 2 processes"
Said = dict[str, str]
"""Id of each recording: empty, or why there are no features of it."""


def main(way: str, work: str, table: str) -> None:
    """Do it."""
    compute_every_time()
    seconds, said = WAYS[way](Path(table), work)
    print(json.dumps({"seconds": seconds, "said": said}))


def _study(table: Path, work: str, *, started: bool = False, **where: Any) -> tuple[float, Said]:
    with TemporaryDirectory(dir=table.parent) as folder:
        if started:
            _run(table, work, Path(folder, "first"), where)
        began = perf_counter()
        outcomes = _run(table, work, Path(folder, "study"), where)
        seconds = perf_counter() - began
        close_pools()
    rows = outcomes[["recording_id", "status", "error_type", "message"]].itertuples(index=False)
    return seconds, {name: "" if status == "ok" else f"{kind}: {why}" for name, status, kind, why in rows}


def _run(table: Path, work: str, output: Path, where: dict[str, Any]) -> pd.DataFrame:
    return sd.Study.from_table(table, output, features=FEATURES[work], epoch=EPOCH_SECONDS).run(**where)


def _loop(table: Path, work: str) -> tuple[float, Said]:
    tasks = _tasks(table, work)
    _night(tasks[0])
    began = perf_counter()
    said = dict(map(_night, tasks))
    return perf_counter() - began, said


def _loops(table: Path, work: str) -> tuple[float, Said]:
    """Do the same in two processes, each of which is warm before the clock starts."""
    tasks = _tasks(table, work)
    with get_context("spawn").Pool(2, _night, (tasks[0],)) as pool:
        pool.map(_night, tasks[:2], chunksize=1)
        began = perf_counter()
        said = dict(pool.imap_unordered(_night, tasks))
        return perf_counter() - began, said


def _tasks(table: Path, work: str) -> list[tuple[str, str, str]]:
    rows = pd.read_csv(table, dtype=str)
    return [(name, path, work) for name, path in zip(rows["recording_id"], rows["path"], strict=True)]


def _night(task: tuple[str, str, str]) -> tuple[str, str]:
    """As a user writes it; but that a file which cannot be read does not end the loop takes some care."""
    name, path, work = task
    compute_every_time()
    try:
        recording = sd.open_recording(path, workers=1)
        lazy = sd.extract(recording, FEATURES[work], epoch=EPOCH_SECONDS, workers=1)
        sd.compute(lazy, backend="sync", progress=False)
    except sd.errors.SleepdaskError as error:
        return name, f"{type(error).__name__}: {error}"
    return name, ""


WAYS: dict[str, Callable[[Path, str], tuple[float, Said]]] = {
    LOOP: _loop,
    ONE: lambda table, work: _study(table, work, backend="sync", started=True),
    TWO: lambda table, work: _study(table, work, backend="processes", workers=2),
    WARM: lambda table, work: _study(table, work, backend="processes", workers=2, started=True),
    LOOPS: _loops,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
