"""How hard an epoch is to tell in words that were said before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, check_choice

THRESHOLDS = ("median", "mean")
_SOURCE = "Lempel & Ziv 1976, doi:10.1109/TIT.1976.1055501; Zhang 2001, doi:10.1109/10.966601"


@dataclass(frozen=True)
class LempelZiv(Feature):
    """Lempel and Ziv's complexity of 1976 of each epoch, made binary.

    Parameters
    ----------
    threshold
        "median" or "mean": a sample is 1 if it lies above that of the epoch, and 0 otherwise.
    normalised
        Whether the number of words is divided by n / log2 n, n the number of samples: what a random sequence of
        that length comes to, so that noise gives about 1 (a little more for short epochs).

    Notes
    -----
    Dims of the result are (channel, epoch, output). Words are read from left to right, and each is as long as it
    can be found in what was read before it, its own beginning included, plus one sample. A last word that is not
    finished counts.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and, normalised, with fewer than two
    samples. Time grows with the number of samples, and so does what is kept for the length of one epoch: 40 bytes
    a sample.

    References
    ----------
    Lempel & Ziv 1976, doi:10.1109/TIT.1976.1055501. Zhang 2001, doi:10.1109/10.966601 (of EEG).

    Examples
    --------
    The example of the source, 0001101001000101, is the words 0, 001, 10, 100, 1000, 101:

    >>> import numpy as np
    >>> x = np.array([[float(digit) for digit in "0001101001000101"]])
    >>> feature = LempelZiv(threshold="mean", normalised=False)
    >>> feature.compute(x, np.array([0]), np.array([16]), Sampling(rate=1.0, expected=16)).tolist()
    [[[6.0]]]
    """

    name: ClassVar[str] = "lempel_ziv"
    family: ClassVar[str] = "complexity"

    threshold: str = "median"
    normalised: bool = True

    def __post_init__(self) -> None:
        check_choice(self.name, "threshold", self.threshold, THRESHOLDS)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The complexity."""
        text = f"number c of words (LZ76) of the sequence x > {self.threshold}"
        if self.normalised:
            text += ", as c log2(n) / n of n samples"
        return (Output("lempel_ziv", "1", text, _SOURCE),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the complexity, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.lempel_ziv import word_counts
        from sleepdask.features.kernels.moments import MEAN, moments
        from sleepdask.features.kernels.quantiles import quantiles

        if self.threshold == "median":
            thresholds = quantiles(samples, starts, stops, (0.5,))[..., 0]
        else:
            thresholds = np.ascontiguousarray(moments(samples, starts, stops, 1)[..., MEAN])
        words = word_counts(samples, starts, stops, thresholds)
        if self.normalised:
            size = np.maximum(stops - starts, 1)
            words *= np.log2(size) / size
        return words[..., np.newaxis]
