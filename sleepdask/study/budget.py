"""Whether a recording fits into the memory of its worker: said before it is tried, as what does not would kill it."""

from __future__ import annotations

import sys

import psutil

from sleepdask.errors import BackendError
from sleepdask.features.plan import ExtractionPlan

_CHUNK_COPIES = 4  # decoded samples, and what kernels make of a chunk at the most: sorted, in float64
_TABLE_COPIES = 9  # gathered values, variables, table, file: measured on 24 h of 64 channels
_SHARE = 0.9  # of the limit: Dask ends a worker at 0.95


def predicted_peak(plan: ExtractionPlan) -> int:
    """Most memory, in bytes, that the features of a recording take, chunk after chunk, above what the process has."""
    chunk = max(max(node.decoded_bytes) for node in plan.nodes.values())
    cells = plan.grid.count * sum(len(node.outputs) * len(node.task.channels) for node in plan.nodes.values())
    return _CHUNK_COPIES * chunk + _TABLE_COPIES * 8 * cells


def check_budget(plan: ExtractionPlan) -> None:
    """Refuse a recording that its worker has no memory for.

    A recording is computed in chunks of epochs of at most 16 MiB, so that its length matters little; but a chunk is
    never less than one epoch of all channels.

    Raises
    ------
    BackendError
        It would not fit.
    """
    needed, left = predicted_peak(plan), _left()
    if needed > left:
        raise BackendError(
            "the worker has too little memory",
            where=plan.attrs["recording_id"],
            expected=f"some {needed / 2**20:.0f} MiB for one epoch of all channels, and the table",
            found=f"{max(left, 0) / 2**20:.0f} MiB",
            fix="use shorter epochs, fewer channels or features, or workers with more memory (memory_limit)",
        )


def _left() -> int:
    """Memory that this process may still take: up to its limit as a worker, or what the machine has left."""
    available = psutil.virtual_memory().available
    limit = _limit()
    return int(min(available, _SHARE * limit - psutil.Process().memory_info().rss) if limit else available)


def _limit() -> int | None:
    """Limit of the worker of a cluster in which this is called."""
    worker = sys.modules.get("distributed.worker")
    try:
        return worker.get_worker().memory_manager.memory_limit if worker else None
    except ValueError:  # not in a task
        return None
