"""How work is run: which backend, how many workers."""

from __future__ import annotations

from dataclasses import dataclass

from dask.system import CPU_COUNT

from sleepdask.errors import ParameterError

BACKENDS = ("auto", "sync", "threads")


@dataclass(frozen=True)
class ParallelConfig:
    """Immutable description of how work is run.

    Parameters
    ----------
    enabled
        False runs everything in the calling thread.
    backend
        ``"sync"`` (the calling thread), ``"threads"`` (a pool in this process), or ``"auto"``: threads.
    workers
        Threads; default the CPUs this process may use (affinity and container limits count).

    Examples
    --------
    >>> ParallelConfig(backend="threads", workers=2).effective_workers
    2
    >>> ParallelConfig(enabled=False).effective_backend
    'sync'
    """

    enabled: bool = True
    backend: str = "auto"
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ParameterError("unknown backend", expected=f"one of {', '.join(BACKENDS)}", found=repr(self.backend))
        if self.workers is not None and self.workers < 1:
            raise ParameterError("workers must be at least 1", found=repr(self.workers))

    @property
    def effective_backend(self) -> str:
        """Backend that is really used."""
        if not self.enabled:
            return "sync"
        return "threads" if self.backend == "auto" else self.backend

    @property
    def effective_workers(self) -> int:
        """Threads that really work."""
        if self.effective_backend == "sync":
            return 1
        return CPU_COUNT if self.workers is None else self.workers
