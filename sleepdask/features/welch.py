"""How power spectra of epochs are estimated: the settings of Welch's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sleepdask.features.base import Sampling, check_choice, check_positive
from sleepdask.features.estimator import Estimator, checked_overlap

if TYPE_CHECKING:
    from sleepdask.features.kernels.welch import Frames

WINDOWS = ("hann", "hamming", "blackman", "boxcar", "tukey50")
AVERAGES = ("mean", "median")
REFERENCE = "Welch 1967, doi:10.1109/TAU.1967.1161901"


@dataclass(frozen=True)
class Welch(Estimator):
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
    >>> power = Welch().spectra(x, np.array([0]), np.array([800]), Sampling(rate=100.0, expected=800))
    >>> power.shape
    (1, 1, 201)
    >>> float(Welch().frequencies(Sampling(100.0, 800))[power[0, 0].argmax()])
    10.0
    """

    reference: ClassVar[str] = REFERENCE

    segment: float = 4.0
    overlap: float = 0.5
    window: str = "hann"
    detrend: bool = True
    average: str = "mean"

    def __post_init__(self) -> None:
        check_positive("welch", "segment", self.segment)
        check_choice("welch", "window", self.window, WINDOWS)
        check_choice("welch", "average", self.average, AVERAGES)
        object.__setattr__(self, "segment", float(self.segment))
        object.__setattr__(self, "overlap", checked_overlap("welch", self.overlap))

    @property
    def definition(self) -> str:
        """The settings in words."""
        return (
            f"Welch, {self.segment:g} s {self.window} segments, {100 * self.overlap:g} % overlap, "
            f"{'mean of each removed' if self.detrend else 'not detrended'}, "
            f"{'median without bias' if self.average == 'median' else 'mean'} over segments"
        )

    @property
    def spread(self) -> float:
        """One bin."""
        return 1.0

    @property
    def least(self) -> int:
        """Two: one sample has no spectrum."""
        return 2

    def frames(self, sampling: Sampling) -> Frames:
        """Return the segments in samples."""
        from sleepdask.features.kernels.welch import Frames

        size = self.size(sampling)
        return Frames(
            size=size,
            step=size - int(size * self.overlap),
            rate=sampling.rate,
            window=self.window,
            detrend=self.detrend,
            median=self.average == "median",
        )
