"""Parameters that all features of power spectra take: how the spectra are estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sleepdask.errors import ParameterError
from sleepdask.features.base import check_choice, later
from sleepdask.features.estimator import Estimator, SpectralFeature
from sleepdask.features.multitaper import Multitaper
from sleepdask.features.welch import Welch

METHODS: dict[str, type[Estimator]] = {"welch": Welch, "multitaper": Multitaper}
_SETTINGS = tuple(dict.fromkeys(each.name for kind in METHODS.values() for each in fields(kind)))


def estimator_of(where: str, method: str, settings: Mapping[str, Any]) -> Estimator:
    """Make an estimator by the name of its method; a setting that is None has its default.

    Raises
    ------
    ParameterError
        The method is unknown, has no such setting, or cannot take it.
    """
    check_choice(where, "method", method, tuple(METHODS))
    known = [each.name for each in fields(METHODS[method])]
    given = {name: value for name, value in settings.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            raise ParameterError(
                f"the method {method} has no {name}", where=where, expected=", ".join(known), found=repr(value)
            )
    return METHODS[method](**given)


@dataclass(frozen=True, kw_only=True)
class EstimatedFeature(SpectralFeature):
    """Base of the features of power spectra whose parameters say how these are estimated.

    Parameters
    ----------
    method
        "welch" or "multitaper".
    segment
        Length of a segment in seconds; by default 4 for "welch", and the whole epoch for "multitaper".
    overlap
        Share of a segment that it has in common with the next, 0 to below 1.
    detrend
        Whether each segment's mean is removed; by default it is.
    window, average
        Of "welch" only, by default "hann" and "mean"; see `Welch`.
    time_half_bandwidth, tapers, weights
        Of "multitaper" only, by default 4, 2 NW - 1 and "uniform"; see `Multitaper`.
    """

    method: str = later("welch")
    segment: float | None = None
    overlap: float = 0.5
    window: str | None = None
    detrend: bool | None = None
    average: str | None = None
    time_half_bandwidth: float | None = later(None)
    tapers: int | None = later(None)
    weights: str | None = later(None)

    def __post_init__(self) -> None:
        estimator = self.estimator
        for name in _SETTINGS:
            object.__setattr__(self, name, getattr(estimator, name, None))

    @property
    def estimator(self) -> Estimator:
        """How the spectra are estimated."""
        return estimator_of(self.name, self.method, {name: getattr(self, name) for name in _SETTINGS})
