"""Where work can run: each backend started, the work of a night on each of them, and what a start costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep
from typing import Any, NoReturn

from dask.delayed import delayed

import sleepdask as sd
from benchmarks.nights import ROOT, NightFile
from benchmarks.table import Aim, Row, at_least, row
from benchmarks.timing import Case, Ratio, Series, take_turns
from benchmarks.work import EPOCH_SECONDS, WORK, file_to_table
from sleepdask.parallel import ParallelConfig, close_pools, open_backend
from sleepdask.parallel.config import BackendName
from sleepdask.parallel.graphs import compute_on

Place = Callable[[], ParallelConfig]
"""Gives the configuration that runs there, or raises why nothing can."""

WORKERS = 2
ONE, SYNC, THREADS, AUTO = "1 thread", "sync", "2 threads", "auto"
PROCESSES, DISTRIBUTED, RAY = "2 processes", "distributed, 2 workers", "ray, 2 workers"
NEW_THREADS = "threads: a new pool"
_UNTOUCHED = "2 processes, Dask's own environment"
_SPEED_UPS = {THREADS: 1.8, PROCESSES: 1.6, DISTRIBUTED: 1.6}
_NOTES = {
    DISTRIBUTED: "dask scheduler and dask worker, with deploy/workers.yaml",
    _UNTOUCHED: "LocalCluster with MALLOC_TRIM_THRESHOLD_ left as Dask sets it",
}
_TIMED = (ONE, SYNC, THREADS, PROCESSES, DISTRIBUTED, RAY, _UNTOUCHED)
_START_SECONDS = 60
_END_SECONDS = 10
_ORPHANED = "15 minutes"  # without work; then the scheduler ends, and its workers with it, whatever became of us


@contextmanager
def open_places(names: Iterable[str]) -> Iterator[dict[str, Place]]:
    """Context in which these backends can be used; their processes end with it."""
    with ExitStack() as stack:
        places = {name: _opened(stack, _STARTS[name]) for name in names}
        stack.callback(close_pools)
        yield places


def backend_rows(night: NightFile, repeats: int) -> list[Row]:
    """Time the work of a night on each backend, started and warm, in turns with one thread.

    One backend at a time: the idle schedulers and workers of all of them together would take a good part of a core.
    """
    return [row for name in _TIMED for row in _against_one_thread(name, night, repeats)]


def _against_one_thread(name: str, night: NightFile, repeats: int) -> list[Row]:
    with open_places(dict.fromkeys((ONE, name))) as places:
        tables = [
            Case(each, partial(_table, place, night.path), note=_NOTES.get(each, "")) for each, place in places.items()
        ]
        series = take_turns([*tables, *_compute_cases(night, places)], repeats)
    return [row(series[name], series[ONE], _speed_up(series, name)), row(series[_alone(name)], series[_alone(ONE)])]


def first_result_rows(repeats: int) -> list[Row]:
    """Time the way from nothing to the first result of a graph of one task."""
    sizes = count(WORKERS + 1)  # a number of threads that nobody asked for before has a new pool

    def threads() -> float:
        return _first_result(ParallelConfig(backend="threads", workers=next(sizes)))

    with running_scheduler() as file, ExitStack() as stack:
        stack.callback(close_pools)
        cases = [
            Case(NEW_THREADS, threads),
            Case("processes: a new cluster of 2", partial(_first_result, _config("processes")), warm=False),
            Case(
                "distributed: a connection to a running scheduler",
                partial(_first_result, _config("distributed", scheduler=str(file))),
            ),
        ]
        series = take_turns(cases, repeats)
    return [row(one, series[NEW_THREADS]) for one in series.values()]


@contextmanager
def running_scheduler(threads: int = 1) -> Iterator[Path]:
    """Context with a scheduler and two workers of so many threads, each a process; gives the scheduler file."""
    from distributed import Client

    with TemporaryDirectory(prefix="scheduler-", ignore_cleanup_errors=True) as name, ExitStack() as processes:
        folder = Path(name)
        file, log = folder / "scheduler.json", folder / "log.txt"
        common = ("--scheduler-file", file, "--host", "127.0.0.1", "--no-dashboard")
        scheduler = processes.enter_context(
            _dask_process(log, "scheduler", *common, "--port", "0", "--idle-timeout", _ORPHANED)
        )
        _wait_for(file, scheduler, log)
        for _ in range(WORKERS):
            processes.enter_context(
                _dask_process(log, "worker", *common, "--nthreads", str(threads), "--local-directory", folder)
            )
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(WORKERS, timeout=_START_SECONDS)
        yield file


def _table(place: Place, path: Path) -> None:
    config = place()
    file_to_table(path, backend=config.backend, workers=config.graph_workers, scheduler=config.scheduler)


def _compute_cases(night: NightFile, places: dict[str, Place]) -> list[Case]:
    lazy = sd.extract(sd.open_recording(night.path, workers=WORKERS), WORK, epoch=EPOCH_SECONDS, workers=WORKERS)

    def run(place: Place) -> None:
        sd.compute(lazy, config=place(), progress=False)

    note = "the graph is built before, no table is made"
    return [Case(_alone(name), partial(run, place), note=note) for name, place in places.items()]


def _alone(name: str) -> str:
    return f"{name}: compute alone"


def _speed_up(series: dict[str, Series], name: str) -> Aim | None:
    if name not in _SPEED_UPS:
        return None
    return at_least(f"{ONE} / {name}", Ratio.of(series[ONE], series[name]), _SPEED_UPS[name])


def _first_result(config: ParallelConfig) -> float:
    close_pools()
    began = perf_counter()
    with open_backend(config) as backend:
        compute_on(backend, [delayed(int)(1)], config, progress=False)
    return perf_counter() - began


def _config(backend: BackendName, workers: int = WORKERS, scheduler: Any = None) -> ParallelConfig:
    return ParallelConfig(
        backend=backend,
        workers=workers,
        max_workers_cpu=workers,
        max_workers_io=workers,
        scheduler=scheduler,
        enable_progress=False,
    )


def _here(backend: BackendName, workers: int = WORKERS) -> AbstractContextManager[ParallelConfig]:
    return nullcontext(_config(backend, workers))


@contextmanager
def _on_scheduler() -> Iterator[ParallelConfig]:
    with running_scheduler() as file:
        yield _config("distributed", scheduler=str(file))


@contextmanager
def _on_ray() -> Iterator[ParallelConfig]:
    import ray

    try:
        yield _config("ray")
    finally:
        ray.shutdown()


@contextmanager
def _on_untouched_cluster() -> Iterator[ParallelConfig]:
    from distributed import Client, LocalCluster

    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with (
        closing(LocalCluster(n_workers=WORKERS, threads_per_worker=1, **options)) as cluster,
        closing(Client(cluster, set_as_default=False)) as client,
    ):
        yield _config("distributed", scheduler=client)


_STARTS: dict[str, Callable[[], AbstractContextManager[ParallelConfig]]] = {
    ONE: partial(_here, "threads", 1),
    SYNC: partial(_here, "sync", 1),
    THREADS: partial(_here, "threads"),
    AUTO: partial(_here, "auto"),
    PROCESSES: partial(_here, "processes"),
    DISTRIBUTED: _on_scheduler,
    RAY: _on_ray,
    _UNTOUCHED: _on_untouched_cluster,
}


def _opened(stack: ExitStack, start: Callable[[], AbstractContextManager[ParallelConfig]]) -> Place:
    """Start a backend; one that cannot be started says why to whoever wants to use it."""
    try:
        config = stack.enter_context(start())
    except Exception as error:
        return partial(_refuse, error)
    return lambda: config


def _refuse(error: Exception) -> NoReturn:
    raise error


@contextmanager
def _dask_process(log: Path, *arguments: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Context in which a command of Dask runs; it and its children are gone afterwards."""
    command = [sys.executable, "-m", "dask", *map(str, arguments)]
    kept = {name: value for name, value in os.environ.items() if name != "MALLOC_TRIM_THRESHOLD_"}
    environment = kept | {"DASK_CONFIG": str(ROOT / "deploy" / "workers.yaml")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(file: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = monotonic() + _START_SECONDS
    while not (file.exists() and file.stat().st_size):
        if process.poll() is not None or monotonic() > deadline:
            raise RuntimeError(f"no scheduler has started: {log.read_text('utf-8', 'replace').strip()}")
        sleep(0.05)
