"""What a worker process that was started here does before it joins."""

from __future__ import annotations

import signal

import sleepdask.parallel.maps  # noqa: F401  # what a map runs there: no item's time is spent on importing it


def dask_setup(_: object) -> None:
    """Leave Ctrl-C, which reaches all processes of a terminal, to the one that started this: it ends its workers.

    Interrupts were blocked from the start. A handler, unlike blocking or ignoring, does not pass on to programs that
    tasks start: these are interrupted as ever.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
