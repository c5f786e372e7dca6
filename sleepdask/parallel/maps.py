"""One map on one backend: batches go out as fast as they come back, outcomes come as they complete."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future as LocalFuture
from contextvars import copy_context
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic, perf_counter
from typing import Any

import cloudpickle

from sleepdask.errors import BackendError, ParameterError, WorkerLostError
from sleepdask.parallel.backends.base import Backend, Future
from sleepdask.parallel.backends.here import too_slow
from sleepdask.parallel.calls import Batch, Call, Done, PickledCall, pickled
from sleepdask.parallel.config import ParallelConfig, check_count
from sleepdask.parallel.outcome import Outcome

_LOOK_SECONDS = 0.2
_INLINE_SECONDS = 0.001  # what is done in this time is not worth a pool
_MOST = 1 << 16
_BATCH_BYTES = 1 << 20  # cheap items are not gathered beyond this


class Map:
    """What becomes of many items, batch by batch in the order of completion.

    Parameters
    ----------
    backend
        Where it runs.
    function, items
        What runs on what; items are taken as they are needed, so there may be a million of them, or no end.
    config
        Says how large batches are, how often an item is tried and how long it may take, and, with
        ``backend="auto"``, that what takes about no time may run in the calling thread.
    batch
        Most items that go out together instead of `chunk_size`. It is fewer near the end, so that all workers
        stay busy.
    grow
        Whether batches of what takes no time are larger than that.
    stop
        Ends the iteration when another thread sets it; a thread that is busy with a batch ends it after its item.
    """

    def __init__(
        self,
        backend: Backend,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        *,
        config: ParallelConfig,
        batch: int | None = None,
        grow: bool = True,
        stop: Event | None = None,
    ) -> None:
        self._backend = backend
        self._call = Call(function, config.retries, config.on_error)
        if batch is not None:
            check_count("chunksize", batch, least=1)
        self._batch, self._grow = batch or config.chunk_size, grow
        self._inline = config.backend == "auto" and backend.in_process and config.timeout is None
        self._timeout = None if backend.name == "sync" else config.seconds
        self._stop = stop or Event()
        self._left = len(items) if isinstance(items, Sized) else None
        self._items = iter(items)
        self._next = 0
        self._suspects: deque[Batch] = deque()
        self._running: dict[int, tuple[Batch, Future, float]] = {}
        self._inbox: SimpleQueue[int] = SimpleQueue()
        self._alone: set[int] = set()
        self._spent, self._done, self._sent = 0.0, 0, 0

    def __iter__(self) -> Iterator[Done]:
        self._send = self._sender()
        try:
            if self._inline:
                yield from self._cheap()
            while not self._stop.is_set():
                self._fill()
                if not self._running:
                    return
                yield from self._wait(_LOOK_SECONDS)
        except GeneratorExit:
            self._stop.set()
            self._backend.cancel(self._futures())
            raise
        except BaseException:
            self._stop.set()
            self._backend.stop(self._futures())
            raise
        self._backend.cancel(self._futures())

    def _futures(self) -> list[Future]:
        return [future for _, future, _ in self._running.values()]

    def _cheap(self) -> Iterator[Done]:
        """Send one item ahead; if by it all others take no time, do them here as long as that holds."""
        if self._left is None or not self._submit_next(1):
            return
        first = list(self._wait(_INLINE_SECONDS))
        yield from first
        if not first or first[0].seconds * self._left > _INLINE_SECONDS:
            return
        until = perf_counter() + _INLINE_SECONDS
        while perf_counter() < until and (batch := self._take(1)):
            yield copy_context().run(self._call, batch)

    def _fill(self) -> None:
        """Keep every worker busy and as many batches again waiting, no more: memory stays bounded."""
        most = self._backend.workers * (1 if self._timeout or self._backend.name == "sync" else 2)
        while len(self._running) < most and self._submit_next(self._size()):
            pass
        if self._suspects and not self._running:  # alone, so that it is clear who did it
            self._submit(self._suspects.popleft())

    def _size(self) -> int:
        if self._timeout:
            return 1
        size = self._batch
        if self._done and self._grow:
            wanted = math.ceil(self._backend.batch_seconds / max(self._spent / self._done, 1e-9))
            size = max(size, min(_MOST, wanted, _BATCH_BYTES * self._next // max(self._sent, 1)))
        if self._left is not None:
            size = min(size, max(1, self._left // (self._backend.workers * 2)))
        return size

    def _take(self, size: int) -> Batch | None:
        items = tuple(islice(self._items, size))
        if not items:
            return None
        batch = Batch(self._next, items)
        self._next += len(items)
        if self._left is not None:
            self._left -= len(items)
        return batch

    def _submit_next(self, size: int) -> bool:
        batch = self._take(size)
        if batch:
            self._submit(batch)
        return batch is not None

    def _submit(self, batch: Batch) -> None:
        number = batch.first
        try:
            future = self._send(batch)
        except ParameterError as error:  # an item that cannot travel fails like any other
            future = LocalFuture()
            future.set_exception(error)
        self._running[number] = batch, future, monotonic()
        future.add_done_callback(lambda _: self._inbox.put(number))

    def _wait(self, seconds: float) -> Iterator[Done]:
        try:
            number = self._inbox.get(timeout=seconds)
        except Empty:
            self._backend.check()
        else:
            if number in self._running:
                yield from self._finished(number)
        if self._timeout:
            yield from self._overdue(self._timeout)

    def _finished(self, number: int) -> Iterator[Done]:
        batch, future, _ = self._running.pop(number)
        try:
            result = future.result()
            done: Done = result if self._backend.in_process else cloudpickle.loads(result)
        except Exception as error:
            reason = self._backend.explain(error)
            if isinstance(reason, BackendError) and not isinstance(reason, WorkerLostError):
                raise reason from error
            if number in self._alone:
                if isinstance(reason, WorkerLostError):
                    reason.where = f"item {number}"
                yield self._failed(Outcome(number, error=reason))
            else:  # one of these, or of others on the same worker, did it: find out which
                self._suspects += batch.singles()
                self._alone |= {single.first for single in batch.singles()}
            return
        self._spent += done.seconds
        self._done += len(done.values)
        yield done

    def _overdue(self, timeout: float) -> Iterator[Done]:
        late = [number for number, (_, _, began) in self._running.items() if monotonic() - began > timeout]
        for number in late:
            batch, future, began = self._running.pop(number)
            if not self._backend.has_begun(future):  # its worker is still starting
                self._running[number] = batch, future, monotonic()
                continue
            self._backend.drop(future)
            yield self._failed(Outcome(number, error=too_slow(f"item {number}", timeout), seconds=monotonic() - began))

    def _failed(self, outcome: Outcome[Any]) -> Done:
        return Done(outcome.index, [outcome]) if self._call.detailed else Done.of(outcome)

    def _sender(self) -> Callable[[Batch], Future]:
        backend, call = self._backend, self._call
        if backend.in_process:
            return lambda batch: backend.submit(call, batch, self._stop)
        shared = backend.share(PickledCall(call))

        def send(batch: Batch) -> Future:
            data = pickled(batch, f"item {batch.first}, or one near it,")
            self._sent += len(data)
            return backend.submit(_run, shared, data)

        return send


def _run(call: PickledCall, batch: bytes) -> bytes:
    return call(batch)
