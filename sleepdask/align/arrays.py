"""Samples on another clock as one lazy array: each chunk reads what it needs of the source, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.align.methods import Alignment
from sleepdask.signals.conversion import floating
from sleepdask.signals.windowed_array import Window, windowed_array

_NONE = slice(None)


def aligned_signal(signal: xr.Variable, rule: Alignment, edges: Sequence[int]) -> xr.Variable:
    """Signal on the target clock of a rule, dims (channel, time); lazy.

    Parameters
    ----------
    signal
        Dims (channel, time). A Dask array stays one; anything else becomes an array that is read when indexed.
    rule
        From the clock of the signal to another one.
    edges
        First sample of each chunk along time, if it is a Dask array, and the number of samples.
    """
    if signal.chunks is None:
        data: Any = indexing.LazilyIndexedArray(AlignedArray(signal, rule))
    else:
        data = _dask_array(signal.data, rule, edges)
    return xr.Variable(signal.dims, data, signal.attrs)


class AlignedArray(BackendArray):
    """Samples on another clock, dims (channel, time), read when indexed."""

    def __init__(self, source: xr.Variable, rule: Alignment) -> None:
        self.source, self.rule = source, rule
        self.shape = (source.shape[0], rule.target.size)
        self.dtype = floating(source.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        rows, time = (part if isinstance(part, slice) else slice(int(part), int(part) + 1) for part in key)
        start, stop, step = time.indices(self.shape[1])
        part, first, after = self.rule.part(start, max(start, stop))
        values = part.apply(self.source[rows, first:after].values).astype(self.dtype, copy=False)[:, ::step]
        return values[tuple(_NONE if isinstance(each, slice) else 0 for each in key)]


def _dask_array(source: da.Array, rule: Alignment, edges: Sequence[int]) -> da.Array:
    windows = []
    for start, stop in pairwise(edges):
        part, first, after = rule.part(start, stop)
        windows.append(Window(first, after, stop - start, part.apply))
    return windowed_array(source, "align", windows, floating(source.dtype))
