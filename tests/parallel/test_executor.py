"""Maps: order, laziness, failures as data, time limits, what travels between processes, and no way to hang."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import PATIENCE, Job, wait_until

from sleepdask.errors import BackendError, ParameterError, TooSlowError, WorkerLostError
from sleepdask.parallel import (
    AtomicCounter,
    Outcome,
    ParallelConfig,
    ParallelExecutor,
    close_pools,
    get_parallel_config,
    open_backend,
    parallel_config,
    parallel_map,
)
from sleepdask.parallel.backends.threads import ThreadPool
from sleepdask.parallel.calls import Batch, Call, Done, RemoteError

IN_PROCESSES = [False, True]
pytestmark = pytest.mark.usefixtures("pools")


@pytest.fixture(params=["sync", "threads", "processes"])
def run(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """Map on one of the backends: `run(function, items, retries=1)`."""

    def run(function: Callable[[Any], Any], items: Iterable[Any], **settings: Any) -> list[Any]:
        return executor(request.param, **settings)[0](function, items)

    return run


def executor(backend: str = "threads", **settings: Any) -> tuple[Callable[..., list[Any]], ParallelExecutor]:
    """Method that maps on a backend, and its executor."""
    settings = {"max_workers_cpu": 2, "max_workers_io": 2, "backend": backend} | settings
    made = ParallelExecutor(ParallelConfig(**settings))
    return (made.map_threaded if backend == "threads" else made.map_processes), made


def map_(backend: str, function: Callable[[Any], Any], items: Iterable[Any], **settings: Any) -> list[Any]:
    return executor(backend, **settings)[0](function, items)


def stays(value: Callable[[], object]) -> bool:
    """Whether something is the same after a while in which many items could have begun."""
    before = value()
    time.sleep(0.3)
    return value() == before


def outline(outcomes: list[Outcome[Any]]) -> list[Any]:
    """Value of each outcome, or name of its error."""
    return [outcome.value if outcome.ok else outcome.error_type for outcome in outcomes]


# ----------------------------------------------------------------------------------------- items and results


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 100, 1001])
def test_results_have_the_order_of_the_items(run: Any, count: int) -> None:
    assert run(lambda x: x * x, range(count)) == [x * x for x in range(count)]


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_order_though_the_first_take_longest(use_processes: bool) -> None:
    def work(k: int) -> int:
        time.sleep(0.03 / (k + 1))
        return k

    assert parallel_map(work, range(30), use_processes=use_processes) == list(range(30))


def test_items_may_come_from_a_generator(run: Any) -> None:
    assert run(abs, (-k for k in range(37))) == list(range(37))
    assert run(abs, iter([-1])) == [1]
    assert run(abs, iter([])) == []
    assert sorted(run(str.upper, {"a", "b"})) == ["A", "B"]
    assert run(str.upper, {"a": 1, "b": 2}) == ["A", "B"]


def test_none_is_a_result_like_any_other(run: Any) -> None:
    assert run(lambda x: None, range(25)) == [None] * 25


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_none_comes_with_its_index(use_processes: bool) -> None:
    pairs = ParallelExecutor().map_with_progress(lambda x: None, range(5), use_processes=use_processes)
    assert sorted(pairs) == [(k, None) for k in range(5)]


@pytest.mark.parametrize("chunksize", [None, 1, 3, 50])
@pytest.mark.parametrize("name", ["map_threaded", "map_processes"])
def test_any_chunksize_gives_the_same(name: str, chunksize: int | None) -> None:
    assert getattr(ParallelExecutor(), name)(abs, range(-50, 0), chunksize=chunksize) == list(range(50, 0, -1))


def test_chunksize_is_the_largest_batch_of_what_takes_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    call = Call.__call__

    def spy(self: Call, batch: Batch, *rest: Any) -> Done:
        sizes.append(len(batch.items))
        return call(self, batch, *rest)

    monkeypatch.setattr(Call, "__call__", spy)
    made = executor("threads", chunk_size=5)[1]
    made.map_threaded(lambda _: time.sleep(0.011), range(60), chunksize=3)
    assert max(sizes) == 3
    assert sizes[-1] == 1  # smaller near the end, so that both workers stay busy
    sizes.clear()
    made.map_threaded(lambda _: time.sleep(0.011), range(60))
    assert max(sizes) == 5
    sizes.clear()
    made.map_threaded(abs, range(10_000))
    assert max(sizes) > 100


@pytest.mark.parametrize("chunksize", [0, -1, 2.5])
def test_a_chunksize_that_is_none(chunksize: Any) -> None:
    with pytest.raises(ParameterError, match="chunksize"):
        ParallelExecutor().map_threaded(abs, [1, 2], chunksize=chunksize)


def test_what_runs_in_the_calling_thread_sees_a_context_of_its_own() -> None:
    variable: ContextVar[int] = ContextVar("variable", default=0)
    ParallelExecutor().map_threaded(variable.set, range(1, 50))
    assert variable.get() == 0


def test_an_item_that_waits_for_a_thread_has_not_begun() -> None:
    leave = threading.Event()
    busy = Job(lambda: map_("threads", lambda _: leave.wait(PATIENCE), range(2)))
    timed = Job(lambda: map_("threads", abs, [-1], timeout=0.2, on_error="return"))
    time.sleep(1)
    leave.set()
    assert [outcome.value for outcome in timed.end()] == [1]
    busy.end()


@pytest.mark.parametrize("end", ["error", "interrupt"])
def test_threads_leave_the_rest_of_a_batch(end: str) -> None:
    begun = AtomicCounter()

    def work(k: int) -> None:
        begun.increment()
        if k == 0:
            if end == "error":
                raise LookupError("no first")
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # type: ignore[arg-type]
        time.sleep(0.05)

    with pytest.raises((LookupError, KeyboardInterrupt)):
        map_("threads", work, range(200), chunk_size=50)
    time.sleep(0.5)
    assert begun.value < 30  # of 100 in the two batches


def test_an_error_without_a_text(caplog: pytest.LogCaptureFixture) -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def work(k: int) -> int:
        if k == 1:
            raise MuteError
        return k

    assert map_("threads", work, range(3), on_error="skip") == [0, 2]
    assert "its text cannot be made: RuntimeError" in caplog.text


@pytest.mark.parametrize("backend", ["sync", "threads", "processes"])
def test_items_are_taken_as_they_are_needed(backend: str) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for k in range(1_000_000):
            taken += 1
            yield k

    def work(k: int) -> int:
        time.sleep(0.01)
        return k

    pairs = executor(backend)[1].map_with_progress(work, items(), use_processes=backend == "processes")
    ahead = 0
    for done, _ in enumerate(itertools.islice(pairs, 200)):
        ahead = max(ahead, taken - done)
    pairs.close()  # type: ignore[attr-defined]
    assert ahead <= 2 * 2 * 10 + 10  # two batches for each of two workers, and the one that is handed out
    assert taken < 300


def test_a_million_items_that_take_no_time() -> None:
    taken = ahead = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for k in range(1_000_000):
            taken += 1
            yield k

    for done, (_, value) in enumerate(executor("threads")[1].map_with_progress(abs, items())):
        ahead = max(ahead, taken - done)
        assert value >= 0
    assert taken == done + 1 == 1_000_000
    assert ahead <= 5 * (1 << 16)


def test_large_items_do_not_gather_in_batches() -> None:
    taken = ahead = 0

    def items() -> Iterator[bytes]:
        nonlocal taken
        for k in range(1500):
            taken += 1
            yield bytes([k % 256]) * 20_000

    for done, _ in enumerate(ParallelExecutor().map_with_progress(len, items(), use_processes=True)):
        ahead = max(ahead, taken - done)
    assert taken == 1500
    assert ahead * 20_000 < 16 << 20


def test_an_error_of_the_items_is_theirs(run: Any) -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("no third item")

    with pytest.raises(LookupError, match="no third item"):
        run(abs, items())
    assert run(abs, [-1, -2]) == [1, 2]


def test_an_error_of_the_items_leaves_other_maps_alone() -> None:
    def work(k: int) -> int:
        time.sleep(0.005)
        return k

    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no second item")

    other = Job(lambda: map_("processes", work, range(300)))
    time.sleep(0.2)
    with pytest.raises(LookupError):
        map_("processes", abs, items())
    assert other.end() == list(range(300))


# ----------------------------------------------------------------------------------------- what fails


def test_the_original_error_with_a_note(run: Any) -> None:
    def parse(text: str) -> float:
        return float(text)

    with pytest.raises(ValueError, match="could not convert string to float: 'many'") as raised:
        run(parse, ["1", "2", "many", "4"])
    (note,) = raised.value.__notes__
    assert note.startswith("item 2, on pid ")
    assert "Traceback (most recent call last)" in note
    assert "return float(text)" in note
    assert "in attempt" not in note
    assert "in _plain" not in note


def test_the_note_stands_beside_those_of_the_function(run: Any) -> None:
    def fail(k: int) -> None:
        error = ValueError("no")
        error.add_note("said by the function")
        if k:
            raise error

    with pytest.raises(ValueError, match="no") as raised:
        run(fail, [0, 1, 0])
    assert raised.value.__notes__[0] == "said by the function"
    assert any(note.startswith("item 1, on pid ") for note in raised.value.__notes__)


def test_errors_keep_what_they_hold(run: Any) -> None:
    def fail(k: int) -> None:
        if k:
            raise FileNotFoundError(2, "gone", f"night{k}.edf")

    with pytest.raises(FileNotFoundError) as raised:
        run(fail, [0, 7, 0])
    assert (raised.value.errno, raised.value.filename) == (2, "night7.edf")


def test_after_a_failure_no_more_threads_begin() -> None:
    begun: list[int] = []

    def work(k: int) -> None:
        begun.append(k)
        time.sleep(0.005)
        if k == 3:
            raise KeyError(k)

    with pytest.raises(KeyError):
        executor("threads", chunk_size=5)[0](work, range(1000))
    wait_until(lambda: stays(lambda: len(begun)))
    assert len(begun) <= 3 * 5 * 2
    assert map_("threads", abs, [-1, -2]) == [1, 2]


def test_after_a_failure_no_more_processes_begin(tmp_path: Path) -> None:
    def work(k: int) -> None:
        (tmp_path / str(k)).touch()
        time.sleep(0.005)
        if k == 3:
            raise KeyError(k)

    with pytest.raises(KeyError):
        map_("processes", work, range(2000), chunk_size=5)
    wait_until(lambda: stays(lambda: len(list(tmp_path.iterdir()))))
    assert len(list(tmp_path.iterdir())) < 200
    assert map_("processes", abs, [-1, -2]) == [1, 2]


def test_after_a_failure_nothing_more_begins_in_the_calling_thread() -> None:
    begun: list[int] = []

    def work(k: int) -> None:
        begun.append(k)
        if k == 3:
            raise KeyError(k)

    with pytest.raises(KeyError):
        map_("sync", work, range(1000))
    assert begun == [0, 1, 2, 3]


def test_skipped(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "sleepdask.parallel"):
        assert run(float, ["1", "x", "3", "y", "5"], on_error="skip") == [1.0, 3.0, 5.0]
    (record,) = [record for record in caplog.records if record.name == "sleepdask.parallel"]
    assert record.levelno == logging.WARNING
    text = record.getMessage()
    assert text.startswith("2 items failed and are left out; item ")
    assert ": ValueError: could not convert string to float: " in text


def test_nothing_is_logged_when_nothing_fails(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    for on_error in ("raise", "skip", "return"):
        run(abs, [1, 2], on_error=on_error)
    assert [record for record in caplog.records if record.name == "sleepdask.parallel"] == []


def test_all_may_be_skipped(run: Any) -> None:
    assert run(float, ["x"] * 25, on_error="skip") == []


def test_outcomes_are_returned_for_all(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    def half(k: int) -> int:
        if k == 13:
            raise ValueError("unlucky")
        return k // 2

    outcomes = run(half, range(20), on_error="return")
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    assert [outcome.index for outcome in outcomes] == list(range(20))
    assert [outcome.ok for outcome in outcomes] == [k != 13 for k in range(20)]
    assert [outcome.value for outcome in outcomes] == [None if k == 13 else k // 2 for k in range(20)]
    failed = outcomes[13]
    assert (failed.error_type, failed.message, failed.attempts) == ("ValueError", "unlucky", 1)
    assert failed.traceback.startswith("Traceback (most recent call last)")
    assert 'raise ValueError("unlucky")' in failed.traceback
    assert all(outcome.worker.startswith("pid ") for outcome in outcomes)
    assert all(0 <= outcome.seconds < PATIENCE for outcome in outcomes)
    assert (outcomes[0].traceback, outcomes[0].error_type, outcomes[0].message) == ("", "", "")
    assert outcomes[2].unwrap() == 1
    with pytest.raises(ValueError, match="unlucky"):
        failed.unwrap()
    assert not [record for record in caplog.records if record.name.startswith("sleepdask")]


def test_outcomes_tell_where() -> None:
    me = f"pid {os.getpid()}, "
    assert {o.worker for o in map_("sync", abs, range(9), on_error="return")} == {me + threading.current_thread().name}
    assert all(o.worker.startswith(me) for o in map_("threads", abs, range(9), on_error="return"))
    assert not any(o.worker.startswith(me) for o in map_("processes", abs, range(9), on_error="return"))


def test_outcomes_tell_how_long(run: Any) -> None:
    outcomes = run(time.sleep, [0.02, 0.02], on_error="return")
    assert all(outcome.seconds >= 0.019 for outcome in outcomes)


@pytest.mark.parametrize("backend", ["sync", "threads"])
@pytest.mark.parametrize("on_error", ["raise", "skip", "return"])
def test_retries_in_this_process(backend: str, on_error: str) -> None:
    tries = [AtomicCounter() for _ in range(12)]

    def third_time(k: int) -> int:
        if tries[k].increment() < 3:
            raise OSError("again")
        return k

    results = map_(backend, third_time, range(12), retries=2, on_error=on_error)
    if on_error == "return":
        assert [outcome.attempts for outcome in results] == [3] * 12
        results = [outcome.unwrap() for outcome in results]
    assert results == list(range(12))
    assert [counter.value for counter in tries] == [3] * 12


@pytest.mark.parametrize("on_error", ["skip", "return"])
def test_retries_in_other_processes(tmp_path: Path, on_error: str) -> None:
    def third_time(k: int) -> int:
        with (tmp_path / str(k)).open("a") as file:
            file.write("x")
        if (tmp_path / str(k)).stat().st_size < (9 if k == 5 else 3):
            raise OSError("again")
        return k

    results = map_("processes", third_time, range(12), retries=3, on_error=on_error)
    if on_error == "return":
        assert [outcome.attempts for outcome in results] == [4 if k == 5 else 3 for k in range(12)]
        results = [outcome.value for outcome in results if outcome.ok]
    assert results == [k for k in range(12) if k != 5]
    assert (tmp_path / "5").stat().st_size == 4


def test_a_system_exit_is_an_error_of_its_item(run: Any) -> None:
    def leave(k: int) -> int:
        return sys.exit(3) if k == 2 else k

    assert outline(run(leave, range(5), on_error="return")) == [0, 1, "SystemExit", 3, 4]
    with pytest.raises(SystemExit) as raised:
        run(leave, range(5))
    assert str(raised.value) == "3"


def test_a_stop_iteration_is_an_error_of_its_item(run: Any) -> None:
    def stop(k: int) -> int:
        return next(iter(())) if k == 2 else k

    assert outline(run(stop, range(5), on_error="return")) == [0, 1, "StopIteration", 3, 4]
    assert run(stop, range(5), on_error="skip") == [0, 1, 3, 4]
    with pytest.raises(RuntimeError, match="item 2 raised StopIteration") as raised:
        run(stop, range(5))
    assert isinstance(raised.value.__cause__, StopIteration)


# ----------------------------------------------------------------------------------------- time limits


def test_a_thread_that_never_ends_is_left_behind() -> None:
    leave = threading.Event()

    def work(k: int) -> int:
        if k == 1:
            leave.wait()
        return k

    try:
        outcomes = Job(lambda: map_("threads", work, range(6), timeout=0.3, on_error="return")).end()
        assert outline(outcomes) == [0, "TooSlowError", 2, 3, 4, 5]
        assert outcomes[1].message == "item 1 did not end within 0.3 s; give it more time with timeout="
        assert outcomes[1].seconds >= 0.3
        with pytest.raises(TooSlowError, match="item 1 did not end"):
            Job(lambda: map_("threads", work, range(6), timeout=0.3)).end()
        assert Job(lambda: map_("threads", work, range(6), timeout=0.3, on_error="skip")).end() == [0, 2, 3, 4, 5]
        assert Job(lambda: map_("threads", abs, range(-50, 0))).end() == list(range(50, 0, -1))
    finally:
        leave.set()


def test_threads_may_never_end_again_and_again() -> None:
    leave = threading.Event()

    def work(k: int) -> int:
        if k == 1:
            leave.wait()
        return k

    try:
        for _ in range(8):
            outcomes = map_("threads", work, range(6), timeout=0.1, on_error="return", max_workers_io=6)
            assert outline(outcomes) == [0, "TooSlowError", 2, 3, 4, 5]
    finally:
        leave.set()


def test_all_threads_may_never_end() -> None:
    leave = threading.Event()

    def work(k: int) -> int:
        if k < 5:
            leave.wait()
        return k

    try:
        outcomes = Job(lambda: map_("threads", work, range(8), timeout=0.2, on_error="return")).end()
        assert outline(outcomes) == ["TooSlowError"] * 5 + [5, 6, 7]
    finally:
        leave.set()


def test_a_time_limit_holds_wherever_a_map_runs() -> None:
    def work(k: int) -> int:
        time.sleep(1.0 if k == 1 else 0.0)
        return k

    made = ParallelExecutor(ParallelConfig(max_workers_io=2, timeout=0.2, on_error="return"))
    for _ in range(4):
        assert outline(made.map_threaded(work, range(3))) == [0, "TooSlowError", 2]


def test_a_time_limit_of_one_map_leaves_others_alone() -> None:
    leave = threading.Event()
    begun = threading.Event()

    def work(k: int) -> int:
        begun.set()
        time.sleep(0.02)
        return k

    def hang(k: int) -> int:
        if k == 1:
            leave.wait()
        return k

    other = Job(lambda: executor("threads", max_workers_io=3)[1].map_threaded(work, range(100), chunksize=1))
    assert begun.wait(PATIENCE)
    try:
        limited = Job(lambda: map_("threads", hang, range(3), max_workers_io=3, timeout=0.3, on_error="return"))
        assert outline(limited.end()) == [0, "TooSlowError", 2]
        assert other.end(5) == list(range(100))
    finally:
        leave.set()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_never_ends_is_killed(tmp_path: Path) -> None:
    def work(k: int) -> int:
        if k == 1:
            (tmp_path / "pid").write_text(str(os.getpid()))
            while True:
                pass
        return k

    outcomes = map_("processes", work, range(3), timeout=3, on_error="return")
    assert outline(outcomes) == [0, "TooSlowError", 2]
    assert outcomes[1].message.startswith("item 1 did not end within 3 s")
    wait_until(lambda: not is_alive(int((tmp_path / "pid").read_text())))
    assert map_("processes", abs, range(-20, 0)) == list(range(20, 0, -1))


@pytest.mark.slow
def test_the_time_of_an_item_begins_when_it_does() -> None:
    def work(k: int) -> int:
        while k < 2:
            time.sleep(0.1)
        return k

    outcomes = map_("processes", work, range(6), timeout=3, on_error="return")
    assert outline(outcomes) == ["TooSlowError", "TooSlowError", 2, 3, 4, 5]


@pytest.mark.slow
def test_a_process_that_dies_costs_only_its_item() -> None:
    def work(k: int) -> int:
        if k == 1:
            os._exit(1)
        return k

    outcomes = map_("processes", work, range(4), on_error="return")
    assert outline(outcomes) == [0, "WorkerLostError", 2, 3]
    assert isinstance(outcomes[1].error, WorkerLostError)
    assert map_("processes", abs, [-1, -2]) == [1, 2]


# ----------------------------------------------------------------------------------------- what travels


def test_any_callable(run: Any) -> None:
    class Adder:
        def __init__(self, more: int) -> None:
            self.more = more

        def add(self, k: int) -> int:
            return k + self.more

        def __call__(self, k: int) -> int:
            return k - self.more

    offset = 5
    assert run(lambda k: k + offset, range(3)) == [5, 6, 7]
    assert run(functools.partial(pow, 2), range(3)) == [1, 2, 4]
    assert run(functools.partial(int, base=16), ["a", "b"]) == [10, 11]
    assert run("abc".__add__, ["d", "e"]) == ["abcd", "abce"]
    assert run(Adder(3).add, range(3)) == [3, 4, 5]
    assert run(Adder(3), range(3)) == [-3, -2, -1]
    assert run(np.sqrt, [1.0, 4.0]) == [1.0, 2.0]
    assert [made.more for made in run(Adder, [1, 2])] == [1, 2]


def test_functions_of_a_script(run: Any) -> None:
    script: dict[str, Any] = {"__name__": "__main__"}
    exec("import math\nFACTOR = 2\ndef area(r):\n    return FACTOR * half(r)\ndef half(r):\n    return r / 2\n", script)
    assert run(script["area"], [1, 2]) == [1.0, 2.0]


def test_what_a_worker_cannot_import_is_said() -> None:
    module = types.ModuleType("only_here")
    exec("def work(x):\n    return x\n", module.__dict__)
    sys.modules["only_here"] = module
    try:
        assert map_("threads", module.work, [1, 2]) == [1, 2]
        with pytest.raises(ModuleNotFoundError, match="only_here"):
            map_("processes", module.work, [1, 2])
    finally:
        del sys.modules["only_here"]
    assert map_("processes", abs, [-1, -2]) == [1, 2]


def test_a_function_that_cannot_travel() -> None:
    lock = threading.Lock()

    def work(k: int) -> int:
        with lock:
            return k

    assert map_("threads", work, range(3)) == [0, 1, 2]
    expected = "the function cannot be sent to another process; found TypeError: .*lock.*; use threads"
    with pytest.raises(ParameterError, match=expected):
        map_("processes", work, range(3))


def test_an_item_that_cannot_travel() -> None:
    items = [1, threading.Lock(), 3, 4]
    outcomes = map_("processes", lambda item: type(item).__name__, items, on_error="return")
    assert outline(outcomes) == ["int", "ParameterError", "int", "int"]
    assert outcomes[1].message.startswith("item 1, or one near it, cannot be sent to another process; found TypeError")


def test_a_result_that_cannot_travel() -> None:
    def work(k: int) -> Any:
        return threading.Lock() if k == 2 else k

    outcomes = map_("processes", work, range(5), on_error="return")
    assert outline(outcomes) == [0, 1, "ParameterError", 3, 4]
    assert "the result cannot be sent to another process" in outcomes[2].message
    assert map_("processes", work, range(5), on_error="skip") == [0, 1, 3, 4]
    with pytest.raises(ParameterError, match="the result cannot be sent to another process"):
        map_("processes", work, range(5))


def test_what_can_be_pickled_but_not_unpickled() -> None:
    class Odd:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    with pytest.raises(ValueError, match="no number"):
        pickle.loads(pickle.dumps(Odd()))
    items = [Odd() if k == 3 else k for k in range(6)]
    assert outline(map_("processes", lambda item: item, items, on_error="return")) == [0, 1, 2, "ValueError", 4, 5]

    def work(k: int) -> Any:
        return Odd() if k == 3 else k

    assert outline(map_("processes", work, range(6), on_error="return")) == [0, 1, 2, "ValueError", 4, 5]


def test_errors_that_cannot_travel() -> None:
    class TwoArgumentsError(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    class WithLockError(Exception):
        def __init__(self) -> None:
            super().__init__("locked")
            self.lock = threading.Lock()

    def work(k: int) -> int:
        if k == 1:
            raise TwoArgumentsError(5, 6)
        if k == 2:
            raise WithLockError
        return k

    outcomes = map_("processes", work, range(4), on_error="return")
    assert outline(outcomes) == [0, "RemoteError", "RemoteError", 3]
    assert [outcome.message for outcome in outcomes[1:3]] == ["TwoArgumentsError: 5 and 6", "WithLockError: locked"]
    assert "raise TwoArgumentsError(5, 6)" in outcomes[1].traceback
    with pytest.raises(RemoteError, match=r"^TwoArgumentsError: 5 and 6") as raised:
        map_("processes", work, [0, 1])
    assert "raise TwoArgumentsError(5, 6)" in raised.value.__notes__[0]
    with pytest.raises(TwoArgumentsError):
        map_("threads", work, [0, 1])


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda k: b"\xff".decode("ascii"), "can't decode byte 0xff"),
        (lambda k: eval("1 +"), "invalid syntax"),
        (lambda k: sys.exit(3), "3"),
    ],
)
def test_built_in_errors_keep_what_they_say(work: Callable[[int], Any], said: str) -> None:
    (here, *_), (there, *_) = (map_(name, work, range(3), on_error="return") for name in ("threads", "processes"))
    assert said in here.message
    if there.error_type == "RemoteError":  # pickling would have lost what it says
        assert there.message == f"{here.error_type}: {here.message}"
    else:
        assert (there.error_type, there.message) == (here.error_type, here.message)


def test_batches_grow_where_items_take_no_time_unless_they_must_not() -> None:
    config = ParallelConfig(backend="threads", max_workers_io=1, chunk_size=1)

    def sizes(*, grow: bool) -> set[int]:
        return {len(done.values) for done in ParallelExecutor(config, grow=grow)._batches(abs, range(5000), "io")}

    assert max(sizes(grow=True)) > 1
    assert sizes(grow=False) == {1}


def test_a_large_closure_travels_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    scattered: list[Any] = []
    original = distributed.Client.scatter

    def scatter(self: Any, data: Any, **options: Any) -> Any:
        scattered.append(data)
        return original(self, data, **options)

    monkeypatch.setattr(distributed.Client, "scatter", scatter)
    table = np.arange(2_500_000.0)  # 20 MB
    assert map_("processes", lambda k: float(table[k]), range(100)) == list(range(100))
    assert len(scattered) == 1


def test_a_small_closure_is_not_scattered(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(distributed.Client, "scatter", None)
    table = np.arange(10.0)
    assert map_("processes", lambda k: float(table[k]), range(10)) == list(range(10))


# ----------------------------------------------------------------------------------------- other ways to map


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_tasks_of_all_kinds(use_processes: bool) -> None:
    tasks: list[Any] = [
        (max, (1, 2), {}),
        (int, ("ff",), {"base": 16}),
        (lambda: None, (), {}),
        (lambda *args, **kwargs: (args, kwargs), (1, 2), {"a": 3}),
        (functools.partial(pow, 2), (5,), {}),
    ]
    expected = [2, 255, None, ((1, 2), {"a": 3}), 32]
    made = ParallelExecutor()
    assert made.submit_tasks(tasks, use_processes=use_processes) == expected
    assert made.submit_tasks(iter(tasks), use_processes=use_processes, desc="tasks") == expected
    assert made.submit_tasks([], use_processes=use_processes) == []
    with pytest.raises(ZeroDivisionError):
        made.submit_tasks([(divmod, (1, 0), {}), (abs, (1,), {})], use_processes=use_processes)


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_pairs_of_index_and_result(use_processes: bool) -> None:
    pairs = list(ParallelExecutor().map_with_progress(lambda k: k + 1, range(40), use_processes, desc="adding"))
    assert sorted(pairs) == [(k, k + 1) for k in range(40)]


def test_leaving_a_loop_over_threads_leaves_nothing_running() -> None:
    begun, running = AtomicCounter(), AtomicCounter()

    def work(k: int) -> int:
        begun.increment()
        running.increment()
        time.sleep(0.005)
        running.decrement()
        return k

    made = executor("threads", chunk_size=3)[1]
    for _ in made.map_with_progress(work, itertools.count()):
        break
    wait_until(lambda: running.value == 0 and stays(lambda: begun.value))
    assert running.value == 0
    assert begun.value < 50
    assert made.map_threaded(abs, [-1, -2]) == [1, 2]


def test_leaving_a_loop_over_processes_leaves_nothing_running(tmp_path: Path) -> None:
    def work(k: int) -> int:
        (tmp_path / str(k)).touch()
        time.sleep(0.01)
        return k

    made = ParallelExecutor()
    for _ in made.map_with_progress(work, itertools.count(), use_processes=True):
        break
    with open_backend(get_parallel_config(), "cpu") as backend:
        wait_until(lambda: not any(backend.client.processing().values()))  # type: ignore[attr-defined]
    wait_until(lambda: stays(lambda: len(list(tmp_path.iterdir()))))
    assert len(list(tmp_path.iterdir())) < 200
    assert made.map_processes(abs, [-1, -2]) == [1, 2]


def test_leaving_many_loops_over_processes_spoils_nothing() -> None:
    made = ParallelExecutor()
    try:
        for _ in range(400):
            for _ in made.map_with_progress(abs, range(200), use_processes=True):
                break
            assert made.map_processes(abs, [-1, -2, -3]) == [1, 2, 3]
    finally:
        close_pools()  # others need one that works


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_awaited(use_processes: bool) -> None:
    async def run_both() -> tuple[list[int], list[int]]:
        made = ParallelExecutor()
        return await asyncio.gather(
            made.amap(lambda k: k + 1, range(30), use_processes),
            made.amap(lambda k: k - 1, range(30), use_processes, desc="subtracting"),
        )

    assert asyncio.run(run_both()) == [list(range(1, 31)), list(range(-1, 29))]


def test_the_event_loop_goes_on() -> None:
    opened = threading.Event()

    async def run() -> list[bool]:
        waiting = asyncio.ensure_future(executor("threads")[1].amap(lambda _: opened.wait(PATIENCE), range(5)))
        await asyncio.sleep(0.05)
        opened.set()  # only a loop that goes on gets here
        return await waiting

    assert asyncio.run(run()) == [True] * 5


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_awaited_failures(use_processes: bool) -> None:
    async def run() -> None:
        made = ParallelExecutor()
        with pytest.raises(ValueError, match="could not convert"):
            await made.amap(float, ["1", "x"], use_processes)
        with parallel_config(on_error="skip"):
            assert await made.amap(float, ["1", "x", "3"], use_processes) == [1.0, 3.0]
        assert await made.amap(float, [], use_processes) == []

    asyncio.run(run())


@pytest.mark.parametrize("use_processes", IN_PROCESSES)
def test_pairs_as_they_complete(use_processes: bool) -> None:
    async def run() -> list[tuple[int, int]]:
        return [pair async for pair in ParallelExecutor().as_completed(abs, range(-30, 0), use_processes)]

    assert sorted(asyncio.run(run())) == [(k, 30 - k) for k in range(30)]


def test_what_is_done_first_comes_first() -> None:
    first_may_end = threading.Event()

    def work(k: int) -> int:
        if k == 0:
            assert first_may_end.wait(PATIENCE)
        return k

    async def run() -> list[int]:
        seen = []
        async for k, _ in executor("threads", chunk_size=1)[1].as_completed(work, range(4)):
            seen.append(k)
            if len(seen) == 3:
                first_may_end.set()
        return seen

    assert asyncio.run(run())[-1] == 0


class Counted:
    """Function that counts how often it was called, and how often it runs now."""

    def __init__(self) -> None:
        self.begun, self.running = AtomicCounter(), AtomicCounter()

    def __call__(self, k: int) -> int:
        self.begun.increment()
        self.running.increment()
        time.sleep(0.005)
        self.running.decrement()
        return k

    def has_stopped(self) -> bool:
        return self.running.value == 0 and stays(lambda: self.begun.value)


def test_cancelling_the_task_stops_the_work() -> None:
    work = Counted()

    async def run() -> None:
        task = asyncio.create_task(executor("threads", chunk_size=3)[1].amap(work, range(100_000)))
        while work.begun.value < 10:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    wait_until(work.has_stopped)
    assert work.begun.value < 1000
    assert asyncio.run(ParallelExecutor().amap(abs, [-1, -2])) == [1, 2]


def test_a_time_limit_of_asyncio_stops_the_work() -> None:
    work = Counted()

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(executor("threads")[1].amap(work, itertools.count()), timeout=0.2)

    asyncio.run(run())
    wait_until(work.has_stopped)


@pytest.mark.parametrize("closing", [False, True])
def test_leaving_an_asynchronous_loop_stops_the_work(closing: bool) -> None:
    work = Counted()

    async def run() -> int:
        pairs = executor("threads", chunk_size=3)[1].as_completed(work, itertools.count())
        if not closing:
            async for k, _ in pairs:
                return k
        async with aclosing(pairs):
            async for k, _ in pairs:
                return k
        return -1

    assert asyncio.run(run()) >= 0
    wait_until(work.has_stopped)
    assert work.begun.value < 100


def test_cancelling_stops_processes(tmp_path: Path) -> None:
    def work(k: int) -> int:
        (tmp_path / str(k)).touch()
        time.sleep(0.01)
        return k

    async def run() -> None:
        task = asyncio.create_task(ParallelExecutor().amap(work, itertools.count(), use_processes=True))
        while not list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    wait_until(lambda: stays(lambda: len(list(tmp_path.iterdir()))))
    assert map_("processes", abs, [-1, -2]) == [1, 2]


def test_a_number_of_workers_as_argument() -> None:
    def work(_: int) -> int:
        time.sleep(0.005)
        return threading.get_ident()

    with parallel_config(backend="threads", max_workers_io=1):
        assert len(set(parallel_map(work, range(40)))) == 1
        assert len(set(parallel_map(work, range(40), max_workers=3))) == 3

    def where(_: int) -> int:
        time.sleep(0.005)
        return os.getpid()

    with parallel_config(max_workers_cpu=1):
        assert len(set(parallel_map(where, range(40), use_processes=True, max_workers=2))) == 2
    with pytest.raises(ParameterError, match="max_workers_"):
        parallel_map(work, range(3), max_workers=0)


def test_one_item_needs_no_processes() -> None:
    with parallel_config(max_workers_cpu=5):  # another cluster would have to start
        assert parallel_map(lambda _: os.getpid(), [1], use_processes=True) == [os.getpid()]
        assert parallel_map(lambda _: os.getpid(), [], use_processes=True) == []


def test_what_takes_no_time_runs_here_only_if_nobody_said_where() -> None:
    def here(_: int) -> int:
        return threading.get_ident()

    tries = (ParallelExecutor().map_threaded(here, range(5)) for _ in range(100))  # a busy machine takes a while
    assert any(threading.get_ident() in idents for idents in tries)
    assert threading.get_ident() not in map_("threads", here, range(5))


def test_a_first_item_that_takes_no_time_says_little_of_the_others() -> None:
    def work(k: int) -> str:
        time.sleep(0.01 if k else 0.0)
        return threading.current_thread().name

    for _ in range(20):
        names = ParallelExecutor(ParallelConfig(max_workers_io=4)).map_threaded(work, range(9))
        assert names.count(threading.current_thread().name) <= 1


def test_leaving_the_context_keeps_the_pools() -> None:
    with ParallelExecutor() as made:
        before = set(made.map_processes(lambda _: (time.sleep(0.01), os.getpid())[1], range(40)))
    with ParallelExecutor() as made:
        assert set(made.map_processes(lambda _: (time.sleep(0.01), os.getpid())[1], range(40))) == before


# ----------------------------------------------------------------------------------------- maps in maps


@pytest.mark.parametrize("backend", ["auto", "threads"])
def test_threads_in_threads(backend: Any) -> None:
    def outer(k: int) -> list[int]:
        time.sleep(0.002)
        return ParallelExecutor().map_threaded(inner, range(k, k + 5))

    def inner(k: int) -> int:
        time.sleep(0.001)
        return sum(ParallelExecutor().map_threaded(abs, range(-k, 0)))

    with parallel_config(backend=backend):
        results = Job(functools.partial(parallel_map_in(backend), outer, range(20))).end()
    assert results == [[j * (j + 1) // 2 for j in range(k, k + 5)] for k in range(20)]


def parallel_map_in(backend: Any) -> Callable[..., list[Any]]:
    """`map_threaded` that takes its block along into another thread."""

    def run(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        with parallel_config(backend=backend):
            return ParallelExecutor().map_threaded(function, items)

    return run


def test_pools_that_need_each_other() -> None:
    small, large = (executor("threads", max_workers_io=n)[1] for n in (4, 5))  # of nobody else
    both = threading.Barrier(9, timeout=PATIENCE)

    def outer(other: ParallelExecutor) -> Callable[[int], list[int]]:
        def work(k: int) -> list[int]:
            if k < (4 if other is large else 5):
                both.wait()  # until all threads of both pools are taken
            return other.map_threaded(abs, [-1, -2, -3], chunksize=1)

        return work

    jobs = [
        Job(lambda: small.map_threaded(outer(large), range(10), chunksize=1)),
        Job(lambda: large.map_threaded(outer(small), range(10), chunksize=1)),
    ]
    assert [job.end(5) for job in jobs] == [[[1, 2, 3]] * 10] * 2


def test_threads_in_processes() -> None:
    def outer(k: int) -> list[int]:
        return ParallelExecutor().map_threaded(lambda x: (time.sleep(0.005), x + k)[1], range(5))

    assert parallel_map(outer, range(6), use_processes=True) == [[x + k for x in range(5)] for k in range(6)]


def test_processes_in_processes_run_where_they_are() -> None:
    def outer(k: int) -> tuple[int, list[int]]:
        return os.getpid(), ParallelExecutor().map_processes(lambda _: os.getpid(), range(5))

    for pid, inner in parallel_map(outer, range(6), use_processes=True):
        assert pid != os.getpid()
        assert inner == [pid] * 5


def test_processes_in_processes_that_are_asked_for_are_refused() -> None:
    def outer(k: int) -> list[int]:
        return ParallelExecutor(ParallelConfig(backend="processes")).map_processes(abs, range(5))

    with pytest.raises(BackendError, match="a worker process cannot start processes; use backend='sync' or 'threads'"):
        parallel_map(outer, range(3), use_processes=True)


def test_processes_in_threads_in_processes_run_where_they_are() -> None:
    def outer(k: int) -> list[list[int]]:
        def inner(x: int) -> list[int]:
            time.sleep(0.01)
            return ParallelExecutor().map_processes(abs, [-x, x])

        return ParallelExecutor().map_threaded(inner, range(3))

    assert parallel_map(outer, range(2), use_processes=True) == [[[0, 0], [1, 1], [2, 2]]] * 2


def test_processes_in_threads() -> None:
    def outer(k: int) -> list[int]:
        return executor("processes")[1].map_processes(abs, [-k, k])

    assert map_("threads", outer, range(6)) == [[k, k] for k in range(6)]


def test_many_threads_share_processes() -> None:
    jobs = [Job(lambda k=k: map_("processes", lambda x: x + k, range(30))) for k in range(5)]  # type: ignore[misc]
    assert [job.end() for job in jobs] == [list(range(k, k + 30)) for k in range(5)]


# ----------------------------------------------------------------------------------------- the pool of threads


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool(3)
    yield pool
    pool.shutdown()


def test_threads_see_the_context_of_who_submits(pool: ThreadPool) -> None:
    night = ContextVar("night", default="none")
    seen = []
    for name in ("one", "two"):
        night.set(name)
        seen.append(pool.submit(night.get))
    assert [future.result(PATIENCE) for future in seen] == ["one", "two"]
    pool.submit(night.set, "three").result(PATIENCE)
    assert night.get() == "two"
    assert set(map_("threads", lambda _: night.get(), range(20))) == {"two"}


def test_threads_are_daemons(pool: ThreadPool) -> None:
    assert pool.submit(lambda: threading.current_thread().daemon).result(PATIENCE)
    assert set(map_("threads", lambda _: threading.current_thread().daemon, range(20))) == {True}


def test_no_more_threads_than_needed(pool: ThreadPool) -> None:
    for _ in range(20):
        (name,) = {pool.submit(lambda: threading.current_thread().name).result(PATIENCE)}
        time.sleep(0.002)  # until it is idle again
        assert name in ("parallel-1", "parallel-2")


def test_all_threads_if_needed_and_no_more(pool: ThreadPool) -> None:
    together = threading.Barrier(3, timeout=PATIENCE)

    def meet() -> int:
        together.wait()
        return threading.get_ident()

    idents = [future.result(PATIENCE) for future in [pool.submit(meet) for _ in range(9)]]
    assert len(set(idents)) == 3


def test_errors_and_cancelling(pool: ThreadPool) -> None:
    leave = threading.Event()
    with pytest.raises(SystemExit):
        pool.submit(sys.exit, 1).result(PATIENCE)
    busy = [pool.submit(leave.wait, PATIENCE) for _ in range(3)]
    waiting = pool.submit(abs, -1)
    assert waiting.cancel()
    leave.set()
    assert [future.result(PATIENCE) for future in busy] == [True] * 3
    assert pool.submit(pow, 2, exp=3).result(PATIENCE) == 8


def test_what_is_queued_ends_before_a_shutdown() -> None:
    pool = ThreadPool(2)
    futures = [pool.submit(time.sleep, 0.005) for _ in range(20)]
    pool.shutdown()
    assert [future.result(PATIENCE) for future in futures] == [None] * 20


# ----------------------------------------------------------------------------------------- whole scripts


def run_script(folder: Path, text: str, *, patience: float = PATIENCE) -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(text, "utf-8")
    return subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=patience, cwd=folder
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_can_map(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        "import os, time, warnings\n"
        "from sleepdask.parallel import ParallelConfig, ParallelExecutor\n"
        "warnings.simplefilter('ignore', DeprecationWarning)\n"
        "threads = ParallelExecutor(ParallelConfig(backend='threads', max_workers_io=2))\n"
        "def work(k):\n"
        "    time.sleep(0.005)\n"
        "    return k, os.getpid()\n"
        "assert threads.map_threaded(work, range(20)) == [(k, os.getpid()) for k in range(20)]\n"
        "child = os.fork()\n"
        "ok = threads.map_threaded(work, range(20)) == [(k, os.getpid()) for k in range(20)]\n"
        "if child == 0:\n"
        "    os._exit(0 if ok else 1)\n"
        "assert ok and os.waitpid(child, 0)[1] == 0\n"
        "print('both')\n",
    )
    assert (done.returncode, done.stdout) == (0, "both\n"), done.stderr


def test_a_script_ends_though_a_thread_never_does(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        "import threading\n"
        "from sleepdask.parallel import ParallelConfig, ParallelExecutor\n"
        "config = ParallelConfig(backend='threads', max_workers_io=2, timeout=0.2, on_error='return')\n"
        "work = lambda k: threading.Event().wait() if k == 1 else k\n"
        "print([outcome.ok for outcome in ParallelExecutor(config).map_threaded(work, range(4))])\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[True, False, True, True]\n", "")


@pytest.mark.slow
def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        "from sleepdask.parallel import parallel_map\nprint(parallel_map(abs, range(-5, 0), use_processes=True))\n",
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "if __name__ == '__main__':" in done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") == 1, done.stderr


def test_a_program_that_is_no_file_is_told_so(tmp_path: Path) -> None:
    text = "from sleepdask.parallel import parallel_map\nparallel_map(abs, range(5), use_processes=True)\n"
    done = subprocess.run(
        [sys.executable], input=text, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("which is no file; found <stdin>; save it as a file")
    assert done.stderr.count("Traceback") == 1


@pytest.mark.slow
def test_a_script_with_a_guard_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        "import os, time\n"
        "from sleepdask.parallel import parallel_map\n"
        "def work(k):\n"
        "    time.sleep(0.01)\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    print(*set(parallel_map(work, range(50), use_processes=True, max_workers=2)))\n",
    )
    assert done.returncode == 0, done.stderr
    pids = [int(pid) for pid in done.stdout.split()]
    assert len(pids) == 2
    wait_until(lambda: not any(map(is_alive, pids)))


@pytest.mark.slow
def test_an_interrupt_ends_the_work(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import os, time\n"
        "from sleepdask.parallel import parallel_map\n"
        "def work(k):\n"
        "    open(f'pid{os.getpid()}', 'w').close()\n"
        "    time.sleep(1000)\n"
        "if __name__ == '__main__':\n"
        "    parallel_map(work, range(4), use_processes=True, max_workers=2)\n",
        "utf-8",
    )
    script = subprocess.Popen([sys.executable, str(path)], stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        wait_until(lambda: len(list(tmp_path.glob("pid*"))) == 2)
        script.send_signal(signal.SIGINT)
        _, printed = script.communicate(timeout=PATIENCE)
    finally:
        script.kill()
    assert "KeyboardInterrupt" in printed
    assert script.returncode != 0
    wait_until(lambda: not any(is_alive(int(each.name[3:])) for each in tmp_path.glob("pid*")))
