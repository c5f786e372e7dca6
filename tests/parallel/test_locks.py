"""Locks: who is let in together, who waits, who gives up, and that nobody waits for ever."""

from __future__ import annotations

import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from jobs import PATIENCE, Job, run_together, wait_until

from sleepdask.errors import ConcurrencyError
from sleepdask.parallel.locks import AtomicCounter, RWLock, synchronized

MODES = ["reader", "writer"]


@contextmanager
def held(take: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Hold a lock in another thread."""
    taken, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with take():
            taken.set()
            assert leave.wait(PATIENCE)

    job = Job(hold)
    try:
        assert taken.wait(PATIENCE)
        yield
    finally:
        leave.set()
        job.end()


def is_free_for(take: Callable[..., AbstractContextManager[None]]) -> bool:
    try:
        with take(timeout=0):
            return True
    except TimeoutError:
        return False


def test_readers__read_together() -> None:
    lock, inside = RWLock(), threading.Barrier(5)

    def read() -> None:
        with lock.reader():
            inside.wait(PATIENCE)

    run_together(*[read] * 5)


@pytest.mark.usefixtures("many_switches")
def test_writers__lose_no_increment() -> None:
    lock, total = RWLock(), 0

    def write() -> None:
        nonlocal total
        for _ in range(100):
            with lock.writer():
                seen = total
                time.sleep(0)
                total = seen + 1

    run_together(*[write] * 10)
    assert total == 1000


@pytest.mark.parametrize("held_as", MODES)
@pytest.mark.parametrize("asked_as", MODES)
def test_who_shares_with_whom(held_as: str, asked_as: str) -> None:
    lock = RWLock()
    with held(getattr(lock, held_as)):
        assert is_free_for(getattr(lock, asked_as)) == (held_as == asked_as == "reader")
    assert is_free_for(getattr(lock, asked_as))


@pytest.mark.parametrize(("mode", "message"), [("reader", "no reading within 0.01 s"), ("writer", "no writing within")])
def test_timeout__is_told(mode: str, message: str) -> None:
    lock = RWLock()
    with held(lock.writer), pytest.raises(TimeoutError, match=message), getattr(lock, mode)(timeout=0.01):
        pass
    assert is_free_for(lock.writer)


@pytest.mark.parametrize("mode", MODES)
def test_error_in_the_block__releases(mode: str) -> None:
    lock = RWLock()
    with pytest.raises(ZeroDivisionError), getattr(lock, mode)():
        _ = 1 / 0
    with held(lock.writer):
        pass


@pytest.mark.parametrize("mode", MODES)
def test_interrupt_of_the_wait__leaves_nothing_behind(mode: str) -> None:
    lock = RWLock()

    class Alarm(BaseException):
        pass

    def ring(*args: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with held(lock.writer):
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Alarm), getattr(lock, mode)():
                pass
    finally:
        signal.signal(signal.SIGALRM, before)
    with held(lock.writer):
        pass


@pytest.mark.parametrize("mode", MODES)
def test_interrupt_at_the_end_of_the_wait__leaves_nothing_behind(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, interrupts = RWLock(), iter([True])
    wait_for = lock._condition.wait_for

    def wait(*args: Any) -> bool:
        interrupted = next(interrupts, False)
        ready = wait_for(*args)
        if interrupted:
            lock._condition.wait(0.1)  # the other one sees that it is not its turn
            raise KeyboardInterrupt
        return bool(ready)

    def ask() -> None:
        with pytest.raises(KeyboardInterrupt), getattr(lock, mode)():
            pass

    def write() -> None:
        with lock.writer():
            pass

    with held(lock.writer):
        monkeypatch.setattr(lock._condition, "wait_for", wait)
        first = Job(ask)
        wait_until(lambda: bool(lock._queue or lock._held_back))
        second = Job(write)
        wait_until(lambda: len(lock._queue) + len(lock._held_back) == 2)
    first.end()
    second.end()


def test_writers__take_turns() -> None:
    lock, order = RWLock(), []

    def write() -> None:
        with lock.writer():
            order.append("waited")

    with lock.writer():
        job = Job(write)
        wait_until(lambda: bool(lock._queue))
    with lock.writer(timeout=PATIENCE):
        order.append("came back")
    job.end()
    assert order == ["waited", "came back"]


def test_writer_that_waits__stops_new_readers_and_goes_first() -> None:
    lock, order = RWLock(), []

    def run(mode: str) -> None:
        with getattr(lock, mode)():
            order.append(mode)

    with held(lock.reader):
        writer = Job(lambda: run("writer"))
        wait_until(lambda: not is_free_for(lock.reader))
        reader = Job(lambda: run("reader"))
    writer.end()
    reader.end()
    assert order == ["writer", "reader"]


def test_writer_that_gives_up__lets_the_readers_in() -> None:
    lock, in_vain = RWLock(), threading.Event()

    def write() -> None:
        with pytest.raises(TimeoutError), lock.writer(timeout=0.3):
            pass
        in_vain.set()

    def read() -> None:
        with lock.reader():
            pass

    with held(lock.reader):
        writer = Job(write)
        wait_until(lambda: not is_free_for(lock.reader))
        reader = Job(read)
        reader.end()  # while the first reader is still there
        assert in_vain.wait(PATIENCE)
        writer.end()


def test_writer_that_gives_up__leaves_the_turn_to_another_writer() -> None:
    lock, order = RWLock(), []

    def run(mode: str) -> None:
        with getattr(lock, mode)():
            order.append(mode)

    with held(lock.reader):
        writer = Job(lambda: run("writer"))
        wait_until(lambda: bool(lock._queue))
        reader = Job(lambda: run("reader"))
        wait_until(lambda: bool(lock._held_back))
        assert not is_free_for(lock.writer)
    writer.end()
    reader.end()
    assert order == ["writer", "reader"]


def test_reader__may_read_again_while_a_writer_waits() -> None:
    lock = RWLock()

    def write() -> None:
        with lock.writer():
            pass

    with lock.reader():
        writer = Job(write)
        wait_until(lambda: bool(lock._queue))
        with lock.reader(timeout=PATIENCE), lock.reader(timeout=PATIENCE):
            pass
    writer.end()
    with held(lock.writer):
        pass


def test_writer__may_write_and_read_again() -> None:
    lock = RWLock()
    with lock.writer(), lock.reader(timeout=0), lock.writer(timeout=0), lock.reader(timeout=0):
        pass
    with held(lock.writer):
        pass


def test_inner_blocks__do_not_release_the_outer_ones() -> None:
    lock, free = RWLock(), []

    def ask(mode: str) -> None:
        free.append(is_free_for(getattr(lock, mode)))

    with lock.writer():
        with lock.writer(), lock.reader():
            pass
        run_together(lambda: ask("reader"))
    with lock.reader():
        with lock.reader():
            pass
        run_together(lambda: ask("writer"))
    run_together(lambda: ask("writer"))
    assert free == [False, False, True]


def test_writer__may_go_on_as_a_reader() -> None:
    lock, free = RWLock(), []
    with ExitStack() as reading:
        with lock.writer():
            reading.enter_context(lock.reader())
        run_together(lambda: free.extend([is_free_for(lock.reader), is_free_for(lock.writer)]))
    assert free == [True, False]
    with held(lock.writer):
        pass


def test_reader__cannot_become_a_writer() -> None:
    lock = RWLock()
    with lock.reader():
        with pytest.raises(ConcurrencyError, match="a thread that reads asks to write"), lock.writer(timeout=PATIENCE):
            pass
        with held(lock.reader):
            pass  # the attempt does not stop readers
    with held(lock.writer):
        pass


@pytest.mark.usefixtures("many_switches")
@pytest.mark.parametrize(("readers", "writers"), [(1, 1), (4, 1), (1, 2), (4, 2)])
@pytest.mark.parametrize("counted", MODES)
def test_nobody_starves(readers: int, writers: int, counted: str) -> None:
    """One thread of a kind does its rounds against all others, which stop only when it has done so."""
    lock, done = RWLock(), threading.Event()

    def rounds(mode: str) -> None:
        for _ in range(2000):
            with getattr(lock, mode)():
                pass
        done.set()

    def oppose(mode: str) -> None:
        while not done.is_set():
            with getattr(lock, mode)():
                pass

    modes = ["reader"] * readers + ["writer"] * writers
    modes.remove(counted)
    try:
        run_together(lambda: rounds(counted), *[lambda mode=mode: oppose(mode) for mode in modes])
    finally:
        done.set()


@pytest.mark.usefixtures("many_switches")
def test_one_reader_and_one_writer__go_on_for_thousands_of_rounds() -> None:
    lock, box = RWLock(), [0, 0]

    def write() -> None:
        for i in range(5000):
            with lock.writer():
                box[0] = i
                box[1] = i

    def read() -> None:
        for _ in range(5000):
            with lock.reader():
                assert box[0] == box[1]

    run_together(read, write)


@pytest.mark.slow
@pytest.mark.usefixtures("many_switches")
def test_stress__readers_see_whole_writes_and_both_progress() -> None:
    lock, box, end = RWLock(), [0, 0], time.monotonic() + 20
    reads, writes = [0] * 8, [0] * 2

    def write(worker: int) -> None:
        while time.monotonic() < end:
            with lock.writer():
                box[0] += 1
                time.sleep(0)
                box[1] += 1
            writes[worker] += 1

    def read(worker: int) -> None:
        while time.monotonic() < end:
            with lock.reader():
                first = box[0]
                time.sleep(0)
                assert first == box[1]
            reads[worker] += 1

    jobs = [lambda i=i: read(i) for i in range(8)] + [lambda i=i: write(i) for i in range(2)]
    run_together(*jobs)
    assert box == [sum(writes)] * 2
    assert min(reads) > 100
    assert min(writes) > 100


@pytest.mark.usefixtures("many_switches")
def test_counter__loses_no_step() -> None:
    counter = AtomicCounter()
    seen: list[int] = []

    def count() -> None:
        seen.extend(counter.increment() for _ in range(100))

    run_together(*[count] * 10)
    assert counter.value == 1000
    assert sorted(seen) == list(range(1, 1001))


def test_counter__steps_and_resets() -> None:
    counter = AtomicCounter(5)
    assert (counter.increment(), counter.increment(10), counter.decrement(), counter.decrement(5)) == (6, 16, 15, 10)
    assert repr(counter) == "AtomicCounter(10)"
    counter.reset(-3)
    assert counter.value == -3
    counter.reset()
    assert counter.value == 0
    with pytest.raises(AttributeError):
        counter.value = 1  # type: ignore[misc]


class Tally:
    """Counts with a gap between reading and writing."""

    def __init__(self) -> None:
        self.total = 0
        self.entered = 0
        self._guard = self

    def __enter__(self) -> None:
        self.entered += 1

    def __exit__(self, *args: object) -> None:
        pass

    def _step(self) -> None:
        seen = self.total
        time.sleep(0)
        self.total = seen + 1

    @synchronized
    def bare(self) -> None:
        self._step()

    @synchronized()
    def called(self, times: int = 1, *, extra: int = 0) -> int:
        """Step several times."""
        for _ in range(times + extra):
            self.bare()
        return self.total

    @synchronized("_guard")
    def guarded(self) -> None:
        self._step()


@pytest.mark.usefixtures("many_switches")
@pytest.mark.parametrize("name", ["bare", "called"])
def test_synchronized__lets_one_thread_in(name: str) -> None:
    tally, start = Tally(), threading.Barrier(10)

    def step() -> None:
        start.wait(PATIENCE)  # so that all find the lock missing
        for _ in range(100):
            getattr(tally, name)()

    run_together(*[step] * 10)
    assert tally.total == 1000


def test_synchronized__gives_each_instance_a_lock_of_its_own() -> None:
    one, other = Tally(), Tally()
    one.bare()
    other.bare()
    with held(lambda: one._lock):  # type: ignore[attr-defined]
        other.bare()
    assert other.total == 2


def test_synchronized__uses_the_lock_that_is_there() -> None:
    tally = Tally()
    tally.guarded()
    assert (tally.entered, tally.total) == (1, 1)
    assert not hasattr(tally, "_lock")


def test_synchronized__takes_a_missing_lock_by_another_name() -> None:
    class Named:
        @synchronized(lock_attr="_door")
        def enter(self) -> Any:
            return self._door  # type: ignore[attr-defined]

    named = Named()
    assert named.enter() is named.enter()


def test_synchronized__keeps_name_signature_and_errors() -> None:
    assert Tally.called.__name__ == "called"
    assert Tally.called.__doc__ == "Step several times."
    assert str(inspect.signature(Tally.called)) == "(self, times: 'int' = 1, *, extra: 'int' = 0) -> 'int'"
    tally = Tally()
    assert tally.called(2, extra=1) == 3
    with pytest.raises(TypeError, match="unexpected keyword"):
        tally.called(wrong=1)  # type: ignore[call-arg]
    run_together(tally.called)  # the lock was released
