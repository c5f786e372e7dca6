"""One pass over the samples for all features that rest on the same power spectra."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Samples, Sampling, Values

if TYPE_CHECKING:
    from sleepdask.features.kernels.welch import Frames


@dataclass(frozen=True)
class Bins:
    """The bins of a spectrum: bin k of `count` lies at k times `spacing` Hz, the last at half the `rate` or below."""

    spacing: float
    count: int
    rate: float

    def reach(self, high: float) -> bool:
        """Whether a frequency in Hz is not above half the rate."""
        return high <= self.rate / 2 * (1 + 1e-9)


@dataclass(frozen=True)
class Reduction:
    """What a feature makes of spectra: of the bins `first` to `last` (not included) of some epochs, its values.

    ``reduce`` takes power with dims (epoch, bin), C-contiguous and not to be written to, and gives dims (epoch,
    output). The values of an epoch depend on its own power alone.
    """

    first: int
    last: int
    reduce: Callable[[Values], Values]


@dataclass(frozen=True)
class Estimator(ABC):
    """Settings of a method that estimates power spectra. Features with equal ones share the spectra."""

    reference: ClassVar[str]

    segment: float | None
    """Length of a segment in seconds; None for the whole epoch."""

    @property
    @abstractmethod
    def definition(self) -> str:
        """The settings in words."""

    @property
    @abstractmethod
    def spread(self) -> float:
        """Width over which the power of one frequency is spread, in cycles per segment."""

    @property
    @abstractmethod
    def least(self) -> int:
        """Fewest samples that a segment may have."""

    @abstractmethod
    def frames(self, sampling: Sampling) -> Frames:
        """Return the segments in samples."""

    @property
    def resolution(self) -> float:
        """Narrowest band in Hz that can be told from its neighbours; 0 where that depends on the epoch."""
        return self.spread / self.segment if self.segment else 0.0

    def minimal_window(self, width: float) -> float:
        """Shortest epoch in seconds that resolves bands of a width in Hz."""
        return self.segment or self.spread / width

    def size(self, sampling: Sampling) -> int:
        """Whole samples that fit into a segment."""
        if self.segment is None:
            return int(np.max(sampling.expected))
        return max(1, int(self.segment * sampling.rate + 1e-9))

    def frequencies(self, sampling: Sampling) -> Values:
        """Return the frequency of each bin in Hz."""
        size = self.size(sampling)
        return np.arange(size // 2 + 1, dtype=np.float64) * (sampling.rate / size)

    def spectra(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the one-sided power density of each epoch, dims (channel, epoch, frequency).

        The unit is that of the samples, squared, per Hz.
        """
        from sleepdask.features.kernels.welch import power_spectra

        return power_spectra(samples, starts, stops, self.frames(sampling))

    def values_of(
        self, features: Sequence[SpectralFeature], samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling
    ) -> list[Values]:
        """Compute several features in one pass, a few epochs at a time: each spectrum is reduced while it is fresh."""
        from sleepdask.features.kernels.welch import grouped_spectra

        frames = self.frames(sampling)
        bins = Bins(sampling.rate / frames.size, frames.size // 2 + 1, sampling.rate)
        reductions = [feature.reduction(bins) for feature in features]
        first = min(reduction.first for reduction in reductions)
        last = max(reduction.last for reduction in reductions)
        shape = samples.shape[0], starts.size
        values = [np.empty((shape[0] * shape[1], len(feature.outputs))) for feature in features]
        for item, power in grouped_spectra(samples, starts, stops, frames, first, last):
            for reduction, out in zip(reductions, values, strict=True):
                own = power[:, reduction.first - first : reduction.last - first]
                out[item : item + len(power)] = reduction.reduce(np.ascontiguousarray(own))
        return [out.reshape(*shape, out.shape[1]) for out in values]


def checked_overlap(where: str, overlap: float) -> float:
    """Return the share that segments have in common; raise `ParameterError` unless it is 0 to below 1."""
    if not 0 <= overlap < 1:
        raise ParameterError("overlap out of range", where=where, expected="0 <= overlap < 1", found=repr(overlap))
    return float(overlap)


class SpectralFeature(Feature):
    """Base of the features that are made of power spectra."""

    family: ClassVar[str] = "spectral"

    @property
    @abstractmethod
    def estimator(self) -> Estimator:
        """How the spectra are estimated."""

    @abstractmethod
    def reduction(self, bins: Bins) -> Reduction:
        """Say which bins are needed, and what is made of them."""

    @property
    def shared(self) -> Estimator:
        """The spectra."""
        return self.estimator

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute all outputs, dims (channel, epoch, output)."""
        return self.estimator.values_of([self], samples, starts, stops, sampling)[0]
