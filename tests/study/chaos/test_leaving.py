"""Runs that are left in the middle, on purpose or by being cancelled: they can be gone on with at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from jobs import PATIENCE
from studies import FEATURES, check_whole, finished, in_workers, names, times_computed

from sleepdask.parallel import ParallelConfig
from sleepdask.study import Study
from sleepdask.study import run as running

SYNC, THREADS = ParallelConfig(backend="sync"), ParallelConfig(backend="threads", workers=2)
PROCESSES = ParallelConfig(backend="processes", workers=2)
WHERE = pytest.mark.parametrize(
    "config", [SYNC, THREADS, pytest.param(PROCESSES, marks=pytest.mark.slow)], ids=["sync", "threads", "processes"]
)


@pytest.fixture
def study(few: Path, output: Path) -> Study:
    return Study.from_table(few, output, features=FEATURES)


def check_left(study: Study, output: Path, few_truth: Path) -> None:
    """Check that nobody is at work, and go on."""
    assert not {".lock", ".unfinished"} & set(names(output))
    assert study.standing()["running_by"] is None
    done = finished(output)
    assert 1 <= len(done) < len(finished(few_truth))
    stamps = {name: (output / "outcomes" / f"{name}.json").stat().st_mtime_ns for name in done}
    study.run(backend="sync")
    assert stamps == {name: (output / "outcomes" / f"{name}.json").stat().st_mtime_ns for name in done}
    check_whole(output, few_truth)


@WHERE
def test_a_loop_that_is_left(study: Study, output: Path, few_truth: Path, config: ParallelConfig) -> None:
    for _ in study.iterate(config=config):
        break
    check_left(study, output, few_truth)


@WHERE
def test_a_loop_that_fails(study: Study, output: Path, few_truth: Path, config: ParallelConfig) -> None:
    def fail() -> None:
        for _ in study.iterate(config=config):
            raise LookupError("of the one who loops")

    with pytest.raises(LookupError, match="of the one who loops"):
        fail()
    check_left(study, output, few_truth)


@WHERE
def test_an_awaited_loop_that_is_left(study: Study, output: Path, few_truth: Path, config: ParallelConfig) -> None:
    async def leave() -> None:
        async with aclosing(study.run_async(config=config)) as outcomes:
            async for _ in outcomes:
                break
        check_left(study, output, few_truth)  # at once, not when Python likes

    asyncio.run(leave())


@WHERE
def test_a_task_that_is_cancelled(study: Study, output: Path, few_truth: Path, config: ParallelConfig) -> None:
    async def cancel() -> None:
        first = asyncio.Event()

        async def run() -> None:
            async for _ in study.run_async(config=config):
                first.set()

        task = asyncio.create_task(run())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        check_left(study, output, few_truth)

    asyncio.run(cancel())


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Events: recordings are being looked at; and whoever does that may go on."""
    begun, go = threading.Event(), threading.Event()
    prepare = running.prepare

    def held(*arguments: Any, **keywords: Any) -> Any:
        begun.set()
        assert go.wait(PATIENCE)
        return prepare(*arguments, **keywords)

    monkeypatch.setattr(running, "prepare", held)
    yield begun, go
    go.set()


async def until(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0.01)


def test_the_event_loop_goes_on_while_recordings_are_looked_at(study: Study, opening: Any) -> None:
    begun, go = opening

    async def run() -> int:
        task = asyncio.create_task(count())
        await until(begun)
        go.set()
        return await task

    async def count() -> int:
        return len([outcome async for outcome in study.run_async(config=SYNC)])

    assert asyncio.run(run()) == len(study.recording_ids)


def test_cancelled_while_recordings_are_looked_at(study: Study, output: Path, few_truth: Path, opening: Any) -> None:
    begun, go = opening

    async def run() -> None:
        async for _ in study.run_async(config=SYNC):
            pytest.fail("it was cancelled before")

    async def cancel() -> None:
        task = asyncio.create_task(run())
        await until(begun)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()  # the lock is still held: whoever waits for the task can rely on its end
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ".lock" not in names(output)

    asyncio.run(cancel())
    study.run(config=SYNC)
    check_whole(output, few_truth)


@pytest.mark.slow
def test_what_still_runs_is_dropped(study: Study, output: Path, few_truth: Path, tmp_path: Path) -> None:
    """A worker that is busy when a loop is left comes to its end, and writes nothing: another run may have begun."""
    log = tmp_path / "computed.txt"
    with in_workers(log=str(log), seconds=0.3):
        for _ in study.iterate(config=PROCESSES):
            break
        done = finished(output)
        study.run(config=PROCESSES)  # on the same workers, behind what they still have in hand
    check_whole(output, few_truth)
    counts = times_computed(log)
    assert all(counts[name] == 1 for name in done)
    assert sum(counts.values()) <= len(counts) + 2
