"""Signals cut into Dask chunks of whole epochs, so that reading and computing a chunk is one task."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import xarray as xr

from sleepdask.chunks import MAX_BYTES, chunk_edges
from sleepdask.epochs import EpochGrid
from sleepdask.io.store.reading import STORED_CHUNK
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import BESIDE, SIGNAL, is_dated, on_signals, span
from sleepdask.times import duration_ns

_WINDOW = duration_ns("30s")


def chunked(node: xr.Dataset, chunks: Mapping[str, Any]) -> xr.Dataset:
    """Chunk the samples alone: labels and annotations stay in memory."""
    return node.assign({SIGNAL: node[SIGNAL].variable.chunk(chunks, inline_array=True)}) if SIGNAL in node else node


def chunked_by_epochs(recording: xr.DataTree, workers: int) -> xr.DataTree:
    """Chunk all nodes on the epochs that `extract` has by default: they begin where the earliest signal does."""
    children = recording.children.items()
    nodes = {name: node.to_dataset() for name, node in children if SIGNAL in node and node.sizes["time"]}
    if not nodes:
        return recording
    low, high = span(nodes)
    grid = EpochGrid(low, _WINDOW, _WINDOW, max(1, (high - low) // _WINDOW), dated=is_dated(nodes))
    return on_signals(recording, lambda node: _on_grid(grid, node, workers))


def _on_grid(grid: EpochGrid, node: xr.Dataset, workers: int) -> xr.Dataset:
    size = node.sizes["time"]
    if not size:
        return node
    clock = clock_of(node)
    bytes_per_epoch = node.sizes["channel"] * node[SIGNAL].dtype.itemsize * grid.advance(clock)
    edges = chunk_edges(grid.count, workers, bytes_per_epoch)
    beside = BESIDE in node.attrs  # it may last much longer than the night, whose chunks shall hold nothing else
    inner = [int(grid.bounds(clock, e, e + 1)[0][0]) for e in (edges if beside else edges[1:-1])]
    if beside:
        many = max(1, MAX_BYTES // (node.sizes["channel"] * node[SIGNAL].dtype.itemsize))
        inner += [*range(0, inner[0], many), *range(inner[-1], size, many)]
    if stored := node[SIGNAL].encoding.get(STORED_CHUNK):  # a chunk cut in two would be read and decompressed twice
        inner = [min(round(cut / stored) * stored, size) for cut in inner]
    cuts = sorted({0, *inner, size})  # none twice: there may be no sample for hours
    return chunked(node, {"channel": -1, "time": tuple(after - first for first, after in pairwise(cuts))})
