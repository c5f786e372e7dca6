"""Features of the waveform itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values

_SOURCE = "Hjorth 1970, doi:10.1016/0013-4694(70)90143-4"


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
