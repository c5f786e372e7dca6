"""Where the spectrum of each epoch peaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from sleepdask.features.bands import Band, check_bands
from sleepdask.features.base import Output, Values
from sleepdask.features.estimator import Bins, Reduction
from sleepdask.features.spectral_settings import EstimatedFeature

_SOURCE = "Corcoran 2018, doi:10.1111/psyp.13064"


@dataclass(frozen=True)
class SpectralPeak(EstimatedFeature):
    """Frequency and power density of the highest peak of the spectrum in each of some bands.

    Parameters
    ----------
    bands
        (name, low, high) of each band in Hz, or a mapping from names to (low, high).
    method, segment, overlap, window, detrend, average, time_half_bandwidth, tapers, weights
        How the spectra are estimated, see `Welch` and `Multitaper`. By default Welch's method with segments of 4 s.

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: frequency Hz, power density squared units of the channel
    per Hz.

    A peak is a bin with low <= f < high whose power is above that of the bin before it and not below that of the
    next; the neighbours may lie outside the band, so that a spectrum that only falls or rises has none. Of several
    the highest counts. Its frequency and power are those of the vertex of the parabola through the logarithm of the
    power of the three bins, thus up to half a bin outside the band. Few segments leave chance peaks in any spectrum:
    average more of them, in longer epochs or with several tapers, where it must be a rhythm.

    NaN: an epoch without a whole segment (see `Welch`), a band without a peak, as where all samples are equal, and a
    band that reaches beyond half the sampling rate.

    References
    ----------
    Corcoran et al. 2018, doi:10.1111/psyp.13064 (peak frequency within a band, and that there may be none). Smith &
    Serra 1987, https://ccrma.stanford.edu/STANM/stanms/stanm43/ (the parabola through logarithms).

    Examples
    --------
    >>> import numpy as np
    >>> from sleepdask.features import Sampling
    >>> x = np.sin(2 * np.pi * 10.1 * np.arange(3000) / 100)[np.newaxis]
    >>> feature = SpectralPeak(bands={"alpha": (8, 12)})
    >>> values = feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000))
    >>> round(float(values[0, 0, 0]), 2)  # between the bins at 10 and 10.25 Hz
    10.1
    """

    name: ClassVar[str] = "spectral_peak"

    bands: tuple[Band, ...] | Mapping[str, tuple[float, float]] = (("alpha", 8.0, 12.0), ("sigma", 12.0, 16.0))

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "bands", check_bands(self.name, self.bands, self.estimator.resolution))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Frequency and power of each band."""
        columns = []
        for name, low, high in self._bands:
            where = f"the highest local maximum in [{low:g}, {high:g}) Hz, parabola through log P of three bins"
            text = f"of {where}; {self.estimator.definition}"
            columns.append(Output(f"spectral_peak_{name}", "Hz", f"frequency {text}", _SOURCE))
            columns.append(Output(f"spectral_peak_{name}_power", "{unit}^2/Hz", f"power density {text}", _SOURCE))
        return tuple(columns)

    @property
    def minimal_rate(self) -> float:
        """Twice the highest band edge, in Hz."""
        return 2 * max(high for _, _, high in self._bands)

    @property
    def minimal_window(self) -> float:
        """One segment, in seconds; where that is the epoch, as long as resolves the narrowest band."""
        return self.estimator.minimal_window(min(high - low for _, low, high in self._bands))

    def reduction(self, bins: Bins) -> Reduction:
        """The bins of all bands with their neighbours, and the peaks among them."""
        from sleepdask.features.kernels.bands import bin_range
        from sleepdask.features.kernels.peaks import highest_peaks

        spans = np.array([bin_range(low, high, bins.spacing, closed=False) for _, low, high in self._bands])
        # A peak has two neighbours.
        spans = np.clip(spans, 1, max(1, bins.count - 1))
        spans[[not bins.reach(high) for _, _, high in self._bands]] = 1
        first = int(spans[:, 0].min()) - 1
        last = min(int(spans[:, 1].max()) + 1, bins.count)

        def reduce(power: Values) -> Values:
            peaks = np.empty((len(power), len(spans), 2))
            highest_peaks(power, spans - first, peaks)
            peaks[..., 0] = (peaks[..., 0] + first) * bins.spacing
            return peaks.reshape(len(power), -1)

        return Reduction(first, last, reduce)

    @property
    def _bands(self) -> tuple[Band, ...]:
        return cast(tuple[Band, ...], self.bands)
