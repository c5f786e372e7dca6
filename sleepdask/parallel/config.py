"""How work is run, as one immutable value."""

from __future__ import annotations

import html
import os
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from dask.system import cpu_count
from dask.utils import parse_bytes, parse_timedelta

from sleepdask.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from distributed import Client, Security
    from distributed.deploy.cluster import Cluster

BackendName = Literal["auto", "sync", "threads", "processes", "distributed", "ray"]
OnError = Literal["raise", "skip", "return"]
BACKENDS: tuple[str, ...] = get_args(BackendName)
ON_ERROR: tuple[str, ...] = get_args(OnError)
MOST_IO_WORKERS = 32


@dataclass(frozen=True)
class ParallelConfig:
    """Where work runs, on how many workers, and what happens when it fails.

    Parameters
    ----------
    enabled
        False runs everything in the calling thread. So does the environment variable ``DISABLE_PARALLEL=1``,
        whatever is asked for here.
    max_workers_cpu
        Processes of `ParallelExecutor.map_processes`; default the effective CPUs less one, at least 1.
        CPUs are those this process may use: affinity and the quota of a container count.
    max_workers_io
        Threads of `ParallelExecutor.map_threaded`; default four for each effective CPU, at most 32.
    chunk_size
        Epochs of the smallest chunk of a graph, and items of the largest batch of a map.
    enable_progress
        Show bars, on a terminal or in a notebook.
    backend
        Where graphs run: ``"sync"`` (the calling thread), ``"threads"``, ``"processes"`` (a cluster on this
        machine, one thread a process, started once and reused), ``"distributed"`` (the scheduler named by
        `scheduler`, else the active Client), ``"ray"``, or ``"auto"``: what `scheduler` names, else the active
        Client, else threads.
    workers
        Threads or processes that run a graph; default all effective CPUs, or all threads of the cluster.
    scheduler
        Address (``"tls://host:8786"``), path of a scheduler file, a Client, or a cluster object such as
        those of dask-jobqueue, dask-kubernetes and dask-gateway.
    security
        Folder with the files of `make_tls`, a `distributed.Security`, or True for the processes backend:
        certificates made up for the occasion.
    require_tls
        Refuse a scheduler off this machine that is not reached by TLS, instead of warning.
    memory_limit
        Of each worker process, such as ``"4 GiB"``; default its share of the machine.
    retries
        How often a failed task or item is tried again.
    on_error
        What a map does with an item that fails: ``"raise"`` its error, ``"skip"`` it, or ``"return"`` an
        `Outcome` for every item.
    timeout
        Longest time for a graph as a whole, or for one item of a map, in seconds or as ``"90s"``.

    Raises
    ------
    ParameterError
        A value is outside its range.

    Examples
    --------
    >>> ParallelConfig(max_workers_cpu=4, chunk_size=20)
    ParallelConfig(max_workers_cpu=4, chunk_size=20)
    >>> ParallelConfig(timeout="2m").timeout
    120.0
    """

    enabled: bool = True
    max_workers_cpu: int = field(default_factory=lambda: max(1, cpu_count() - 1))
    max_workers_io: int = field(default_factory=lambda: min(MOST_IO_WORKERS, 4 * cpu_count()))
    chunk_size: int = 10
    enable_progress: bool = True
    backend: BackendName = "auto"
    workers: int | None = None
    scheduler: str | Path | Client | Cluster | None = None
    security: str | Path | Security | Literal[True] | None = None
    require_tls: bool = False
    memory_limit: int | str | None = None
    retries: int = 0
    on_error: OnError = "raise"
    timeout: float | str | None = None

    def __post_init__(self) -> None:
        for name in ("max_workers_cpu", "max_workers_io"):  # None means the default, as it does for workers
            if getattr(self, name) is None:
                self._set(name, _default(name))
        for name in ("enabled", "enable_progress", "require_tls"):
            self._set(name, _switch(name, getattr(self, name)))
        for name in ("max_workers_cpu", "max_workers_io", "chunk_size"):
            check_count(name, getattr(self, name), least=1)
        check_count("retries", self.retries, least=0)
        if self.workers is not None:
            check_count("workers", self.workers, least=1)
        _check_choice("backend", self.backend, BACKENDS)
        _check_choice("on_error", self.on_error, ON_ERROR)
        if self.timeout is not None:
            self._set("timeout", _seconds(self.timeout))
        if self.memory_limit is not None:
            self._set("memory_limit", _bytes(self.memory_limit))
        if os.environ.get("DISABLE_PARALLEL") == "1":
            self._set("enabled", value=False)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def seconds(self) -> float | None:
        """The time limit as a number."""
        return None if self.timeout is None else _seconds(self.timeout)

    @property
    def graph_workers(self) -> int:
        """Threads or processes that run a graph on this machine."""
        return self.workers or cpu_count()

    def __repr__(self) -> str:
        return f"ParallelConfig({', '.join(f'{name}={value!r}' for name, value in self._chosen().items())})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{each.name}</td><td>{html.escape(repr(getattr(self, each.name)))}</td></tr>"
            for each in fields(self)
        )
        return f"<table><caption>ParallelConfig</caption>{rows}{self._dashboard()}</table>"

    def _chosen(self) -> dict[str, Any]:
        """Fields that differ from their defaults."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value != _default(name)}

    def _dashboard(self) -> str:
        link = getattr(self.scheduler, "dashboard_link", None)
        return (
            f'<tr><td>dashboard</td><td><a href="{html.escape(link)}">{html.escape(link)}</a></td></tr>' if link else ""
        )


def _default(name: str) -> Any:
    each = ParallelConfig.__dataclass_fields__[name]
    return each.default if each.default_factory is MISSING else each.default_factory()


def _switch(name: str, value: object) -> bool:
    if value in (True, False):  # 0 and 1 come from environment variables
        return bool(value)
    raise ParameterError(f"{name} is a switch", expected="True or False", found=repr(value))


def check_count(name: str, value: object, *, least: int) -> None:
    """Refuse what is no whole number, or too small a one."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name} must be a whole number of at least {least}", found=repr(value))


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        raise ParameterError(f"unknown {name}", expected=f"one of {', '.join(choices)}", found=repr(value), fix=hint)


def _seconds(value: float | str) -> float:
    try:
        seconds = float(parse_timedelta(value, default="s"))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        seconds = float("nan")
    if not seconds > 0 or seconds == float("inf"):
        raise ParameterError("timeout must be a positive time", found=repr(value), fix="write it as 90 or '90s'")
    return seconds


def _bytes(value: float | str) -> int:
    try:
        count = 0 if value is True else parse_bytes(value)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        count = 0
    if count <= 0:
        raise ParameterError("memory_limit must be an amount of memory", found=repr(value), fix="write it as '4 GiB'")
    return count
