"""Runs whose client is killed, again and again: the study is in the end as if nothing had happened."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from studies import Runner, check_whole, computed, finished, names, times_computed, tree
from watcher import watched

pytestmark = pytest.mark.slow
HERE = ("--backend", "processes", "--workers", "2")
FOUND = 3  # exit code where some recordings are not ok, as in this cohort


class Study:
    """A study that is run until it is done, with a log of what its workers compute."""

    def __init__(self, table: Path, output: Path) -> None:
        self.table, self.output = table, output
        self.log = output.parent / "computed.txt"

    def run(self, *options: str, **planted: dict[str, Any]) -> Runner:
        """Begin, or go on; what is done already must not be computed again."""
        self._done, self._lines = finished(self.output), len(computed(self.log))
        planted["worker"] = {"log": str(self.log)} | planted.get("worker", {})
        return Runner(self.table, self.output, self.output.with_name("said.txt"), *options, **planted)

    def check(self) -> None:
        """Look at what this run computed, once it has ended."""
        again = {name for name, _ in computed(self.log)[self._lines :]} & self._done
        assert not again

    def more_than(self, count: int) -> bool:
        """Whether so many recordings have been done since the run began."""
        return len(finished(self.output)) - len(self._done) >= count


@pytest.mark.parametrize("seed", [1])
def test_a_client_is_killed_ten_times_at_random(cohort: Path, truth: Path, output: Path, seed: int) -> None:
    rng = random.Random(seed)
    study = Study(cohort, output)
    with watched(output, output.with_name("watched.json")):
        for k in range(10):
            client = study.run(*HERE, worker={"seconds": 0.15})
            if k % 3 == 0:  # while it starts, scans, or has just begun
                sleep(rng.uniform(0.5, 5))
            else:
                more = rng.randint(1, 4)
                client.wait_for(lambda: study.more_than(more), "more outcomes")  # noqa: B023
                sleep(rng.uniform(0, 0.3))
            client.kill(signal.SIGINT if k in (2, 6) else signal.SIGKILL)
            study.check()
        assert len(finished(output)) < len(finished(truth))  # it was never done before it was killed
        study.run(*HERE).end(FOUND)
        study.check()
    check_whole(output, truth)
    most = 2 * 10  # two in hand of each client
    assert sum(times_computed(study.log).values()) <= len(finished(truth)) + most


# Moments in a client, and in a worker, at which nothing may be half done
IN_A_CLIENT = {
    "looking at recordings": "sleepdask.study.scan:_remember",
    "writing the plan": "sleepdask.study.run:Run.write_plan",
    "compiling the outcomes": "sleepdask.study.run:compile_outcomes",
}
IN_A_WORKER = {
    "between part and outcome": "sleepdask.study.outcome:RecordingOutcome.to_json",
    "between outcome and end": "sleepdask.study.begun:Begun.end",
}


def test_a_client_is_killed_at_the_worst_moments(cohort: Path, truth: Path, output: Path, tmp_path: Path) -> None:
    study = Study(cohort, output)
    moments = [("client", where) for where in IN_A_CLIENT.values()]
    moments[2:2] = [("worker", where) for where in IN_A_WORKER.values()]  # while there is work for workers
    with watched(output, output.with_name("watched.json")):
        for k, (who, where) in enumerate(moments):
            kill_at(study, who, where, tmp_path / f"held-{k}", *HERE)
        assert len(finished(output)) == len(finished(truth))
        study.run(*HERE).end(FOUND)
        study.check()
    check_whole(output, truth)


def kill_at(study: Study, who: str, where: str, marker: Path, *options: str) -> None:
    """Kill a client that is held, or one of whose workers is, just before it calls a function."""
    client = study.run(*options, **{who: {"hold": [where, str(marker)]}})
    client.wait_for(marker.exists, f"{who} at {where}")
    assert marker.exists(), client.said
    client.kill()
    study.check()


def test_a_client_is_killed_while_a_file_is_half_there(
    few: Path, few_truth: Path, output: Path, tmp_path: Path
) -> None:
    study, options = Study(few, output), ("--backend", "processes", "--workers", "1")
    kill_at(study, "worker", "os:fsync", tmp_path / "held", *options)
    assert list(output.glob(".unfinished/*/*-part-0.parquet"))
    assert not list(output.glob("features/*/*"))
    study.run(*options).end(0, FOUND)
    check_whole(output, few_truth)


def test_a_client_is_killed_while_arrays_are_written(few: Path, few_arrays: Path, output: Path, tmp_path: Path) -> None:
    study, options = Study(few, output), ("--backend", "processes", "--workers", "1", "--arrays")
    kill_at(study, "worker", "sleepdask.study.files:_sync", tmp_path / "held", *options)
    assert not output.joinpath("arrays").exists() or not list(output.glob("arrays/*"))
    study.run(*options).end(0, FOUND)
    check_whole(output, few_arrays)
    assert tree(output / "arrays") == tree(few_arrays / "arrays")


def test_a_client_is_killed_before_its_report_is_there(
    few: Path, few_truth: Path, output: Path, tmp_path: Path
) -> None:
    """A report of the run before, which has become wrong, is not left in its place."""
    study, options = Study(few, output), ("--backend", "sync", "--report")
    half = few.with_name("half.csv")
    half.write_text("".join(few.read_text().splitlines(keepends=True)[:7]))
    Study(half, output).run(*options).end(0, FOUND)
    assert "report.html" in names(output)
    kill_at(study, "client", "sleepdask.study.study:Study.report", tmp_path / "held", *options)
    assert "report.html" not in names(output)
    study.run(*options).end(0, FOUND)
    assert "report.html" in names(output)
    assert tree(output / "features") == tree(few_truth / "features")
