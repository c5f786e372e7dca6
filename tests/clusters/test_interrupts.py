"""Ctrl-C, which a terminal sends to all processes of a job: one line of ours, and nobody is left."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from distributed import Client
from jobs import PATIENCE, wait_until

from sleepdask.parallel import ParallelConfig, parallel_map
from sleepdask.parallel.backends import open_backend

OWN = ParallelConfig(backend="processes", workers=1)


class Extraction:
    """``sleepdask extract`` of many epochs, in a session of its own."""

    def __init__(self, night: Path, folder: Path, *options: str) -> None:
        self._output, self._log = folder / "out", folder / "log.txt"
        command = [sys.executable, "-m", "sleepdask", "extract", str(night), "-o", str(self._output), "--step", "0.05s"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def workers(self) -> list[psutil.Process]:
        assert self.process.poll() is None, self._log.read_text()
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [each for each in below if "spawn_main" in " ".join(each.cmdline())]

    def interrupt(self) -> None:
        below = self.workers()
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        assert self._log.read_text().split("\n") == ["", "sleepdask: interrupted", ""]
        assert self.process.returncode == 130
        assert not psutil.wait_procs(below, timeout=15)[1]
        assert not self._output.exists()


@pytest.fixture(scope="module")
def long_night(write_night: Any) -> Path:
    """Two hours of one channel: 143,000 epochs."""
    night: Path = write_night({"C3": 100}, 7200)
    return night


@pytest.mark.parametrize("seconds", [0.0, 0.5, *(pytest.param(x, marks=pytest.mark.slow) for x in (1.0, 2.0, 4.0))])
def test_processes_end_quietly_whenever_it_comes(long_night: Path, tmp_path: Path, seconds: float) -> None:
    extraction = Extraction(long_night, tmp_path, "--backend", "processes", "--workers", "2")
    wait_until(extraction.workers, "the first worker")
    time.sleep(seconds)
    extraction.interrupt()


def test_a_cluster_elsewhere_goes_on_quietly(long_night: Path, tmp_path: Path, start_elsewhere: Any) -> None:
    cluster = start_elsewhere(workers=2)
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2)
        extraction = Extraction(long_night, tmp_path, "--scheduler", cluster.address)
        wait_until(lambda: any(client.processing().values()), "the work to begin")
        extraction.interrupt()
        assert client.submit(sum, [1, 2]).result(PATIENCE) == 3
        assert len(client.scheduler_info(n_workers=-1)["workers"]) == 2


def test_a_program_that_a_task_starts_can_be_interrupted() -> None:
    look = (
        "import signal as s; print(s.getsignal(s.SIGINT) is s.default_int_handler, s.pthread_sigmask(s.SIG_BLOCK, []))"
    )
    command = [sys.executable, "-c", look]
    seen = parallel_map(
        lambda _: subprocess.run(command, capture_output=True, text=True, check=True).stdout,
        range(2),
        use_processes=True,
        max_workers=1,
    )
    assert seen == ["True set()\n"] * 2


def test_a_result_that_nobody_wants_any_more_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with open_backend(OWN) as backend:
        assert backend.submit(sum, [1, 2]).result() == 3
        caplog.clear()
        scheduler = logging.getLogger("distributed.scheduler")
        scheduler.error("Couldn't gather keys: %s", {"a": "forgotten", "b": "forgotten"})
        scheduler.error("Couldn't gather keys: %s", {"a": "forgotten", "b": "lost"})
    assert [record.args for record in caplog.records] == [{"a": "forgotten", "b": "lost"}]


def test_an_interrupt_outside_of_a_computation_ends_the_workers_too() -> None:
    before = _workers_of_what_is_interrupted(lambda backend: backend.submit(time.sleep, 10 * PATIENCE))
    assert before
    assert not psutil.wait_procs(before, timeout=15)[1]
    with open_backend(OWN) as backend:
        assert backend.submit(sum, [1, 2]).result() == 3


def test_an_interrupt_leaves_a_cluster_that_somebody_else_uses() -> None:
    with open_backend(OWN) as other:
        result = other.submit(sum, [1, 2])
        assert _workers_of_what_is_interrupted(lambda backend: None) == _workers(other)
        assert result.result() == 3


def _workers_of_what_is_interrupted(work: Callable[[Any], object]) -> list[psutil.Process]:
    workers = []
    try:
        with open_backend(OWN) as backend:
            workers += _workers(backend)
            work(backend)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return workers


def _workers(backend: Any) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid in backend.client.run(os.getpid).values()]
