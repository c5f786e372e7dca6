"""Maps over many items: ordered, as they complete, or awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Sized
from contextlib import aclosing, closing
from dataclasses import replace
from itertools import chain
from operator import attrgetter, itemgetter
from threading import Event
from typing import Any, TypeVar

from sleepdask.parallel.backends import Purpose, open_backend
from sleepdask.parallel.calls import Done
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.maps import Map
from sleepdask.parallel.outcome import Outcome
from sleepdask.parallel.progress import announce, choose_progress
from sleepdask.parallel.settings import checked, get_parallel_config, resolve

T = TypeVar("T")
Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
_log = logging.getLogger("sleepdask.parallel")


class ParallelExecutor:
    """Runs functions on many items, in threads or processes, as a configuration says.

    Results have the order of the items. Items are taken as they are needed and go out in batches of at most
    `chunk_size` (smaller near the end, larger for what takes no time), so a million of them need no memory.
    Functions may be lambdas and closures. Where ``backend="auto"`` holds, a threaded map that takes about a
    millisecond as a whole runs in the calling thread; processes never do, unless there is one item at most.

    Parameters
    ----------
    config
        Default: the configuration that holds when a method is called. ``on_error`` says what an item that
        fails becomes: ``"raise"`` raises its error and drops what has not begun, ``"skip"`` leaves it out and
        logs a warning, ``"return"`` gives an `Outcome` for every item. `retries` and `timeout` hold for each
        item; what runs in the calling thread cannot be stopped, and a thread can only be left behind.
    prepare
        Called in this process before worker processes are started, to do once what each of them would else do.
    grow
        False: no batch is larger than `chunk_size`, even where items take no time, as others may take very long.

    Notes
    -----
    Pools and clusters are started when first used, shared by all executors, and closed when Python ends or by
    `close_pools`; leaving the ``with`` block keeps them. After Ctrl-C no worker goes on with the work.

    Examples
    --------
    >>> with ParallelExecutor() as executor:
    ...     executor.map_threaded(lambda x: x**2, range(5))
    [0, 1, 4, 9, 16]
    >>> careful = ParallelExecutor(ParallelConfig(on_error="return"))
    >>> [outcome.value or outcome.message for outcome in careful.map_threaded(float, ["1.5", "x"])]
    [1.5, "could not convert string to float: 'x'"]
    """

    def __init__(
        self, config: ParallelConfig | None = None, *, prepare: Callable[[], object] | None = None, grow: bool = True
    ) -> None:
        self._config = checked(config)
        self._prepare, self._grow = prepare, grow

    def __enter__(self) -> ParallelExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep the pools: whoever comes next has them started."""

    @property
    def config(self) -> ParallelConfig:
        """Configuration that its methods follow."""
        return self._config or get_parallel_config()

    def map_threaded(
        self, func: Callable[[Any], T], items: Iterable[Any], desc: str | None = None, chunksize: int | None = None
    ) -> list[Any]:
        """Call a function with each item, in up to `max_workers_io` threads: for what waits or releases the GIL.

        Parameters
        ----------
        func, items
            What to call, and with what.
        desc
            Text before the bar.
        chunksize
            Items of the largest batch; default `chunk_size`.
        """
        return self._ordered(func, items, "io", desc, chunksize)

    def map_processes(
        self, func: Callable[[Any], T], items: Iterable[Any], desc: str | None = None, chunksize: int | None = None
    ) -> list[Any]:
        """Call a function with each item, in `max_workers_cpu` processes, or on the configured cluster.

        Parameters as in `map_threaded`. Function, items and results travel between processes.
        """
        return self._ordered(func, items, "cpu", desc, chunksize)

    def submit_tasks(self, tasks: Iterable[Task], use_processes: bool = False, desc: str | None = None) -> list[Any]:  # noqa: FBT001, FBT002
        """Call different functions: each task is (function, positional arguments, keyword arguments).

        Examples
        --------
        >>> ParallelExecutor().submit_tasks([(max, (1, 2), {}), (int, ("ff",), {"base": 16})])
        [2, 255]
        """
        return self._ordered(_call, tasks, _purpose(use_processes), desc, 1)

    def map_with_progress(
        self,
        func: Callable[[Any], T],
        items: Iterable[Any],
        use_processes: bool = False,  # noqa: FBT001, FBT002
        desc: str | None = None,
    ) -> Generator[tuple[int, Any], None, None]:
        """Yield (index, result) as results come, with a bar.

        Examples
        --------
        >>> sorted(ParallelExecutor().map_with_progress(str.upper, ["a", "b"]))
        [(0, 'A'), (1, 'B')]
        """
        return _pairs(self._batches(func, items, _purpose(use_processes), desc))

    async def amap(
        self,
        func: Callable[[Any], T],
        items: Iterable[Any],
        use_processes: bool = False,  # noqa: FBT001, FBT002
        desc: str | None = None,
    ) -> list[Any]:
        """Await the ordered results of a map, while the event loop goes on."""
        async with aclosing(self.as_completed(func, items, use_processes, desc)) as pairs:
            return [result for _, result in sorted([pair async for pair in pairs], key=itemgetter(0))]

    def as_completed(
        self,
        func: Callable[[Any], T],
        items: Iterable[Any],
        use_processes: bool = False,  # noqa: FBT001, FBT002
        desc: str | None = None,
    ) -> AsyncGenerator[tuple[int, Any], None]:
        """Yield (index, result) as results come, while the event loop goes on.

        Leaving the loop, or cancelling the task, drops what has not begun.

        Examples
        --------
        >>> async def collect():
        ...     return sorted([pair async for pair in ParallelExecutor().as_completed(abs, [-1, -2])])
        >>> asyncio.run(collect())
        [(0, 1), (1, 2)]
        """
        stop = Event()
        return _pairs_awaited(self._batches(func, items, _purpose(use_processes), desc, stop=stop), stop)

    def _ordered(
        self, func: Callable[[Any], Any], items: Iterable[Any], purpose: Purpose, desc: str | None, batch: int | None
    ) -> list[Any]:
        parts = sorted(self._batches(func, items, purpose, desc, batch), key=attrgetter("first"))
        return list(chain.from_iterable(part.kept() for part in parts))

    def _batches(
        self,
        func: Callable[[Any], Any],
        items: Iterable[Any],
        purpose: Purpose,
        desc: str | None = None,
        batch: int | None = None,
        stop: Event | None = None,
    ) -> Generator[Done, None, None]:
        """Begin nothing yet, but settle the configuration now."""
        return _run(self.config, func, items, purpose, desc, batch, stop, self._prepare, grow=self._grow)


def parallel_map(
    func: Callable[[Any], Any],
    items: Iterable[Any],
    use_processes: bool = False,  # noqa: FBT001, FBT002
    max_workers: int | None = None,
    desc: str | None = None,
) -> list[Any]:
    """Call a function with each item, in threads or processes; results have the order of the items.

    Parameters
    ----------
    func, items
        What to call, and with what.
    use_processes
        Processes for what keeps a CPU busy in Python; threads for what waits or releases the GIL.
    max_workers
        Default: `max_workers_cpu` or `max_workers_io` of the configuration.
    desc
        Text before the bar.

    Examples
    --------
    >>> parallel_map(lambda x: x + 1, range(3), max_workers=2)
    [1, 2, 3]
    """
    config = resolve(max_workers_cpu=max_workers, max_workers_io=max_workers)
    executor = ParallelExecutor(config)
    return executor.map_processes(func, items, desc) if use_processes else executor.map_threaded(func, items, desc)


def _purpose(use_processes: bool) -> Purpose:  # noqa: FBT001
    return "cpu" if use_processes else "io"


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", type(func).__name__)


def _call(task: Task) -> Any:
    function, arguments, keywords = task
    return function(*arguments, **keywords)


def _run(
    config: ParallelConfig,
    func: Callable[[Any], Any],
    items: Iterable[Any],
    purpose: Purpose,
    desc: str | None,
    batch: int | None,
    stop: Event | None,
    prepare: Callable[[], object] | None,
    *,
    grow: bool,
) -> Generator[Done, None, None]:
    total = len(items) if isinstance(items, Sized) else None
    if total == 0 or (config.backend == "auto" and total == 1 and config.timeout is None):
        config = replace(config, enabled=False)
    bar = choose_progress(desc or _name(func), enabled=config.enable_progress, unit="item")
    failed: list[Outcome[Any]] = []
    with open_backend(config, purpose, prepare=prepare) as backend:
        announce(backend.dashboard, bar)
        bar.start(total)
        try:
            for done in Map(backend, func, items, config=config, batch=batch, stop=stop, grow=grow):
                bar.advance(len(done.values))
                failed += done.failures.values()
                if failed and config.on_error == "raise":
                    failed[0].unwrap()
                yield done
        finally:
            bar.finish()
    if failed:
        what = f"{failed[0].error_type}: {failed[0].message}"
        _log.warning("%d items failed and are left out; item %d: %s", len(failed), failed[0].index, what)


def _pairs(parts: Generator[Done, None, None]) -> Generator[tuple[int, Any], None, None]:
    with closing(parts):
        for part in parts:
            yield from part.pairs()


async def _pairs_awaited(parts: Generator[Done, None, None], stop: Event) -> AsyncGenerator[tuple[int, Any], None]:
    step: asyncio.Future[Any] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, parts, None))
            part = await asyncio.shield(step)
            if part is None:
                return
            for pair in part.pairs():
                yield pair
    finally:
        stop.set()
        if step is not None:
            await asyncio.wait([step])
            step.cancelled() or step.exception()  # seen: whoever cancels does not ask
        parts.close()
