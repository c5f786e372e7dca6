"""The aperiodic part of the spectrum, and what oscillates above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, cast

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.bands import Band, check_bands
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, check_choice
from sleepdask.features.welch import Welch

REFERENCE = "Wen & Liu 2016, doi:10.1007/s10548-015-0448-0"
FACTORS = tuple(k / 20 for k in range(22, 39))
_BANDS = (("delta", 1.0, 4.0), ("theta", 4.0, 8.0), ("alpha", 8.0, 12.0), ("sigma", 12.0, 16.0))


@dataclass(frozen=True)
class _Preset:
    fit_range: tuple[float, float]
    window: str
    average: str
    centre: bool


_PRESETS = {
    "default": _Preset((1.0, 25.0), "hann", "mean", centre=True),
    "yasa": _Preset((1.0, 30.0), "hamming", "median", centre=False),
}


@dataclass(frozen=True)
class Irasa(Feature):
    """Aperiodic and oscillatory part of the power spectrum by irregular-resampling auto-spectral analysis.

    An epoch is resampled by each factor and by its inverse, so that its oscillations move to other frequencies, while
    what has no frequency of its own stays. The median over the factors of the geometric means of the two spectra is
    the aperiodic part; what the epoch's own spectrum has above it is the oscillatory part.

    Parameters
    ----------
    preset
        "default" or "yasa": where the settings come from that are left None. With "yasa", spectra and line are those
        of `yasa.irasa` for the samples of the epoch.
    bands
        (name, low, high) of each band in Hz in which oscillations are summed up, or a mapping from names to
        (low, high); within the range of the fit.
    fit_range
        Lowest and highest frequency of the fit in Hz, both included: (1, 25), or (1, 30) with "yasa".
    factors
        By which the epoch is resampled: at least two between 1 and 4, in steps of 0.01; default 1.1 to 1.9 by 0.05.
    segment, overlap, window, average
        Settings of Welch's method, see `Welch`; the mean of each segment is removed. Windows: Hann, Hamming with
        "yasa"; mean over the segments, their median with "yasa".
    centre
        Whether the mean of the epoch is removed before it is resampled. "yasa" does not: an offset is then a step at
        both ends of the epoch.
    peaks
        Whether the frequency of the highest peak in each band is given.

    Notes
    -----
    Dims of the result are (channel, epoch, output). ``irasa_slope`` is that of log10 power over log10 frequency, below
    0 where power falls with frequency: the exponent of ``1/f^x`` is ``-irasa_slope``. ``irasa_offset`` is log10 of the
    power density at 1 Hz on the line, in the unit of the channel, squared, per Hz; YASA's intercept is
    ``ln(10) * irasa_offset``. Oscillatory power can be below 0, where the spectrum lies below its aperiodic part. A
    peak is a bin above both of its neighbours and above 0; NaN if the band has none.

    What an epoch gives rests on its own samples alone; beyond its ends the resampling filters see zeros. A segment
    that holds a missing sample, or one that a filter made of one, is left out; an epoch without one whole segment,
    shorter than `minimal_window`, gives NaN. A constant epoch has no line and no peak (NaN), and no oscillatory
    power (0). An epoch whose aperiodic power is 0 at some frequency has no line.

    A rate must reach twice the highest frequency of the fit times the highest factor, as the spectrum is looked at
    that far; below, all is NaN. With "yasa", which warns there, it must only be above twice the highest frequency of
    the fit; the line then bends down.

    float32 samples are resampled and transformed in float32, the powers summed in float64.

    References
    ----------
    Wen & Liu 2016, doi:10.1007/s10548-015-0448-0.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal(6000).cumsum()
    >>> spindle = 20 * np.sin(2 * np.pi * 13 * np.arange(6000) / 100)
    >>> values = Irasa().compute(
    ...     (noise + spindle)[np.newaxis], np.array([0]), np.array([6000]), Sampling(rate=100.0, expected=6000)
    ... )
    >>> found = dict(zip([output.name for output in Irasa().outputs], values[0, 0], strict=True))
    >>> round(found["irasa_slope"]), int(found["irasa_oscillatory_sigma"]), float(found["irasa_peak_sigma"])
    (-2, 199, 13.0)
    """

    name: ClassVar[str] = "irasa"
    family: ClassVar[str] = "spectral"

    preset: str = "default"
    bands: tuple[Band, ...] | Mapping[str, tuple[float, float]] | None = None
    fit_range: tuple[float, float] | None = None
    factors: tuple[float, ...] = FACTORS
    segment: float = 4.0
    overlap: float = 0.5
    window: str | None = None
    average: str | None = None
    centre: bool | None = None
    peaks: bool = True

    def __post_init__(self) -> None:
        check_choice(self.name, "preset", self.preset, tuple(_PRESETS))
        preset = _PRESETS[self.preset]
        for field in ("fit_range", "window", "average", "centre"):
            if getattr(self, field) is None:
                object.__setattr__(self, field, getattr(preset, field))
        for field in ("segment", "overlap"):
            object.__setattr__(self, field, float(getattr(self, field)))
        _ = self._welch  # checks its settings
        object.__setattr__(self, "factors", self._checked_factors())
        object.__setattr__(self, "fit_range", self._checked_range())
        object.__setattr__(self, "bands", self._checked_bands())

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Line, oscillatory power of the bands, their peaks."""
        low, high = self._range
        how = (
            f"median over factors {', '.join(f'{each:g}' for each in self.factors)} of the geometric means; "
            f"{'mean of the epoch removed; ' if self.centre else ''}{self._welch.definition}"
        )
        line = f"of the straight line through log10 aperiodic power over log10 f, {low:g} <= f <= {high:g} Hz"
        columns = [
            Output("irasa_slope", "1", f"slope {line}, below 0 where power falls; {how}", REFERENCE),
            Output("irasa_offset", "log10({unit}^2/Hz)", f"value at 1 Hz {line}; {how}", REFERENCE),
            Output("irasa_r2", "1", f"share of the variance that is explained, {line}; {how}", REFERENCE),
        ]
        columns += [
            Output(
                f"irasa_oscillatory_{band}",
                "{unit}^2",
                f"bin width x sum of power less aperiodic power over {a:g} <= f < {b:g} Hz, may be below 0; {how}",
                REFERENCE,
            )
            for band, a, b in self._bands
        ]
        if self.peaks:
            columns += [
                Output(
                    f"irasa_peak_{band}",
                    "Hz",
                    f"frequency of the highest peak of power less aperiodic power in {a:g} <= f < {b:g} Hz; {how}",
                    REFERENCE,
                )
                for band, a, b in self._bands
            ]
        return tuple(columns)

    @property
    def minimal_rate(self) -> float:
        """Twice the highest frequency that is looked at, in Hz."""
        highest = self._range[1]
        return float(np.nextafter(2 * highest, np.inf)) if self.preset == "yasa" else 2 * highest * max(self.factors)

    @property
    def minimal_window(self) -> float:
        """One segment of the epoch once it is shortened by the highest factor, in seconds."""
        return self.segment * max(self.factors)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute all outputs, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.bands import bin_range, reduce_bands
        from sleepdask.features.kernels.irasa import find_peaks
        from sleepdask.features.kernels.lines import log_log_lines

        if sampling.rate < self.minimal_rate:
            return np.full((len(samples), starts.size, len(self.outputs)), np.nan)
        frequencies, power, aperiodic = self.spectra(samples, starts, stops, sampling.rate)
        bins = len(frequencies)
        spacing = sampling.rate / self._size(sampling.rate)
        first = bin_range(*self._range, spacing, closed=True)[0]
        spans = np.array([bin_range(a, b, spacing, closed=False) for _, a, b in self._bands], np.int64)
        spans = np.clip(spans.reshape(-1, 2) - first, 0, bins)
        above = (power - aperiodic).reshape(-1, bins)
        weights = np.zeros((len(spans), bins))
        for row, (a, b) in zip(weights, spans, strict=True):
            row[a:b] = spacing
        oscillatory = np.empty((len(above), len(spans)))
        reduce_bands(above, weights, oscillatory)
        lines = np.empty((len(above), 3))
        log_log_lines(aperiodic.reshape(-1, bins), np.arange(bins), frequencies, lines)
        columns = [lines, oscillatory]
        if self.peaks:
            columns.append(find_peaks(above, spans, first, spacing))
        return np.concatenate(columns, axis=1).reshape(len(samples), starts.size, len(self.outputs))

    def spectra(self, samples: Samples, starts: Bounds, stops: Bounds, rate: float) -> tuple[Values, Values, Values]:
        """Compute the spectrum of each epoch and its aperiodic part, in the range of the fit.

        Returns
        -------
        frequencies, power, aperiodic
            Frequencies in Hz, and power densities, dims (channel, epoch, frequency), in the unit of the samples,
            squared, per Hz.
        """
        from sleepdask.features.kernels.irasa import separate
        from sleepdask.features.kernels.welch import Frames

        size = self._size(rate)
        step = size - int(size * self.overlap)
        frames = Frames(size, step, rate, str(self.window), median=self.average == "median")
        factors = [Fraction(round(100 * each), 100) for each in self.factors]
        power, aperiodic = separate(samples, starts, stops, frames, factors, self._bins(rate), centre=bool(self.centre))
        return self.frequencies(rate), power, aperiodic

    def frequencies(self, rate: float) -> Values:
        """Return the frequencies of the fit in Hz."""
        return np.arange(*self._bins(rate), dtype=np.float64) * (rate / self._size(rate))

    def _size(self, rate: float) -> int:
        """Whole samples that fit into a segment."""
        return max(1, int(self.segment * rate + 1e-9))

    def _bins(self, rate: float) -> tuple[int, int]:
        from sleepdask.features.kernels.bands import bin_range

        size = self._size(rate)
        first, last = bin_range(*self._range, rate / size, closed=True)
        return first, min(last, size // 2 + 1)

    @property
    def _bands(self) -> tuple[Band, ...]:
        return cast(tuple[Band, ...], self.bands)

    @property
    def _range(self) -> tuple[float, float]:
        return cast(tuple[float, float], self.fit_range)

    @property
    def _welch(self) -> Welch:
        return Welch(self.segment, self.overlap, str(self.window), detrend=True, average=str(self.average))

    def _checked_factors(self) -> tuple[float, ...]:
        found = tuple(float(each) for each in self.factors)
        hundredths = [100 * each for each in found]
        if (
            len(found) < 2
            or any(after <= before for before, after in pairwise(found))
            or any(not 100 < each <= 400 or abs(each - round(each)) > 1e-6 for each in hundredths)
        ):
            raise ParameterError(
                "factors out of range",
                where=self.name,
                expected="at least two above 1 and up to 4, rising, in steps of 0.01",
                found=repr(self.factors),
            )
        return tuple(round(each) / 100 for each in hundredths)

    def _checked_range(self) -> tuple[float, float]:
        try:
            low, high = (float(each) for each in self._range)
        except (TypeError, ValueError):
            low, high = 0.0, 0.0
        if not (np.isfinite(high) and low > 0 and (high - low) * self.segment >= 3 - 1e-9 and low * self.segment >= 1):
            raise ParameterError(
                "range of the fit out of range",
                where=self.name,
                expected=f"(low, high) in Hz, low at least {1 / self.segment:g} and high {3 / self.segment:g} above it",
                found=repr(self.fit_range),
            )
        return low, high

    def _checked_bands(self) -> tuple[Band, ...]:
        low, high = self._range
        if self.bands is None:
            return tuple(band for band in _BANDS if low <= band[1] and band[2] <= high)
        bands = check_bands(self.name, self.bands, 1 / self.segment)
        for band in bands:
            if band[1] < low or band[2] > high:
                raise ParameterError(
                    "band beyond the range of the fit",
                    where=self.name,
                    expected=f"within {low:g} to {high:g} Hz",
                    found=repr(band),
                )
        return bands
