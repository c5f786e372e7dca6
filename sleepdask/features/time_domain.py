"""Features of the waveform itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values

_SOURCE = "Hjorth 1970, doi:10.1016/0013-4694(70)90143-4"
_LINE_LENGTH = "Esteller 2001, doi:10.1109/IEMBS.2001.1020545"


@dataclass(frozen=True)
class Hjorth(Feature):
    """Hjorth's activity, mobility and complexity of each epoch.

    Notes
    -----
    Dims of the result are (channel, epoch, output). With dx the differences of neighbouring samples and
    var the variance with ddof 0: activity = var(x), in squared units of the channel; mobility =
    sqrt(var(dx) / var(x)), per sample and thus dependent on the sampling rate; complexity =
    mobility(dx) / mobility(x).

    NaN and infinite samples are skipped, and a difference is taken only between finite neighbours. An
    epoch with fewer than three finite samples gives NaN. Where all samples are equal, activity is 0 and
    mobility and complexity are NaN.

    References
    ----------
    Hjorth 1970, doi:10.1016/0013-4694(70)90143-4.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0, 0.0, -1.0, 0.0]])
    >>> values = Hjorth().compute(x, np.array([0]), np.array([5]), Sampling(rate=1.0, expected=5))
    >>> values[0, 0].round(3).tolist()
    [0.4, 1.581, 1.033]
    """

    name: ClassVar[str] = "hjorth"
    family: ClassVar[str] = "time_domain"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Activity, mobility, complexity."""
        return (
            Output("hjorth_activity", "{unit}^2", "var(x), ddof 0", _SOURCE),
            Output("hjorth_mobility", "1", "sqrt(var(dx) / var(x)), dx between neighbouring samples", _SOURCE),
            Output("hjorth_complexity", "1", "mobility(dx) / mobility(x)", _SOURCE),
        )

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute activity, mobility and complexity, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.hjorth import variances

        activity, first, second = np.moveaxis(variances(samples, starts, stops), -1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mobility = np.sqrt(first / np.where(activity > 0, activity, np.nan))
            complexity = np.sqrt(second / np.where(first > 0, first, np.nan)) / mobility
        return np.stack([activity, mobility, complexity], axis=-1)


@dataclass(frozen=True)
class LineLength(Feature):
    """Line length of each epoch: how far its samples go up and down.

    Notes
    -----
    Dims of the result are (channel, epoch, output). With dx the differences of neighbouring samples,
    ``line_length`` is the sum of abs(dx) and ``line_length_mean`` its mean; both are in units of
    the channel. The sum grows with the length of the epoch and, in noise, with the sampling rate; the mean does not
    depend on the length.

    NaN and infinite samples are skipped in the mean, which takes differences only between finite neighbours; the
    sum of an epoch that is not there as a whole is NaN, as it would be too small. An epoch without two finite
    neighbours gives NaN. Where all samples are equal, both are 0.

    References
    ----------
    Esteller 2001, doi:10.1109/IEMBS.2001.1020545.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[0.0, 1.0, 0.0, -2.0, 0.0]])
    >>> LineLength().compute(x, np.array([0]), np.array([5]), Sampling(rate=1.0, expected=5)).tolist()
    [[[6.0, 1.5]]]
    """

    name: ClassVar[str] = "line_length"
    family: ClassVar[str] = "time_domain"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Sum and mean."""
        return (
            Output("line_length", "{unit}", "sum of abs(dx), dx between neighbouring samples", _LINE_LENGTH),
            Output("line_length_mean", "{unit}", "mean of abs(dx), dx between neighbouring samples", _LINE_LENGTH),
        )

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute sum and mean, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.steps import step_lengths

        lengths, steps = step_lengths(samples, starts, stops)
        whole = (steps >= np.asarray(sampling.expected) - 1) & (steps == stops - starts - 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = lengths / steps
        return np.stack([np.where(whole & (steps > 0), lengths, np.nan), means], axis=-1)


@dataclass(frozen=True)
class ZeroCrossings(Feature):
    """How often the samples of an epoch cross their mean, per second.

    Notes
    -----
    Dims of the result are (channel, epoch, output). The mean of the epoch is taken off first, so that an offset
    makes no difference. A sample that equals the mean is on the side of the one before it: a curve that touches its
    mean does not cross it, and one that crosses it in a sample does so once. The count is divided by the time
    between the first and the last sample; of a sine of f Hz it is 2 f.

    NaN and infinite samples are skipped; nothing is counted across them, and their time is left out. An epoch
    without two finite neighbours gives NaN. Where all samples are equal, the rate is 0.

    References
    ----------
    Kedem 1986, doi:10.1109/PROC.1986.13663.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, -1.0, 1.0, 0.0, 0.0, 1.0, -2.0]])
    >>> ZeroCrossings().compute(x, np.array([0]), np.array([7]), Sampling(rate=1.0, expected=7)).tolist()
    [[[0.5]]]
    """

    name: ClassVar[str] = "zero_crossings"
    family: ClassVar[str] = "time_domain"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The rate of crossings."""
        text = "changes of the sign of x - mean(x) per second; a sample that equals the mean has the sign before it"
        return (Output("zero_crossing_rate", "1/s", text, "Kedem 1986, doi:10.1109/PROC.1986.13663"),)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the rate, dims (channel, epoch, output)."""
        from sleepdask.features.kernels.steps import crossings

        counts, steps = crossings(samples, starts, stops)
        with np.errstate(divide="ignore", invalid="ignore"):
            return (counts * sampling.rate / steps)[..., np.newaxis]
