"""Filtered samples as one lazy array: each part of it reads the blocks that it lies in, and half a response around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.filters.base import ZeroPhase, half_of, transform_of
from sleepdask.signals.clock import Clock
from sleepdask.signals.conversion import floating
from sleepdask.signals.windowed_array import Window, windowed_array


@dataclass(frozen=True)
class Stretch:
    """Samples `start` to before `stop` of a node, and how they are filtered.

    Parameters
    ----------
    design, rate
        The filter, and the rate at which it is used.
    runs
        Bounds of those runs of the clock that the stretch is in, in samples of the node.
    start, stop
        As above.
    rows
        Rows that are filtered, of those that are read; the others stay as they are.
    """

    design: ZeroPhase
    rate: Fraction
    runs: tuple[tuple[int, int], ...]
    start: int
    stop: int
    rows: tuple[int, ...]

    @cached_property
    def needed(self) -> tuple[int, int]:
        """First sample of the node that it is made of, and the one after the last.

        Blocks are counted from the beginning of each run, so that a value comes of the same samples, in the same place
        of the same block, whatever stretch it is asked for with.
        """
        transform = transform_of(self.design, self.rate)
        pair = 2 * transform.block
        first, after = self.start, self.stop
        for low, high in self.runs if self.rows else ():
            begin, end = max(low, self.start), min(high, self.stop)
            first = min(first, max(low, low + (begin - low) // pair * pair - transform.half))
            after = max(after, min(high, low - (low - end) // pair * pair + transform.half))
        return first, after

    def apply(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Values of the stretch, of the samples that it needs; dims (channel, time). A run too short is NaN."""
        from sleepdask.filters.kernels import convolve

        first, _ = self.needed
        out = np.empty((len(samples), self.stop - self.start), floating(samples.dtype))
        kept = [row for row in range(len(samples)) if row not in self.rows]
        out[kept] = samples[kept, self.start - first : self.stop - first]
        if not self.rows:
            return out
        kind = np.float32 if samples.dtype == np.float32 else np.float64
        chosen = np.ascontiguousarray(samples[list(self.rows)] if kept else samples, kind)
        transform = transform_of(self.design, self.rate)
        for low, high in self.runs:
            begin, end = max(low, self.start), min(high, self.stop)
            whole = not kept and out.dtype == kind and end - begin == out.shape[1]
            made = out if whole else np.empty((len(chosen), end - begin), kind)
            if high - low > transform.half:
                convolve(chosen, first, (low, high), made, begin, transform)
            else:
                made[:] = np.nan
            if not whole:
                out[list(self.rows), begin - self.start : end - self.start] = made
        return out


@dataclass(frozen=True)
class Filtering:
    """A filter on some rows of a node with a clock."""

    design: ZeroPhase
    clock: Clock
    rows: tuple[int, ...]

    def stretch(self, start: int, stop: int, rows: Sequence[int] | None = None) -> Stretch:
        """That of some samples, of which some rows are read; default all."""
        edges = self.clock.first
        low = max(0, int(np.searchsorted(edges, start, "right")) - 1)
        high = int(np.searchsorted(edges, stop, "left"))
        runs = tuple(pair for pair in pairwise(edges[low : high + 1].tolist()) if pair[0] < pair[1])
        here = self.rows if rows is None else tuple(n for n, row in enumerate(rows) if row in set(self.rows))
        return Stretch(self.design, self.clock.rate, runs if start < stop else (), start, stop, here)

    @property
    def half(self) -> int:
        """Samples on either side that a value is made of."""
        return half_of(self.design, self.clock.rate)

    @property
    def too_short(self) -> int:
        """Number of runs that are shorter than half of the response: nothing can be made of them."""
        return sum(0 < run.size <= self.half for run in self.clock.runs)


def filtered_signal(signal: xr.Variable, rule: Filtering) -> xr.Variable:
    """Signal with some rows filtered, dims (channel, time); lazy.

    A Dask array stays one, with its chunks along time; anything else becomes an array that is read when indexed.
    """
    data: Any
    if signal.chunks is None:
        data = indexing.LazilyIndexedArray(FilteredArray(signal, rule))
    else:
        edges = np.cumsum([0, *signal.chunks[1]]).tolist()
        stretches = [rule.stretch(start, stop) for start, stop in pairwise(edges)]
        windows = [Window(*each.needed, each.stop - each.start, each.apply) for each in stretches]
        data = windowed_array(signal.data, "filter", windows, floating(signal.dtype))
    return xr.Variable(signal.dims, data, signal.attrs, signal.encoding)


class FilteredArray(BackendArray):
    """Samples some rows of which are filtered, dims (channel, time), read when indexed: only the rows needed."""

    def __init__(self, source: xr.Variable, rule: Filtering) -> None:
        self.source, self.rule = source, rule
        self.shape = source.shape
        self.dtype = floating(source.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.OUTER
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = key
        rows = np.atleast_1d(np.arange(self.shape[0])[channel]).tolist()
        start, stop, taken = _span(time, self.shape[1])
        stretch = self.rule.stretch(start, stop, rows)
        whole = rows == list(range(self.shape[0]))
        samples = self.source[slice(None) if whole else rows, slice(*stretch.needed)].values
        values = stretch.apply(samples)[:, taken]
        return values if isinstance(channel, slice) or np.ndim(channel) else values[0]


def _span(time: Any, size: int) -> tuple[int, int, Any]:
    """Samples that an index takes, from the first to the one after the last, and what it takes of these."""
    if isinstance(time, slice) and (time.step or 1) > 0:
        numbers = range(size)[time]
        return (numbers[0], numbers[-1] + 1, slice(None, None, time.step)) if numbers else (0, 0, slice(None))
    chosen = np.arange(size)[time]
    if not chosen.size:
        return 0, 0, chosen
    start = int(chosen.min())
    return start, int(chosen.max()) + 1, chosen - start
