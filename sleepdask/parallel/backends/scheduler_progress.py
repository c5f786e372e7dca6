"""How far a graph has come on a cluster, as its scheduler tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, wait
from contextlib import contextmanager, suppress
from typing import Any

from distributed import Client, Future
from distributed.diagnostics.progressbar import ProgressBar

from sleepdask.parallel.progress import Progress, Silent

_LAST_WORD_SECONDS = 1


class _Follower(ProgressBar):  # type: ignore[misc]
    """Distributed's bar, with a sink of ours in place of the drawing."""

    def __init__(self, client: Client, futures: Sequence[Future], progress: Progress) -> None:
        super().__init__(futures, scheduler=client.scheduler.address, interval="100ms", complete=False)
        self._progress = progress
        self._done = self._all = 0
        self._started = False

    def _draw_bar(self, *, remaining: int, all: int, **_: Any) -> None:  # noqa: A002
        if not self._started:
            self._progress.start(all)
            self._started, self._all = True, all
        self._progress.advance(all - remaining - self._done)
        self._done = all - remaining

    def end(self, *, well: bool) -> None:
        """Show what was not told in time, and finish."""
        if not self._started:
            self._progress.start(len(self.keys))
            self._all = len(self.keys)
        if well:
            self._progress.advance(self._all - self._done)
        self._progress.finish()


@contextmanager
def follow(client: Client, futures: Sequence[Future], progress: Progress) -> Iterator[None]:
    """Context in which the tasks behind the futures advance a sink."""
    if isinstance(progress, Silent) or not futures:
        yield
        return
    follower = _Follower(client, futures, progress)
    listening = asyncio.run_coroutine_threadsafe(follower.listen(), client.loop.asyncio_loop)
    well = False
    try:
        yield
        well = True
    finally:
        with suppress(Exception, CancelledError):  # a bar is not worth an error
            listening.result(_LAST_WORD_SECONDS if well else 0)
        listening.cancel()
        wait([listening], _LAST_WORD_SECONDS)
        follower.end(well=well)
