"""Computed features kept in memory, so that the same question is not worked out twice."""

from __future__ import annotations

import sys
from typing import Any

import xarray as xr
from dask.base import tokenize

from sleepdask.io.tables import feature_nodes
from sleepdask.parallel.cache import ThreadSafeCache

MAX_BYTES = 256 << 20


def _bytes(features: xr.DataTree) -> int:
    return sum(
        variable.nbytes + (sum(map(sys.getsizeof, variable.values.flat)) if variable.dtype == object else 0)
        for node in features.subtree
        for variable in node.variables.values()
    )


_cache = ThreadSafeCache(MAX_BYTES, sizeof=_bytes)
_enabled = True


def enable_feature_cache(enabled: bool = True) -> None:  # noqa: FBT001, FBT002
    """Switch the cache of computed features on (as it is at first) or off; what it holds stays.

    `compute` looks into it before it computes the features of a recording. Its keys are made of the content of
    the graph: path, size and time of change of the file or the samples themselves, epochs, features with
    version and parameters. Whoever asks gets a copy of their own. It holds at most 256 MiB, and forgets first
    what was not asked for longest.

    Examples
    --------
    >>> enable_feature_cache(False)
    >>> get_cache_stats()["enabled"]
    False
    >>> enable_feature_cache()
    """
    global _enabled
    _enabled = enabled


def clear_feature_cache() -> None:
    """Forget all computed features."""
    _cache.clear()


def get_cache_stats() -> dict[str, Any]:
    """Tell how often the cache helped: enabled, size (entries), bytes, hits, misses, sets, clears, hit_rate in percent.

    Examples
    --------
    >>> sorted(get_cache_stats())
    ['bytes', 'clears', 'enabled', 'hit_rate', 'hits', 'misses', 'sets', 'size']
    """
    return {"enabled": _enabled, **_cache.get_stats()}


def cache_key(item: Any) -> str | None:
    """Token of what a lazy tree of features will hold; None for anything else, or if the cache is off."""
    if not _enabled or not isinstance(item, xr.DataTree):
        return None
    nodes = feature_nodes(item)
    if not nodes or not any(node.chunks for node in nodes.values()):
        return None
    whole = [(node.relative_to(item), node.to_dataset(inherit=node is item)) for node in item.subtree]
    return str(tokenize(item.name, whole))


def recall(key: str | None) -> xr.DataTree | None:
    """Copy of the features kept under a key, or None."""
    kept: xr.DataTree | None = None if key is None else _cache.get(key)
    return None if kept is None else kept.copy(deep=True)


def remember(key: str | None, features: xr.DataTree) -> None:
    """Keep a copy of computed features, unless some failed: another attempt may not."""
    if key is not None and not any((node["status"] == "failed").any() for node in feature_nodes(features).values()):
        _cache.set(key, features.copy(deep=True))
