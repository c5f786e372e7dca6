"""How power spectra of epochs are estimated: the settings of the multitaper method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Sampling, Values, check_choice, check_positive
from sleepdask.features.estimator import Estimator, checked_overlap

if TYPE_CHECKING:
    from sleepdask.features.kernels.welch import Frames

WEIGHTS = ("uniform", "eigenvalue")
REFERENCE = "Thomson 1982, doi:10.1109/PROC.1982.12433"


@dataclass(frozen=True)
class Multitaper(Estimator):
    """Settings of the multitaper method: segments, tapers, their weights.

    Each segment is multiplied by several orthogonal tapers, the discrete prolate spheroidal sequences (DPSS), which
    keep most of their energy within a half bandwidth; its spectrum is the mean of those of all tapers.

    Parameters
    ----------
    time_half_bandwidth
        Product NW of a segment's length and the half bandwidth. Power of one frequency is spread over 2 NW cycles
        per segment: 0.27 Hz for whole epochs of 30 s and NW 4, 2 Hz for segments of 4 s.
    tapers
        How many, at most 2 NW - 1, which is the default: further ones leak.
    weights
        "uniform", or "eigenvalue": by the share of a taper's energy that lies within the bandwidth.
    segment
        Length of a segment in seconds; None takes the whole epoch as one.
    overlap
        Share of a segment that it has in common with the next, 0 to below 1. Spectra of segments are averaged.
    detrend
        Whether each segment's mean is removed.

    Notes
    -----
    A segment that holds a sample that is not finite is left out; an epoch without a whole segment gives NaN. A
    whole epoch is as many samples as every gapless one holds: one that a gap or the end of the recording cuts
    short gives NaN, so that all spectra of a node have the same bins and resolution.

    Tapers are SciPy's, periodic, and scaled so that white noise keeps its density whatever their energy is.

    References
    ----------
    Thomson 1982, doi:10.1109/PROC.1982.12433. Slepian 1978, doi:10.1002/j.1538-7305.1978.tb02104.x. Prerau et al.
    2017, doi:10.1152/physiol.00062.2015 (for sleep).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(2 * np.pi * 10 * np.arange(800) / 100)[np.newaxis]
    >>> sampling = Sampling(rate=100.0, expected=800)
    >>> power = Multitaper().spectra(x, np.array([0]), np.array([800]), sampling)[0, 0]
    >>> frequencies = Multitaper().frequencies(sampling)
    >>> round(float(power[np.abs(frequencies - 10) < 0.75].sum() * frequencies[1]), 2)
    0.5
    """

    reference: ClassVar[str] = REFERENCE

    segment: float | None = None
    overlap: float = 0.5
    time_half_bandwidth: float = 4.0
    tapers: int | None = None
    weights: str = "uniform"
    detrend: bool = True

    def __post_init__(self) -> None:
        where = "multitaper"
        if self.segment is not None:
            check_positive(where, "segment", self.segment)
            object.__setattr__(self, "segment", float(self.segment))
        check_positive(where, "time_half_bandwidth", self.time_half_bandwidth)
        check_choice(where, "weights", self.weights, WEIGHTS)
        object.__setattr__(self, "time_half_bandwidth", float(self.time_half_bandwidth))
        object.__setattr__(self, "overlap", checked_overlap(where, self.overlap))
        most = int(2 * self.time_half_bandwidth + 1e-9) - 1
        if most < 1:
            raise ParameterError(
                "time_half_bandwidth must be at least 1", where=where, found=repr(self.time_half_bandwidth)
            )
        if self.tapers is None:
            object.__setattr__(self, "tapers", most)
        elif isinstance(self.tapers, bool) or not isinstance(self.tapers, int) or not 1 <= self.tapers <= most:
            raise ParameterError(
                "number of tapers out of range",
                where=where,
                expected=f"1 to 2 NW - 1 = {most}",
                found=repr(self.tapers),
            )

    @property
    def definition(self) -> str:
        """The settings in words."""
        length = "whole epoch" if self.segment is None else f"{self.segment:g} s segments, {self.overlap:.0%} overlap"
        return (
            f"multitaper, {length}, {self.tapers} DPSS of NW {self.time_half_bandwidth:g}, {self.weights} weights, "
            f"{'mean removed' if self.detrend else 'not detrended'}"
        )

    @property
    def spread(self) -> float:
        """The bandwidth: 2 NW bins."""
        return 2 * self.time_half_bandwidth

    @property
    def least(self) -> int:
        """More than 2 NW, as many as the tapers need."""
        return int(self.spread) + 1

    def frames(self, sampling: Sampling) -> Frames:
        """Return the segments in samples.

        Raises
        ------
        ParameterError
            A segment has not more than 2 NW samples.
        """
        from sleepdask.features.kernels.welch import Frames

        size = self.size(sampling)
        if size < self.least:
            raise ParameterError(
                "segment too short for its tapers",
                where="multitaper",
                expected=f"at least {self.least} samples",
                found=str(size),
                fix="lengthen the segment or lower time_half_bandwidth",
            )
        tapers = _tapers(size, self.time_half_bandwidth, int(self.tapers or 1), self.weights == "eigenvalue")
        return Frames(size, size - int(size * self.overlap), sampling.rate, detrend=self.detrend, tapers=tapers)


@lru_cache(maxsize=4)
def _tapers(size: int, time_half_bandwidth: float, count: int, by_eigenvalue: bool) -> Values:  # noqa: FBT001
    """Tapers times the roots of their weights, dims (taper, sample)."""
    from scipy.signal.windows import dpss

    tapers, eigenvalues = dpss(size, time_half_bandwidth, count, sym=False, return_ratios=True)
    # Rounded: the last bits of the eigenvalues depend on how many threads add them up.
    weighted = np.ascontiguousarray(tapers * np.sqrt(np.round(eigenvalues, 12))[:, None] if by_eigenvalue else tapers)
    weighted.flags.writeable = False
    return weighted
