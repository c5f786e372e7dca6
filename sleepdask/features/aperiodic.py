"""The aperiodic part of the spectrum: a straight line on logarithmic axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Output, Values
from sleepdask.features.estimator import Bins, Reduction
from sleepdask.features.spectral_settings import EstimatedFeature

_SOURCE = "Lendner 2020, doi:10.7554/eLife.55092"
_FEWEST = 3


@dataclass(frozen=True)
class Aperiodic(EstimatedFeature):
    """Slope and offset of the power spectrum on logarithmic axes.

    Parameters
    ----------
    fit_range
        (low, high) in Hz: the line is fitted to the bins with low <= f <= high, without that at 0 Hz.
    exclude
        (low, high) of each range in Hz, both ends included, that is left out, such as (48, 52) for the mains or
        (9, 16) for spindles.
    method, segment, overlap, window, detrend, average, time_half_bandwidth, tapers, weights
        How the spectra are estimated, see `Welch` and `Multitaper`. By default Welch's method with segments of 4 s.

    Notes
    -----
    Dims of the result are (channel, epoch, output). log10 P is fitted on log10 f by ordinary least squares, every bin
    with the same weight: P is about 10^offset * f^slope. The slope is negative where power falls with frequency;
    the exponent of other tools is its opposite. The offset is log10 P at 1 Hz, P in squared units per Hz. r2 is the
    share of the variance of log10 P that the line explains.

    Peaks in the range pull at the line: leave their bands out, or take a range without any, such as 30 to 45 Hz
    (Lendner 2020). A range in which a filter has cut the signal gives the slope of the filter.

    NaN: an epoch without a whole segment (see `Welch`), one in which a bin has no power, as where all samples are
    equal, a range that reaches beyond half the sampling rate, and fewer than three bins. r2 is NaN for a flat line.

    References
    ----------
    Lendner et al. 2020, doi:10.7554/eLife.55092. Donoghue et al. 2020, doi:10.1038/s41593-020-00744-x.

    Examples
    --------
    >>> import numpy as np
    >>> from sleepdask.features import Sampling
    >>> walk = np.random.default_rng(1).standard_normal((1, 30_000)).cumsum(axis=1)
    >>> feature = Aperiodic(fit_range=(1, 20))
    >>> values = feature.compute(walk, np.array([0]), np.array([30_000]), Sampling(rate=100.0, expected=30_000))
    >>> values[0, 0].round(1).tolist()  # power of a random walk falls with the square of the frequency
    [-2.0, 0.7, 1.0]
    """

    name: ClassVar[str] = "aperiodic"

    fit_range: tuple[float, float] = (1.0, 40.0)
    exclude: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "fit_range", self._checked("fit_range", self.fit_range))
        object.__setattr__(self, "exclude", tuple(self._checked("exclude", each) for each in self.exclude))
        low, high = self.fit_range
        if (high - low) / (_FEWEST - 1) < self.estimator.resolution * (1 - 1e-9):
            raise ParameterError(
                "fit_range is too narrow for the frequency resolution",
                where=self.name,
                expected=f"at least {(_FEWEST - 1) * self.estimator.resolution:g} Hz",
                found=repr(self.fit_range),
                fix="widen it or lengthen the segment",
            )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Slope, offset, r2."""
        low, high = self.fit_range
        without = "".join(f", without {a:g} to {b:g} Hz" for a, b in self.exclude)
        how = f"of log10 P on log10 f, least squares, {low:g} <= f <= {high:g} Hz{without}; {self.estimator.definition}"
        return (
            Output("aperiodic_slope", "1", f"slope {how}", _SOURCE),
            Output("aperiodic_offset", "log10({unit}^2/Hz)", f"value at 1 Hz of the line {how}", _SOURCE),
            Output("aperiodic_r2", "1", f"share of variance explained by the line {how}", _SOURCE),
        )

    @property
    def minimal_rate(self) -> float:
        """Twice the highest frequency of the fit, in Hz."""
        return 2 * self.fit_range[1]

    @property
    def minimal_window(self) -> float:
        """One segment, in seconds; where that is the epoch, as long as gives three bins of their own."""
        low, high = self.fit_range
        return self.estimator.minimal_window((high - low) / (_FEWEST - 1))

    def reduction(self, bins: Bins) -> Reduction:
        """The bins of the range, and the line through them."""
        from sleepdask.features.kernels.bands import bin_range
        from sleepdask.features.kernels.lines import log_log_lines

        first, last = bin_range(*self.fit_range, bins.spacing, closed=True)
        first, last = max(1, first), min(last, bins.count)
        used = np.ones(max(0, last - first), bool)
        for each in self.exclude:
            a, b = bin_range(*each, bins.spacing, closed=True)
            used[max(0, a - first) : max(0, b - first)] = False
        places = np.flatnonzero(used)
        if len(places) < _FEWEST or not bins.reach(self.fit_range[1]):
            return Reduction(1, 1, lambda power: np.full((len(power), 3), np.nan))

        def reduce(power: Values) -> Values:
            lines = np.empty((len(power), 3))
            log_log_lines(power, places, (first + places) * bins.spacing, lines)
            return lines

        return Reduction(first, last, reduce)

    def _checked(self, parameter: str, pair: tuple[float, float]) -> tuple[float, float]:
        try:
            low, high = (float(edge) for edge in pair)
        except (TypeError, ValueError):
            low = high = np.nan
        if not 0 <= low < high < np.inf:
            raise ParameterError(
                f"{parameter} makes no sense",
                where=self.name,
                expected="0 <= low < high, in Hz",
                found=repr(pair),
            )
        return low, high
