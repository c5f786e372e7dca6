"""What shows how far work has come: the calls it gets, where it writes, and when it is silent."""

from __future__ import annotations

import io
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import dask
import pytest
from dask.callbacks import Callback
from dask.diagnostics import Profiler
from jobs import PATIENCE

from sleepdask.errors import ParameterError, TooSlowError
from sleepdask.parallel import (
    ParallelConfig,
    ParallelExecutor,
    Progress,
    open_backend,
    parallel_config,
    parallel_map,
)
from sleepdask.parallel.graphs import compute_on, persist_on
from sleepdask.parallel.progress import Silent, TqdmBar, announce, choose_progress

BACKENDS = ["sync", "threads", "processes"]
HERE = ["sync", "threads"]
pytestmark = pytest.mark.usefixtures("pools")


class Recorder:
    """Progress that writes down its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int | None]] = []
        self._calling = threading.Lock()

    def _add(self, name: str, number: int | None = None) -> None:
        assert self._calling.acquire(blocking=False), "calls from two threads at a time"
        self.calls.append((name, number))
        self._calling.release()

    def start(self, total: int | None) -> None:
        self._add("start", total)

    def advance(self, count: int = 1) -> None:
        self._add("advance", count)

    def finish(self) -> None:
        self._add("finish")

    @property
    def done(self) -> int:
        return sum(number or 0 for name, number in self.calls if name == "advance")

    def assert_proper(self) -> None:
        """Started once, first; finished once, last."""
        names = [name for name, _ in self.calls]
        assert names[:1] == ["start"]
        assert names[-1:] == ["finish"]
        assert set(names[1:-1]) <= {"advance"}

    def assert_complete(self, total: int | None, done: int | None = None) -> None:
        self.assert_proper()
        assert self.calls[0] == ("start", total)
        assert self.done == (total if done is None else done)


class Terminal(io.StringIO):
    """Stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def open_terminal(monkeypatch: pytest.MonkeyPatch) -> OpenTerminal:
    """Make standard error a terminal, once called in a test, and every dashboard new."""
    monkeypatch.setattr("sleepdask.parallel.progress._announced", set())
    monkeypatch.setenv("TERM", "xterm")

    def open_terminal() -> Terminal:
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return open_terminal


OpenTerminal = Callable[[], Terminal]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Progress that all maps of the test show themselves by."""
    made = Recorder()
    monkeypatch.setattr("sleepdask.parallel.executor.choose_progress", lambda *_, **__: made)
    return made


def compute(backend: Any, tasks: list[Any], progress: Any = None, **settings: Any) -> tuple[Any, ...]:
    config = ParallelConfig(backend=backend, workers=2, **settings)
    with open_backend(config) as opened:
        return compute_on(opened, tasks, config, progress)


def tasks_of(function: Callable[[int], Any], count: int) -> list[Any]:
    return [dask.delayed(function, pure=False)(k) for k in range(count)]


# ----------------------------------------------------------------------------------------- maps


def mapping(backend: Any, **settings: Any) -> Callable[..., list[Any]]:
    made = ParallelExecutor(ParallelConfig(backend=backend, max_workers_cpu=2, max_workers_io=2, **settings))
    return made.map_threaded if backend == "threads" else made.map_processes


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [0, 1, 25, 300])
def test_maps(backend: str, count: int, recorder: Recorder) -> None:
    assert mapping(backend)(abs, range(count)) == list(range(count))
    recorder.assert_complete(count)


@pytest.mark.parametrize("backend", BACKENDS)
def test_maps_of_what_cannot_be_counted(backend: str, recorder: Recorder) -> None:
    mapping(backend)(abs, iter(range(25)))
    recorder.assert_complete(None, 25)


def test_maps_that_run_here_because_they_take_no_time(recorder: Recorder) -> None:
    ParallelExecutor().map_threaded(abs, range(25))
    recorder.assert_complete(25)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("on_error", ["skip", "return"])
def test_items_that_fail_are_done(backend: str, on_error: str, recorder: Recorder) -> None:
    mapping(backend, on_error=on_error)(lambda k: 1 / (k % 5), range(25))
    recorder.assert_complete(25)


@pytest.mark.parametrize("backend", BACKENDS)
def test_maps_that_fail(backend: str, recorder: Recorder) -> None:
    with pytest.raises(ZeroDivisionError):
        mapping(backend)(lambda k: 1 / (k - 7), range(300))
    recorder.assert_proper()
    assert recorder.calls[0] == ("start", 300)
    assert recorder.done < 300


def test_items_that_take_too_long_are_done(recorder: Recorder) -> None:
    leave = threading.Event()
    try:
        mapping("threads", timeout=0.2, on_error="return")(lambda k: leave.wait() if k == 1 else k, range(5))
    finally:
        leave.set()
    recorder.assert_complete(5)


def test_loops_that_are_left(recorder: Recorder) -> None:
    for _ in ParallelExecutor().map_with_progress(lambda _: time.sleep(0.001), range(1000)):
        break
    recorder.assert_proper()
    assert recorder.done < 1000


@pytest.mark.parametrize("use_processes", [False, True])
def test_other_ways_to_map(use_processes: bool, recorder: Recorder) -> None:
    ParallelExecutor().submit_tasks([(abs, (-1,), {})] * 5, use_processes=use_processes)
    recorder.assert_complete(5)
    recorder.calls.clear()
    list(ParallelExecutor().map_with_progress(abs, range(6), use_processes=use_processes))
    recorder.assert_complete(6)
    recorder.calls.clear()
    parallel_map(abs, range(7), use_processes=use_processes)
    recorder.assert_complete(7)


# ----------------------------------------------------------------------------------------- graphs


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("count", [1, 5, 100])
def test_graphs_here(backend: str, count: int) -> None:
    recorder = Recorder()
    assert compute(backend, tasks_of(abs, count), recorder) == tuple(range(count))
    recorder.assert_complete(count)


@pytest.mark.parametrize("count", [1, 100])
def test_graphs_in_processes(count: int) -> None:
    def work(k: int) -> int:
        time.sleep(0.002)
        return k

    recorder = Recorder()
    assert compute("processes", tasks_of(work, count), recorder) == tuple(range(count))
    recorder.assert_complete(count)


def test_graphs_in_processes_tell_how_far_they_are() -> None:
    recorder, seen = Recorder(), []

    def work(k: int) -> int:
        time.sleep(0.01)
        return k

    compute("processes", tasks_of(work, 150), recorder)
    seen = list(recorder.calls)
    assert seen[0] == ("start", 150)
    assert len([name for name, _ in seen if name == "advance"]) > 2


@pytest.mark.parametrize("backend", HERE)
def test_graphs_that_fail_here(backend: str) -> None:
    recorder = Recorder()
    with pytest.raises(ZeroDivisionError):
        compute(backend, tasks_of(lambda k: 1 / (k - 7), 100), recorder)
    recorder.assert_proper()
    assert recorder.calls[0] == ("start", 100)
    assert recorder.done < 100


def test_graphs_that_fail_in_processes() -> None:
    for _ in range(3):
        recorder = Recorder()
        with pytest.raises(ZeroDivisionError):
            compute("processes", tasks_of(lambda k: 1 / k, 6), recorder)
        time.sleep(0.3)  # nothing may come afterwards
        recorder.assert_proper()


def test_graphs_that_take_too_long() -> None:
    leave, recorder = threading.Event(), Recorder()
    try:
        with pytest.raises(TooSlowError):
            compute("threads", [dask.delayed(leave.wait)(), dask.delayed(abs)(-1)], recorder, timeout=0.2)
        recorder.assert_proper()
    finally:
        leave.set()


def test_graphs_within_their_time() -> None:
    recorder = Recorder()
    compute("threads", tasks_of(abs, 20), recorder, timeout=PATIENCE)
    recorder.assert_complete(20)


@pytest.mark.parametrize("backend", HERE)
def test_tasks_that_are_tried_again_count_once(backend: str) -> None:
    recorder, tries = Recorder(), [0] * 20

    def second_time(k: int) -> int:
        tries[k] += 1
        if tries[k] < 2:
            raise OSError("again")
        return k

    compute(backend, tasks_of(second_time, 20), recorder, retries=1)
    recorder.assert_complete(20)
    assert tries == [2] * 20


@pytest.mark.parametrize("backend", HERE)
def test_graphs_that_are_kept(backend: Any) -> None:
    recorder = Recorder()
    config = ParallelConfig(backend=backend, workers=2)
    with open_backend(config) as opened:
        (kept,) = persist_on(opened, [dask.delayed(abs)(-3)], config, recorder)
    recorder.assert_complete(1)
    assert kept.compute(scheduler="sync") == 3


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_profilers_of_dask_go_on(backend: str, timeout: float | None) -> None:
    recorder, own = Recorder(), []
    with Profiler() as profiler, Callback(posttask=lambda key, *_: own.append(key)):
        compute(backend, tasks_of(abs, 30), recorder, timeout=timeout)
    assert len(profiler.results) == 30
    assert len(set(own)) == 30
    recorder.assert_complete(30)
    compute(backend, tasks_of(abs, 5))
    assert len(own) == 30
    assert Callback.active == set()


def test_profilers_of_dask_are_left_as_they_were_by_a_failure() -> None:
    with Profiler() as profiler:
        with pytest.raises(ZeroDivisionError):
            compute("threads", tasks_of(lambda k: 1 / k, 3))
        assert len(Callback.active) == 1
        compute("threads", tasks_of(abs, 4))
    assert len(profiler.results) >= 4


# ----------------------------------------------------------------------------------------- bars


@pytest.mark.parametrize("wanted", [True, "tqdm"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_bars_of_tqdm(backend: str, wanted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    compute(backend, tasks_of(lambda _: time.sleep(0.01), 50), wanted)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "compute" in printed.err
    assert "50" in printed.err


@pytest.mark.parametrize("backend", HERE)
def test_bars_of_rich(backend: str, open_terminal: OpenTerminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = open_terminal()
    pytest.importorskip("rich")
    compute(backend, tasks_of(lambda _: time.sleep(0.01), 50), "rich")
    assert capsys.readouterr().out == ""
    assert "compute" in terminal.getvalue()


@pytest.mark.parametrize("name", ["tqdm", "rich"])
def test_bars_follow_the_protocol(name: str, open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    pytest.importorskip(name)
    for total in (None, 0, 3):
        bar = choose_progress("reading", name)
        assert isinstance(bar, Progress)
        bar.finish()  # also where nothing has started
        bar.start(total)
        bar.advance()
        bar.advance(2)
        bar.finish()
    assert "reading" in terminal.getvalue()


@pytest.mark.parametrize("name", ["tqdm", "rich"])
def test_bars_end_when_the_work_fails(name: str, open_terminal: OpenTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    open_terminal()
    pytest.importorskip(name)
    ended = []
    bar = choose_progress("reading", name)
    monkeypatch.setattr(bar, "finish", lambda finish=bar.finish: (finish(), ended.append(True)))
    with pytest.raises(ZeroDivisionError):
        compute("threads", tasks_of(lambda k: 1 / k, 3), bar)
    assert ended == [True]


def test_maps_show_a_bar_to_who_looks(open_terminal: OpenTerminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = open_terminal()
    ParallelExecutor().map_threaded(lambda _: time.sleep(0.001), range(50), desc="reading nights")
    assert "reading nights" in terminal.getvalue()
    assert "50" in terminal.getvalue()

    def waiting(_: int) -> None:
        time.sleep(0.001)

    ParallelExecutor().map_threaded(waiting, range(50))
    assert "waiting" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_no_bar_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert not sys.stderr.isatty()
    for backend in BACKENDS:
        compute(backend, tasks_of(abs, 20))
        mapping(backend)(abs, range(20), desc="reading")
    assert capsys.readouterr() == ("", "")


def test_no_bar_where_none_is_wanted(open_terminal: OpenTerminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = open_terminal()
    with parallel_config(enable_progress=False):
        for use_processes in (False, True):
            parallel_map(lambda _: time.sleep(0.001), range(20), use_processes=use_processes, desc="reading")
    compute("threads", tasks_of(abs, 20), enable_progress=False)
    compute("threads", tasks_of(abs, 20), False)
    assert terminal.getvalue() == ""
    assert capsys.readouterr().out == ""


def test_a_bar_that_is_asked_for_is_shown_though_disabled(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    compute("threads", tasks_of(abs, 20), True, enable_progress=False)
    assert "compute" in terminal.getvalue()


@pytest.mark.parametrize(
    ("wanted", "enabled", "looks", "shown"),
    [
        (None, True, True, "TqdmBar"),
        (None, False, True, "Silent"),
        (None, True, False, "Silent"),
        (True, False, False, "TqdmBar"),
        ("tqdm", False, False, "TqdmBar"),
        ("rich", False, False, "RichBar"),
        (False, True, True, "Silent"),
    ],
)
def test_which_bar(wanted: Any, enabled: bool, looks: bool, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal() if looks else io.StringIO())
    assert type(choose_progress("reading", wanted, enabled=enabled)).__name__ == shown


def test_what_is_no_bar() -> None:
    class Half:
        def start(self, total: int | None) -> None: ...
        def advance(self, count: int = 1) -> None: ...

    with pytest.raises(ParameterError, match="unknown bar; expected one of tqdm, rich; found 'tdqm'"):
        choose_progress("reading", "tdqm")
    with pytest.raises(ParameterError, match="this shows no progress; expected start, advance and finish; found Half"):
        choose_progress("reading", Half())  # type: ignore[arg-type]
    own = Recorder()
    assert choose_progress("reading", own) is own


def test_notebooks_have_bars_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell: ...

    class IPython:
        get_ipython = staticmethod(ZMQInteractiveShell)

    assert type(choose_progress("reading")).__name__ == "Silent"
    monkeypatch.setitem(sys.modules, "IPython", IPython)  # type: ignore[misc]
    assert type(choose_progress("reading")).__name__ == "TqdmBar"


# ----------------------------------------------------------------------------------------- dashboards


def test_a_dashboard_is_announced_once(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    announce("http://one:8787", Silent())
    announce("", TqdmBar("reading"))
    assert terminal.getvalue() == ""
    for link in ("http://one:8787", "http://one:8787", "http://two:8787", "http://one:8787"):
        announce(link, TqdmBar("reading"))
    assert terminal.getvalue() == "dashboard: http://one:8787\ndashboard: http://two:8787\n"


def test_the_dashboard_of_our_processes(open_terminal: OpenTerminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal = open_terminal()
    config = ParallelConfig(backend="processes", workers=2, max_workers_cpu=2)
    made = ParallelExecutor(config)
    with parallel_config(enable_progress=False):
        ParallelExecutor().map_processes(abs, range(5))
    assert "dashboard" not in terminal.getvalue()
    for _ in range(2):
        made.map_processes(abs, range(5))
        compute("processes", tasks_of(abs, 5))
    with open_backend(config) as backend:
        assert backend.dashboard.startswith("http://127.0.0.1:")
        assert terminal.getvalue().count(f"dashboard: {backend.dashboard}") == 1
    assert capsys.readouterr().out == ""


def test_threads_have_no_dashboard(open_terminal: OpenTerminal) -> None:
    terminal = open_terminal()
    parallel_map(lambda _: time.sleep(0.001), range(20))
    compute("threads", tasks_of(abs, 5))
    assert "dashboard" not in terminal.getvalue()
