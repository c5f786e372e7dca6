"""Which configuration holds: an argument, a block, the one that was set, or Dask's configuration."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import dask
import yaml

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.parallel.config import ParallelConfig

SECTION = "sleepdask.parallel"
_FIELDS = tuple(each.name for each in fields(ParallelConfig))

dask.config.update_defaults(yaml.safe_load(Path(__file__).with_name("sleepdask.yaml").read_text("utf-8")))

_block: ContextVar[ParallelConfig | None] = ContextVar("parallel_config", default=None)
_was_set: ParallelConfig | None = None


def get_parallel_config() -> ParallelConfig:
    """Return the configuration that holds here and now.

    In order: that of the innermost `parallel_config` block of this thread or task, that of
    `set_parallel_config`, the section ``sleepdask.parallel`` of Dask's configuration.

    Examples
    --------
    >>> with parallel_config(workers=2):
    ...     get_parallel_config()
    ParallelConfig(workers=2)
    """
    return _block.get() or _was_set or _from_dask()


def set_parallel_config(config: ParallelConfig | None) -> None:
    """Set the configuration of this process; None goes back to Dask's configuration.

    Inside a `parallel_config` block a warning tells that the block still wins.

    Examples
    --------
    >>> set_parallel_config(ParallelConfig(max_workers_cpu=4))
    >>> get_parallel_config().max_workers_cpu
    4
    >>> set_parallel_config(None)
    """
    _set(config)


def enable_parallel_processing() -> None:
    """Run in parallel again, as configured before `disable_parallel_processing`."""
    _set(replace(_was_set or _from_dask(), enabled=True))


def disable_parallel_processing() -> None:
    """Run everything in the calling thread.

    Examples
    --------
    >>> disable_parallel_processing()
    >>> get_parallel_config().enabled
    False
    >>> enable_parallel_processing()
    >>> set_parallel_config(None)
    """
    _set(replace(_was_set or _from_dask(), enabled=False))


@contextmanager
def parallel_config(config: ParallelConfig | None = None, **changes: Any) -> Iterator[ParallelConfig]:
    """Context in which another configuration holds, for this thread or task only.

    Parameters
    ----------
    config
        What to start from; default the configuration that holds outside.
    **changes
        Fields of `ParallelConfig` to replace.

    Examples
    --------
    >>> with parallel_config(backend="threads"), parallel_config(workers=1) as inner:
    ...     inner
    ParallelConfig(backend='threads', workers=1)
    """
    inner = _replaced(checked(config) or get_parallel_config(), changes)
    token = _block.set(inner)
    try:
        yield inner
    finally:
        _block.reset(token)


def resolve(config: ParallelConfig | None = None, **changes: Any) -> ParallelConfig:
    """Configuration for a call: `config` or what holds, with the arguments that are not None in their place."""
    return _replaced(checked(config) or get_parallel_config(), {k: v for k, v in changes.items() if v is not None})


def checked(config: ParallelConfig | None) -> ParallelConfig | None:
    """Return a configuration, or None; raise `ParameterError` for anything else."""
    if config is not None and not isinstance(config, ParallelConfig):
        raise ParameterError("not a configuration", expected="a ParallelConfig or None", found=type(config).__name__)
    return config


def _set(config: ParallelConfig | None) -> None:
    global _was_set
    checked(config)
    if _block.get():
        warnings.warn("a parallel_config block is active, which wins until it ends", stacklevel=3)
    _was_set = config


def _from_dask() -> ParallelConfig:
    section = dask.config.get(SECTION, {})
    return _replaced(ParallelConfig(), {name.replace("-", "_"): value for name, value in section.items()})


def _replaced(config: ParallelConfig, changes: dict[str, Any]) -> ParallelConfig:
    for name in changes:
        if name not in _FIELDS:
            fix = did_you_mean(name, _FIELDS)
            raise ParameterError(
                f"no such setting {name!r}", where="ParallelConfig", expected=", ".join(_FIELDS), fix=fix
            )
    if changes.get("scheduler") is not None:  # who names one means it
        changes = {"backend": "auto"} | changes
    return replace(config, **changes)
