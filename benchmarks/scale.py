"""What a study costs as it grows: for each night, to resume, after a change, and in memory and time of the runner."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import perf_counter

import psutil

import sleepdask as sd
from benchmarks.backends import WORKERS, running_scheduler
from benchmarks.children import run_child, run_sleepdask
from benchmarks.cohorts import Cohort, exchange, small_cohort
from benchmarks.table import Aim, Row, at_most, row
from benchmarks.timing import Case, Ratio, Series, take_turns
from sleepdask.parallel import close_pools

_NIGHTS, _FEW_NIGHTS = (10, 100, 1_000), (4, 8, 16)
_MANY, _NOT_SO_MANY = (1_000, 10_000, 100_000), (100, 200)
_FEATURES = ("bandpower,hjorth", "bandpower:average=median,hjorth")
_RESUME_SECONDS = 2
_LOOK_SECONDS = 0.2
_MOST = 3
_THREADS = 16  # of a worker: enough tasks at once that no one waits for the next
_CLIENT, _SCHEDULER = "memory of the client", "memory of the scheduler"
_WALL, _CLIENT_CPU, _SCHEDULER_CPU = (
    "a recording",
    "a recording, CPU of the client",
    "a recording, CPU of the scheduler",
)
_READ, _WRITE = "outcomes read", "outcomes compiled"
_IDLE = "above what it has without a study"
_KINDS = {
    _CLIENT: ("MB", _IDLE),
    _SCHEDULER: ("MB", _IDLE),
    _WALL: ("us", f"nothing computed, {WORKERS * _THREADS} at once"),
    _CLIENT_CPU: ("us", "nothing computed"),
    _SCHEDULER_CPU: ("us", "nothing computed"),
    _READ: ("s", "a small file each"),
    _WRITE: ("s", "into one table"),
}
"""Unit and note of each kind of row."""


def night_rows(folder: Path, repeats: int, *, quick: bool) -> list[Row]:
    """Time a night of few, and of many."""
    cohorts = [small_cohort(folder, nights) for nights in (_FEW_NIGHTS if quick else _NIGHTS)]
    note = f"{WORKERS} processes that are started"
    with ExitStack() as stack:
        stack.callback(close_pools)
        cases = [Case(f"a night of {len(each.recordings):,}", partial(_per_night, each), note=note) for each in cohorts]
        series = take_turns(cases, min(repeats, _MOST))
    base, *others = series.values()
    fewest = len(cohorts[0].recordings)
    rows = [row(base, base, unit="ms")]
    for one in others:
        ratio = Ratio.of(one, base)
        rows.append(row(one, base, at_most(f"{one.case.name} / of {fewest}", ratio, 1.1), "ms"))
    return rows


def _per_night(cohort: Cohort) -> float:
    with TemporaryDirectory(dir=cohort.folder, ignore_cleanup_errors=True) as output:
        study = sd.Study.from_table(cohort.table, output, features=_FEATURES[0])
        began = perf_counter()
        outcomes = study.run(backend="processes", workers=WORKERS)
        seconds = perf_counter() - began
    _all_ok(outcomes["status"].tolist(), cohort)
    return seconds / len(cohort.recordings) * 1e3


def again_rows(folder: Path, repeats: int, *, quick: bool) -> list[Row]:
    """Time the whole command on a study that is done, and after a change."""
    cohort = small_cohort(folder, (_FEW_NIGHTS if quick else _NIGHTS)[-1])
    repeats = min(repeats, _MOST)
    nights = f"{len(cohort.recordings):,}"
    with TemporaryDirectory(dir=cohort.folder, ignore_cleanup_errors=True) as name:
        command = partial(_command, cohort, Path(name, "study"))
        resume, changed = f"resume of {nights}", f"one input of {nights} changed"
        parameter = f"one parameter changed, {nights}"
        series = take_turns(
            [
                Case(resume, partial(command, 0), note="the whole command; nothing is to be done"),
                Case(changed, partial(_exchanged, cohort, partial(command, 1)), note="the whole command", warm=False),
            ],
            repeats,
        )
        turned = cycle(reversed(_FEATURES))
        note = "the whole command; one of two features is computed anew, of all nights"
        again = Case(parameter, lambda: command(len(cohort.recordings), next(turned)), warm=False, most=2, note=note)
        series |= take_turns([again], repeats)
    soon = series[resume]
    aim = Aim(f"≤ {_RESUME_SECONDS} s", soon.middle, _RESUME_SECONDS, at_most=True) if soon.amounts else None
    return [row(one, soon, aim if one is soon else None) for one in series.values()]


def _command(cohort: Cohort, output: Path, analysed: int, features: str = _FEATURES[0]) -> None:
    """Run a study, and make sure that so many nights are analysed, unless none was done before."""
    first = not output.exists()
    where = ("--backend", "processes", "--workers", str(WORKERS))
    printed = run_sleepdask(
        *("study", "run", str(cohort.table), "-o", str(output), "--features", features), *where, "--json"
    )
    said = json.loads(printed)
    wanted = len(cohort.recordings) if first else analysed
    if said["analysed"] != wanted:
        raise RuntimeError(f"{said['analysed']} nights were analysed, not {wanted}")


def _exchanged(cohort: Cohort, command: partial[None]) -> None:
    exchange(cohort, next(iter(cohort.recordings)))
    command()


def many_rows(folder: Path, repeats: int, *, quick: bool) -> list[Row]:  # takes long: once
    """Memory and time of client and scheduler for recordings of which nothing is computed, one a task."""
    counts = _NOT_SO_MANY if quick else _MANY
    kinds: dict[str, list[Series]] = {kind: [] for kind in _KINDS}
    for count in counts:
        for kind, amount in (_handed_out(count) | _compiled(count, folder)).items():
            _, note = _KINDS[kind]
            kinds[kind].append(Series(Case(f"{kind}, {count:,} recordings", lambda: None, note=note), [amount]))
    return [row(one, each[0], unit=_KINDS[kind][0]) for kind, each in kinds.items() for one in each]


def _handed_out(count: int) -> dict[str, float]:
    with running_scheduler(_THREADS) as file, _watched(_scheduler_of(file)) as scheduler:
        said = json.loads(run_child([sys.executable, "-m", "benchmarks.many", "handed_out", str(count), file]))
    return {
        _CLIENT: said["peak_mb"],
        _SCHEDULER: scheduler.rise,
        _WALL: said["seconds"] / count * 1e6,
        _CLIENT_CPU: said["cpu"] / count * 1e6,
        _SCHEDULER_CPU: scheduler.cpu / count * 1e6,
    }


def _compiled(count: int, folder: Path) -> dict[str, float]:
    with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as output:
        said = json.loads(run_child([sys.executable, "-m", "benchmarks.many", "compiled", str(count), output]))
    return {_READ: said["read"], _WRITE: said["write"]}


def _scheduler_of(file: Path) -> int:
    from distributed import Client

    with Client(scheduler_file=str(file), set_as_default=False) as client:
        return int(client.run_on_scheduler(os.getpid))


@dataclass
class _Watched:
    """By how many MB the memory of a process rose at its peak, and the CPU seconds that it used."""

    rise: float = 0.0
    cpu: float = 0.0


@contextmanager
def _watched(pid: int) -> Iterator[_Watched]:
    """Context that watches a process until its end."""
    process = psutil.Process(pid)
    before, used = process.memory_info().rss, _used(process)
    said, done = _Watched(), Event()

    def watch() -> None:
        while not done.wait(_LOOK_SECONDS):
            said.rise = max(said.rise, (process.memory_info().rss - before) / 1e6)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield said
        said.cpu = _used(process) - used
    finally:
        done.set()
        thread.join()


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _all_ok(statuses: list[str], cohort: Cohort) -> None:
    if statuses != ["ok"] * len(cohort.recordings):
        raise RuntimeError("some nights are not ok")


PARTS = (
    ("Scale: a night", "the fewest", night_rows),
    ("Scale: again", "resume", again_rows),
    ("Scale: very many", "the fewest", many_rows),
)
"""Title, base and maker of the rows of each table."""
