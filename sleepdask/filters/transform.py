"""What blocks of samples are convolved with: the spectrum of a symmetric response, in the order of the kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Transform:
    """What blocks of one size are convolved with.

    Parameters
    ----------
    half
        Samples of the response on either side of its middle.
    size
        Points of a transform, a power of two.
    spectrum
        Of the response, dims (point,), divided by `size`, in the order of the transform.
    twiddles
        Cosines and sines, dims (part, point).
    """

    half: int
    size: int
    spectrum: NDArray[np.float64]
    twiddles: NDArray[np.float64]

    @classmethod
    def of(cls, response: NDArray[np.float64], size: int) -> Transform:
        """Make that of a response, of which its middle and one side are given."""
        half = len(response) - 1
        circle = np.zeros(size)
        circle[: half + 1] = response
        circle[size - half :] = response[:0:-1]
        angles = np.arange(size) * (2 * np.pi / size)
        twiddles = np.stack([np.cos(angles), -np.sin(angles)])
        spectrum = np.fft.fft(circle).real[_order(size)] / size
        return cls(half, size, np.ascontiguousarray(spectrum), twiddles)

    @property
    def block(self) -> int:
        """Values that one block gives."""
        return self.size - 2 * self.half


def _order(size: int) -> NDArray[np.int64]:
    """Frequency at each point of a forward transform."""
    if size == 1:
        return np.zeros(1, np.int64)
    places = (0, 2, 1, 3) if size >= 4 else (0, 1)
    inner = _order(size // len(places)) * len(places)
    return np.concatenate([inner + k for k in places])
