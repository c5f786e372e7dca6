"""How rough the curve of an epoch is, and how it scales with the length that one looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, check_whole

_HIGUCHI = "Higuchi 1988, doi:10.1016/0167-2789(88)90081-4"
_PETROSIAN = "Petrosian 1995, doi:10.1109/CBMS.1995.465426"
_KATZ = "Katz 1988, doi:10.1016/0010-4825(88)90041-8"
_DFA = "Peng 1994, doi:10.1103/PhysRevE.49.1685; Peng 1995, doi:10.1063/1.166141"


@dataclass(frozen=True)
class HiguchiFD(Feature):
    """Higuchi's fractal dimension: how the length of the curve grows when it is looked at more closely.

    Parameters
    ----------
    kmax
        Largest distance of the samples that a curve is drawn through.

    Notes
    -----
    Dims of the result are (channel, epoch, output). For each k from 1 to kmax, the k curves of every k-th sample
    have the mean length L(k); the dimension is the slope of ln L(k) over ln(1 / k), about 1 for a smooth curve and
    2 for noise.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, with fewer than 2 kmax samples, and
    where a curve has no length (a signal that repeats itself exactly after k samples). Time grows with the number
    of samples times kmax.

    References
    ----------
    Higuchi 1988, doi:10.1016/0167-2789(88)90081-4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(100.0)[np.newaxis]
    >>> feature = HiguchiFD()
    >>> feature.compute(x, np.array([0]), np.array([100]), Sampling(rate=1.0, expected=100)).round(3).tolist()
    [[[1.0]]]
    """

    name: ClassVar[str] = "higuchi_fd"
    family: ClassVar[str] = "complexity"

    kmax: int = 10

    def __post_init__(self) -> None:
        check_whole(self.name, "kmax", self.kmax, 2)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The dimension."""
        return (Output("higuchi_fd", "1", f"slope of ln L(k) over ln(1 / k), k = 1 to {self.kmax}", _HIGUCHI),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the dimension, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.higuchi import higuchi_dimensions

        return higuchi_dimensions(samples, starts, stops, self.kmax)[..., np.newaxis]


@dataclass(frozen=True)
class PetrosianFD(Feature):
    """Petrosian's fractal dimension: how often the curve turns.

    Notes
    -----
    Dims of the result are (channel, epoch, output). With N samples and T turns the dimension is
    log N / (log N + log(N / (N + 0.4 T))). A turn is where a step down follows one that is not down, or the other
    way round: an equal neighbour counts as a step up, so that values of coarsely quantised signals depend on
    their sign.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and with fewer than three samples.
    Time grows with the number of samples.

    References
    ----------
    Petrosian 1995, doi:10.1109/CBMS.1995.465426 (its variant of the sign of differences).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]])
    >>> feature = PetrosianFD()
    >>> feature.compute(x, np.array([0]), np.array([6]), Sampling(rate=1.0, expected=6)).round(3).tolist()
    [[[1.152]]]
    """

    name: ClassVar[str] = "petrosian_fd"
    family: ClassVar[str] = "complexity"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The dimension."""
        text = "log N / (log N + log(N / (N + 0.4 T))), T changes of the sign of dx, 0 as above it"
        return (Output("petrosian_fd", "1", text, _PETROSIAN),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the dimension, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.curves import SIZE, TURNS, curves

        measures = curves(samples, starts, stops)
        size = np.where(measures[..., SIZE] > 2, measures[..., SIZE], np.nan)
        values: Values = np.log10(size) / (np.log10(size) + np.log10(size / (size + 0.4 * measures[..., TURNS])))
        return values[..., np.newaxis]


@dataclass(frozen=True)
class KatzFD(Feature):
    """Katz's fractal dimension: how much longer the curve is than it reaches.

    Notes
    -----
    Dims of the result are (channel, epoch, output). With L the sum of |dx|, a its mean and d the largest distance
    of a sample from the first one, the dimension is log(L / a) / log(d / a). Distances are those of values alone, as
    in most programs; the source measures them in the plane of time and value, where the result depends on units.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, and where the curve reaches no
    further than a mean step (d <= a), so that the quotient would be infinite or negative. Noise comes near that:
    its values are large and scatter much. Time grows with the number of samples.

    References
    ----------
    Katz 1988, doi:10.1016/0010-4825(88)90041-8. Esteller 2001, doi:10.1109/81.904882 (a comparison).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0, 2.0, 1.0, 2.0, 3.0]])
    >>> feature = KatzFD()
    >>> feature.compute(x, np.array([0]), np.array([6]), Sampling(rate=1.0, expected=6)).round(3).tolist()
    [[[1.465]]]
    """

    name: ClassVar[str] = "katz_fd"
    family: ClassVar[str] = "complexity"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The dimension."""
        text = "log(L / a) / log(d / a), L the sum and a the mean of |dx|, d the largest distance from the first sample"
        return (Output("katz_fd", "1", text, _KATZ),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the dimension, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.curves import LENGTH, REACH, SIZE, curves

        measures = curves(samples, starts, stops)
        steps = measures[..., SIZE] - 1
        with np.errstate(invalid="ignore", divide="ignore"):
            reach = measures[..., REACH] / (measures[..., LENGTH] / steps)
            values: Values = np.log10(steps) / np.log10(np.where(reach > 1, reach, np.nan))
        return values[..., np.newaxis]


@dataclass(frozen=True)
class DFA(Feature):
    """Exponent of detrended fluctuation analysis: how the running sum strays further in longer windows.

    Parameters
    ----------
    shortest
        Samples of the shortest window, at least 4.
    longest
        Longest window as a share of the epoch.
    ratio
        Of a window to the one before it, both before they are rounded down.

    Notes
    -----
    Dims of the result are (channel, epoch, output). The running sum of the samples less their mean is cut into
    windows of n samples from its beginning (a rest is left out), and in each a straight line is fitted; F(n) is the
    root of the mean square of what is left. alpha is the slope of ln F(n) over ln n: 0.5 for white noise, 1 for
    1/f noise, 1.5 for a random walk. Window sizes are floor(shortest ratio^i) up to `longest` times the samples.

    An epoch gives NaN where a sample is NaN or infinite, where all are equal, where there are fewer than three
    sizes (below 70 samples by default), and where the sum does not stray from lines at all. Time grows with the
    number of samples times that of sizes, 24 for 3000 samples.

    References
    ----------
    Peng 1994, doi:10.1103/PhysRevE.49.1685. Peng 1995, doi:10.1063/1.166141.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((1, 3000))
    >>> feature = DFA()
    >>> feature.compute(x, np.array([0]), np.array([3000]), Sampling(rate=100.0, expected=3000)).round(2).tolist()
    [[[0.51]]]
    """

    name: ClassVar[str] = "dfa"
    family: ClassVar[str] = "complexity"

    shortest: int = 4
    longest: float = 0.1
    ratio: float = 1.2

    def __post_init__(self) -> None:
        check_whole(self.name, "shortest", self.shortest, 4)
        for field in ("longest", "ratio"):
            object.__setattr__(self, field, float(getattr(self, field)))
        if not 0 < self.longest <= 1:
            raise ParameterError("longest must be above 0 and at most 1", where=self.name, found=repr(self.longest))
        if not 1.01 <= self.ratio < np.inf:
            raise ParameterError("ratio must be at least 1.01", where=self.name, found=repr(self.ratio))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The exponent."""
        text = (
            "slope of ln F(n) over ln n, F the RMS of the running sum about lines in windows of "
            f"n = floor({self.shortest} x {self.ratio:g}^i) samples, up to {self.longest:g} of the epoch"
        )
        return (Output("dfa_alpha", "1", text, _DFA),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the exponent, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.dfa import scaling_exponents

        sizes, needed = self._windows(int((stops - starts).max(initial=0)))
        return scaling_exponents(samples, starts, stops, sizes, needed, 3)[..., np.newaxis]

    def _windows(self, size: int) -> tuple[Bounds, Values]:
        """Window sizes for epochs of up to so many samples, and how many samples an epoch needs for each."""
        count = max(0, int(np.log(max(1, size * self.longest / self.shortest)) / np.log(self.ratio)) + 2)
        exact: Values = np.asarray(self.shortest * self.ratio ** np.arange(count), np.float64)
        sizes, firsts = np.unique(np.floor(exact).astype(np.int64), return_index=True)
        return sizes, np.asarray(exact[firsts] / self.longest - 1e-9, np.float64)
