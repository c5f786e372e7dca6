"""What a study costs as it grows: for each night, to resume, after a change, and in memory and time of the runner."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


def scale_rows(folder: Path, repeats: int, *, quick: bool) -> list[Row]:
    """Time studies of few and many small nights; then what is not nights, of very many."""
    cohorts = [small_cohort(folder, nights) for nights in (_FEW_NIGHTS if quick else _NIGHTS)]
    repeats = min(repeats, _MOST)
    rows = _night_rows(cohorts, repeats) + _again_rows(cohorts[-1], repeats)
    return rows + _many_rows(folder, _NOT_SO_MANY if quick else _MANY)


def _night_rows(cohorts: list[Cohort], repeats: int) -> list[Row]:
    note = f"{WORKERS} processes that are started"
    with ExitStack() as stack:
        stack.callback(close_pools)
        cases = [Case(f"a night of {len(each.recordings):,}", partial(_per_night, each), note=note) for each in cohorts]
        series = take_turns(cases, repeats)
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


def _again_rows(cohort: Cohort, repeats: int) -> list[Row]:
    """Time the whole command on a study that is done, and after a change."""
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
    backend = ("--backend", "processes", "--workers", str(WORKERS))
    printed = run_sleepdask("study", "run", str(cohort.table), "-o", str(output), "--features", features, *backend, "--json")  # fmt: skip
    said = json.loads(printed)
    wanted = len(cohort.recordings) if first else analysed
    if said["analysed"] != wanted:
        raise RuntimeError(f"{said['analysed']} nights were analysed, not {wanted}")


def _exchanged(cohort: Cohort, command: partial[None]) -> None:
    exchange(cohort, next(iter(cohort.recordings)))
    command()


def _many_rows(folder: Path, counts: tuple[int, ...]) -> list[Row]:
    """Memory of client and scheduler, and time, for recordings of which nothing is computed."""
    series: dict[str, list[Series]] = {"client": [], "scheduler": [], "task": [], "read": [], "write": []}
    note = "above what it has without a study"
    for count in counts:
        client = Series(Case(f"memory of the client, {count:,} recordings", lambda: None, note=note))
        scheduler = Series(Case(f"memory of the scheduler, {count:,} recordings", lambda: None, note=note))
        task = Series(Case(f"a recording of {count:,}, nothing computed", lambda: None, note=f"{WORKERS} workers"))
        with running_scheduler() as file, _rise(_scheduler_of(file)) as rise:
            said = json.loads(run_child([sys.executable, "-m", "benchmarks.many", "handed_out", str(count), file]))
        client.amounts.append(said["peak_mb"])
        scheduler.amounts.append(rise())
        task.amounts.append(said["seconds"] / count * 1e6)
        read = Series(Case(f"{count:,} outcomes read", lambda: None, note="a small file each"))
        write = Series(Case(f"{count:,} outcomes compiled", lambda: None, note="into one table"))
        with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as output:
            said = json.loads(run_child([sys.executable, "-m", "benchmarks.many", "compiled", str(count), output]))
        read.amounts.append(said["read"])
        write.amounts.append(said["write"])
        for name, one in zip(series, (client, scheduler, task, read, write), strict=True):
            series[name].append(one)
    units = {"client": "MB", "scheduler": "MB", "task": "us"}
    return [row(one, each[0], unit=units.get(name, "s")) for name, each in series.items() for one in each]


def _scheduler_of(file: Path) -> int:
    from distributed import Client

    with Client(scheduler_file=str(file), set_as_default=False) as client:
        return int(client.run_on_scheduler(os.getpid))


@contextmanager
def _rise(pid: int) -> Iterator[object]:
    """Context that watches how much memory of a process rises, in MB; the peak of it is what is given, called."""
    process = psutil.Process(pid)
    before = process.memory_info().rss
    seen = [before]
    done = Event()

    def watch() -> None:
        while not done.wait(_LOOK_SECONDS):
            seen.append(process.memory_info().rss)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield lambda: (max(seen) - before) / 1e6
    finally:
        done.set()
        thread.join()


def _all_ok(statuses: list[str], cohort: Cohort) -> None:
    if statuses != ["ok"] * len(cohort.recordings):
        raise RuntimeError("some nights are not ok")
