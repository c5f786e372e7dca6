"""The aperiodic part of power spectra, from resampled epochs, and the peaks above it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.columns import middle_rows
from sleepdask.features.kernels.polyphase import Resampler, resample, resampler, side_by_side
from sleepdask.features.kernels.welch import Frames, grouped_spectra, power_spectra
from sleepdask.jit import INTEGER, NOTHING, REAL, kernel, readable, single, writable

_ROWS = 64  # epochs side by side: the taps of a filter are read once for all
_TILE = 16
_WHOLE = (
    1 << 16
)  # values of a resampled epoch that are made at once; the powers of longer ones are added block by block
_BLOCK_BYTES = 8 << 20  # resampled values that are there at a time
_POWER_BYTES = 16 << 20  # powers of single segments, which a median needs all of

Pair = tuple[Resampler, Resampler]


def separate(
    samples: Samples,
    starts: Bounds,
    stops: Bounds,
    frames: Frames,
    factors: Sequence[Fraction],
    bins: tuple[int, int],
    *,
    centre: bool,
) -> tuple[Values, Values]:
    """Compute the power density of each epoch, and its aperiodic part.

    Parameters
    ----------
    samples, starts, stops
        As in `Feature.compute`.
    frames
        The segments of Welch's method, in samples: as many of the epoch as of each resampled one.
    factors
        By which an epoch is resampled, and by the inverse of which.
    bins
        Half-open range of the bins that are wanted.
    centre
        Whether the mean of an epoch is removed before it is resampled, so that no step is seen at its ends.

    Returns
    -------
    power, aperiodic
        Dims (channel, epoch, bin), in squared units per Hz; NaN where the epoch, or one of the resampled ones, has
        no whole segment without a gap.
    """
    power = power_spectra(samples, starts, stops, frames, *bins)
    aperiodic = np.full(power.shape, np.nan)
    flat = aperiodic.reshape(-1, power.shape[-1])
    pairs = [_pair(factor, samples.dtype.name) for factor in factors]
    sizes = stops - starts
    means = np.empty(len(flat))
    constant = np.empty(len(flat), np.int64)
    _levels(samples, starts, stops, means, constant)
    if not centre:
        means[:] = 0
    margin = max(each.reach(0, 1)[1] - each.reach(0, 1)[0] for pair in pairs for each in pair)
    for size in np.unique(sizes).tolist():
        shortest = min(each.size(size) for pair in pairs for each in pair)
        if frames.most(shortest) == 0:
            continue
        epochs = np.flatnonzero(sizes == size)
        items = (np.arange(samples.shape[0])[:, None] * starts.size + epochs).ravel()
        longest = max(frames.most(each.size(size)) for pair in pairs for each in pair)
        # A bin of all segments of one epoch always fits; there are several rounds of bins for a night-long epoch alone.
        step = max(1, min(flat.shape[1], _POWER_BYTES // (8 * longest)))
        values = max(each.size(size) for pair in pairs for each in pair)
        many = max(
            1, min(_ROWS, _POWER_BYTES // (8 * longest * step), _BLOCK_BYTES // (8 * max(1, min(values, _WHOLE))))
        )
        for a in range(0, items.size, many):
            some = items[a : a + many]
            rows, which = np.divmod(some, starts.size)
            stretches = _Stretches(samples, rows, starts[which], size, means[some], margin, whole=values <= _WHOLE)
            for first in range(0, flat.shape[1], step):
                last = min(first + step, flat.shape[1])
                flat[some, first:last] = _aperiodic(stretches, frames, pairs, bins[0] + first, bins[0] + last)
    # Else the ripple of the filters, or rounding, would look like a spectrum.
    silent = (constant > 0).reshape(power.shape[:2])
    for spectra in (power, aperiodic):
        spectra[silent] *= 0
    return power, aperiodic


def _pair(factor: Fraction, dtype: str) -> Pair:
    up, down = factor.numerator, factor.denominator
    return resampler(up, down, dtype), resampler(down, up, dtype)


class _Stretches:
    """Epochs of one length side by side: all of them at once, or a block of them where they are long."""

    def __init__(
        self,
        samples: Samples,
        rows: Bounds,
        begins: Bounds,
        size: int,
        means: Values,
        margin: int,
        *,
        whole: bool,
    ) -> None:
        self.samples, self.rows, self.begins, self.size, self.means = samples, rows, begins, size, means
        self.margin, self.whole = margin, whole
        self.many = rows.size
        self.room = max(1, _BLOCK_BYTES // (self.many * samples.itemsize))
        self._held: tuple[int, int] | None = None
        self._padded = np.empty((0, self.many), samples.dtype)

    def padded(self, low: int, high: int) -> tuple[Samples, int]:
        """Samples of a range at least, dims (time, row), and the number of the first; zeros beyond the epoch."""
        if self.whole:
            low, high = -self.margin, self.size + self.margin
        if self._held is None or self._held[0] > low or self._held[1] < high:
            if len(self._padded) != high - low:
                self._padded = np.empty((high - low, self.many), self.samples.dtype)
            side_by_side(self.samples, self.rows, self.begins, self.size, low, self.means, self._padded)
            self._held = low, high
        return self._padded, self._held[0]

    def resampled(self, filters: Resampler, first: int, count: int) -> Samples:
        """Some values of each resampled epoch, dims (epoch, time)."""
        padded, low = self.padded(*filters.reach(first, first + count))
        values = np.empty((self.many, count), self.samples.dtype)
        tile = np.empty((_TILE, self.many), self.samples.dtype)
        resample(padded, low, filters, first, tile, values)
        return values


def _aperiodic(stretches: _Stretches, frames: Frames, pairs: Sequence[Pair], first: int, last: int) -> Values:
    """Median over the factors of the geometric means of the spectra, dims (epoch, bin)."""
    means = np.empty((stretches.many, len(pairs), last - first))
    for i, (up, down) in enumerate(pairs):
        means[:, i] = np.sqrt(
            _resampled_power(stretches, frames, up, first, last)
            * _resampled_power(stretches, frames, down, first, last)
        )
    result = np.empty((stretches.many, last - first))
    _middle(means, result)
    return result


def _resampled_power(stretches: _Stretches, frames: Frames, filters: Resampler, first: int, last: int) -> Values:
    """Power density of each resampled epoch, dims (epoch, bin), at the rate that it is resampled to."""
    rate = frames.rate * filters.up / filters.down
    frames = Frames(frames.size, frames.step, rate, frames.window, frames.detrend, frames.median)
    if stretches.whole:
        size = filters.size(stretches.size)
        values = stretches.resampled(filters, 0, size)
        return power_spectra(values, np.zeros(1, np.int64), np.array([size]), frames, first, last)[:, 0]
    single_frames = Frames(frames.size, frames.step, rate, frames.window, frames.detrend)
    count = frames.most(filters.size(stretches.size))
    depth = count if frames.median else 1
    power = np.zeros((stretches.many, depth, last - first))
    counts = np.zeros(stretches.many, np.int64)
    at_once = max(1, (stretches.room - frames.size) // frames.step + 1)
    for begin in range(0, count, at_once):
        places = np.arange(min(at_once, count - begin)) * frames.step
        values = stretches.resampled(filters, begin * frames.step, int(places[-1]) + frames.size)
        for item, part in grouped_spectra(values, places, places + frames.size, single_frames, first, last):
            _keep(part, item, places.size, power, counts)
    result = np.empty((stretches.many, last - first))
    if frames.median:
        _unbiased_middle(power, counts, result)
    else:
        with np.errstate(invalid="ignore"):
            np.divide(power[:, 0], counts[:, None], out=result)
    return result


@kernel(
    lambda real: NOTHING(
        readable(real, 2), readable(INTEGER, 1), readable(INTEGER, 1), writable(REAL, 1), writable(INTEGER, 1)
    )
)  # fmt: skip
def _levels(samples: Any, starts: Any, stops: Any, means: Any, constant: Any) -> None:
    """Mean of the finite samples of each epoch, about the first of them, and whether all are equal."""
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            row = samples[channel, starts[epoch] : stops[epoch]]
            count = 0
            level = 0.0
            amount = 0.0
            same = True
            for j in range(row.size):
                value = np.float64(row[j])
                if np.isfinite(value):
                    if count == 0:
                        level = value
                    count += 1
                    amount += value - level
                    same = same and value == level
            item = channel * starts.size + epoch
            means[item] = level + amount / max(count, 1)
            constant[item] = same


@single(NOTHING(readable(REAL, 2), INTEGER, INTEGER, writable(REAL, 3), writable(INTEGER, 1)))
def _keep(part: Any, first: int, each: int, power: Any, counts: Any) -> None:
    """Add the powers of single segments, `each` of an epoch, to its own, or keep them apart for a median."""
    depth = power.shape[1]
    for row in range(part.shape[0]):
        if np.isnan(part[row, 0]):
            continue
        epoch = (first + row) // each
        target = power[epoch, counts[epoch] if depth > 1 else 0]
        for k in range(target.size):
            target[k] += part[row, k]
        counts[epoch] += 1


@single(NOTHING(writable(REAL, 3), writable(REAL, 2)))
def _middle(values: Any, out: Any) -> None:
    """Median over the second dim, which is sorted by this; NaN for an epoch that holds one."""
    for item in range(values.shape[0]):
        whole = True
        for i in range(values.shape[1]):
            for k in range(values.shape[2]):
                whole = whole and not np.isnan(values[item, i, k])
        if whole:
            middle_rows(values[item], values.shape[1], out[item])
        else:
            out[item] = np.nan


@single(NOTHING(writable(REAL, 3), readable(INTEGER, 1), writable(REAL, 2)))
def _unbiased_middle(power: Any, counts: Any, out: Any) -> None:
    """Median over the segments of each epoch, which are sorted by this, over its expected share of the mean."""
    for item in range(power.shape[0]):
        count = counts[item]
        if count == 0:
            out[item] = np.nan
            continue
        middle_rows(power[item], count, out[item])
        bias = 1.0
        for i in range(2, count, 2):
            bias += 1.0 / (i + 1) - 1.0 / i
        for k in range(out.shape[1]):
            out[item, k] /= bias


def find_peaks(power: Values, spans: Bounds, origin: int, spacing: float) -> Values:
    """Find the frequency of the highest peak in each span of bins: above both of its neighbours, and above 0.

    Parameters
    ----------
    power
        Dims (epoch, bin).
    spans
        Half-open ranges of bins, dims (span, 2).
    origin, spacing
        Number of the first bin, and the distance of bins in Hz.

    Returns
    -------
    frequencies
        Dims (epoch, span), NaN where there is no peak.
    """
    out = np.full((len(power), len(spans)), np.nan)
    _find_peaks(power, spans, origin, spacing, out)
    return out


@single(NOTHING(readable(REAL, 2), readable(INTEGER, 2), INTEGER, REAL, writable(REAL, 2)))
def _find_peaks(power: Any, spans: Any, origin: int, spacing: float, out: Any) -> None:
    for epoch in range(power.shape[0]):
        row = power[epoch]
        for span in range(spans.shape[0]):
            highest = 0.0
            for k in range(max(1, spans[span, 0]), min(row.size - 1, spans[span, 1])):
                if row[k] > highest and row[k] > row[k - 1] and row[k] > row[k + 1]:
                    highest = row[k]
                    out[epoch, span] = (origin + k) * spacing
