"""Files of blocks that each hold the time of their first sample: the samples lazily, and the time of each."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source

_OFF = 0.05  # part of a block that the next one may be early or late, where none is missing


@dataclass(frozen=True)
class FileState:
    """A file as it was when it was opened; one that has changed is not read."""

    path: Path | RemoteFile
    size: int
    mtime_ns: int
    version: str

    @classmethod
    def of(cls, path: Path | RemoteFile) -> FileState:
        """State of a file now."""
        with open_source(path) as source:
            return cls(
                path if isinstance(path, RemoteFile) else path.absolute(), source.size, source.mtime_ns, source.version
            )

    def read(self, position: int, size: int) -> bytes:
        """Bytes of the file.

        Raises
        ------
        FileFormatError
            It has changed.
        """
        with open_source(self.path) as source:
            if (source.size, source.mtime_ns, source.version) != (self.size, self.mtime_ns, self.version):
                fix = "open the recording again"
                raise FileFormatError("the file changed since it was opened", where=self.path, fix=fix)
            return source.read(position, size)


class Decoder(Protocol):
    """Makes samples of bytes."""

    @abstractmethod
    def __call__(self, raw: bytes, places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Samples of the blocks at some places in the bytes, dims (channel, sample)."""


class BlockArray(BackendArray):
    """Samples of all blocks, dims (channel, time), read and decoded when indexed.

    Parameters
    ----------
    file
        Where the blocks are.
    places, lengths
        Position and bytes of each block.
    counts
        Samples of each.
    decoder
        Makes samples of bytes.
    channels
        Number of channels that it gives.
    dtype
        Of the samples.
    """

    def __init__(
        self,
        file: FileState,
        places: NDArray[np.int64],
        lengths: NDArray[np.int64],
        counts: NDArray[np.int64],
        decoder: Decoder,
        channels: int,
        dtype: str,
    ) -> None:
        self.file, self.places, self.lengths, self.counts, self.decoder = file, places, lengths, counts, decoder
        self.ends = np.cumsum(counts)
        self.shape = (channels, int(self.ends[-1]) if len(counts) else 0)
        self.dtype = np.dtype(dtype)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        file = self.file
        return type(self.decoder).__name__, str(file.path), file.size, file.mtime_ns, file.version, str(self.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = key
        if not isinstance(time, slice):
            return np.asarray(self._samples(int(time), int(time) + 1)[channel, 0])
        start, stop, step = time.indices(self.shape[1])
        return np.asarray(self._samples(start, max(start, stop))[channel, ::step])

    def _samples(self, start: int, stop: int) -> NDArray[Any]:
        if start == stop:
            return np.empty((self.shape[0], 0), self.dtype)
        first, last = np.searchsorted(self.ends, [start, stop - 1], "right").tolist()
        low, high = int(self.places[first]), int(self.places[last] + self.lengths[last])
        raw = self.file.read(low, high - low)
        blocks = slice(first, last + 1)
        samples = self.decoder(raw, self.places[blocks] - low, self.counts[blocks])
        begin = int(self.ends[first] - self.counts[first])
        return samples[:, start - begin : stop - begin].astype(self.dtype)


def sample_stamps(starts: NDArray[np.int64], counts: NDArray[np.int64], period: float) -> NDArray[np.int64]:
    """Time in ns of each sample: on a line between the starts of two blocks that follow each other.

    Parameters
    ----------
    starts
        Of each block, in ns.
    counts
        Samples of each block.
    period
        In ns, as the device states it. Where the next block begins more than a twentieth of a block away from where
        this one would end, there is a gap, and samples before it have the mean period of what was before.
    """
    firsts = np.concatenate([[0], np.cumsum(counts)])
    expected = counts[:-1] * period
    cuts = np.flatnonzero(np.abs(np.diff(starts) - expected) > np.maximum(_OFF * expected, 2 * period)) + 1
    stamps = np.empty(int(firsts[-1]), np.int64)
    bounds = [0, *cuts.tolist(), len(starts)]
    for a, b in pairwise(bounds):
        samples = int(firsts[b - 1] - firsts[a])
        mean = float(starts[b - 1] - starts[a]) / samples if samples else period
        knots = np.append(starts[a:b] - starts[a], starts[b - 1] - starts[a] + counts[b - 1] * mean)
        elapsed = np.interp(np.arange(firsts[a], firsts[b]), firsts[a : b + 1], knots)
        stamps[firsts[a] : firsts[b]] = np.round(elapsed).astype(np.int64) + starts[a]
    return stamps
