"""Clusters that do not end with the client, and schedulers that end before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from elsewhere import Elsewhere
from jobs import PATIENCE, Job, wait_until
from studies import (
    FEATURES,
    Runner,
    check_recomputed,
    check_whole,
    computed,
    environment,
    finished,
    kill_one_of,
    names,
    times_computed,
)
from watcher import watched

from sleepdask.study import Study

StartElsewhere = Callable[..., Elsewhere]
Plant = Callable[..., None]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Plant something into the workers that are started: `plant(log=...)`."""

    def set_environment(**planted: Any) -> None:
        for name, value in environment(worker=planted).items():
            monkeypatch.setenv(name, value)

    return set_environment


@pytest.mark.slow
def test_workers_are_killed_at_random(
    cohort: Path, truth: Path, output: Path, start_elsewhere: StartElsewhere, plant: Plant
) -> None:
    rng, log = random.Random(3), output.with_name("computed.txt")
    plant(log=str(log), seconds=0.1)
    cluster = start_elsewhere(2, nanny=True)  # which replaces what is killed
    killed: list[int] = []
    with watched(output, output.with_name("watched.json")):
        run = Job(lambda: Study.from_table(cohort, output, features=FEATURES).run(scheduler=cluster.address, workers=2))
        for _ in range(6):
            goal = min(len(finished(output)) + rng.randint(2, 6), len(finished(truth)))
            wait_until(lambda: len(finished(output)) >= goal, "more outcomes")  # noqa: B023
            killed += kill_one_of(cluster.workers(), rng)
        assert len(run.end(2 * PATIENCE)) == len(finished(truth))
    check_whole(output, truth)
    check_recomputed(log, killed)


@pytest.mark.slow
def test_the_scheduler_is_killed(
    cohort: Path, truth: Path, output: Path, start_elsewhere: StartElsewhere, plant: Plant
) -> None:
    log, said = output.with_name("computed.txt"), output.with_name("said.txt")
    plant(log=str(log), seconds=0.1)
    cluster = start_elsewhere(2)
    with watched(output, output.with_name("watched.json")):
        run = Runner(cohort, output, said, "--scheduler", cluster.address)
        run.wait_for(lambda: len(finished(output)) > 10, "ten outcomes")
        cluster.scheduler.kill()
        run.end(2)
        assert f"error: {cluster.address}: the scheduler has gone; start it again" in run.said
        assert "Traceback" not in run.said
        assert ".lock" not in names(output)
        done, begun = finished(output), len(computed(log))
        assert 10 < len(done) < len(finished(truth))
        new = start_elsewhere(2)
        Runner(cohort, output, said, "--scheduler", new.address).end(3)
    check_whole(output, truth)
    assert not done & {name for name, _ in computed(log)[begun:]}


HELD = "sleepdask.study.task:outcome_name"  # asked for when a worker has seen that it may write, and before it does


def left_behind(few: Path, output: Path, cluster: Elsewhere, marker: Path) -> None:
    """Kill a client whose recording is about to be written by a worker."""
    run = Runner(few, output, output.with_name("said.txt"), "--scheduler", cluster.address)
    run.wait_for(marker.exists, "the worker to be about to write")
    assert marker.exists(), run.said
    run.kill()


def let_go(cluster: Elsewhere, marker: Path) -> None:
    """Let the worker go on, and wait for the end of what it has in hand."""
    marker.with_name(f"{marker.name}.go").touch()
    with Client(cluster.address, set_as_default=False) as client:
        assert client.submit(sum, [1, 2]).result(PATIENCE) == 3


@pytest.mark.slow
def test_what_a_killed_client_left_running_is_kept(
    few: Path, few_truth: Path, output: Path, start_elsewhere: StartElsewhere, plant: Plant
) -> None:
    log, marker = output.with_name("computed.txt"), output.with_name("held")
    plant(log=str(log), hold=[HELD, str(marker)])
    cluster = start_elsewhere(1)
    left_behind(few, output, cluster, marker)
    let_go(cluster, marker)
    assert len(finished(output)) == 1
    Runner(few, output, output.with_name("said.txt"), "--scheduler", cluster.address).end(0, 3)
    check_whole(output, few_truth)
    assert set(times_computed(log).values()) == {1}


@pytest.mark.slow
def test_what_a_killed_client_left_running_comes_too_late_for_another_run(
    few: Path, output: Path, start_elsewhere: StartElsewhere, plant: Plant, tmp_path: Path
) -> None:
    """The other one has other features: written over its own, those of the first would be wrong."""
    marker, truth = output.with_name("held"), tmp_path / "truth"
    plant(hold=[HELD, str(marker)])
    cluster = start_elsewhere(1)
    left_behind(few, output, cluster, marker)
    for where in (output, truth):
        Study.from_table(few, where, features="hjorth").run(backend="sync")
    let_go(cluster, marker)
    check_whole(output, truth)
