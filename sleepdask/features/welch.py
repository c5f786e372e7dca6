"""How power spectra of epochs are estimated: the settings of Welch's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Samples, Values, check_choice, check_positive

if TYPE_CHECKING:
    from sleepdask.features.kernels.welch import Frames

WINDOWS = ("hann", "hamming", "blackman", "boxcar", "tukey50")
AVERAGES = ("mean", "median")
REFERENCE = "Welch 1967, doi:10.1109/TAU.1967.1161901"


def check_welch(feature: str, segment: float, overlap: float, window: str, average: str) -> None:
    """Raise `ParameterError` for a setting of Welch's method that is unknown or out of its range."""
    check_positive(feature, "segment", segment)
    check_choice(feature, "window", window, WINDOWS)
    check_choice(feature, "average", average, AVERAGES)
    if not 0 <= overlap < 1:
        raise ParameterError("overlap out of range", where=feature, expected="0 <= overlap < 1", found=repr(overlap))


@dataclass(frozen=True)
class Welch:
    """Settings of Welch's method: segments, window, detrending, average.

    Parameters
    ----------
    segment
        Length of a segment in seconds.
    overlap
        Share of a segment that it has in common with the next, 0 to below 1.
    window
        One of "hann", "hamming", "blackman", "boxcar" (all periodic), "tukey50" (symmetric, half of it
        cosine flanks, as Luna's).
    detrend
        Whether each segment's mean is removed.
    average
        "mean", or "median" with its bias removed.

    Notes
    -----
    A segment that holds a sample that is not finite is left out; an epoch without a whole segment gives
    NaN.

    References
    ----------
    Welch 1967, doi:10.1109/TAU.1967.1161901.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(2 * np.pi * 10 * np.arange(800) / 100)[np.newaxis]
    >>> power = Welch().spectra(x, np.array([0]), np.array([800]), rate=100.0)
    >>> power.shape
    (1, 1, 201)
    >>> float(Welch().frequencies(100.0)[power[0, 0].argmax()])
    10.0
    """

    segment: float = 4.0
    overlap: float = 0.5
    window: str = "hann"
    detrend: bool = True
    average: str = "mean"

    def __post_init__(self) -> None:
        check_welch("welch", self.segment, self.overlap, self.window, self.average)

    @property
    def definition(self) -> str:
        """The settings in words."""
        return (
            f"Welch, {self.segment:g} s {self.window} segments, {100 * self.overlap:g} % overlap, "
            f"{'mean of each removed' if self.detrend else 'not detrended'}, "
            f"{'median without bias' if self.average == 'median' else 'mean'} over segments"
        )

    def size(self, rate: float) -> int:
        """Whole samples that fit into a segment at a sampling rate in Hz."""
        return max(1, int(self.segment * rate + 1e-9))

    def frames(self, rate: float) -> Frames:
        """Return the segments in samples at a sampling rate in Hz."""
        from sleepdask.features.kernels.welch import Frames

        size = self.size(rate)
        return Frames(
            size=size,
            step=size - int(size * self.overlap),
            rate=rate,
            window=self.window,
            detrend=self.detrend,
            median=self.average == "median",
        )

    def frequencies(self, rate: float) -> Values:
        """Return the frequency of each bin in Hz."""
        size = self.size(rate)
        return np.arange(size // 2 + 1, dtype=np.float64) * (rate / size)

    def spectra(self, samples: Samples, starts: Bounds, stops: Bounds, rate: float) -> Values:
        """Compute the one-sided power density of each epoch, dims (channel, epoch, frequency).

        The unit is that of the samples, squared, per Hz.
        """
        from sleepdask.features.kernels.welch import power_spectra

        return power_spectra(samples, starts, stops, self.frames(rate))
