"""Files of blocks that each hold the time of their first sample: the samples lazily, and the time of each."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.findings import Findings
from sleepdask.io.streams import Channel, Stream
from sleepdask.signals.clock import Clock
from sleepdask.signals.regularity import fit_clock
from sleepdask.signals.timestamps import Timestamps

_AT_A_TIME = 1 << 12  # blocks
_ODD = 1e-4  # parts of one by which a rate is not the stated one
_OFF = 0.05  # part of a block that the next one may be early or late, where none is missing


class Bytes(Protocol):
    """A file, or one within another, that is read here and there."""

    @abstractmethod
    def read(self, position: int, size: int) -> bytes:
        """Bytes from a position on; fewer than asked for only at the end."""

    @abstractmethod
    def __dask_tokenize__(self) -> tuple[object, ...]:
        """What tells it apart from others, and from itself when it was another."""


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
        file: Bytes,
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
        return type(self.decoder).__name__, *self.file.__dask_tokenize__(), str(self.dtype)

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


def block_stream(
    name: str,
    channels: tuple[Channel, ...],
    array: BlockArray,
    starts: NDArray[np.int64],
    findings: Findings,
    *,
    resolution: int,
    period: Fraction | None = None,
    usual: Fraction | None = None,
    instants: bool,
) -> Stream:
    """Stream of blocks, with the clock that the starts of these show: no time of a sample is made without need.

    Parameters
    ----------
    name, channels, array
        Of the stream, and its samples.
    starts
        Of each block, in ns.
    findings
        Told if the rate is not the stated one.
    resolution
        How far, in ns, the starts may be from a rule.
    period
        Of samples in ns, as the device states it. None: it is told from the starts.
    usual
        What it is about, where none is stated.
    instants
        Whether the starts are UTC.
    """
    values = indexing.LazilyIndexedArray(array)
    about = period or usual
    assert about is not None
    clock = _regular(starts, array.counts, resolution, period)
    if clock is None:
        stamps = sample_stamps(starts, array.counts, float(about))
        if (stamps[1:] <= stamps[:-1]).any():  # blocks out of order, or over each other
            return Stream(name, channels, values, stamps, instants=instants, resolution=resolution, period=period)
        each = np.diff(starts) / array.counts[:-1]
        return Stream(
            name,
            channels,
            values,
            clock=Timestamps.of(stamps, period=round(float(np.median(each))) if each.size else round(about)),
            instants=instants,
        )
    if period is not None and abs(float(clock.rate * period / 1_000_000_000) - 1) >= _ODD:
        message = (
            f"its samples come at {float(clock.rate):.4f} Hz, not at the {float(1_000_000_000 / period):g} Hz stated"
        )
        findings.note("rate", message, "they have the rate that is measured", where=name)
    return Stream(name, channels, values, clock=clock, instants=instants)


def _regular(
    starts: NDArray[np.int64], counts: NDArray[np.int64], resolution: int, period: Fraction | None
) -> Clock | None:
    """Clock of the samples, where each block is full, up to those before a gap, and begins when a rule says."""
    if (np.diff(starts) <= 0).any():
        return None
    full = int(counts.max())
    fit = fit_clock(starts, resolution=resolution, period=None if period is None else period * full)
    if not isinstance(fit.clock, Clock) or fit.jitter > resolution:
        return None
    sizes = np.array([run.size for run in fit.clock.runs])
    after = np.cumsum(sizes)
    if (np.delete(counts, after - 1) != full).any():
        return None
    ends = np.concatenate([[0], np.cumsum(counts)[after - 1]])
    runs = zip((run.start for run in fit.clock.runs), np.diff(ends).tolist(), strict=True)
    each = Fraction(fit.clock.num, fit.clock.den * full)
    return Clock.segmented(list(runs), each.numerator, each.denominator)


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
        for c in range(a, b, _AT_A_TIME):
            d = min(c + _AT_A_TIME, b)
            elapsed = np.interp(np.arange(firsts[c], firsts[d]), firsts[c : d + 1], knots[c - a : d + 1 - a])
            stamps[firsts[c] : firsts[d]] = np.round(elapsed).astype(np.int64) + starts[a]
    return stamps
