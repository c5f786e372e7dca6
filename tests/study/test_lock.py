"""One run of a study at a time; a lock that nobody holds any more holds nobody up."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from cohorts import Cohort, outcome, parts, run_study, study_of, tree
from jobs import wait_until

from sleepdask.errors import ConcurrencyError, OutputError
from sleepdask.parallel import ParallelConfig
from sleepdask.study import lock as module
from sleepdask.study.accounts import COMPILED
from sleepdask.study.files import Folder, StudyFiles, study_files
from sleepdask.study.lock import LOCK, holder, holds, run_lock
from sleepdask.study.task import Analysis, Job


@pytest.fixture(params=["folder", "store"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StudyFiles]:
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0)
    yield study_files(tmp_path / "out" if request.param == "folder" else f"memory://{uuid4().hex}")
    fsspec.filesystem("memory").store.clear()


def left(files: StudyFiles, **changes: object) -> None:
    """Leave the lock of this very process, which is alive, with some changes."""
    pid = os.getpid()
    held = {"token": "old", "host": socket.gethostname(), "pid": pid, "began": module._began(pid), "beat": time()}
    files.write(LOCK, json.dumps(held | changes).encode())


def test_a_run_holds_the_study_until_it_ends(files: StudyFiles) -> None:
    assert holder(files) is None
    with run_lock(files) as token:
        held = holder(files)
        assert held is not None
        assert (held["pid"], held["host"]) == (os.getpid(), socket.gethostname())
        assert holds(files, token)
        assert not holds(files, "another")
        with pytest.raises(ConcurrencyError, match=f"found process {os.getpid()} on {socket.gethostname()}; wait"):
            run_lock(files).__enter__()
        assert holds(files, token)
    assert holder(files) is None
    assert not files.exists(LOCK)


def test_it_is_freed_by_a_run_that_fails(files: StudyFiles) -> None:
    with pytest.raises(KeyboardInterrupt), run_lock(files):
        raise KeyboardInterrupt
    assert not files.exists(LOCK)


ALIVE: list[dict[str, Any]] = [{}, {"host": "another", "beat": time() + 3600}, {"host": "another", "pid": 1}]
STALE: list[dict[str, Any]] = [
    {"began": "1"},  # another process has the number now
    {"pid": 2**22 + 1},
    {"pid": None},
    {"pid": "x"},
    {"pid": 10**30},
    {"pid": [1]},
    {"pid": 0},
    {"pid": -1},
    {"host": "another", "beat": time() - 3600},
    {"host": "another", "beat": None},
    {"host": "another", "beat": "yesterday"},
]


@pytest.mark.parametrize("changes", ALIVE)
def test_a_lock_of_one_who_may_be_alive_is_kept(changes: dict[str, Any], files: StudyFiles) -> None:
    left(files, **changes)
    with pytest.raises(ConcurrencyError, match="another run of this study is at work"), run_lock(files):
        pass
    assert json.loads(files.read(LOCK))["token"] == "old"


@pytest.mark.parametrize("changes", STALE)
def test_a_lock_of_one_who_is_gone_is_taken_over(changes: dict[str, Any], files: StudyFiles) -> None:
    left(files, **changes)
    assert holder(files) is None
    with run_lock(files) as token:
        assert not holds(files, "old")
        assert holds(files, token)


def test_it_beats_while_it_is_held_and_no_longer(files: StudyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BEAT_SECONDS", 0.01)
    with run_lock(files):
        first = json.loads(files.read(LOCK))["beat"]
        wait_until(lambda: json.loads(files.read(LOCK))["beat"] > first, "the next beat")
    with run_lock(files) as token:
        left(files, token="new", beat=1)  # taken over: it must not beat for another
        wait_until(lambda: not any(t.name == "study-lock" for t in threading.enumerate()), "its end")
        assert json.loads(files.read(LOCK))["beat"] == 1
        assert not holds(files, token)
    assert holds(files, "new")  # what it does not hold it does not free


# What it is for


def test_a_second_run_is_refused_and_the_first_goes_on(nights: Cohort, tmp_path: Path) -> None:
    table = nights.table(tmp_path / "recordings.csv", ["007", "A1"])
    study = study_of(table, tmp_path / "out", "hjorth")
    iterator = study.iterate(backend="sync")
    next(iterator)
    before = tree(tmp_path / "out")
    with pytest.raises(ConcurrencyError, match="at work"):
        study_of(table, tmp_path / "out", "statistics").run(backend="sync")
    assert tree(tmp_path / "out") == before
    assert study.standing()["running_by"]["pid"] == os.getpid()
    assert [each.recording_id for each in iterator] == ["A1"]
    assert study.standing()["running_by"] is None


def test_a_task_of_a_run_that_was_taken_over_writes_nothing(
    nights: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, output = nights.table(tmp_path / "recordings.csv", ["007", "A1"]), tmp_path / "out"
    run_study(table, output, "statistics")
    before = parts(output)
    seen: list[tuple[Analysis, Job]] = []
    call = Analysis.__call__

    def kept(self: Analysis, job: Job) -> Any:
        seen.append((self, job))
        return call(self, job)

    monkeypatch.setattr(Analysis, "__call__", kept)
    run_study(table, output, "hjorth")
    monkeypatch.undo()
    run_study(table, output, "statistics")
    everything = tree(output)
    assert parts(output) == before
    for analysis, job in seen:  # wakes up long after its run
        with pytest.raises(OutputError, match="another one has taken over"):
            analysis(job)
        done = analysis._attempt(job)
        with pytest.raises(OutputError, match="another one has taken over"):
            analysis.settle(*done)
    assert tree(output) == everything


def test_a_run_that_was_taken_over_leaves_the_other_one_alone(nights: Cohort, tmp_path: Path) -> None:
    table, output = nights.table(tmp_path / "recordings.csv", ["007", "A1"]), tmp_path / "out"
    iterator = study_of(table, output, "hjorth").iterate(backend="sync")
    next(iterator)
    files = Folder(output)
    left(files, token="new")
    files.end_runs()  # as the other one does when it begins
    other = files.of_run("new")
    other.write(COMPILED, b"its account")
    with pytest.raises(OutputError, match="another one has taken over"):
        next(iterator)
    other.write("features/of-it", b"still")
    assert other.read(COMPILED) == b"its account"
    assert holds(files, "new")


def test_a_worker_that_sees_other_files_is_told_so(nights: Cohort, tmp_path: Path) -> None:
    table, output = nights.table(tmp_path / "recordings.csv", ["007"]), tmp_path / "out"
    with study_of(table, output, "hjorth")._run(ParallelConfig(backend="sync"), False, None) as run:
        analysis = run.analysis
        [job] = run.jobs
        elsewhere = Analysis(analysis.plan, analysis.schema, Folder(tmp_path / "not shared"), analysis.token)
        with pytest.raises(OutputError, match="a worker does not see the files of the study"):
            elsewhere(job)
    assert not (tmp_path / "not shared").exists()


def test_an_outcome_is_never_there_without_its_table(nights: Cohort, tmp_path: Path) -> None:
    """Whoever reads while a run is at work finds of each recording both, or neither."""
    table, output = nights.table(tmp_path / "recordings.csv"), tmp_path / "out"
    for features in ("hjorth", "statistics", "hjorth,statistics"):
        for done in study_of(table, output, features).iterate(backend="sync"):
            known = {path.stem for path in (output / "outcomes").iterdir()}
            assert done.recording_id in known <= set(parts(output))
            assert outcome(output, done.recording_id)["table_size"] == len(parts(output)[done.recording_id])
