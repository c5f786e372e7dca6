"""Which configuration holds: argument, block, the one that was set, Dask's configuration, an active Client."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
import yaml

import sleepdask as sd
from sleepdask import ParallelConfig, ParameterError
from sleepdask.parallel import (
    ParallelExecutor,
    backend_name,
    disable_parallel_processing,
    enable_parallel_processing,
    get_parallel_config,
    parallel_config,
    parallel_map,
    set_parallel_config,
)
from sleepdask.parallel.settings import resolve


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("DISABLE_PARALLEL", raising=False)
    set_parallel_config(None)
    yield
    set_parallel_config(None)


def in_thread(function: Any) -> Any:
    """Result of a function in a new thread, with no context of this one."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


def test_each_place_wins_over_the_next() -> None:
    with dask.config.set({"sleepdask.parallel.workers": 2}):
        assert get_parallel_config().workers == 2
        set_parallel_config(ParallelConfig(workers=3))
        assert get_parallel_config().workers == 3
        with parallel_config(workers=4):
            assert get_parallel_config().workers == 4
            assert resolve(workers=5).workers == 5
            assert resolve(ParallelConfig(workers=6)).workers == 6
            assert resolve(ParallelConfig(workers=6), workers=7).workers == 7
            assert ParallelExecutor(ParallelConfig(workers=8)).config.workers == 8
            assert ParallelExecutor().config.workers == 4
        assert get_parallel_config().workers == 3
        set_parallel_config(None)
        assert get_parallel_config().workers == 2
    assert get_parallel_config() == ParallelConfig()


def test_an_argument_changes_nothing_else() -> None:
    with parallel_config(workers=3, retries=2):
        assert resolve(workers=None, backend="threads") == ParallelConfig(backend="threads", workers=3, retries=2)


def test_a_computation_follows_them() -> None:
    x = xr.DataArray(np.arange(4.0), dims="t").chunk({"t": 1})
    here = x.map_blocks(lambda block: block * 0 + threading.get_ident(), template=x)
    me = float(threading.get_ident())

    def where(**arguments: Any) -> set[float]:
        return set(sd.compute(here, **arguments).values)

    assert me not in where()
    set_parallel_config(ParallelConfig(backend="sync"))
    assert where() == {me}
    with parallel_config(backend="threads"):
        assert me not in where()
        assert where(backend="sync") == {me}
        assert where(config=ParallelConfig(enabled=False)) == {me}
    assert where() == {me}


def test_a_map_follows_them() -> None:
    me = threading.get_ident()
    items = [0.01] * 4

    def work(_: float) -> int:
        threading.Event().wait(0.01)
        return threading.get_ident()

    assert me not in parallel_map(work, items)
    with parallel_config(enabled=False):
        assert set(parallel_map(work, items)) == {me}
        assert me not in ParallelExecutor(ParallelConfig(backend="threads")).map_threaded(work, items)


def test_an_executor_takes_what_holds_when_it_is_called() -> None:
    executor = ParallelExecutor()
    with parallel_config(on_error="return"):
        assert [outcome.ok for outcome in executor.map_threaded(float, ["1", "x"])] == [True, False]
    with pytest.raises(ValueError, match="could not convert"):
        executor.map_threaded(float, ["1", "x"])


def test_an_iterator_takes_what_holds_when_it_is_made() -> None:
    with parallel_config(on_error="skip"):
        pairs = ParallelExecutor().map_with_progress(float, ["1", "x"])
    assert list(pairs) == [(0, 1.0)]


def test_blocks_nest() -> None:
    with parallel_config(backend="threads") as outer:
        with parallel_config(workers=2) as inner:
            assert get_parallel_config() is inner
            assert inner == ParallelConfig(backend="threads", workers=2)
            with parallel_config(ParallelConfig(chunk_size=5), retries=1) as third:
                assert third == ParallelConfig(chunk_size=5, retries=1)
            assert get_parallel_config() is inner
        assert get_parallel_config() is outer
    assert get_parallel_config() == ParallelConfig()


def test_a_block_ends_when_it_fails() -> None:
    with pytest.raises(ZeroDivisionError), parallel_config(workers=2):
        raise ZeroDivisionError
    with pytest.raises(ParameterError), parallel_config(workers=2), parallel_config(workers=0):
        raise AssertionError("not reached")
    assert get_parallel_config() == ParallelConfig()


def test_a_block_belongs_to_its_thread() -> None:
    with parallel_config(workers=2):
        assert in_thread(get_parallel_config) == ParallelConfig()

    def other() -> ParallelConfig:
        with parallel_config(workers=3):
            assert barrier.wait(20) >= 0
            assert barrier.wait(20) >= 0
            return get_parallel_config()

    barrier, seen = threading.Barrier(2), []
    thread = threading.Thread(target=lambda: seen.append(other()))
    thread.start()
    barrier.wait(20)
    assert get_parallel_config() == ParallelConfig()
    with parallel_config(workers=4):
        barrier.wait(20)
        thread.join()
        assert get_parallel_config().workers == 4
    assert seen == [ParallelConfig(workers=3)]


def test_what_was_set_holds_in_all_threads() -> None:
    set_parallel_config(ParallelConfig(workers=2))
    assert in_thread(get_parallel_config).workers == 2
    in_thread(lambda: set_parallel_config(ParallelConfig(workers=3)))
    assert get_parallel_config().workers == 3


def test_a_block_belongs_to_its_task() -> None:
    async def work(workers: int) -> list[int | None]:
        seen = []
        with parallel_config(workers=workers):
            for _ in range(5):
                await asyncio.sleep(0)
                seen.append(get_parallel_config().workers)
        await asyncio.sleep(0)
        return [*seen, get_parallel_config().workers]

    async def both() -> list[list[int | None]]:
        return await asyncio.gather(work(2), work(3))

    assert asyncio.run(both()) == [[2] * 5 + [None], [3] * 5 + [None]]


def test_a_map_in_threads_sees_the_block_around_it() -> None:
    with parallel_config(backend="threads", max_workers_io=2, retries=3):
        assert set(ParallelExecutor().map_threaded(lambda _: get_parallel_config().retries, range(20))) == {3}


def test_setting_inside_a_block_warns() -> None:
    with parallel_config(workers=2):
        with pytest.warns(UserWarning, match="a parallel_config block is active") as seen:
            set_parallel_config(ParallelConfig(workers=3))
        assert [warning.filename for warning in seen] == [__file__]
        assert get_parallel_config().workers == 2
    assert get_parallel_config().workers == 3


@pytest.mark.parametrize("switch", [enable_parallel_processing, disable_parallel_processing])
def test_the_warning_of_a_switch_points_here(switch: Any) -> None:
    with parallel_config(workers=2):
        with pytest.warns(UserWarning, match="a parallel_config block is active") as seen:
            switch()
        assert [warning.filename for warning in seen] == [__file__]


def test_setting_after_a_block_does_not_warn() -> None:
    with parallel_config(workers=2):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        set_parallel_config(ParallelConfig())


@pytest.mark.parametrize("value", ["threads", {"workers": 2}, ParallelConfig])
def test_only_a_configuration_can_be_set(value: Any) -> None:
    with pytest.raises(ParameterError, match="not a configuration; expected a ParallelConfig or None; found "):
        set_parallel_config(value)
    assert get_parallel_config() == ParallelConfig()


@pytest.mark.parametrize("given", ["threads", {"workers": 2}])
def test_only_a_configuration_can_be_given(given: Any) -> None:
    with pytest.raises(ParameterError, match="not a configuration"), parallel_config(given):
        pass
    with pytest.raises(ParameterError, match="not a configuration"):
        ParallelExecutor(given)


def test_unknown_settings_are_refused() -> None:
    expected = r"ParallelConfig: no such setting 'worker'; expected enabled, .*, timeout; did you mean 'workers'\?"
    with pytest.raises(ParameterError, match=expected), parallel_config(worker=2):
        raise AssertionError("not reached")
    with dask.config.set({"sleepdask.parallel.chunksize": 3}), pytest.raises(ParameterError, match="'chunk_size'"):
        get_parallel_config()


def test_wrong_values_are_refused_wherever_they_come_from() -> None:
    with pytest.raises(ParameterError, match="workers must be"), parallel_config(workers=0):
        raise AssertionError("not reached")
    with dask.config.set({"sleepdask.parallel.backend": "mars"}), pytest.raises(ParameterError, match="backend"):
        get_parallel_config()


def test_the_defaults_file_has_every_setting() -> None:
    text = files("sleepdask.parallel").joinpath("sleepdask.yaml").read_text("utf-8")
    section = yaml.safe_load(text)["sleepdask"]["parallel"]
    assert [name.replace("-", "_") for name in section] == [each.name for each in dataclasses.fields(ParallelConfig)]
    assert "_" not in "".join(section)
    assert ParallelConfig(**{name.replace("-", "_"): value for name, value in section.items()}) == ParallelConfig()
    assert dask.config.get("sleepdask.parallel.chunk-size") == 10


@pytest.mark.parametrize("name", ["chunk-size", "chunk_size"])
def test_dask_takes_both_spellings(name: str) -> None:
    with dask.config.set({f"sleepdask.parallel.{name}": 7}):
        assert get_parallel_config() == ParallelConfig(chunk_size=7)


def ask_python(code: str, **environment: str) -> Any:
    """What a new process prints as JSON, with other environment variables."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sleepdask.parallel as p\nc = p.get_parallel_config()\n{code}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_environment_variables_of_dask() -> None:
    seen = ask_python(
        "print(json.dumps([c.backend, c.max_workers_cpu, c.enable_progress, c.workers, c.timeout, c.on_error]))",
        DASK_SLEEPDASK__PARALLEL__BACKEND="processes",
        DASK_SLEEPDASK__PARALLEL__MAX_WORKERS_CPU="3",
        DASK_SLEEPDASK__PARALLEL__ENABLE_PROGRESS="false",
        DASK_SLEEPDASK__PARALLEL__TIMEOUT="2m",
        DASK_SLEEPDASK__PARALLEL__ON_ERROR="skip",
    )
    assert seen == ["processes", 3, False, None, 120.0, "skip"]


def test_a_file_of_dask(tmp_path: Any) -> None:
    (tmp_path / "mine.yaml").write_text("sleepdask: {parallel: {backend: sync, chunk-size: 5}}\n", "utf-8")
    seen = ask_python("print(json.dumps([c.backend, c.chunk_size, c.retries]))", DASK_CONFIG=str(tmp_path))
    assert seen == ["sync", 5, 0]


def test_the_environment_disables_all() -> None:
    code = "p.enable_parallel_processing(); print(json.dumps([c.enabled, p.get_parallel_config().enabled]))"
    assert ask_python(code, DISABLE_PARALLEL="1") == [False, False]


def test_switched_off_and_on() -> None:
    set_parallel_config(ParallelConfig(workers=3))
    disable_parallel_processing()
    assert get_parallel_config() == ParallelConfig(enabled=False, workers=3)
    enable_parallel_processing()
    assert get_parallel_config() == ParallelConfig(workers=3)


def test_switching_keeps_what_dask_says() -> None:
    with dask.config.set({"sleepdask.parallel": {"chunk-size": 5, "enabled": False}}):
        enable_parallel_processing()
        assert get_parallel_config() == ParallelConfig(chunk_size=5)
        disable_parallel_processing()
        assert get_parallel_config() == ParallelConfig(chunk_size=5, enabled=False)


def test_switched_off_everything_runs_here() -> None:
    disable_parallel_processing()
    me = threading.get_ident(), os.getpid()
    assert set(parallel_map(lambda _: (threading.get_ident(), os.getpid()), range(30))) == {me}
    assert set(parallel_map(lambda _: (threading.get_ident(), os.getpid()), range(30), use_processes=True)) == {me}


def test_an_active_client_is_taken_unless_something_else_is_said() -> None:
    from distributed import Client, LocalCluster, get_worker

    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0") as cluster:
        with Client(cluster) as client:
            assert [backend_name(ParallelConfig(), p) for p in ("graph", "cpu", "io")] == [
                "distributed",
                "distributed",
                "threads",
            ]
            assert backend_name(ParallelConfig(backend="threads")) == "threads"
            assert backend_name(ParallelConfig(enabled=False)) == "sync"
            workers = set(client.scheduler_info()["workers"])
            assert set(parallel_map(lambda _: get_worker().address, range(5), use_processes=True)) == workers
            x = xr.DataArray(np.arange(6.0), dims="t").chunk({"t": 2})
            assert float(sd.compute(x.sum())) == 15.0
            assert client.status == "running"
        assert backend_name(ParallelConfig()) == "threads"
        assert cluster.status.name == "running"
