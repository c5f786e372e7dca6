"""Power in frequency bands, and the shape of the spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.bands import PRESETS, Band, check_bands
from sleepdask.features.base import (
    Bounds,
    Feature,
    Output,
    Samples,
    Sampling,
    Values,
    check_choice,
)
from sleepdask.features.welch import REFERENCE, Welch, check_welch

INTEGRATIONS = ("sum", "simpson")
_ENTROPY = "Inouye 1991, doi:10.1016/0013-4694(91)90138-T"


@dataclass(frozen=True)
class BandPower(Feature):
    """Power in frequency bands by Welch's method, with spectral edges and entropy.

    Parameters
    ----------
    preset
        "default", "yasa" or "luna": where the settings come from that are left None. "yasa" gives what
        `yasa.bandpower` does, "luna" what Luna's ``PSD epoch`` does (without dB).
    bands
        (name, low, high) of each band in Hz, or a mapping from names to (low, high).
    segment, overlap, window, detrend, average
        Settings of Welch's method, see `Welch`.
    integration
        "sum": bin width times the sum of the bins with low <= f < high. "simpson": Simpson's rule over
        the bins with low <= f <= high.
    relative
        Whether each band is also given as a share of the power from the lowest to the highest edge of
        all bands, integrated by the same rule.
    edges
        Percentages for spectral edges: the lowest frequency at or below which that much of the power
        between the lowest and the highest band edge lies.
    entropy
        Whether the spectral entropy of the same range is given, from 0 (one frequency) to 1 (flat).

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: band power in squared units of the channel;
    relative power and entropy 1; edges Hz.

    A segment that holds a NaN or infinite sample is left out; an epoch without one whole segment gives
    NaN. Where the power of the range is zero, relative power, edges and entropy are NaN. A band that
    reaches beyond half the sampling rate is NaN, and so is all that rests on the whole range.

    float32 samples are transformed in float32, the powers summed in float64.

    References
    ----------
    Welch 1967, doi:10.1109/TAU.1967.1161901. Inouye 1991, doi:10.1016/0013-4694(91)90138-T.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sqrt(2) * np.sin(2 * np.pi * 10 * np.arange(3000) / 100)[np.newaxis]
    >>> feature = BandPower(bands={"theta": (4, 8), "alpha": (8, 12)}, edges=(), entropy=False)
    >>> [output.name for output in feature.outputs][:2]
    ['bandpower_theta', 'bandpower_alpha']
    >>> values = feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000))
    >>> values[0, 0].round(3).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    name: ClassVar[str] = "bandpower"
    family: ClassVar[str] = "spectral"

    preset: str = "default"
    bands: tuple[Band, ...] | Mapping[str, tuple[float, float]] | None = None
    segment: float = 4.0
    overlap: float = 0.5
    window: str | None = None
    detrend: bool | None = None
    average: str | None = None
    integration: str | None = None
    relative: bool = True
    edges: tuple[float, ...] = (95.0, 50.0)
    entropy: bool = True

    def __post_init__(self) -> None:
        check_choice(self.name, "preset", self.preset, tuple(PRESETS))
        preset = PRESETS[self.preset]
        for field in ("bands", "window", "detrend", "average", "integration"):
            if getattr(self, field) is None:
                object.__setattr__(self, field, getattr(preset, field))
        check_choice(self.name, "integration", self.integration, INTEGRATIONS)
        for field in ("segment", "overlap"):
            object.__setattr__(self, field, float(getattr(self, field)))
        object.__setattr__(self, "edges", self._checked_edges())
        check_welch(self.name, self.segment, self.overlap, str(self.window), str(self.average))
        object.__setattr__(self, "bands", check_bands(self.name, self.bands or (), self.segment))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Bands, their shares, edges, entropy."""
        how = self._welch.definition
        rule = {
            "sum": "bin width x sum over {low:g} <= f < {high:g} Hz",
            "simpson": "Simpson's rule over {low:g} <= f <= {high:g} Hz",
        }[str(self.integration)]
        low, high = self._range
        inside = f"[{low:g}, {high:g}) Hz"
        columns = [
            Output(f"bandpower_{band}", "{unit}^2", f"{rule.format(low=a, high=b)}; {how}", REFERENCE)
            for band, a, b in self._bands
        ]
        if self.relative:
            columns += [
                Output(
                    f"bandpower_{band}_relative",
                    "1",
                    f"bandpower_{band} / power over all bands, {rule.format(low=low, high=high)}; {how}",
                    REFERENCE,
                )
                for band, _, _ in self._bands
            ]
        columns += [
            Output(
                f"spectral_edge_{edge:g}".replace(".", "_"),
                "Hz",
                f"lowest f with cumulative power >= {edge:g} % of that in {inside}; {how}",
                REFERENCE,
            )
            for edge in self.edges
        ]
        if self.entropy:
            text = f"-sum p log2 p / log2 K, p the share of each of the K bins in {inside}; {how}"
            columns.append(Output("spectral_entropy", "1", text, _ENTROPY))
        return tuple(columns)

    @property
    def minimal_rate(self) -> float:
        """Twice the highest band edge, in Hz."""
        return 2 * self._range[1]

    @property
    def minimal_window(self) -> float:
        """One segment, in seconds."""
        return self.segment

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute all outputs, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.bands import reduce_bands, reduce_shape
        from sleepdask.features.kernels.welch import grouped_spectra

        frames = self._welch.frames(sampling.rate)
        weights, first, span = self._weights(sampling.rate, frames.size)
        many, shapes = len(self._bands), len(self.edges) + 1
        items = samples.shape[0] * starts.size
        values = np.empty((items, many + 1))
        shape = np.full((items, shapes), np.nan)
        spacing = sampling.rate / frames.size
        shares = tuple(edge / 100 for edge in self.edges)
        for item, power in grouped_spectra(samples, starts, stops, frames, first, first + weights.shape[1]):
            there = slice(item, item + len(power))
            reduce_bands(power, weights, values[there])
            if (self.edges or self.entropy) and span is not None:
                reduce_shape(power, span, first, spacing, shares, shape[there])
        columns = [values[:, :many]]
        if self.relative:
            total = values[:, many:]
            columns.append(values[:, :many] / np.where(total > 0, total, np.nan))
        columns.append(shape if self.entropy else shape[:, : shapes - 1])
        return np.concatenate(columns, axis=1).reshape(samples.shape[0], starts.size, len(self.outputs))

    def _weights(self, rate: float, size: int) -> tuple[Values, int, tuple[int, int] | None]:
        """Weights of the bins in each band and, last, in the whole range.

        With them come the number of the first bin, and the range for edges and entropy relative to it;
        None where it reaches beyond the spectrum.
        """
        from sleepdask.features.kernels.bands import bin_range, simpson_weights

        spacing, highest = rate / size, size // 2
        closed = self.integration == "simpson"
        rows = [*self._bands, ("", *self._range)]
        spans = [bin_range(low, high, spacing, closed=closed) for _, low, high in rows]
        first, last = spans[-1]
        weights = np.zeros((len(rows), max(1, min(last, highest + 1) - first)))
        for row, (a, b), (_, _, high) in zip(weights, spans, rows, strict=True):
            if b - a < 1 + closed or high > rate / 2 * (1 + 1e-9):
                row[:1] = np.nan
            else:
                b = min(b, highest + 1)
                row[a - first : b - first] = spacing * (simpson_weights(b - a) if closed else 1)
        if np.isnan(weights[-1, 0]):
            return weights, min(first, highest), None
        a, b = bin_range(*self._range, spacing, closed=False)
        return weights, first, (a - first, min(b, highest + 1) - first)

    @property
    def _bands(self) -> tuple[Band, ...]:
        return cast(tuple[Band, ...], self.bands)

    @property
    def _range(self) -> tuple[float, float]:
        return min(low for _, low, _ in self._bands), max(high for _, _, high in self._bands)

    @property
    def _welch(self) -> Welch:
        return Welch(self.segment, self.overlap, str(self.window), bool(self.detrend), str(self.average))

    def _checked_edges(self) -> tuple[float, ...]:
        edges = tuple(float(edge) for edge in self.edges)
        for edge in edges:
            if not 0 < edge < 100 or edges.count(edge) > 1:
                raise ParameterError(
                    "edges out of range",
                    where=self.name,
                    expected="different percentages between 0 and 100",
                    found=repr(self.edges),
                )
        return edges
