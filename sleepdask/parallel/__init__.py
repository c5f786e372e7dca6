"""Where work runs, from a laptop to a cluster; knows nothing of sleep.

Configuration, maps over items, graphs, and what threads share safely.
"""

from __future__ import annotations

from sleepdask.parallel.backends import backend_name, close_pools, open_backend
from sleepdask.parallel.batching import batch_items, chunk_for_workers, items_per_chunk
from sleepdask.parallel.cache import ThreadSafeCache
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.executor import ParallelExecutor, parallel_map
from sleepdask.parallel.locks import AtomicCounter, RWLock, synchronized
from sleepdask.parallel.outcome import Outcome
from sleepdask.parallel.progress import Progress
from sleepdask.parallel.settings import (
    disable_parallel_processing,
    enable_parallel_processing,
    get_parallel_config,
    parallel_config,
    set_parallel_config,
)
from sleepdask.parallel.tls import make_tls

__all__ = [
    "AtomicCounter",
    "Outcome",
    "ParallelConfig",
    "ParallelExecutor",
    "Progress",
    "RWLock",
    "ThreadSafeCache",
    "backend_name",
    "batch_items",
    "chunk_for_workers",
    "close_pools",
    "disable_parallel_processing",
    "enable_parallel_processing",
    "get_parallel_config",
    "items_per_chunk",
    "make_tls",
    "open_backend",
    "parallel_config",
    "parallel_map",
    "set_parallel_config",
    "synchronized",
]
