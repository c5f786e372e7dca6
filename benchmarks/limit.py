"""The limit: what nobody can do without to get the same numbers with NumPy's transform.

The bytes are read, decoded to float32, swept once for mean, deviation and extremes, and as many real
transforms are made as there are Welch frames, of a block of frames that already lies in the cache. What
is left out is all that a feature adds: windows, removing of means, squared magnitudes, bands, tables.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.work import EPOCH_SECONDS, POWER, SEGMENT_SECONDS
from sleepdask.features.kernels.moments import moments
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.model import Header

Samples = NDArray[np.float32]

_CHUNK_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20
_ROWS = 64


@dataclass(frozen=True)
class Group:
    """Signals of one rate: where they lie in a record, and what turns them into physical values."""

    per_record: int
    places: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True)
class Limit:
    """The least work on one recording, cut into chunks of whole epochs and data records."""

    path: Path
    header: Header
    groups: tuple[Group, ...]
    records_per_epoch: float
    chunks: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, path: Path) -> Limit:
        """Plan the work on a file whose data records fit into epochs, or epochs into records."""
        header = read_header(path)
        ordinary = [header.signals[number] for number in header.ordinary]
        groups = tuple(
            Group(size, tuple((s.byte_offset, s.gain, s.offset) for s in ordinary if s.samples_per_record == size))
            for size in dict.fromkeys(signal.samples_per_record for signal in ordinary)
        )
        per_epoch = EPOCH_SECONDS * 1_000_000_000 / header.record_ns
        if not per_epoch.is_integer():
            raise ValueError("epochs of 30 s do not begin where data records do")
        epochs = int(header.n_records / per_epoch)
        decoded = 4 * sum(signal.samples_per_record for signal in ordinary) * per_epoch
        count = max(2, -(-epochs // max(1, int(_CHUNK_BYTES / decoded))))
        edges = [int(k * epochs // count * per_epoch) for k in range(count + 1)]
        return cls(path, header, groups, per_epoch, tuple(pairwise(edges)))

    def run(self, threads: int) -> None:
        """Do all of it."""
        if threads == 1:
            for chunk in self.chunks:
                self.chunk(chunk)
            return
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.chunk, self.chunks))

    def chunk(self, chunk: tuple[int, int]) -> None:
        """Do all of it for the data records of one chunk."""
        samples = self.decode(chunk)
        self.sweep(samples)
        self.transform(samples)

    def decode(self, chunk: tuple[int, int]) -> list[Samples]:
        """Read and decode some data records: dims (signal, sample), one array a rate."""
        first, last = chunk
        samples = [np.empty((len(g.places), (last - first) * g.per_record), np.float32) for g in self.groups]
        step = max(1, _BLOCK_BYTES // self.header.record_bytes)
        buffer = np.empty((step, self.header.record_bytes), np.uint8)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.header.header_bytes + first * self.header.record_bytes)
            for record in range(first, last, step):
                block = buffer[: min(step, last - record)]
                file.readinto(block.reshape(-1).data)
                for group, target in zip(self.groups, samples, strict=True):
                    begin = (record - first) * group.per_record
                    _decode(block, group, target[:, begin : begin + len(block) * group.per_record])
        return samples

    def sweep(self, samples: list[Samples]) -> None:
        """Sweep for mean, deviation, minimum and maximum of each epoch."""
        for group, values in zip(self.groups, samples, strict=True):
            size = int(group.per_record * self.records_per_epoch)
            starts = np.arange(0, values.shape[1], size)
            moments(values, starts, starts + size, 2)

    def transform(self, samples: list[Samples]) -> None:
        """Transform as many frames as Welch's method has."""
        for group, values in zip(self.groups, samples, strict=True):
            rate = group.per_record * self.records_per_epoch / EPOCH_SECONDS
            if rate < POWER.minimal_rate:
                continue
            size = int(rate * SEGMENT_SECONDS)
            epochs = values.shape[1] // int(rate * EPOCH_SECONDS)
            frames = values.shape[0] * epochs * (2 * EPOCH_SECONDS // SEGMENT_SECONDS - 1)
            block = np.resize(values, (_ROWS, size))
            spectra: Any = np.empty((_ROWS, size // 2 + 1), np.complex64)
            for done in range(0, frames, _ROWS):
                rows = min(_ROWS, frames - done)
                # Any norm but the default keeps NumPy in single precision, which is much faster.
                np.fft.rfft(block[:rows], norm="forward", out=spectra[:rows])


def _decode(block: NDArray[np.uint8], group: Group, target: Samples) -> None:
    for row, (place, gain, offset) in zip(target, group.places, strict=True):
        values = row.reshape(len(block), group.per_record)
        values[...] = block[:, place : place + 2 * group.per_record].view("<i2")
        values *= np.float32(gain)
        values += np.float32(offset)
