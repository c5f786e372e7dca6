"""Power in frequency bands, and how it is spread over the spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.bands import PRESETS, Band, check_bands
from sleepdask.features.base import Output, Values, check_choice, later
from sleepdask.features.estimator import Bins, Reduction
from sleepdask.features.spectral_settings import EstimatedFeature

INTEGRATIONS = ("sum", "simpson")
_ENTROPY = "Inouye 1991, doi:10.1016/0013-4694(91)90138-T"
_RULES = {
    "sum": "bin width x sum over {low:g} <= f < {high:g} Hz",
    "simpson": "Simpson's rule over {low:g} <= f <= {high:g} Hz",
}


@dataclass(frozen=True)
class BandPower(EstimatedFeature):
    """Power in frequency bands, with spectral edges and entropy.

    Parameters
    ----------
    preset
        "default", "yasa" or "luna": where the settings come from that are left None. "yasa" gives what
        `yasa.bandpower` does, "luna" what Luna's ``PSD epoch`` does (without dB). With "multitaper", which has no
        window and averages only, they give bands, detrending and integration.
    bands
        (name, low, high) of each band in Hz, or a mapping from names to (low, high).
    method, segment, overlap, window, detrend, average, time_half_bandwidth, tapers, weights
        How the spectra are estimated, see `Welch` and `Multitaper`. By default Welch's method with segments of 4 s;
        multitaper takes the whole epoch.
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
    log
        Whether each band is also given in dB of one squared unit: ten times the decimal logarithm.
    ratios
        Pairs of bands such as "delta/beta": power of the first over that of the second.

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: band power in squared units of the channel;
    relative power, ratios and entropy 1; edges Hz; logarithms dB.

    A segment that holds a NaN or infinite sample is left out; an epoch without one whole segment gives
    NaN. Where the power of the range is zero, relative power, edges and entropy are NaN, as are the logarithm of
    zero and a ratio to it. A band that reaches beyond half the sampling rate is NaN, and so is all that rests on
    the whole range.

    float32 samples are transformed in float32, the powers summed in float64.

    References
    ----------
    Welch 1967, doi:10.1109/TAU.1967.1161901. Thomson 1982, doi:10.1109/PROC.1982.12433. Inouye 1991,
    doi:10.1016/0013-4694(91)90138-T.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sqrt(2) * np.sin(2 * np.pi * 10 * np.arange(3000) / 100)[np.newaxis]
    >>> feature = BandPower(bands={"theta": (4, 8), "alpha": (8, 12)}, edges=(), entropy=False)
    >>> [output.name for output in feature.outputs][:2]
    ['bandpower_theta', 'bandpower_alpha']
    >>> from sleepdask.features import Sampling
    >>> values = feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000))
    >>> values[0, 0].round(3).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """

    name: ClassVar[str] = "bandpower"

    preset: str = "default"
    bands: tuple[Band, ...] | Mapping[str, tuple[float, float]] | None = None
    integration: str | None = None
    relative: bool = True
    edges: tuple[float, ...] = (95.0, 50.0)
    entropy: bool = True
    log: bool = later(False)  # noqa: FBT003
    ratios: tuple[str, ...] = later(())

    def __post_init__(self) -> None:
        check_choice(self.name, "preset", self.preset, tuple(PRESETS))
        preset = PRESETS[self.preset]
        of_welch = ("window", "average") if self.method == "welch" else ()
        for field in ("bands", "detrend", "integration", *of_welch):
            if getattr(self, field) is None:
                object.__setattr__(self, field, getattr(preset, field))
        check_choice(self.name, "integration", self.integration, INTEGRATIONS)
        object.__setattr__(self, "edges", self._checked_edges())
        super().__post_init__()
        object.__setattr__(self, "bands", check_bands(self.name, self.bands or (), self.estimator.resolution))
        chosen: object = self.ratios
        object.__setattr__(self, "ratios", (chosen,) if isinstance(chosen, str) else tuple(self.ratios))
        for ratio in self.ratios:
            self._pair(ratio)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Bands, their shares, logarithms, ratios, edges, entropy."""
        how = self.estimator.definition
        rule = _RULES[str(self.integration)]
        low, high = self._range
        inside = f"[{low:g}, {high:g}) Hz"
        every = rule.format(low=low, high=high)
        names = [name for name, _, _ in self._bands]
        rows = [(f"bandpower_{name}", "{unit}^2", f"{rule.format(low=a, high=b)}; {how}") for name, a, b in self._bands]
        if self.relative:
            share = "bandpower_{} / power over all bands, {}; {}"
            rows += [(f"bandpower_{name}_relative", "1", share.format(name, every, how)) for name in names]
        if self.log:
            rows += [(f"bandpower_{name}_db", "dB re {unit}^2", f"10 log10(bandpower_{name}); {how}") for name in names]
        for ratio in self.ratios:
            a, b = (names[i] for i in self._pair(ratio))
            rows.append((f"bandpower_{a}_{b}_ratio", "1", f"bandpower_{a} / bandpower_{b}; {how}"))
        for edge in self.edges:
            text = f"lowest f with cumulative power >= {edge:g} % of that in {inside}; {how}"
            rows.append((f"spectral_edge_{edge:g}".replace(".", "_"), "Hz", text))
        columns = [Output(*row, self.estimator.reference) for row in rows]
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
        """One segment, in seconds; where that is the epoch, as long as resolves the narrowest band."""
        return self.estimator.minimal_window(min(high - low for _, low, high in self._bands))

    def reduction(self, bins: Bins) -> Reduction:
        """All bins from the lowest to the highest band edge, and what they come down to."""
        from sleepdask.features.kernels.bands import decibels, reduce_bands, reduce_shape

        weights, first, span = self._weights(bins)
        many = len(self._bands)
        shares = tuple(edge / 100 for edge in self.edges)
        pairs = [self._pair(ratio) for ratio in self.ratios]

        def reduce(power: Values) -> Values:
            sums = np.empty((len(power), many + 1))
            reduce_bands(power, weights, sums)
            bands, total = sums[:, :many], sums[:, many:]
            columns = [bands]
            if self.relative:
                columns.append(bands / np.where(total > 0, total, np.nan))
            if self.log:
                columns.append(decibels(np.ascontiguousarray(bands)))
            for a, b in pairs:
                below = bands[:, b : b + 1]
                columns.append(bands[:, a : a + 1] / np.where(below > 0, below, np.nan))
            shape = np.full((len(power), len(shares) + 1), np.nan)
            if (shares or self.entropy) and span is not None:
                reduce_shape(power, span, first, bins.spacing, shares, shape)
            columns.append(shape if self.entropy else shape[:, :-1])
            return np.concatenate(columns, axis=1)

        return Reduction(first, first + weights.shape[1], reduce)

    def _weights(self, bins: Bins) -> tuple[Values, int, tuple[int, int] | None]:
        """Weights of the bins in each band and, last, in the whole range.

        With them come the number of the first bin, and the range for edges and entropy relative to it;
        None where it reaches beyond the spectrum.
        """
        from sleepdask.features.kernels.bands import bin_range, simpson_weights

        spacing, highest = bins.spacing, bins.count - 1
        closed = self.integration == "simpson"
        rows = [*self._bands, ("", *self._range)]
        spans = [bin_range(low, high, spacing, closed=closed) for _, low, high in rows]
        first, last = spans[-1]
        weights = np.zeros((len(rows), max(1, min(last, highest + 1) - first)))
        for row, (a, b), (_, _, high) in zip(weights, spans, rows, strict=True):
            if b - a < 1 + closed or not bins.reach(high):
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

    def _pair(self, ratio: str) -> tuple[int, int]:
        """Places of the two bands of a ratio."""
        names = [name for name, _, _ in self._bands]
        parts = str(ratio).split("/")
        if len(parts) != 2 or self.ratios.count(ratio) > 1:
            raise ParameterError(
                "not a ratio", where=self.name, expected="each once, such as 'delta/beta'", found=repr(ratio)
            )
        for part in parts:
            if part not in names:
                raise ParameterError(
                    "ratio of a band that is not there",
                    where=self.name,
                    expected=f"two of {', '.join(names)}",
                    found=repr(ratio),
                    fix=did_you_mean(part, names),
                )
        return names.index(parts[0]), names.index(parts[1])

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
