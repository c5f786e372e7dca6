"""The names of the earlier framework do what its own tests expected of them, and really work in parallel."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask
import pytest

from sleepdask.parallel import (
    AtomicCounter,
    ParallelConfig,
    ParallelExecutor,
    RWLock,
    ThreadSafeCache,
    batch_items,
    chunk_for_workers,
    close_pools,
    disable_parallel_processing,
    enable_parallel_processing,
    get_parallel_config,
    open_backend,
    parallel_config,
    parallel_map,
    set_parallel_config,
)
from sleepdask.parallel.graphs import compute_on

TWO = ParallelConfig(max_workers_cpu=2, max_workers_io=2, workers=2)


@pytest.fixture(scope="module", autouse=True)
def pools() -> Iterator[None]:
    """Let all tests share a cluster, which starts once."""
    set_parallel_config(TWO)
    yield
    set_parallel_config(None)
    close_pools()


@pytest.fixture
def original() -> Iterator[ParallelConfig]:
    before = get_parallel_config()
    yield before
    set_parallel_config(TWO)


def run_in_threads(functions: list[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(len(functions)) as pool:
        for future in [pool.submit(function) for function in functions]:
            future.result(60)


def test_01_defaults() -> None:
    config = ParallelConfig()
    assert config.enabled is True
    assert config.max_workers_cpu >= 1
    assert config.max_workers_io >= 1
    assert config.chunk_size > 0


def test_02_all_fields_can_be_set() -> None:
    config = ParallelConfig(enabled=False, max_workers_cpu=4, max_workers_io=8, chunk_size=20, enable_progress=False)
    assert (config.enabled, config.max_workers_cpu, config.max_workers_io) == (False, 4, 8)
    assert (config.chunk_size, config.enable_progress) == (20, False)


def test_03_set_get_and_restore(original: ParallelConfig) -> None:
    config = ParallelConfig(max_workers_cpu=2)
    set_parallel_config(config)
    assert get_parallel_config() is config
    set_parallel_config(original)
    assert get_parallel_config() is original


def test_04_map_threaded_of_a_nested_function() -> None:
    def square(x: int) -> int:
        return x**2

    with ParallelExecutor() as executor:
        assert executor.map_threaded(square, list(range(10)), desc="Squares") == [x**2 for x in range(10)]


def test_05_map_processes_of_a_nested_function() -> None:
    def square(x: int) -> int:
        return x**2

    with ParallelExecutor() as executor:
        assert executor.map_processes(square, list(range(10)), desc="Squares") == [x**2 for x in range(10)]


@pytest.mark.parametrize("use_processes", [False, True])
def test_06_submit_tasks(use_processes: bool) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    def power(base: int, exponent: int = 1) -> int:
        return base**exponent

    tasks = [(add, (1, 2), {}), (power, (3,), {"exponent": 4}), (add, (5, 6), {}), (power, (7,), {})]
    with ParallelExecutor() as executor:
        assert executor.submit_tasks(tasks, use_processes=use_processes, desc="Tasks") == [3, 81, 11, 7]


def test_07_disabled_it_runs_here_without_a_context() -> None:
    executor = ParallelExecutor(ParallelConfig(enabled=False))
    here = threading.get_ident(), os.getpid()
    for run in (executor.map_threaded, executor.map_processes):
        assert run(lambda x: (x, threading.get_ident(), os.getpid()), [1, 2, 3]) == [(x, *here) for x in (1, 2, 3)]


def test_08_parallel_map_in_threads() -> None:
    assert parallel_map(lambda x: x + 1, list(range(10)), use_processes=False) == list(range(1, 11))


def test_09_parallel_map_in_processes() -> None:
    def increment(x: int) -> int:
        return x + 1

    assert parallel_map(increment, list(range(10)), use_processes=True) == list(range(1, 11))


def test_10_parallel_map_with_a_number_of_workers() -> None:
    assert parallel_map(lambda x: x + 1, list(range(10)), max_workers=2) == list(range(1, 11))


def test_11_batches_and_a_rest() -> None:
    batches = batch_items(list(range(25)), batch_size=10)
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert list(batches) == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


def test_12_batches_without_a_rest() -> None:
    assert [len(batch) for batch in batch_items(list(range(20)), 5)] == [5, 5, 5, 5]


def test_13_a_chunk_for_each_worker() -> None:
    chunks = chunk_for_workers(list(range(100)), num_workers=4)
    assert len(chunks) == 4
    assert all(20 <= len(chunk) <= 30 for chunk in chunks)
    assert [k for chunk in chunks for k in chunk] == list(range(100))


def test_14_five_readers_at_once() -> None:
    lock, together = RWLock(), threading.Barrier(5, timeout=60)

    def read() -> None:
        with lock.reader():
            together.wait()

    run_in_threads([read] * 5)


def test_15_ten_writers_lose_no_increment() -> None:
    lock, count = RWLock(), [0]

    def write() -> None:
        for _ in range(50):
            with lock.writer():
                seen = count[0]
                time.sleep(0)
                count[0] = seen + 1

    run_in_threads([write] * 10)
    assert count == [500]


def test_16_set_and_get() -> None:
    cache = ThreadSafeCache()
    cache.set("key", "value")
    assert cache.get("key") == "value"
    assert cache.get("missing") is None


def test_17_get_with_a_default() -> None:
    assert ThreadSafeCache().get("key", "default") == "default"


def test_18_computed_once() -> None:
    cache, calls = ThreadSafeCache(), []

    def compute() -> int:
        calls.append(1)
        return 42

    assert [cache.get_or_compute("key", compute) for _ in range(3)] == [42] * 3
    assert len(calls) == 1


def test_19_statistics() -> None:
    cache = ThreadSafeCache()
    cache.set("a", 1)
    cache.get("a")
    cache.get("b")
    stats = cache.get_stats()
    assert (stats["hits"], stats["misses"], stats["sets"]) == (1, 1, 1)


def test_20_hit_rate_in_percent() -> None:
    cache = ThreadSafeCache()
    cache.set("a", 1)
    for key in "aab":
        cache.get(key)
    assert cache.get_hit_rate() == pytest.approx(200 / 3)


def test_21_clear_and_size() -> None:
    cache = ThreadSafeCache()
    cache.set("a", 1)
    cache.set("b", 2)
    assert cache.size() == 2
    cache.clear()
    assert cache.size() == 0
    assert cache.get("a") is None


def test_22_fifty_threads_and_five_keys() -> None:
    cache, together = ThreadSafeCache(), threading.Barrier(50, timeout=60)

    def ask(k: int) -> None:
        together.wait()
        assert cache.get_or_compute(k % 5, lambda: (time.sleep(0.001), k % 5)[1]) == k % 5

    run_in_threads([lambda k=k: ask(k) for k in range(50)])  # type: ignore[misc]
    assert cache.size() == 5
    assert [cache.get(k) for k in range(5)] == list(range(5))
    assert cache.get_stats()["sets"] == 5


def test_23_increment() -> None:
    counter = AtomicCounter()
    counter.increment()
    assert counter.value == 1
    counter.increment(5)
    assert counter.value == 6


def test_24_decrement() -> None:
    counter = AtomicCounter(10)
    counter.decrement()
    assert counter.value == 9
    counter.decrement(4)
    assert counter.value == 5


def test_25_reset() -> None:
    counter = AtomicCounter()
    counter.increment(7)
    counter.reset()
    assert counter.value == 0
    counter.reset(10)
    assert counter.value == 10


def test_26_ten_threads_and_a_hundred_increments() -> None:
    counter = AtomicCounter()
    run_in_threads([lambda: [counter.increment() for _ in range(100)]] * 10)
    assert counter.value == 1000


def test_27_switches(original: ParallelConfig) -> None:
    disable_parallel_processing()
    assert get_parallel_config().enabled is False
    enable_parallel_processing()
    assert get_parallel_config().enabled is True
    set_parallel_config(original)
    assert get_parallel_config() is original


def work(_: Any = None) -> tuple[int, int]:
    time.sleep(0.002)
    return os.getpid(), threading.get_ident()


# The earlier framework gave all batches of 100 or 960 items to a single process.
COUNTS = pytest.mark.parametrize("count", [100, 960])


@COUNTS
@pytest.mark.parametrize("backend", ["auto", "threads", "processes"])
def test_a_threaded_map_really_uses_its_threads(count: int, backend: Any) -> None:
    with parallel_config(backend=backend):
        places = ParallelExecutor().map_threaded(work, range(count))
    assert {pid for pid, _ in places} == {os.getpid()}
    idents = [ident for _, ident in places]
    assert len(set(idents)) == 2
    assert threading.get_ident() not in idents
    assert min(idents.count(ident) for ident in set(idents)) > count // 5


@COUNTS
@pytest.mark.parametrize("backend", ["auto", "threads", "processes"])
def test_a_map_of_processes_really_uses_its_processes(count: int, backend: Any) -> None:
    def place(_: int) -> int:
        time.sleep(0.002)
        return os.getpid()

    with parallel_config(backend=backend):
        pids = ParallelExecutor().map_processes(place, range(count))
    assert len(pids) == count
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert min(pids.count(pid) for pid in set(pids)) > count // 5


@COUNTS
@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_graph_really_uses_its_workers(count: int, backend: Any) -> None:
    def place(_: int) -> tuple[int, int]:
        time.sleep(0.002)
        return os.getpid(), threading.get_ident()

    config = ParallelConfig(backend=backend, workers=2)
    with open_backend(config) as opened:
        assert (opened.name, opened.workers) == (backend, 2)
        places = compute_on(opened, [dask.delayed(place, pure=False)(k) for k in range(count)], config)
    assert len(places) == count
    assert len(set(places)) == 2
    assert (os.getpid() in {pid for pid, _ in places}) == (backend == "threads")
    assert (os.getpid(), threading.get_ident()) not in places
    assert min(places.count(one) for one in set(places)) > count // 5
