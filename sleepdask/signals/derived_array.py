"""Samples of a node with differences of its rows behind them: lazy, so that a chunk stays one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.signals.conversion import floating


@dataclass(frozen=True)
class Difference:
    """One row minus the mean of others.

    Parameters
    ----------
    active, references
        Rows of the node.
    factors
        Of each reference, exact: from its unit to that of the active row.
    """

    active: int
    references: tuple[int, ...]
    factors: tuple[Fraction, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """All rows that it needs."""
        return self.active, *self.references

    def put(
        self, out: NDArray[Any], row: int, samples: NDArray[Any], at: Mapping[int, int], means: dict[Any, NDArray[Any]]
    ) -> None:
        """Compute it in float64 into a row of an array, from samples that hold each row of the node at a place.

        `means` remembers what was taken away from other rows: that of all rows of a cap is one.
        """
        key = self.references, self.factors
        with np.errstate(invalid="ignore", over="ignore"):  # infinite samples of a store
            if key not in means:
                total: Any = 0.0
                for each, factor in zip(self.references, self.factors, strict=True):
                    scaled = samples[at[each]].astype(np.float64) * float(factor.numerator) / float(factor.denominator)
                    total = total + scaled
                means[key] = total / len(self.references)
            out[row] = samples[at[self.active]] - means[key]


def with_differences(signal: xr.Variable, differences: tuple[Difference, ...]) -> xr.Variable:
    """Signal with differences as its last rows, dims (channel, time).

    Of Dask arrays, each chunk along time stays a task; anything else becomes an array that is read when indexed.
    Floating samples keep their dtype, others become float64.
    """
    dtype = floating(signal.dtype)
    data: Any
    if signal.chunks is None:
        data = indexing.LazilyIndexedArray(DerivedArray(signal, differences))
    else:
        whole = signal.data.rechunk({0: -1}, method="tasks")  # left to itself, Dask imports distributed
        sizes = ((len(signal) + len(differences),), whole.chunks[1])
        meta = np.empty((0, 0), dtype)
        data = da.map_blocks(_with_rows, whole, differences, dtype=dtype, chunks=sizes, meta=meta)
    return xr.Variable(signal.dims, data, signal.attrs, signal.encoding)


class DerivedArray(BackendArray):
    """Rows of a signal and differences of them, dims (channel, time), read when indexed: only the rows needed."""

    def __init__(self, source: xr.Variable, differences: tuple[Difference, ...]) -> None:
        self.source, self.differences = source, differences
        self.shape = (source.shape[0] + len(differences), source.shape[1])
        self.dtype = floating(source.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.OUTER
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = key
        chosen = np.arange(self.shape[0])[channel]
        rows = np.atleast_1d(chosen).tolist()
        own = self.source.shape[0]
        needed = sorted({n for row in rows for n in ([row] if row < own else self.differences[row - own].rows)})
        whole = needed == list(range(own))
        at = {row: place for place, row in enumerate(needed)}
        samples = self.source[slice(None) if whole else needed, time].values
        out = np.empty((len(rows), *samples.shape[1:]), self.dtype)
        means: dict[Any, NDArray[Any]] = {}
        for place, row in enumerate(rows):
            if row < own:
                out[place] = samples[at[row]]
            else:
                self.differences[row - own].put(out, place, samples, at, means)
        return out if np.ndim(chosen) else out[0]


def _with_rows(samples: NDArray[Any], differences: tuple[Difference, ...]) -> NDArray[Any]:
    own = len(samples)
    out = np.empty((own + len(differences), samples.shape[1]), floating(samples.dtype))
    out[:own] = samples
    at = {row: row for row in range(own)}
    means: dict[Any, NDArray[Any]] = {}
    for row, difference in enumerate(differences, own):
        difference.put(out, row, samples, at, means)
    return out
