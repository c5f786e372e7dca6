"""Numbers of a table as a lazy array: only the blocks that an index needs are parsed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import ParameterError
from sleepdask.io.tabular.spec import Blocks

DTYPES = ("float32", "float64")


class TableArray(BackendArray):
    """Some columns of a table, dims (channel, row), NaN where missing; picklable, read when indexed.

    Parameters
    ----------
    blocks
        Of the table, with these columns among its numbers.
    names
        Columns, in the order of the channels.
    dtype
        "float32" or "float64".
    """

    def __init__(self, blocks: Blocks, names: tuple[str, ...], dtype: str) -> None:
        if dtype not in DTYPES:
            raise ParameterError("unknown dtype of samples", expected=" or ".join(DTYPES), found=dtype)
        self.blocks, self.names = blocks, names
        self.places = np.array([blocks.numbers.index(name) for name in names], np.int64)
        self.firsts = np.concatenate([[0], np.cumsum(blocks.sizes, dtype=np.int64)])
        self.shape = (len(names), int(self.firsts[-1]))
        self.dtype = np.dtype(dtype)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return type(self).__name__, *self.blocks.__dask_tokenize__(), self.names, str(self.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.OUTER
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, row = key
        rows = np.arange(self.shape[1])[row] if not isinstance(row, slice) else None
        places = self.places[channel]
        if rows is None:
            start, stop, step = row.indices(self.shape[1])
            if step < 0:
                return self._read((channel, np.arange(start, stop, step)))
            samples = self._rows(np.atleast_1d(places), start, max(start, stop))[:, ::step]
        elif rows.ndim == 0:
            samples = self._rows(np.atleast_1d(places), int(rows), int(rows) + 1)[:, 0]
        else:
            samples = self._picked(np.atleast_1d(places), rows)
        return samples[0] if places.ndim == 0 else samples

    def _rows(self, places: NDArray[np.int64], start: int, stop: int) -> NDArray[Any]:
        """Rows from one to another."""
        out = np.empty((len(places), stop - start), self.dtype)
        begins, ends = self.firsts[:-1], self.firsts[1:]
        needed = np.flatnonzero((begins < stop) & (ends > start) & (begins < ends)).tolist() if start < stop else []
        for number, block in zip(needed, self.blocks.blocks(needed), strict=True):
            begin, end = int(begins[number]), int(ends[number])
            low, high = max(start, begin), min(stop, end)
            for row, place in zip(out, places, strict=True):  # one by one, which makes no copy of the block
                row[low - start : high - start] = block[place, low - begin : high - begin]
        return out

    def _picked(self, places: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Rows in any order, a block at a time."""
        out = np.empty((len(places), len(rows)), self.dtype)
        of_block = np.searchsorted(self.firsts, rows, "right") - 1
        needed = np.unique(of_block).tolist()
        for number, block in zip(needed, self.blocks.blocks(needed), strict=True):
            here = np.flatnonzero(of_block == number)
            out[:, here] = block[np.ix_(places, rows[here] - self.firsts[number])]
        return out
