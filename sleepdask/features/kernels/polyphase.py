"""Resampling by a ratio of whole numbers, many rows side by side, as `scipy.signal.resample_poly` does it.

Rows lie beside each other in memory, dims (time, row): a tap is multiplied with the samples of all rows at once,
which fills vector registers whatever the ratio, and each row's sum runs over its taps in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.jit import INTEGER, NOTHING, REAL, kernel, readable, writable

_CROSSINGS = 10  # of the sinc on each side of its middle, at the lower of the two rates
_BETA = 5.0


@dataclass(frozen=True)
class Resampler:
    """Low-pass filter cut into its phases, and the ratio: `up` values for every `down` samples.

    ``taps`` has dims (phase, tap), in the order of the samples that they are multiplied with.
    """

    up: int
    down: int
    half: int
    taps: Samples

    def size(self, samples: int) -> int:
        """Return how many values some samples become."""
        return -(-samples * self.up // self.down)

    def reach(self, first: int, last: int) -> tuple[int, int]:
        """Return the half-open range of samples that the values of a half-open range are made of."""
        low = (first * self.down + self.half) // self.up - self.taps.shape[1] + 1
        return low, ((last - 1) * self.down + self.half) // self.up + 1


@lru_cache(maxsize=256)
def resampler(up: int, down: int, dtype: str) -> Resampler:
    """Design the filter: a sinc under a Kaiser window, of gain 1 at 0 Hz, that ends at half the lower rate."""
    slower = max(up, down)
    half = _CROSSINGS * slower
    time = np.arange(-half, half + 1)
    response = np.sinc(time / slower) / slower * np.kaiser(2 * half + 1, _BETA)
    response = (response / response.sum()).astype(dtype) * np.dtype(dtype).type(up)
    count = -(-response.size // up)
    padded = np.zeros(count * up, dtype)
    padded[: response.size] = response
    taps = np.ascontiguousarray(padded.reshape(count, up).T[:, ::-1])
    taps.flags.writeable = False
    return Resampler(up, down, half, taps)


def side_by_side(samples: Samples, rows: Bounds, begins: Bounds, size: int, low: int, means: Values, out: Any) -> None:
    """Write samples `low` to ``low + len(out)`` of each stretch into `out`, dims (time, row), less its mean.

    Each stretch is `size` samples of a row of `samples` from its begin on; beyond it all is 0.
    """
    _side_by_side(samples, rows, begins, size, low, means, out)


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), INTEGER, INTEGER, readable(REAL, 1),
        writable(real, 2),
    )
)  # fmt: skip
def _side_by_side(samples: Any, rows: Any, begins: Any, size: int, low: int, means: Any, out: Any) -> None:
    before = min(max(0, -low), out.shape[0])
    after = max(before, min(out.shape[0], size - low))
    out[:before] = 0
    out[after:] = 0
    for row in range(rows.size):
        source = samples[rows[row], begins[row] : begins[row] + size]
        mean = means[row]
        for t in range(before, after):
            out[t, row] = np.float64(source[low + t]) - mean


def resample(padded: Samples, low: int, filters: Resampler, first: int, tile: Samples, out: Samples) -> None:
    """Compute values `first` to ``first + out.shape[1]`` of each row into `out`, dims (row, time).

    `padded` has dims (time, row) and begins with sample `low`; it must hold all that `Resampler.reach` says.
    `tile` is room for a few values, dims (value, row).
    """
    _resample(padded, low, filters.taps, filters.up, filters.down, filters.half, first, tile, out)


@kernel(
    lambda real: NOTHING(
        readable(real, 2), INTEGER, readable(real, 2), INTEGER, INTEGER, INTEGER, INTEGER, writable(real, 2),
        writable(real, 2),
    )
)  # fmt: skip
def _resample(padded: Any, low: int, taps: Any, up: int, down: int, half: int, first: int, tile: Any, out: Any) -> None:
    count = taps.shape[1]
    width = padded.shape[1]
    for begin in range(0, out.shape[1], tile.shape[0]):
        some = min(tile.shape[0], out.shape[1] - begin)
        for i in range(some):
            place = (first + begin + i) * down + half
            phase = taps[place % up]
            source = place // up - count + 1 - low
            target = tile[i]
            target[:] = 0
            k = 0
            while k + 4 <= count:
                a, b, c, d = phase[k], phase[k + 1], phase[k + 2], phase[k + 3]
                w = padded[source + k]
                x = padded[source + k + 1]
                y = padded[source + k + 2]
                z = padded[source + k + 3]
                for row in range(width):
                    target[row] = (((target[row] + a * w[row]) + b * x[row]) + c * y[row]) + d * z[row]
                k += 4
            while k < count:
                a = phase[k]
                w = padded[source + k]
                for row in range(width):
                    target[row] += a * w[row]
                k += 1
        for row in range(width):
            for i in range(some):
                out[row, begin + i] = tile[i, row]
