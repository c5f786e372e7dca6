"""Schedulers and workers as processes of their own, and pools that end with each test."""

from __future__ import annotations

import gc
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest
from elsewhere import STARTED, Elsewhere
from jobs import wait_until

from sleepdask.parallel import ParallelConfig, close_pools, open_backend
from sleepdask.parallel.graphs import compute_on

TEST_SECONDS = 180
_LOG_CHARACTERS = 4000

StartElsewhere = Callable[..., Elsewhere]


@pytest.fixture
def start_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartElsewhere]:
    """Start clusters that end with the test: `start_elsewhere(workers=2)`."""
    made: list[Elsewhere] = []

    def start(workers: int = 2, **commands: str) -> Elsewhere:
        made.append(Elsewhere(tmp_path_factory.mktemp("cluster"), **commands))
        made[-1].add_workers(workers)
        return made[-1]

    yield start
    close_pools()  # a client that outlives its scheduler complains
    for each in made:
        each.end()


@pytest.fixture(scope="session")
def plain_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """Two workers without encryption, for tests that leave them as they were."""
    cluster = Elsewhere(tmp_path_factory.mktemp("plain"))
    cluster.add_workers(2)
    yield cluster
    close_pools()
    cluster.end()


@pytest.fixture(scope="session")
def tls_commands(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Commands that ``sleepdask tls`` prints: scheduler, worker, client."""
    pytest.importorskip("cryptography")
    folder = tmp_path_factory.mktemp("certificates") / "tls"
    printed = subprocess.run(
        [sys.executable, "-m", "sleepdask", "tls", str(folder), "--json"], capture_output=True, text=True, check=True
    )
    document = json.loads(printed.stdout)
    assert document["folder"] == str(folder)
    commands: dict[str, str] = document["commands"]
    return commands


@pytest.fixture(scope="session")
def tls_cluster(tmp_path_factory: pytest.TempPathFactory, tls_commands: dict[str, str]) -> Iterator[Elsewhere]:
    """Two workers, started as ``sleepdask tls`` says."""
    scheduler, worker = tls_commands["scheduler"], tls_commands["worker"]
    cluster = Elsewhere(tmp_path_factory.mktemp("encrypted"), scheduler=scheduler, worker=worker)
    cluster.certificates = Path(shlex.split(tls_commands["client"])[-1])
    cluster.add_workers(2, nanny=True)  # as the command says
    yield cluster
    close_pools()
    cluster.end()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait until a condition gives something true: `until(condition, "what is waited for")`."""
    return wait_until


@pytest.fixture(autouse=True)
def closed_pools() -> Iterator[None]:
    """Begin and end without clusters, connections and workers of another test."""
    close_pools()
    yield
    close_pools()
    gc.collect()  # a Client that is not closed ends here, as its end may wait for ever inside the start of another


@pytest.fixture
def children() -> Callable[[], list[psutil.Process]]:
    """Processes that the package started: neither those of the fixtures, nor the tracker that every program keeps."""

    def below() -> list[psutil.Process]:
        return [each for each in psutil.Process().children(recursive=True) if _is_ours(each)]

    return below


def _is_ours(process: psutil.Process) -> bool:
    try:
        here = os.getsid(process.pid) == os.getsid(0)
        return here and "resource_tracker" not in " ".join(process.cmdline())
    except (psutil.Error, ProcessLookupError):
        return False


@pytest.fixture
def compute_graph() -> Callable[..., tuple[Any, ...]]:
    """Compute Dask collections where a configuration says: `compute_graph(config, *collections)`."""

    def run(config: ParallelConfig, *collections: Any) -> tuple[Any, ...]:
        with open_backend(config) as backend:
            return compute_on(backend, collections, config)

    return run


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """Fail a test that hangs, as an interrupt would end it."""

    def give_up(*_: object) -> None:
        pytest.fail(f"still not done after {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def first_death_counts() -> Iterator[None]:
    """Give a task up when it has killed one worker, not four: the same ends, sooner."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        yield


@pytest.fixture(scope="session", autouse=True)
def nobody_left() -> Iterator[None]:
    """End what a fixture that failed has started."""
    yield
    for each in list(STARTED):
        each.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show with a failure what schedulers and workers wrote."""
    report = yield
    if report.failed:
        for each in STARTED:
            report.sections.append((f"{each.log}", each.log.read_text(errors="replace")[-_LOG_CHARACTERS:]))
    return report
