"""How work is run: configurations, the scheduler they choose, the bar."""

from __future__ import annotations

import dataclasses
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import dask
import numpy as np
import pytest
import xarray as xr
from dask.system import CPU_COUNT

import sleepdask as sd
from sleepdask import ParallelConfig, ParameterError
from sleepdask.parallel.backends import schedule
from sleepdask.parallel.config import BACKENDS
from sleepdask.parallel.progress import progress_bar


@pytest.mark.parametrize(
    ("config", "backend", "workers"),
    [
        (ParallelConfig(), "threads", CPU_COUNT),
        (ParallelConfig(workers=7), "threads", 7),
        (ParallelConfig(backend="threads"), "threads", CPU_COUNT),
        (ParallelConfig(backend="sync"), "sync", 1),
        (ParallelConfig(backend="sync", workers=7), "sync", 1),
        (ParallelConfig(enabled=False, backend="threads", workers=7), "sync", 1),
    ],
)
def test_what_is_really_used(config: ParallelConfig, backend: str, workers: int) -> None:
    assert (config.effective_backend, config.effective_workers) == (backend, workers)


@pytest.mark.parametrize("backend", ["", "Threads", "processes-on-mars", None])
def test_unknown_backends(backend: str) -> None:
    with pytest.raises(ParameterError, match=f"unknown backend; expected one of {', '.join(BACKENDS)}"):
        ParallelConfig(backend=backend)


@pytest.mark.parametrize("workers", [0, -1])
def test_too_few_workers(workers: int) -> None:
    with pytest.raises(ParameterError, match=f"workers must be at least 1; found {workers}"):
        ParallelConfig(workers=workers)


def test_a_configuration_is_a_value() -> None:
    config = ParallelConfig(backend="threads", workers=2)
    assert pickle.loads(pickle.dumps(config)) == config
    assert len({config, ParallelConfig(True, "threads", 2)}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.workers = 3  # type: ignore[misc]


def threads_used(config: ParallelConfig, tasks: int = 12) -> set[int]:
    together = threading.Barrier(min(config.effective_workers, tasks), timeout=20)

    @dask.delayed
    def meet() -> int:
        if config.effective_workers > 1:
            together.wait()
        return threading.get_ident()

    return set(dask.compute(*(meet() for _ in range(tasks)), **schedule(config)))


def test_sync_runs_in_the_calling_thread() -> None:
    assert threads_used(ParallelConfig(enabled=False)) == {threading.get_ident()}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_as_many_threads_as_asked_for(workers: int) -> None:
    assert len(threads_used(ParallelConfig(workers=workers))) == workers


def test_the_settings_of_dask_are_left_alone_by_many_threads() -> None:
    before = dict(dask.config.config)
    numbers = xr.DataArray(np.arange(8.0), dims="t").chunk({"t": 1})

    def work(k: int) -> float:
        return float(sd.compute(numbers.sum(), backend="sync" if k % 2 else "threads", workers=2))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(40))) == {28.0}
    assert dask.config.config == before


@pytest.mark.parametrize(("wanted", "shown"), [(True, True), (False, False), (None, False)])
def test_bars(wanted: bool | None, shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reading", wanted=wanted):
        dask.compute(dask.delayed(sum)([1, 2]), scheduler="sync")
    printed = capsys.readouterr()
    assert ("reading" in printed.err) == shown
    assert printed.out == ""
