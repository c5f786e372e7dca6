"""Which samples each epoch has, as small as a task needs it: a rule, or where there is none, their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sleepdask.epochs import EpochGrid
from sleepdask.features.base import Bounds, Sampling
from sleepdask.signals.clock import Clock
from sleepdask.signals.timestamps import AnyClock


class Windows(Protocol):
    """Epochs on the samples of one node."""

    @property
    def count(self) -> int:
        """Number of epochs."""

    @property
    def size(self) -> int:
        """Number of samples of the node."""

    @property
    def rate(self) -> float:
        """Their rate in Hz; the usual one, if they come at any times."""

    def bounds(self, i: int, j: int) -> tuple[Bounds, Bounds]:
        """Sample bounds ``starts``, ``stops`` of the epochs ``i`` to ``j`` (not included)."""

    def sampling(self, i: int, j: int) -> Sampling:
        """How the samples of these epochs lie."""

    def coverage(self) -> NDArray[np.float64]:
        """Fraction of the expected samples that each epoch has, 0 to 1, dims (epoch,)."""


@dataclass(frozen=True)
class RegularWindows:
    """Epochs on a regular clock: some integers, whatever the length of the night."""

    clock: Clock
    grid: EpochGrid

    @property
    def count(self) -> int:
        return self.grid.count

    @property
    def size(self) -> int:
        return self.clock.size

    @property
    def rate(self) -> float:
        return float(self.clock.rate)

    def bounds(self, i: int, j: int) -> tuple[Bounds, Bounds]:
        return self.grid.bounds(self.clock, i, j)

    def sampling(self, i: int, j: int) -> Sampling:
        return Sampling(self.rate, self.grid.expected(self.clock))

    def coverage(self) -> NDArray[np.float64]:
        return self.grid.coverage(self.clock)


@dataclass(frozen=True, eq=False)
class StampedWindows:
    """Epochs on timestamps: of each its first sample, the one after its last, and how many it would hold if whole."""

    starts: Bounds
    stops: Bounds
    expected: Bounds
    size: int
    rate: float

    @property
    def count(self) -> int:
        return len(self.starts)

    def bounds(self, i: int, j: int) -> tuple[Bounds, Bounds]:
        return self.starts[i:j], self.stops[i:j]

    def sampling(self, i: int, j: int) -> Sampling:
        return Sampling(self.rate, self.expected[i:j])

    def coverage(self) -> NDArray[np.float64]:
        return np.asarray((self.stops - self.starts) / self.expected, np.float64)


def windows_of(clock: AnyClock, grid: EpochGrid) -> Windows:
    """Epochs of a grid on the samples of a clock."""
    if isinstance(clock, Clock):
        return RegularWindows(clock, grid)
    starts, stops = grid.bounds(clock)
    return StampedWindows(starts, stops, clock.expected(*grid.windows()), clock.size, float(clock.rate))
