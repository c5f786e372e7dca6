"""How good the samples of each epoch are: flat, clipped, too large, or full of the power line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, check_positive
from sleepdask.features.estimator import Bins, Reduction, SpectralFeature
from sleepdask.features.welch import REFERENCE, Welch

_LOWEST = 0.5  # Hz: below it is drift


@dataclass(frozen=True)
class FlatLine(Feature):
    """How much of each epoch is a flat line.

    Parameters
    ----------
    duration
        Shortest flat stretch in seconds.
    tolerance
        How much the samples of a flat stretch may differ, in the unit of the channel. 0: they are equal. For a lead
        that is off but noisy, some steps of the recorder.

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: 1 for the fraction, s for the longest stretch.

    A sample is flat if it lies in a stretch of the epoch that lasts at least `duration`, in which no two samples
    differ by more than `tolerance`; the fraction is that of the finite samples. A sample that is NaN or infinite ends a
    stretch. An epoch that holds fewer finite samples than the shortest stretch gives NaN; at least two make one.

    What is stored in coarse steps or changes seldom (position, saturation at 1 Hz) is flat by nature.

    References
    ----------
    The plug-in ``clean_rawdata`` of EEGLAB takes 5 s too: Delorme & Makeig 2004,
    doi:10.1016/j.jneumeth.2003.10.009.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1, 2, 2, 2, 2, 3, 4]])
    >>> flat = FlatLine(duration=3)
    >>> flat.compute(x, np.array([0]), np.array([8]), Sampling(rate=1.0, expected=8))[0, 0].tolist()
    [0.5, 4.0]
    """

    name: ClassVar[str] = "flat"
    family: ClassVar[str] = "quality"

    duration: float = 5.0
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        check_positive(self.name, "duration", self.duration)
        if not np.isfinite(self.tolerance) or self.tolerance < 0:
            raise ParameterError(
                "tolerance must be a finite number of 0 or more", where=self.name, found=repr(self.tolerance)
            )
        for field in ("duration", "tolerance"):
            object.__setattr__(self, field, float(getattr(self, field)))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Fraction of the epoch, and the longest stretch."""
        rule = f"stretches of at least {self.duration:g} s whose samples differ by no more than {self.tolerance:g}"
        rule = rule if self.tolerance else f"stretches of equal samples of at least {self.duration:g} s"
        return (
            Output("flat_fraction", "1", f"samples in {rule} / finite samples"),
            Output("flat_longest", "s", f"longest of the {rule}, 0 if there is none"),
        )

    @property
    def minimal_window(self) -> float:
        """The shortest stretch, in seconds."""
        return self.duration

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute fraction and longest stretch, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.counts import finite_counts
        from sleepdask.features.kernels.flat import flat_counts

        shortest = max(2, math.ceil(self.duration * sampling.rate - 1e-9))
        finite = finite_counts(samples, starts, stops)
        counts = flat_counts(samples, starts, stops, shortest, self.tolerance)
        enough = np.where(finite >= shortest, finite, np.nan)
        longest = np.where(finite >= shortest, counts[..., 1] / sampling.rate, np.nan)
        return np.stack([counts[..., 0] / enough, longest], axis=-1)


@dataclass(frozen=True)
class Clipping(Feature):
    """How much of each epoch is cut off at the ends of its range.

    Parameters
    ----------
    run
        Samples in a row that all are the largest of the epoch, or all the smallest, from which on they are clipped.

    Notes
    -----
    Dims of the result are (channel, epoch, output); the unit is 1.

    What an amplifier or a file can hold at most is not known here, so that the ends of the range are those of the epoch
    itself: a signal that is cut off stays at its largest value for some samples, a sound one rarely does. The fraction
    is that of the finite samples. Samples that are NaN or infinite end a run. An epoch of equal samples has no range,
    is flat, and gives NaN, as does one without a finite sample.

    What is stored in coarse steps (position, stages, saturation) is clipped by nature.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 3, 5, 5, 5, 2, -1, 0]])
    >>> Clipping().compute(x, np.array([0]), np.array([8]), Sampling(rate=1.0, expected=8)).item()
    0.375
    """

    name: ClassVar[str] = "clipping"
    family: ClassVar[str] = "quality"
    needs_fixed_rate: ClassVar[bool] = False

    run: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.run, bool) or not isinstance(self.run, int) or self.run < 2:
            raise ParameterError("run must be a whole number of 2 or more", where=self.name, found=repr(self.run))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The fraction."""
        rule = f"samples in runs of at least {self.run} that are the largest, or the smallest, of the epoch"
        return (Output("clipping_fraction", "1", f"{rule} / finite samples"),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the fraction, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.counts import finite_counts
        from sleepdask.features.kernels.limits import clipped_counts

        counts = clipped_counts(samples, starts, stops, self.run)
        finite = np.where(counts >= 0, finite_counts(samples, starts, stops), 1)
        return np.where(counts >= 0, counts / finite, np.nan)[..., np.newaxis]


@dataclass(frozen=True)
class Amplitude(Feature):
    """How much of each epoch is larger than a limit, and its largest jump.

    Parameters
    ----------
    limit
        Largest distance from the median of the epoch, in the unit of the channel; 250 is meant for EEG in uV
        (`to_unit` brings channels there).

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: 1 for the fraction, the channel's for the jump.

    Distances are taken from the median of the epoch, so that the offset of an amplifier that is coupled directly is
    not taken for a large signal. A jump is the absolute difference of two finite neighbours, and thus depends on the
    sampling rate. NaN and infinite samples are skipped. An epoch without a finite sample gives NaN; one
    without two neighbours has no jump, which is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1000.0, 1010, 1600, 990]])
    >>> Amplitude().compute(x, np.array([0]), np.array([4]), Sampling(rate=1.0, expected=4))[0, 0].tolist()
    [0.25, 610.0]
    """

    name: ClassVar[str] = "amplitude"
    family: ClassVar[str] = "quality"
    needs_fixed_rate: ClassVar[bool] = False

    limit: float = 250.0

    def __post_init__(self) -> None:
        check_positive(self.name, "limit", self.limit)
        object.__setattr__(self, "limit", float(self.limit))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Fraction beyond the limit, and the largest jump."""
        rule = f"samples more than {self.limit:g} (unit of the channel) from the median of the epoch"
        return (
            Output("amplitude_beyond_limit", "1", f"{rule} / finite samples"),
            Output("amplitude_largest_jump", "{unit}", "largest |x[i + 1] - x[i]| of finite neighbours"),
        )

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute fraction and jump, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.counts import finite_counts
        from sleepdask.features.kernels.limits import beyond_and_jump
        from sleepdask.features.kernels.quantiles import quantiles

        middle = np.ascontiguousarray(quantiles(samples, starts, stops, (0.5,))[..., 0])
        values = beyond_and_jump(samples, starts, stops, middle, self.limit)
        finite = finite_counts(samples, starts, stops)
        values[..., 0] /= np.where(finite > 0, finite, np.nan)
        return values


@dataclass(frozen=True)
class LineNoise(SpectralFeature):
    """How much the power line is in each epoch.

    Parameters
    ----------
    lines
        Frequencies in Hz.
    width
        Hz on either side of a line that belong to it.
    neighbours
        Hz on either side of a line up to which it is compared with what lies around it.
    segment
        Length of the Welch segments in s (Hann, half overlapping, mean removed).

    Notes
    -----
    Dims of the result are (channel, epoch, output); the unit is 1. For each line two outputs:

    - ``ratio``: mean power density of the line over that of its neighbours; about 1 where there is no line, below 1
      behind a notch filter;
    - ``share``: power of the line above what its neighbours would have there, at least 0, over all power from
      0.5 Hz to half the sampling rate.

    A ratio may be large where a low-pass filter has left nothing but the line: noise that matters has both. Neighbours
    beyond half the sampling rate are left out; a line that with its width reaches beyond it is NaN. A
    segment that holds a NaN or infinite sample is left out; an epoch without one whole segment gives NaN, as does one
    of equal samples.

    References
    ----------
    Welch 1967, doi:10.1109/TAU.1967.1161901.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(6000) / 200
    >>> x = np.random.default_rng(0).standard_normal(t.size) + np.sqrt(2) * np.sin(2 * np.pi * 50 * t)
    >>> feature = LineNoise(lines=(50,))
    >>> values = feature.compute(x[np.newaxis], np.array([0]), np.array([6000]), Sampling(rate=200.0, expected=6000))
    >>> [output.name for output in feature.outputs], values[0, 0].round(2).tolist()
    (['line_noise_50_ratio', 'line_noise_50_share'], [50.69, 0.51])
    """

    name: ClassVar[str] = "line_noise"
    family: ClassVar[str] = "quality"

    lines: tuple[float, ...] = (50.0, 60.0)
    width: float = 1.0
    neighbours: float = 5.0
    segment: float = 4.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(float(line) for line in self.lines))
        for field in ("width", "neighbours", "segment"):
            check_positive(self.name, field, getattr(self, field))
            object.__setattr__(self, field, float(getattr(self, field)))
        for line in self.lines:
            if not (np.isfinite(line) and line > self.neighbours + _LOWEST) or self.lines.count(line) > 1:
                raise ParameterError(
                    "lines out of range",
                    where=self.name,
                    expected=f"different frequencies above {self.neighbours + _LOWEST:g} Hz",
                    found=repr(self.lines),
                )
        if not self.lines:
            raise ParameterError("no line is given", where=self.name, expected="frequencies in Hz, such as (50, 60)")
        if self.width * self.segment < 1 - 1e-9 or (self.neighbours - self.width) * self.segment < 1 - 1e-9:
            raise ParameterError(
                "line or neighbours narrower than the frequency resolution",
                where=self.name,
                expected=f"width and neighbours - width of at least {1 / self.segment:g} Hz",
                found=f"width {self.width:g} Hz, neighbours {self.neighbours:g} Hz",
            )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Ratio and share of each line."""
        how = self.estimator.definition
        columns = []
        for line in self.lines:
            name = f"line_noise_{line:g}".replace(".", "_")
            near = f"|f - {line:g}| <= {self.width:g} Hz"
            around = f"{self.width:g} < |f - {line:g}| <= {self.neighbours:g} Hz"
            columns += [
                Output(f"{name}_ratio", "1", f"mean density in {near} / mean density in {around}; {how}", REFERENCE),
                Output(
                    f"{name}_share",
                    "1",
                    f"power in {near} less as many bins of the mean density in {around}, at least 0, / power from"
                    f" {_LOWEST:g} Hz on; {how}",
                    REFERENCE,
                ),
            ]
        return tuple(columns)

    @property
    def minimal_rate(self) -> float:
        """Twice the upper end of the lowest line, in Hz."""
        return 2 * (min(self.lines) + self.width)

    @property
    def minimal_window(self) -> float:
        """One segment, in seconds."""
        return self.segment

    @property
    def estimator(self) -> Welch:
        """Welch's method in segments."""
        return Welch(self.segment)

    def reduction(self, bins: Bins) -> Reduction:
        """All bins from 0.5 Hz on, and what lines have of them."""
        frequencies: Values = np.arange(bins.count, dtype=np.float64) * bins.spacing
        first = int(np.searchsorted(frequencies, _LOWEST - 1e-9))
        spans = [
            self._bins(frequencies[first:], line) if bins.reach(line + self.width) else None for line in self.lines
        ]

        def reduce(power: Values) -> Values:
            values = np.full((len(power), 2 * len(spans)), np.nan)
            whole = power.sum(axis=-1)
            whole[~(whole > 0)] = np.nan
            for i, span in enumerate(spans):
                if span is None:
                    continue
                near, left, right = span
                around = (power[:, left].sum(axis=-1) + power[:, right].sum(axis=-1)) / (
                    left.stop - left.start + right.stop - right.start
                )
                count = near.stop - near.start
                inside = power[:, near].sum(axis=-1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    values[:, 2 * i] = inside / count / np.where(around > 0, around, np.nan)
                values[:, 2 * i + 1] = np.maximum(inside - count * around, 0) / whole
            return values

        return Reduction(first, bins.count, reduce)

    def _bins(self, frequencies: Values, line: float) -> tuple[slice, slice, slice]:
        """Bins of a line, and of its neighbours below and above; both ends belong to the line."""
        edges = [line - self.neighbours, line - self.width, line + self.width, line + self.neighbours]
        a, b = np.searchsorted(frequencies, np.array(edges[:2]) - 1e-9).tolist()
        c, d = np.searchsorted(frequencies, np.array(edges[2:]) + 1e-9).tolist()
        return slice(b, c), slice(a, b), slice(c, d)
