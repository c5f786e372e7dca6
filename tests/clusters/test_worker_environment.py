"""Workers have the environment that keeps their memory: those started here, and those of deploy/workers.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from sleepdask.parallel import ParallelConfig, ParallelExecutor, close_pools, open_backend
from sleepdask.parallel.backends.starting import WORKERS

NAMES = ("MALLOC_TRIM_THRESHOLD_", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


def test_workers_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as Dask leaves it when it has started workers of its own
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    close_pools()
    executor = ParallelExecutor(ParallelConfig(backend="processes", max_workers_cpu=2))
    assert executor.map_processes(lambda name: os.environ.get(name), NAMES) == [None, "1", "1"]
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "65536"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_workers_started_here_have_imported_what_maps_need() -> None:
    close_pools()
    with open_backend(ParallelConfig(backend="processes", workers=2)) as backend:
        client = backend.client  # type: ignore[attr-defined]
        loaded = client.run(eval, "'sleepdask.parallel.maps' in __import__('sys').modules")  # itself imports nothing
    assert list(loaded.values()) == [True, True]


def test_workers_started_by_hand_get_the_same() -> None:
    file = Path(__file__).parents[2] / "deploy" / "workers.yaml"
    assert yaml.safe_load(file.read_text("utf-8"))["distributed"]["nanny"] == WORKERS
