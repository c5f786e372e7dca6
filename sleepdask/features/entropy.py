"""How irregular the samples of an epoch are: entropies of patterns in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import (
    Bounds,
    Feature,
    Output,
    Samples,
    Sampling,
    Values,
    check_positive,
    check_whole,
)

MOST_SAMPLES = 65535
"""Most samples of an epoch whose templates are compared in pairs."""

_PERMUTATION = "Bandt & Pompe 2002, doi:10.1103/PhysRevLett.88.174102"
_SAMPLE = "Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039"
_APPROXIMATE = "Pincus 1991, doi:10.1073/pnas.88.6.2297"
_MULTISCALE = "Costa 2002, doi:10.1103/PhysRevLett.89.068102; Costa 2005, doi:10.1103/PhysRevE.71.021906"


@dataclass(frozen=True)
class PermutationEntropy(Feature):
    """Entropy of the orders in which neighbouring samples stand.

    Parameters
    ----------
    order
        Number of samples in a pattern, 2 to 7.
    delay
        Distance of the samples of a pattern, in samples.
    normalised
        Whether the entropy is divided by its largest value, log2(order!), so that it runs from 0 to 1; otherwise
        it is in bit.

    Notes
    -----
    Dims of the result are (channel, epoch, output). The entropy is -sum p log2 p over the patterns, p the share of
    each. Equal samples count as if the later one were larger, which is what a stable sort makes of them.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and where there are too few for one
    pattern. Time grows with the number of samples.

    References
    ----------
    Bandt & Pompe 2002, doi:10.1103/PhysRevLett.88.174102.

    Examples
    --------
    Six pairs of neighbours, of which four rise and two fall:

    >>> import numpy as np
    >>> x = np.array([[4.0, 7.0, 9.0, 10.0, 6.0, 11.0, 3.0]])
    >>> feature = PermutationEntropy(order=2)
    >>> feature.compute(x, np.array([0]), np.array([7]), Sampling(rate=1.0, expected=7)).round(3).tolist()
    [[[0.918]]]
    """

    name: ClassVar[str] = "permutation_entropy"
    family: ClassVar[str] = "complexity"

    order: int = 3
    delay: int = 1
    normalised: bool = True

    def __post_init__(self) -> None:
        check_whole(self.name, "order", self.order, 2, 7)
        check_whole(self.name, "delay", self.delay, 1)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The entropy."""
        text = f"-sum p log2 p over ordinal patterns, order {self.order}, delay {self.delay}, ties in order of time"
        if self.normalised:
            return (Output("permutation_entropy", "1", f"{text}; divided by log2({self.order}!)", _PERMUTATION),)
        return (Output("permutation_entropy", "bit", text, _PERMUTATION),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the entropy, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.permutation import permutation_entropies

        values = permutation_entropies(samples, starts, stops, self.order, self.delay)
        if self.normalised:
            values = np.minimum(values / math.log2(math.factorial(self.order)), 1)
        return values[..., np.newaxis]


@dataclass(frozen=True)
class _Matching(Feature):
    """What rests on pairs of templates that match.

    Pairs grow with the square of the samples, so that an epoch may hold no more than `MOST_SAMPLES`.
    """

    family: ClassVar[str] = "complexity"

    length: int = 2
    tolerance: float = 0.2

    def __post_init__(self) -> None:
        check_whole(self.name, "length", self.length, 1, 10)
        check_positive(self.name, "tolerance", self.tolerance)
        object.__setattr__(self, "tolerance", float(self.tolerance))

    @property
    def most_samples(self) -> int:
        """`MOST_SAMPLES`."""
        return MOST_SAMPLES

    @property
    def _settings(self) -> str:
        return f"m = {self.length}, r = {self.tolerance:g} SD (ddof 0)"

    def _check(self, starts: Bounds, stops: Bounds) -> None:
        longest = int((stops - starts).max(initial=0))
        if longest > MOST_SAMPLES:
            raise ParameterError(
                "an epoch is too long to compare all its samples in pairs",
                where=self.name,
                expected=f"at most {MOST_SAMPLES} samples",
                found=str(longest),
                fix="use shorter epochs, or a lower sampling rate",
            )


@dataclass(frozen=True)
class SampleEntropy(_Matching):
    """Sample entropy: how rarely samples that were alike go on alike.

    Parameters
    ----------
    length
        Samples in a template, m.
    tolerance
        By how much samples that match may differ, r, as a share of the standard deviation (ddof 0) of the epoch.

    Notes
    -----
    Dims of the result are (channel, epoch, output). Of the N - m templates of m samples that have one more sample
    behind them, B pairs match, and A pairs still do with that one more: the entropy is -ln(A / B), in nat. Two
    templates match if all their samples differ by less than r; no template is paired with itself.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and where no pair matches (A = 0).

    The counts are exact. Time grows with the square of the number of samples: 0.2 ms for 3000 samples of an EEG,
    and at worst 0.2 s for the most that are taken, 65535 (4 s if m is not 2). More raise `ParameterError`, and
    a plan leaves the feature out there, with a note.

    References
    ----------
    Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.tile([1.0, 2.0, 4.0], 20)[np.newaxis]
    >>> feature = SampleEntropy()
    >>> feature.compute(x, np.array([0]), np.array([60]), Sampling(rate=1.0, expected=60)).round(3).tolist()
    [[[0.0]]]
    """

    name: ClassVar[str] = "sample_entropy"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The entropy."""
        text = f"-ln(A / B) of pairs of templates that differ by less than r in each sample; {self._settings}"
        return (Output("sample_entropy", "nat", text, _SAMPLE),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the entropy, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.matches import sample_entropies

        self._check(starts, stops)
        return sample_entropies(samples, starts, stops, self.length, self.tolerance, np.array([1]))


@dataclass(frozen=True)
class ApproximateEntropy(_Matching):
    """Approximate entropy: as sample entropy, but a template also matches itself.

    Parameters
    ----------
    length
        Samples in a template, m.
    tolerance
        By how much samples that match may differ, r, as a share of the standard deviation (ddof 0) of the epoch.

    Notes
    -----
    Dims of the result are (channel, epoch, output). phi(m) is the mean over the N - m + 1 templates of m samples of
    the logarithm of the share of templates that match it, itself among them; the entropy is phi(m) - phi(m + 1), in
    nat. Two templates match if no two of their samples differ by more than r (one that is exactly r apart matches,
    other than in `SampleEntropy`; so do the sources of the two).

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and where no two templates of m + 1
    samples match, so that the value would rest on templates that match themselves. Short epochs give values that
    are too low for the same reason; sample entropy does not.

    The counts are exact. Time grows with the square of the number of samples; for the most that are taken see
    `SampleEntropy`, which takes two thirds of the time.

    References
    ----------
    Pincus 1991, doi:10.1073/pnas.88.6.2297.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((1, 3000))
    >>> feature = ApproximateEntropy()
    >>> feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000)).round(1).tolist()
    [[[2.0]]]
    """

    name: ClassVar[str] = "approximate_entropy"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The entropy."""
        text = f"phi(m) - phi(m + 1), templates match that differ by at most r in each sample; {self._settings}"
        return (Output("approximate_entropy", "nat", text, _APPROXIMATE),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the entropy, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.matches import approximate_entropies

        self._check(starts, stops)
        return approximate_entropies(samples, starts, stops, self.length, self.tolerance)[..., np.newaxis]


@dataclass(frozen=True)
class MultiscaleEntropy(_Matching):
    """Sample entropy of coarser and coarser means of the samples.

    Parameters
    ----------
    length
        Samples in a template, m.
    tolerance
        By how much samples that match may differ, r, as a share of the standard deviation (ddof 0) of the epoch
        before its means are taken: it is the same at every scale. The default, 0.15, is that of the sources.
    scales
        Number of samples in each mean, one output for each scale.

    Notes
    -----
    Dims of the result are (channel, epoch, output). At scale s the samples are the means of s samples in a row,
    which do not overlap; a rest shorter than s is left out. The entropy is that of `SampleEntropy`, NaN and limits
    as there. With few means it is noisy or NaN: some hundred are needed (10^m to 20^m), so that an epoch of 3000
    samples does for scales up to about 10.

    References
    ----------
    Costa 2002, doi:10.1103/PhysRevLett.89.068102. Costa 2005, doi:10.1103/PhysRevE.71.021906.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((1, 3000))
    >>> feature = MultiscaleEntropy(scales=(1, 4))
    >>> [output.name for output in feature.outputs]
    ['multiscale_entropy_1', 'multiscale_entropy_4']
    >>> feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000)).round(1).tolist()
    [[[2.5, 1.8]]]
    """

    name: ClassVar[str] = "multiscale_entropy"

    tolerance: float = 0.15
    scales: tuple[int, ...] = (1, 2, 3, 4, 5)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scales", tuple(self.scales))
        for scale in self.scales:
            check_whole(self.name, "scale", scale, 1)
        if not self.scales or len(set(self.scales)) < len(self.scales):
            raise ParameterError(
                "scales must be different whole numbers, at least one", where=self.name, found=repr(self.scales)
            )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """One entropy for each scale."""
        text = f"sample entropy of means of {{}} samples; {self._settings} of the epoch at scale 1"
        return tuple(
            Output(f"multiscale_entropy_{scale}", "nat", text.format(scale), _MULTISCALE) for scale in self.scales
        )

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the entropies, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.matches import sample_entropies

        self._check(starts, stops)
        return sample_entropies(samples, starts, stops, self.length, self.tolerance, np.array(self.scales))
