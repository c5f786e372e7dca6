"""Worker processes of this machine that are killed at random, by a recording, or by the limit of their memory."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import dask
import psutil
import pytest
from jobs import PATIENCE, Job, wait_until
from studies import (
    FEATURES,
    check_recomputed,
    check_whole,
    computed,
    features,
    finished,
    in_workers,
    kill_one_of,
    outcomes,
    times_computed,
    worker_processes,
)
from watcher import watched

from sleepdask.parallel import ParallelConfig
from sleepdask.study import Study

pytestmark = pytest.mark.slow
TWO = ParallelConfig(backend="processes", workers=2)


@pytest.fixture
def second_death_counts() -> Iterator[None]:
    """Give a recording up when it has killed two workers, and two more alone, not four and four."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        yield


def test_they_are_killed_at_random(cohort: Path, truth: Path, output: Path) -> None:
    rng, log, looks = random.Random(2), output.with_name("computed.txt"), output.with_name("looks.txt")
    killed: list[int] = []
    planted = {"log": str(log), "looks": str(looks), "seconds": 0.1}
    with watched(output, output.with_name("watched.json")), in_workers(**planted):
        run = Job(lambda: Study.from_table(cohort, output, features=FEATURES).run(config=TWO))
        wait_until(looks.exists, "a look at a recording")
        for k in range(8):
            if k:
                goal = min(len(finished(output)) + rng.randint(1, 6), len(finished(truth)))
                wait_until(lambda: len(finished(output)) >= goal, "more outcomes")  # noqa: B023
            killed += kill_one_of(worker_processes(psutil.Process()), rng)
        assert len(run.end(2 * PATIENCE)) == len(finished(truth))
    check_whole(output, truth)
    check_recomputed(log, killed)


def test_one_is_killed_when_it_has_written_all(few: Path, few_truth: Path, output: Path, tmp_path: Path) -> None:
    """What it has done is not done again only because it could not say so."""
    log, marker = tmp_path / "computed.txt", tmp_path / "held"
    with in_workers(log=str(log), hold=["sleepdask.study.begun:Begun.end", str(marker)]):
        run = Job(lambda: Study.from_table(few, output, features=FEATURES).run(config=TWO))
        wait_until(lambda: len(finished(output)) == len(finished(few_truth)), "all outcomes")
        first = next(name for name in finished(output) if (output / ".begun" / name).exists())
        psutil.Process(dict(computed(log))[first]).kill()
        run.end()
    check_whole(output, few_truth)
    assert set(times_computed(log).values()) == {1}


@pytest.mark.usefixtures("second_death_counts")
def test_a_recording_that_kills_each_worker(few: Path, few_truth: Path, output: Path) -> None:
    log = output.with_name("computed.txt")
    study = Study.from_table(few, output, features=FEATURES)
    with in_workers(log=str(log), deadly=["N003"]), watched(output, output.with_name("watched.json")):
        statuses = study.run(config=TWO).set_index("recording_id")
    row = statuses.loc["N003"]
    assert row["status"] == "lost"
    assert row["error_type"] == "WorkerLostError"
    assert row["message"] == "each worker that ran this died"
    assert row["attempts"] == times_computed(log)["N003"] == 4
    check_others(output, few_truth, "N003")
    before = log.read_text()
    with in_workers(log=str(log)):
        study.run(config=TWO)
        assert log.read_text() == before  # lost stays lost
        study.run(config=TWO, retry_failed=True)
    assert times_computed(log)["N003"] == 5
    check_whole(output, few_truth)


@pytest.mark.usefixtures("second_death_counts")
def test_a_recording_that_kills_each_worker_that_looks_at_it(cohort: Path, truth: Path, output: Path) -> None:
    study = Study.from_table(cohort, output, features=FEATURES)
    with in_workers(deadly_look=["N020"], deadly=["N020"]):
        statuses = study.run(config=TWO).set_index("recording_id")
    assert statuses.loc["N020", "status"] == "lost"
    check_others(output, truth, "N020")


@pytest.mark.usefixtures("second_death_counts")
def test_a_recording_that_needs_more_memory_than_there_is(few: Path, few_truth: Path, output: Path) -> None:
    config = ParallelConfig(backend="processes", workers=2, memory_limit="700 MB")
    with in_workers(hungry=["N005"]):
        statuses = Study.from_table(few, output, features=FEATURES).run(config=config).set_index("recording_id")
    assert statuses.loc["N005", "status"] == "lost"
    assert json.loads((output / "outcomes" / "N005.json").read_bytes())["error_type"] == "WorkerLostError"
    check_others(output, few_truth, "N005")


def check_others(output: Path, truth: Path, lost: str) -> None:
    """Check that all but one recording are as in a study that nothing happened to."""
    part = f"recording_id={lost}"
    assert features(output) == {name: data for name, data in features(truth).items() if not name.startswith(part)}
    got, want = outcomes(output), outcomes(truth)
    assert {**got, lost: None} == {**want, lost: None}
