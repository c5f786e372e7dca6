"""What is left of the work when workers die, schedulers go, tasks never end and somebody presses Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import cloudpickle
import psutil
import pytest
from dask.delayed import delayed
from distributed.client import FutureCancelledError

from sleepdask.errors import BackendError, TooSlowError, WorkerLostError
from sleepdask.parallel import Outcome, ParallelConfig, ParallelExecutor, close_pools, open_backend

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import tests

PATIENCE = 60
MB = 1 << 20
ComputeGraph = Callable[..., tuple[Any, ...]]
Until = Callable[..., Any]
TWO = ParallelConfig(backend="processes", workers=2, max_workers_cpu=2, chunk_size=1)

SCRIPT = """
import os, sys, time
from pathlib import Path
import dask
from sleepdask.parallel import ParallelConfig, ParallelExecutor, open_backend
from sleepdask.parallel.graphs import compute_on

folder = Path(sys.argv[2])

def work(i):
    (folder / f"{os.getpid()}-{i}").touch()
    time.sleep(0.2)
    return i

if __name__ == "__main__":
    config = ParallelConfig(backend="processes", workers=2, max_workers_cpu=2, max_workers_io=2)
    if sys.argv[1] == "processes":
        ParallelExecutor(config).map_processes(work, range(1000))
    elif sys.argv[1] == "threads":
        ParallelExecutor(config).map_threaded(work, range(1000))
    else:
        with open_backend(config) as backend:
            compute_on(backend, [dask.delayed(work)(i) for i in range(1000)], config)
"""


def slow(folder: Path, i: int, seconds: float = 0.2) -> int:
    """Leave a note of who began what, and take a while."""
    (folder / f"{os.getpid()}-{i}").touch()
    time.sleep(seconds)
    return i * i


def workers_in(folder: Path) -> list[int]:
    """Processes that have begun a task, in the order of their numbers."""
    return sorted({int(path.name.split("-")[0]) for path in folder.iterdir()})


def die(i: int, victim: int = 0) -> int:
    if i == victim:
        os.kill(os.getpid(), signal.SIGKILL)
    return i * i


def fill_memory(i: int) -> int:
    if i == 0:
        held = []
        for _ in range(40):
            held.append(bytearray(os.urandom(1)) * (50 * MB))
            time.sleep(0.05)
        time.sleep(600)
    return i * i


def fail(i: int) -> int:
    if i == 3:
        raise LookupError("no third")
    return i * i


def wait_for(path: Path, seconds: float = 600) -> str:
    """A task that as good as never ends, unless a test lets it."""
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return "ended"


def each(function: Callable[..., Any], items: Any) -> list[Any]:
    """One lazy call an item; no two of them share a name."""
    return [delayed(function, pure=False)(item) for item in items]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def never(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; it comes when the test is over."""
    path = tmp_path / "over"
    yield path
    path.touch()


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Do something in another thread, and see that it went well."""
    threads: list[tuple[threading.Thread, list[BaseException]]] = []

    def start(function: Callable[[], Any]) -> None:
        errors: list[BaseException] = []

        def run() -> None:
            try:
                function()
            except BaseException as error:
                errors.append(error)

        threads.append((threading.Thread(target=run, daemon=True), errors))
        threads[-1][0].start()

    yield start
    for thread, errors in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert not errors


# A worker that is killed


@pytest.fixture
def kill_one(notes: Path, until: Until) -> Callable[[], None]:
    return lambda: os.kill(until(lambda: workers_in(notes), "a task to begin")[0], signal.SIGKILL)


def test_a_graph_survives_the_death_of_a_worker(
    compute_graph: ComputeGraph, notes: Path, later: Any, kill_one: Any
) -> None:
    later(kill_one)
    assert list(compute_graph(TWO, *each(lambda i: slow(notes, i), range(20)))) == [i * i for i in range(20)]
    assert len(workers_in(notes)) >= 2


@pytest.mark.slow
def test_a_map_survives_the_death_of_a_worker(notes: Path, later: Any, kill_one: Any) -> None:
    later(kill_one)
    assert ParallelExecutor(TWO).map_processes(lambda i: slow(notes, i), range(30)) == [i * i for i in range(30)]


@pytest.mark.slow
def test_a_cluster_elsewhere_survives_the_death_of_a_worker(
    compute_graph: ComputeGraph, notes: Path, later: Any, kill_one: Any, start_elsewhere: Any
) -> None:
    cluster = start_elsewhere(2)
    config = ParallelConfig(scheduler=cluster.address, chunk_size=1)
    with open_backend(config) as backend:
        backend.client.wait_for_workers(2, timeout=PATIENCE)
    later(kill_one)
    assert list(compute_graph(config, *each(lambda i: slow(notes, i), range(20)))) == [i * i for i in range(20)]
    assert ParallelExecutor(config).map_processes(lambda i: i + 1, range(20)) == list(range(1, 21))


# A task that kills its worker


@pytest.mark.usefixtures("first_death_counts")
def test_a_graph_with_a_deadly_task(compute_graph: ComputeGraph) -> None:
    with pytest.raises(WorkerLostError, match="each worker that ran this died"):
        compute_graph(TWO, *each(die, range(4)))
    assert compute_graph(TWO, delayed(sum)([1, 2])) == (3,)


@pytest.mark.slow
def test_a_graph_with_a_deadly_task_and_the_patience_of_dask(compute_graph: ComputeGraph) -> None:
    with pytest.raises(WorkerLostError, match="each worker that ran this died"):
        compute_graph(TWO, *each(die, range(4)))
    assert compute_graph(TWO, delayed(sum)([1, 2])) == (3,)


def lost_in(outcomes: list[Outcome[int]]) -> list[int]:
    assert [outcome.index for outcome in outcomes] == list(range(len(outcomes)))
    assert all(outcome.value == outcome.index**2 for outcome in outcomes if outcome.ok)
    assert {outcome.error_type for outcome in outcomes if not outcome.ok} <= {"WorkerLostError"}
    return [outcome.index for outcome in outcomes if not outcome.ok]


@pytest.mark.slow
def test_a_map_with_a_deadly_item() -> None:
    config = ParallelConfig(backend="processes", max_workers_cpu=2, chunk_size=1, on_error="return")
    assert lost_in(ParallelExecutor(config).map_processes(lambda i: die(i, victim=5), range(12))) == [5]


@pytest.mark.usefixtures("first_death_counts")
def test_a_map_with_a_deadly_item_before_others() -> None:
    config = ParallelConfig(backend="processes", max_workers_cpu=1, chunk_size=1, on_error="return")

    def work(i: int) -> int:
        time.sleep(0.3)  # time to give the worker its next item
        return die(i, victim=2)

    assert lost_in(ParallelExecutor(config).map_processes(work, range(6))) == [2]


@pytest.mark.slow
@pytest.mark.parametrize("chunk_size", [1, 3, 10])
def test_a_map_with_a_deadly_item_among_others(chunk_size: int, notes: Path) -> None:
    config = ParallelConfig(backend="processes", max_workers_cpu=2, chunk_size=chunk_size, on_error="return")

    def work(i: int) -> int:
        die(i, victim=7)
        return slow(notes, i, 0.1)

    assert lost_in(ParallelExecutor(config).map_processes(work, range(40))) == [7]


@pytest.mark.usefixtures("first_death_counts")
def test_a_map_that_raises_at_a_deadly_item() -> None:
    with pytest.raises(WorkerLostError, match=r"^item 1: each worker that ran this died"):
        ParallelExecutor(TWO).map_processes(lambda i: die(i, victim=1), range(4))


@pytest.mark.slow
def test_workers_that_die_again_and_again_are_replaced(
    compute_graph: ComputeGraph, children: Callable[[], list[psutil.Process]], until: Until
) -> None:
    with open_backend(TWO) as backend:
        workers = backend.client.nthreads
        began = time.monotonic()
        for k in range(11):  # so often that they are away after 15 s
            time.sleep(max(0, began + 2.4 * k - time.monotonic()))
            for child in children():
                child.kill()
        until(lambda: len(workers()) == 2, "both workers to be back", seconds=30)
    assert compute_graph(TWO, delayed(sum)([1, 2])) == (3,)


# A worker that needs more memory than it may have


@pytest.mark.usefixtures("first_death_counts")
def test_a_graph_over_its_memory_limit(compute_graph: ComputeGraph) -> None:
    config = ParallelConfig(backend="processes", workers=2, memory_limit="600 MB")
    with pytest.raises(WorkerLostError, match="more memory"):
        compute_graph(config, *each(fill_memory, range(2)))
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)


@pytest.mark.slow
def test_a_map_over_its_memory_limit() -> None:
    config = ParallelConfig(
        backend="processes", max_workers_cpu=2, chunk_size=1, memory_limit="600 MB", on_error="return"
    )
    assert lost_in(ParallelExecutor(config).map_processes(fill_memory, range(6))) == [0]


# A scheduler that goes


def test_a_future_that_went_with_its_scheduler(start_elsewhere: Any, until: Until) -> None:
    cluster = start_elsewhere(0)
    with open_backend(ParallelConfig(scheduler=cluster.address, workers=1)) as backend:
        cluster.scheduler.kill()
        until(lambda: backend.client.status != "running", "the client to notice")
        error = FutureCancelledError(key="x", reason="scheduler-connection-lost")
        assert "the scheduler has gone" in str(backend.explain(error))


@pytest.mark.parametrize("kind", ["graph", "map"])
def test_a_scheduler_that_is_killed(
    compute_graph: ComputeGraph, start_elsewhere: Any, notes: Path, later: Any, until: Until, kind: str
) -> None:
    cluster = start_elsewhere(1)
    config = ParallelConfig(backend="distributed", scheduler=cluster.address, chunk_size=1)
    killed: list[float] = []

    def kill() -> None:
        until(lambda: workers_in(notes), "a task to begin")
        killed.append(time.monotonic())
        cluster.scheduler.kill()

    def work(i: int) -> int:
        return slow(notes, i)

    def run() -> Any:
        if kind == "graph":
            return compute_graph(config, *each(work, range(1000)))
        return ParallelExecutor(config).map_processes(work, range(1000))

    later(kill)
    with pytest.raises(BackendError, match="the scheduler has gone") as caught:
        run()
    assert time.monotonic() - killed[0] < 30
    assert not isinstance(caught.value, WorkerLostError)
    assert cluster.address in str(caught.value)


# A task that raises


@pytest.mark.parametrize("backend", ["sync", "threads", "processes", "distributed"])
def test_an_error_keeps_its_type(compute_graph: ComputeGraph, request: pytest.FixtureRequest, backend: str) -> None:
    scheduler = request.getfixturevalue("plain_cluster").address if backend == "distributed" else None
    config = ParallelConfig(backend=backend, scheduler=scheduler, max_workers_cpu=2, workers=2)
    with pytest.raises(LookupError, match="no third"):
        compute_graph(config, *each(fail, range(6)))
    with pytest.raises(LookupError, match="no third"):
        ParallelExecutor(config).map_processes(fail, range(6))
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)


# A task that never ends


@pytest.mark.parametrize("backend", ["sync", "threads", "processes", "distributed"])
def test_a_graph_that_never_ends(compute_graph: ComputeGraph, start_elsewhere: Any, never: Path, backend: str) -> None:
    scheduler = start_elsewhere(2).address if backend == "distributed" else None
    config = ParallelConfig(backend=backend, scheduler=scheduler, workers=2)
    assert compute_graph(config, delayed(sum)([1, 2])) == (3,)
    limited = ParallelConfig(backend=backend, scheduler=scheduler, workers=2, timeout=1)
    with pytest.raises(TooSlowError, match="did not end within 1 s"):
        compute_graph(limited, delayed(wait_for)(never), delayed(sum)([1, 2]))
    if backend == "distributed":  # nobody ends a task of another's worker, which keeps what is sent there waiting
        never.touch()
    assert compute_graph(config, *each(sum, [[i, 4] for i in range(8)])) == tuple(range(4, 12))


def test_the_calling_thread_stops_between_two_tasks(compute_graph: ComputeGraph, notes: Path) -> None:
    config = ParallelConfig(backend="sync", timeout=0.5)
    with pytest.raises(TooSlowError):
        compute_graph(config, *each(lambda i: slow(notes, i), range(100)))
    time.sleep(1)
    begun = len(list(notes.iterdir()))
    assert 0 < begun < 50
    time.sleep(0.5)
    assert len(list(notes.iterdir())) == begun


@pytest.mark.parametrize("backend", ["sync", "threads"])
@pytest.mark.parametrize("timeout", [None, 60])
def test_an_interrupt_begins_no_further_task(compute_graph: ComputeGraph, backend: str, timeout: float | None) -> None:
    begun: list[int] = []

    def work(k: int) -> None:
        begun.append(k)
        if len(begun) == 5:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]
        time.sleep(0.05)

    config = ParallelConfig(backend=backend, workers=2, timeout=timeout)
    with pytest.raises(KeyboardInterrupt):
        compute_graph(config, *each(work, range(100)))
    time.sleep(0.5)
    assert len(begun) < 30


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threads", "processes", "distributed"])
def test_an_item_that_never_ends(start_elsewhere: Any, never: Path, backend: str) -> None:
    scheduler = start_elsewhere(2).address if backend == "distributed" else None
    config = ParallelConfig(
        backend=backend, scheduler=scheduler, max_workers_cpu=2, max_workers_io=2, timeout=3, on_error="return"
    )
    executor = ParallelExecutor(config)
    run = executor.map_threaded if backend == "threads" else executor.map_processes
    if backend == "distributed":  # a single worker would be kept by the item that never ends
        with open_backend(config) as there:
            there.client.wait_for_workers(2, timeout=PATIENCE)
    run(abs, range(4))  # starting workers takes longer than an item may

    def work(i: int) -> str:
        return wait_for(never) if i == 2 else "quick"

    outcomes = run(work, range(8))
    assert [outcome.index for outcome in outcomes if not outcome.ok] == [2]
    assert isinstance(outcomes[2].error, TooSlowError)
    if backend == "distributed":
        never.touch()
    assert [outcome.value for outcome in run(str, range(4))] == ["0", "1", "2", "3"]


# Ctrl-C


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        ("processes", "group"),
        *(
            pytest.param(kind, to, marks=pytest.mark.slow)
            for kind, to in product(("processes", "threads", "graph"), ("process", "group"))
            if (kind, to) != ("processes", "group")
        ),
    ],
)
def test_an_interrupt_ends_everything(tmp_path: Path, notes: Path, until: Until, kind: str, to: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    errors = tmp_path / "errors.txt"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(script), kind, str(notes)], stderr=stderr, start_new_session=True
        )
    try:
        until(lambda: any(notes.iterdir()) or process.poll() is not None, "the work to begin")
        time.sleep(0.5)
        assert process.poll() is None, errors.read_text()
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= (0 if kind == "threads" else 2)
        (os.killpg if to == "group" else os.kill)(process.pid, signal.SIGINT)
        process.wait(PATIENCE)
        assert process.returncode == -signal.SIGINT, errors.read_text()
        assert "KeyboardInterrupt" in errors.read_text().splitlines()
        _, alive = psutil.wait_procs(below, timeout=15)
        assert not alive
        assert len(list(notes.iterdir())) < 500
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# What is left behind


@pytest.mark.slow
def test_nothing_is_left_behind(children: Callable[[], list[psutil.Process]], plain_cluster: Any, until: Until) -> None:
    def cycle() -> tuple[int, int, int]:
        executor = ParallelExecutor(ParallelConfig(max_workers_cpu=2, max_workers_io=2))
        assert executor.map_processes(abs, range(-4, 0)) == [4, 3, 2, 1]
        assert executor.map_threaded(abs, range(-4, 0)) == [4, 3, 2, 1]
        there = ParallelExecutor(ParallelConfig(scheduler=plain_cluster.address))
        assert there.map_processes(abs, range(-4, 0)) == [4, 3, 2, 1]
        close_pools()
        until(lambda: not children(), "the workers to end")
        return len(children()), threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    levels = [cycle() for _ in range(4)]
    for processes, threads, files in levels[1:]:
        assert processes == 0
        assert threads <= levels[0][1] + 1, levels
        assert files <= levels[0][2] + 2, levels


def test_no_worker_outlives_its_pool(children: Callable[[], list[psutil.Process]]) -> None:
    assert not children()
    pids = set(ParallelExecutor(TWO).map_processes(lambda _: os.getpid(), range(50)))
    assert pids <= {child.pid for child in children()}
    close_pools()
    assert not children()


# Workers that come late, and clusters that go


def test_a_worker_that_joins_late(compute_graph: ComputeGraph, start_elsewhere: Any, later: Any) -> None:
    cluster = start_elsewhere(0)

    def join() -> None:
        time.sleep(1)
        cluster.add_workers(1)

    later(join)
    assert compute_graph(ParallelConfig(scheduler=cluster.address), delayed(sum)([1, 2])) == (3,)


def test_no_worker_at_all(compute_graph: ComputeGraph, start_elsewhere: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.parallel.backends.cluster._JOIN_SECONDS", 0.5)
    cluster = start_elsewhere(0)
    with pytest.raises(BackendError, match=r"no worker has joined within 0\.5 s"):
        compute_graph(ParallelConfig(scheduler=cluster.address), delayed(sum)([1, 2]))


@pytest.mark.parametrize("what", ["client", "cluster"])
def test_a_local_cluster_closed_behind_our_back(
    compute_graph: ComputeGraph, children: Callable[[], list[psutil.Process]], until: Until, what: str
) -> None:
    config = ParallelConfig(backend="processes", workers=1)
    (first,) = compute_graph(config, delayed(os.getpid, pure=False)())
    with open_backend(config) as backend:
        (backend.client if what == "client" else backend.client.cluster).close()
    (second,) = compute_graph(config, delayed(os.getpid, pure=False)())
    assert second != first
    until(lambda: first not in {child.pid for child in children()}, "the first worker to end")
