"""Workers have the environment that keeps their memory: those started here, and those of deploy/workers.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import dask
import yaml

from sleepdask.parallel import ParallelConfig, ParallelExecutor
from sleepdask.parallel.backends import local

NAMES = ("MALLOC_TRIM_THRESHOLD_", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")


def test_workers_started_here() -> None:
    executor = ParallelExecutor(ParallelConfig(backend="processes", max_workers_cpu=2))
    assert executor.map_processes(lambda name: os.environ.get(name), NAMES) == [None, "1", "1"]


def test_workers_started_by_hand_get_the_same() -> None:
    file = Path(__file__).parents[2] / "deploy" / "workers.yaml"
    shipped = yaml.safe_load(file.read_text("utf-8"))
    assert dask.config.get(local._ENVIRON, config=shipped) == local._CHANGES
