"""Pools that a module's tests share, and threads that take turns very often."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from sleepdask.parallel import ParallelConfig, close_pools, set_parallel_config


@pytest.fixture(scope="module")
def pools() -> Iterator[None]:
    """Let all tests of a module share a cluster of two processes, which starts once."""
    set_parallel_config(ParallelConfig(max_workers_cpu=2, max_workers_io=2, workers=2))
    yield
    set_parallel_config(None)
    close_pools()


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let the threads take turns very often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)
