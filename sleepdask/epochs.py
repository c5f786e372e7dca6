"""The epoch grid: half-open windows in time, and the sample bounds they have on a clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.times import time_dtype

if TYPE_CHECKING:
    from sleepdask.signals.clock import Clock
    from sleepdask.signals.timestamps import AnyClock


@dataclass(frozen=True)
class EpochGrid:
    """Windows ``[start + i*step, start + i*step + window)`` for ``0 <= i < count``, in integer ns.

    Examples
    --------
    >>> grid = EpochGrid.spanning(0, 100_000_000_000, window=30_000_000_000, step=30_000_000_000)
    >>> grid.count, grid.trailing(100_000_000_000)
    (3, 10000000000)
    """

    start: int
    step: int
    window: int
    count: int
    dated: bool = True

    @classmethod
    def spanning(
        cls, low: int, high: int, *, window: int, step: int, origin: int | None = None, dated: bool = True
    ) -> EpochGrid:
        """Whole windows inside ``[low, high)`` whose starts lie a multiple of `step` from `origin`.

        Parameters
        ----------
        low, high
            Span in ns since 1970.
        window, step
            Length of a window and distance of two starts, in ns.
        origin
            Instant on which, or a whole number of steps from which, a window starts; default `low`.
        dated
            Whether these are instants, or lengths of time since a start that nobody knows.

        Raises
        ------
        ParameterError
            Window or step is not above zero, or no whole window fits.
        """
        for name, value in (("epoch", window), ("step", step)):
            if value <= 0:
                raise ParameterError(f"{name} must be longer than zero", found=f"{value / 1e9:g} s")
        start = low if origin is None else low + (origin - low) % step
        count = (high - start - window) // step + 1
        if count < 1:
            raise ParameterError(
                "no whole epoch fits into the time span",
                expected=f"at least {window / 1e9:g} s",
                found=f"{max(high - start, 0) / 1e9:g} s",
                fix="use a shorter epoch or a longer span",
            )
        return cls(start, step, window, count, dated)

    @property
    def end(self) -> int:
        """End of the last window, ns since 1970."""
        return self.start + (self.count - 1) * self.step + self.window

    def trailing(self, high: int) -> int:
        """Nanoseconds between the last window and the end of the span: they are in no epoch."""
        return max(0, high - self.end)

    def windows(self, i: int = 0, j: int | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Start and end times of the windows ``i`` to ``j`` (not included), datetime64[ns] or timedelta64[ns]."""
        starts = self.start + np.arange(i, self.count if j is None else j, dtype=np.int64) * self.step
        kind = time_dtype(dated=self.dated)
        return starts.astype(kind), (starts + self.window).astype(kind)

    def bounds(self, clock: AnyClock, i: int = 0, j: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sample bounds ``starts``, ``stops`` of the windows ``i`` to ``j``; the only way epochs reach a kernel.

        The samples of a window are contiguous in time: with a gap inside it keeps its longest run.
        """
        return clock.bounds(*self.windows(i, j))

    def advance(self, clock: AnyClock) -> int:
        """Samples from one window to the next, at least 1; on average where they come at any times, as in bursts."""
        if clock.pace is not None:
            return max(1, int(self.step * clock.pace / 1_000_000_000))
        first, after = clock.searchsorted(np.array([self.start, self.end], np.int64).astype(clock.dtype))
        return max(1, int(after - first) // self.count)

    def expected(self, clock: Clock) -> int:
        """Samples that every gapless window holds (a fractional one may hold one more); at least 1."""
        return max(1, int(Fraction(self.window, 1_000_000_000) * clock.rate))

    def coverage(self, clock: Clock) -> NDArray[np.float64]:
        """Fraction of the expected samples that each window has, 0 to 1, dims (epoch,)."""
        starts, stops = self.bounds(clock)
        return np.minimum(1.0, (stops - starts) / self.expected(clock))
