"""Samples of an ActiGraph: of 16 bits, or of 12 that are packed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

AXES = 3


@dataclass(frozen=True)
class Words:
    """Makes samples in g of 16 bits an axis.

    Parameters
    ----------
    scale
        Parts of a g.
    """

    scale: float

    @staticmethod
    def size(count: int) -> int:
        """Bytes that some samples take."""
        return 2 * AXES * count

    def __call__(self, raw: bytes, places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Samples of seconds, dims (channel, sample)."""
        joined = _joined(raw, places, self.size(int(counts[0])))
        samples: NDArray[np.float64] = np.frombuffer(joined, "<i2").reshape(-1, AXES).T / self.scale
        return samples


@dataclass(frozen=True)
class Packed:
    """Makes samples in g of 12 bits an axis, the first half byte in front.

    Parameters
    ----------
    scale
        Parts of a g.
    order
        At which place of a sample each axis is.
    """

    scale: float
    order: tuple[int, int, int]

    @staticmethod
    def size(count: int) -> int:
        """Bytes that some samples take."""
        return (9 * count + 1) // 2

    def __call__(self, raw: bytes, places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Samples of seconds, dims (channel, sample)."""
        edges = [0, *(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(counts)]
        parts = [self._unpacked(raw, places[a:b], int(counts[a])) for a, b in pairwise(edges)]
        return np.concatenate(parts, axis=1) / self.scale

    def _unpacked(self, raw: bytes, places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        size = self.size(count)
        octets = np.frombuffer(_joined(raw, places, size), np.uint8).reshape(len(places), size)
        threes = np.pad(octets, ((0, 0), (0, -size % 3))).reshape(len(places), -1, 3).astype(np.int64)
        first = threes[:, :, 0] << 4 | threes[:, :, 1] >> 4
        second = (threes[:, :, 1] & 15) << 8 | threes[:, :, 2]
        values = np.stack([first, second], axis=-1).reshape(len(places), -1)[:, : AXES * count]
        signed: NDArray[np.int64] = (values.reshape(-1, AXES)[:, list(self.order)].T ^ 2048) - 2048
        return signed


def _joined(raw: bytes, places: NDArray[np.int64], size: int) -> bytes:
    return b"".join(raw[place : place + size] for place in places.tolist())
