"""Samples of several sources one after the other: one lazy array, so that a chunk stays one task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing


@dataclass(frozen=True, eq=False)
class Source:
    """Samples of one node, and where its rows go.

    Parameters
    ----------
    signal
        Dims (channel, time).
    rows
        Rows of it that are taken.
    to
        Rows of the joined signal that they become.
    """

    signal: xr.Variable
    rows: tuple[int, ...]
    to: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Piece:
    """Some samples on end: those from `first` on of one source, or of several on the same clock.

    Parameters
    ----------
    sources
        No two of them give the same row; a row that none of them gives is missing.
    first, size
        Samples of each source.
    """

    sources: tuple[Source, ...]
    first: int
    size: int


def joined_signal(pieces: Sequence[Piece], channels: int) -> xr.Variable:
    """One signal of the pieces in their order, dims (channel, time); lazy.

    With Dask arrays among the sources it is one too, else an array that is read when indexed. Rows that are missing
    in a piece are NaN there, so that integers become float64.
    """
    signals = [source.signal for piece in pieces for source in piece.sources]
    dtype = np.result_type(*(signal.dtype for signal in signals))
    gaps = any(sum(len(source.to) for source in piece.sources) < channels for piece in pieces)
    if gaps and dtype.kind != "f":
        dtype = np.dtype(np.float64)
    data: Any
    if any(signal.chunks is not None for signal in signals):
        data = da.concatenate([_dask_piece(piece, channels, dtype) for piece in pieces], axis=1)
    else:
        data = indexing.LazilyIndexedArray(JoinedArray(pieces, channels, dtype))
    return xr.Variable(("channel", "time"), data, signals[0].attrs)


class JoinedArray(BackendArray):
    """Samples of the pieces one after the other, dims (channel, time), read when indexed."""

    def __init__(self, pieces: Sequence[Piece], channels: int, dtype: np.dtype[Any]) -> None:
        self.pieces = tuple(pieces)
        self.ends = np.cumsum([piece.size for piece in pieces])
        self.begins: list[int] = [0, *self.ends[:-1].tolist()]
        self.shape = (channels, int(self.ends[-1]))
        self.dtype = dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = (part if isinstance(part, slice) else slice(int(part), int(part) + 1) for part in key)
        start, stop, step = time.indices(self.shape[1])
        rows = range(*channel.indices(self.shape[0]))
        samples = self._samples(rows, start, max(start, stop))[:, ::step]
        return samples[tuple(slice(None) if isinstance(part, slice) else 0 for part in key)]

    def _samples(self, rows: range, start: int, stop: int) -> NDArray[Any]:
        first, last = int(np.searchsorted(self.ends, start, "right")), int(np.searchsorted(self.ends, stop, "left"))
        if first == last and (whole := self._whole(self.pieces[first], rows)) is not None:
            shift = self.pieces[first].first - self.begins[first]
            return whole[:, start + shift : stop + shift].values.astype(self.dtype, copy=False)
        out = np.empty((len(rows), stop - start), self.dtype)
        for piece, begin in zip(self.pieces[first : last + 1], self.begins[first : last + 1], strict=True):
            low, high = max(start, begin), min(stop, begin + piece.size)
            if low < high:
                self._fill(piece, rows, piece.first + low - begin, out[:, low - start : high - start])
        return out

    def _whole(self, piece: Piece, rows: range) -> xr.Variable | None:
        """The only source of a piece, where its rows are the rows wanted: nothing needs to be put together then."""
        if len(piece.sources) > 1 or rows != range(self.shape[0]):
            return None
        (source,) = piece.sources
        same = source.rows == source.to == tuple(rows) and len(rows) == source.signal.shape[0]
        return source.signal if same else None

    def _fill(self, piece: Piece, rows: range, first: int, out: NDArray[Any]) -> None:
        given = 0
        for source in piece.sources:
            wanted = [(rows.index(to), row) for row, to in zip(source.rows, source.to, strict=True) if to in rows]
            if wanted:
                at, taken = (list(numbers) for numbers in zip(*wanted, strict=True))
                out[at] = source.signal[taken, first : first + out.shape[1]].values
                given += len(wanted)
        if given < len(rows):
            held = {to for source in piece.sources for to in source.to}
            out[[i for i, row in enumerate(rows) if row not in held]] = np.nan


def _dask_piece(piece: Piece, channels: int, dtype: np.dtype[Any]) -> da.Array:
    """A piece as a Dask array: a task a chunk."""
    signals = [source.signal[:, piece.first : piece.first + piece.size] for source in piece.sources]
    blocks: Any = next((signal.chunks[1] for signal in signals if signal.chunks is not None), "auto")
    parts: list[da.Array] = []
    for signal in signals:
        sizes = {0: -1, 1: blocks}
        array = _lazy(signal, sizes) if signal.chunks is None else signal.data.rechunk(sizes, method="tasks")
        blocks = array.chunks[1]
        parts.append(array)
    (first, *others), whole = piece.sources, tuple(range(channels))
    if not others and first.rows == first.to == whole and len(parts[0]) == channels:
        same: da.Array = parts[0].astype(dtype)
        return same
    places = tuple((source.rows, source.to) for source in piece.sources)
    placed: da.Array = da.map_blocks(
        partial(_placed, places=places, channels=channels, dtype=dtype),
        *parts,
        dtype=dtype,
        meta=np.empty((0, 0), dtype),
        chunks=((channels,), blocks),
    )
    return placed


def _lazy(signal: xr.Variable, sizes: dict[int, Any]) -> da.Array:
    array: da.Array = signal.chunk(dict(zip(signal.dims, sizes.values(), strict=True)), inline_array=True).data
    return array


def _placed(
    *blocks: NDArray[Any], places: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...], channels: int, dtype: Any
) -> NDArray[Any]:
    """Rows of some blocks at their places among all channels; the others are missing."""
    out = np.full((channels, blocks[0].shape[1]), np.nan if np.dtype(dtype).kind == "f" else 0, dtype)
    for block, (rows, to) in zip(blocks, places, strict=True):
        out[list(to)] = block[list(rows)]
    return out
