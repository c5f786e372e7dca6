"""One array of a store: made, written shard by shard, read when indexed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError
from sleepdask.io.store.layout import Layout
from sleepdask.io.store.metadata import METADATA, read_metadata
from sleepdask.signals.index import DIM

_TEXT = "string"
_CONFIG: Any = {"write_empty_chunks": True}  # so that a file that is not there is known to be missing


def create_array(
    folder: Path,
    dims: tuple[str, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    attrs: Mapping[str, Any],
    layout: Layout | None = None,
) -> Any:
    """Make an array: along time in the chunks and shards of a layout, one channel a chunk; without one, in one piece.

    It is a store of its own: within another, Zarr would make the groups above it, and the root must be made last.
    Bytes are not shuffled: samples mostly come from integers of 16 bits, so that the same four bytes come again, while
    each of them for itself looks like noise.
    """
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    whole = tuple(max(1, n) for n in shape)
    chunks, shards = whole, None
    if layout is not None:
        chunks = tuple(layout.chunk if dim == DIM else 1 for dim in dims)
        shards = tuple(layout.shard if dim == DIM else n for dim, n in zip(dims, whole, strict=True))
    text = dtype.kind == "O"
    return zarr.create_array(
        zarr.storage.LocalStore(folder),
        shape=shape,
        chunks=chunks,
        shards=shards,
        dtype=_TEXT if text else dtype.newbyteorder("="),
        compressors=[
            BloscCodec(typesize=1 if text else dtype.itemsize, cname="zstd", clevel=3, shuffle="noshuffle"),
            Crc32cCodec(),
        ],
        fill_value="" if text else np.nan if dtype.kind == "f" else dtype.type(0),
        dimension_names=dims,
        attributes=dict(attrs),
        config=_CONFIG,
    )


def shard_writes(variable: xr.Variable, folder: Path, shard: int) -> da.Array:
    """Lazy writes of all samples into an array that is there; each element is one shard.

    A shard is written whole and by one task, as Zarr cannot share a file between two.
    """
    axis, size = variable.dims.index(DIM), variable.sizes[DIM]
    pieces = [
        -1 if dim != DIM else tuple(min(shard, size - begin) for begin in range(0, size, shard))
        for dim in variable.dims
    ]
    if variable.chunks is None:
        blocks: da.Array = variable.chunk(dict(zip(variable.dims, pieces, strict=True)), inline_array=True).data
    else:  # by tasks: left to itself, Dask imports distributed, and under a Client shuffles through it
        blocks = variable.data.rechunk(tuple(pieces), method="tasks")
    writes: da.Array = da.map_blocks(
        _write,
        blocks,
        folder=str(folder),
        axis=axis,
        shard=shard,
        chunks=tuple((1,) * len(sizes) for sizes in blocks.chunks),
        dtype=np.int8,
        meta=np.empty((0,) * blocks.ndim, np.int8),
    )
    return writes


def _write(block: NDArray[Any], *, folder: str, axis: int, shard: int, block_id: tuple[int, ...]) -> NDArray[np.int8]:
    begin = block_id[axis] * shard
    where = [slice(None)] * block.ndim
    where[axis] = slice(begin, begin + block.shape[axis])
    _opened(folder, "r+")[tuple(where)] = block
    return np.ones((1,) * block.ndim, np.int8)


class StoreArray(BackendArray):
    """Samples of one array, read when indexed."""

    def __init__(self, folder: Path) -> None:
        document = read_metadata(folder, "array")
        self.folder = str(folder)
        self.state = _state(folder)
        self.shape = tuple(document["shape"])
        self.dtype = np.dtype(document["data_type"])

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.OUTER
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return self.folder, self.state, self.shape, str(self.dtype)

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        if _state(Path(self.folder)) != self.state:
            raise FileFormatError("the store changed since it was opened", where=self.folder, fix="open it again")
        return read_array(Path(self.folder), key, self.state)


def read_array(folder: Path, key: tuple[Any, ...] = (), state: object = None) -> NDArray[Any]:
    """Values of an array whose metadata were looked at.

    Raises
    ------
    FileFormatError
        A file of it is cut off or damaged.
    """
    try:
        state = _state(folder) if state is None else state  # a store may have been replaced by another one
        return np.asarray(_kept(str(folder), state).oindex[key or ...])
    except MemoryError:
        raise
    except Exception as error:  # of the disk, of Zarr, of any codec
        raise FileFormatError(
            f"the store is damaged: {error}", where=folder, fix="copy the store again, or convert the source again"
        ) from error


@lru_cache(maxsize=256)
def _kept(folder: str, state: object) -> Any:
    """Array for reading; another state of its file is another array."""
    return _opened(folder, "r")


def _opened(folder: str, mode: str) -> Any:
    import zarr

    store = zarr.storage.LocalStore(folder, read_only=mode == "r")
    return zarr.open_array(store, mode=mode, zarr_format=3).with_config(_CONFIG)


def _state(folder: Path) -> tuple[int, int]:
    try:
        state = (folder / METADATA).stat()
    except OSError as error:
        raise FileFormatError(
            f"the store cannot be read: {error.strerror}", where=folder, fix="open it again"
        ) from error
    return state.st_size, state.st_mtime_ns
