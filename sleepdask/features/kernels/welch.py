"""Power spectra of epochs, averaged over segments and tapers, in blocks that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.frames import collect, gather, medians
from sleepdask.features.kernels.windows import taper

# Frames are transformed in multiples of 16 rows, so that each takes the vector path of the transform
# whatever else is in the block, and gets the same bits.
_ROWS = 16
# Frames and transforms of a block: as much as a core's own cache holds, so that few calls are made.
_CACHE_BYTES = 1 << 20
_GROUP_BYTES = 1 << 18


@dataclass(frozen=True)
class Frames:
    """Segments of an epoch, in samples, and what is done to each before its transform.

    Each is transformed once with the named window, or with each of some tapers, dims (taper, sample), over which
    its power is averaged.
    """

    size: int
    step: int
    rate: float
    window: str = "hann"
    detrend: bool = True
    median: bool = False
    tapers: Values | None = None

    def windows(self) -> Values:
        """Return what a segment is multiplied by, dims (taper, sample)."""
        return taper(self.window, self.size)[np.newaxis] if self.tapers is None else self.tapers

    def most(self, samples: int) -> int:
        """Return the number of whole frames that fit into some samples."""
        return max(0, (samples - self.size) // self.step + 1)

    def gains(self, windows: Values) -> Values:
        """Return what turns the squared magnitudes of each bin, added over the tapers, into one-sided power density."""
        gains = np.full(self.size // 2 + 1, 2 * self.size**2 / (self.rate * np.sum(windows**2)))
        gains[0] /= 2
        if self.size % 2 == 0:
            gains[-1] /= 2
        return gains


def power_spectra(
    samples: Samples, starts: Bounds, stops: Bounds, frames: Frames, first: int = 0, last: int | None = None
) -> Values:
    """Compute the power density of each epoch.

    Parameters
    ----------
    samples, starts, stops
        As in `Feature.compute`.
    frames
        The segments.
    first, last
        Half-open range of the bins that are wanted; all by default.

    Returns
    -------
    power
        Dims (channel, epoch, bin), in squared units per Hz, NaN where an epoch has no whole segment
        without a gap.
    """
    last = frames.size // 2 + 1 if last is None else last
    out = np.empty((samples.shape[0] * starts.size, last - first))
    for item, power in grouped_spectra(samples, starts, stops, frames, first, last):
        out[item : item + len(power)] = power
    return out.reshape(samples.shape[0], starts.size, last - first)


def grouped_spectra(
    samples: Samples, starts: Bounds, stops: Bounds, frames: Frames, first: int, last: int
) -> Iterator[tuple[int, Values]]:
    """Yield the power density of a few epochs at a time.

    The epochs of all channels count as one list, channel by channel. Each group comes as the place of
    its first epoch in that list, and its power, dims (epoch, bin); the array is reused for the next.
    """
    windows = frames.windows()
    gains = frames.gains(windows)[first:last]
    most = frames.most(int((stops - starts).max(initial=0)))
    items = samples.shape[0] * starts.size
    scratch = _Scratch.of(samples, frames, len(windows), most, last - first, items)
    shapes = windows.astype(samples.dtype)
    for item in range(0, items, scratch.group):
        group = min(scratch.group, items - item)
        scratch.counts[:] = 0
        scratch.power[:] = 0
        cursor = np.array([item, 0])
        while True:
            rows = gather(
                samples,
                starts,
                stops,
                item + group,
                frames.step,
                shapes,
                frames.detrend,
                cursor,
                scratch.frames,
                scratch.owners,
            )
            if rows == 0:
                break
            padded = -(-rows // _ROWS) * _ROWS
            # Any norm but the default keeps NumPy in single precision for float32 (it promotes the
            # default's integer factor), which is 1.7 times as fast.
            np.fft.rfft(scratch.frames[:padded], norm="forward", out=scratch.spectra[:padded])
            collect(scratch.parts, rows, len(shapes), scratch.owners, item, first, scratch.power, scratch.counts)
        if frames.median:
            medians(scratch.power, scratch.counts, gains, scratch.result)
        else:
            with np.errstate(invalid="ignore"):
                np.divide(scratch.power[:, 0], scratch.counts[:, None], out=scratch.result)
            scratch.result *= gains
        yield item, scratch.result[:group]


@dataclass
class _Scratch:
    """Arrays that are allocated once and reused for every group."""

    frames: Samples
    spectra: Any
    parts: Any
    owners: Any
    power: Values
    counts: Any
    result: Values
    group: int

    @classmethod
    def of(cls, samples: Samples, frames: Frames, tapers: int, most: int, bins: int, items: int) -> _Scratch:
        scalar = samples.dtype
        rows = _CACHE_BYTES // (2 * frames.size * scalar.itemsize) // _ROWS * _ROWS
        # A frame's tapers stay together; room for two leaves few rows idle.
        least = _ROWS if tapers == 1 else -(-2 * tapers // _ROWS) * _ROWS
        rows = max(least, min(rows, 8 * _ROWS))
        depth = max(1, most) if frames.median else 1
        group = max(1, min(64, items, _GROUP_BYTES // (8 * depth * max(1, bins))))
        # Zeros: rows that no frame fills are transformed too.
        spectra = np.zeros((rows, frames.size // 2 + 1), np.result_type(scalar, np.complex64))
        return cls(
            frames=np.zeros((rows, frames.size), scalar),
            spectra=spectra,
            parts=spectra.view(scalar),
            owners=np.zeros(rows, np.int64),
            power=np.zeros((group, depth, bins)),
            counts=np.zeros(group, np.int64),
            result=np.empty((group, bins)),
            group=group,
        )
