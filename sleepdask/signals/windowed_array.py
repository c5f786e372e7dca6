"""A Dask array each chunk of which is made of a window of another one along time, whatever the chunks of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import getitem
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

_NONE = slice(None)


@dataclass(frozen=True)
class Window:
    """How one chunk is made.

    Parameters
    ----------
    first, after
        Samples of the source that it needs.
    size
        Values that it has along time.
    make
        Makes it of them; dims (channel, time) both.
    """

    first: int
    after: int
    size: int
    make: Callable[[NDArray[Any]], NDArray[Any]]


def windowed_array(source: da.Array, name: str, windows: Sequence[Window], dtype: np.dtype[Any]) -> da.Array:
    """One task a chunk, and one for each piece of a chunk of the source that it takes a part of."""
    source = source.rechunk({0: -1}, method="tasks")  # left to itself, Dask imports distributed
    name = f"{name}-{tokenize(source.name, tuple(windows))}"
    bounds = np.cumsum([0, *source.chunks[1]]).tolist()
    graph: dict[Any, Any] = {}
    for k, window in enumerate(windows):
        pieces: list[Any] = []
        for block, (low, high) in enumerate(pairwise(bounds)):
            begin, end = max(window.first, low), min(window.after, high)
            if begin >= end:
                continue
            whole = (source.name, 0, block)
            if (begin, end) == (low, high):
                pieces.append(whole)
            else:
                pieces.append(key := (f"part-of-{name}", k, block))
                graph[key] = (getitem, whole, (_NONE, slice(begin - low, end - low)))
        graph[(name, 0, k)] = (_made, pieces, window.make, len(source), source.dtype, dtype)
    sizes = (source.chunks[0], tuple(window.size for window in windows))
    layers = HighLevelGraph.from_collections(name, graph, dependencies=[source])  # type: ignore[list-item]
    return da.Array(layers, name, sizes, meta=np.empty((0, 0), dtype))


def _made(
    pieces: Sequence[NDArray[Any]],
    make: Callable[[NDArray[Any]], NDArray[Any]],
    channels: int,
    kind: np.dtype[Any],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    samples = np.concatenate(pieces, axis=1) if pieces else np.empty((channels, 0), kind)
    return make(samples).astype(dtype, copy=False)
