"""Amplitude statistics of each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.base import Bounds, Feature, Output, Samples, Sampling, Values, later

_DEFINITIONS = {
    "mean": ("{unit}", "arithmetic mean"),
    "std": ("{unit}", "standard deviation, ddof {ddof}"),
    "min": ("{unit}", "smallest sample"),
    "max": ("{unit}", "largest sample"),
    "median": ("{unit}", "median"),
    "var": ("{unit}^2", "variance, ddof {ddof}"),
    "skew": ("1", "skewness m3 / m2^1.5 of the biased central moments"),
    "kurtosis": ("1", "excess kurtosis m4 / m2^2 - 3 of the biased central moments"),
    "rms": ("{unit}", "root of the mean square, mean not removed"),
    "iqr": ("{unit}", "75th less 25th percentile, linear interpolation"),
    "range": ("{unit}", "largest less smallest sample"),
    "missing_fraction": ("1", "1 - finite samples / samples of a whole epoch, at least 0"),
    "mad": ("{unit}", "median of abs(x - median), not scaled"),
}
CHOICES = tuple(_DEFINITIONS)
AGGREGATIONS = tuple(item for item in CHOICES if item != "mad")
"""Those computed unless others are chosen."""
_ORDERS = {"std": 2, "var": 2, "rms": 2, "skew": 4, "kurtosis": 4}
_QUANTILES = {"median": (0.5,), "iqr": (0.25, 0.75)}
_SORTED = {*_QUANTILES, "mad"}


@dataclass(frozen=True)
class Statistics(Feature):
    """Amplitude statistics of the finite samples of each epoch.

    Parameters
    ----------
    aggregations
        Names of the outputs, any of `AGGREGATIONS`, or "mad"; the outputs come in the order given. Only what
        these need is computed.
    ddof
        Divisor of ``std`` and ``var`` is the number of samples less this.
    percentiles
        Percentages of the percentiles that come behind the aggregations, such as (5, 25, 75, 95), each in a
        column of its own: ``percentile_5``, for 2.5 ``percentile_2_5``.

    Notes
    -----
    Dims of the result are (channel, epoch, output). Units: those of the channel; squared for ``var``;
    1 for ``skew``, ``kurtosis`` and ``missing_fraction``.

    NaN and infinite samples count as missing and are skipped. An epoch without a finite sample gives
    NaN, and a ``missing_fraction`` of 1. ``std`` and ``var`` are NaN with no more samples than ``ddof``;
    ``skew`` and ``kurtosis`` are NaN where all samples are equal.

    Sums run in float64 in a fixed order, the variance in two passes; quantiles are exact, with linear
    interpolation between samples. ``mad``, the median absolute deviation, is as it is: of a normal distribution
    it is 0.6745 standard deviations, and some programs multiply it by 1.4826 to make up for that.

    References
    ----------
    Joanes & Gill 1998, doi:10.1111/1467-9884.00122 (g1 and g2, the biased skewness and kurtosis).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 2.0, 3.0, np.nan]])
    >>> stats = Statistics(aggregations=("mean", "std", "missing_fraction"))
    >>> stats.compute(x, np.array([0]), np.array([4]), Sampling(rate=1.0, expected=4))[0, 0].tolist()
    [2.0, 1.0, 0.25]
    >>> stats = Statistics(aggregations=("mad",), percentiles=(25, 75))
    >>> [output.name for output in stats.outputs]
    ['mad', 'percentile_25', 'percentile_75']
    >>> stats.compute(x, np.array([0]), np.array([4]), Sampling(rate=1.0, expected=4))[0, 0].tolist()
    [1.0, 1.5, 2.5]
    """

    name: ClassVar[str] = "statistics"
    family: ClassVar[str] = "statistics"
    needs_fixed_rate: ClassVar[bool] = False

    aggregations: tuple[str, ...] = AGGREGATIONS
    ddof: int = 1
    percentiles: tuple[float, ...] = later(())

    def __post_init__(self) -> None:
        chosen: object = self.aggregations
        object.__setattr__(self, "aggregations", (chosen,) if isinstance(chosen, str) else tuple(self.aggregations))
        object.__setattr__(self, "percentiles", self._checked_percentiles())
        if not self.aggregations and not self.percentiles:
            raise ParameterError(
                "no aggregation given",
                where=self.name,
                expected=f"some of {', '.join(CHOICES)}",
            )
        for item in self.aggregations:
            if item not in CHOICES:
                raise ParameterError(
                    "unknown aggregation",
                    where=self.name,
                    expected=f"some of {', '.join(CHOICES)}",
                    found=repr(item),
                    fix=did_you_mean(str(item), CHOICES),
                )
            if self.aggregations.count(item) > 1:
                raise ParameterError("aggregation given twice", where=self.name, found=repr(item))
        if isinstance(self.ddof, bool) or not isinstance(self.ddof, int) or self.ddof < 0:
            raise ParameterError("ddof must be a whole number of 0 or more", where=self.name, found=repr(self.ddof))

    @property
    def outputs(self) -> tuple[Output, ...]:
        """One output for each aggregation, in the order given, and for each percentile."""
        columns = []
        for item in self.aggregations:
            units, definition = _DEFINITIONS[item]
            columns.append(Output(item, units, definition.replace("{ddof}", str(self.ddof))))
        for percentage in self.percentiles:
            name = _percentile(percentage)
            columns.append(Output(name, "{unit}", f"{percentage:g}th percentile, linear interpolation"))
        return tuple(columns)

    def compute(self, samples: Samples, starts: Bounds, stops: Bounds, sampling: Sampling) -> Values:
        """Compute the chosen statistics, dims (channel, epoch, output)."""
        columns = self._moments(samples, starts, stops, sampling.expected)
        columns |= self._quantiles(samples, starts, stops)
        names = (*self.aggregations, *map(_percentile, self.percentiles))
        return np.stack([columns[name] for name in names], axis=-1)

    def _moments(self, samples: Samples, starts: Bounds, stops: Bounds, expected: int | Bounds) -> dict[str, Values]:
        if not set(self.aggregations) - _SORTED:
            return {}
        from sleepdask.features.kernels import moments as kernel

        order = max(_ORDERS.get(item, 1) for item in self.aggregations)
        raw = kernel.moments(samples, starts, stops, order)
        count, mean, low, high, m2, m3, m4 = np.moveaxis(raw, -1, 0)
        freedom = np.where(count > self.ddof, count - self.ddof, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = m2 / count
            # As in SciPy: a spread that is mere rounding of the mean has no shape.
            spread = np.where(variance > (np.finfo(np.float64).eps * mean) ** 2, variance, np.nan)
            return {
                "mean": mean,
                "std": np.sqrt(m2 / freedom),
                "min": low,
                "max": high,
                "var": m2 / freedom,
                "skew": m3 / count / spread**1.5,
                "kurtosis": m4 / count / spread**2 - 3,
                "rms": np.sqrt(mean**2 + variance),
                "range": high - low,
                "missing_fraction": np.clip(1 - count / expected, 0, 1),
            }

    def _quantiles(self, samples: Samples, starts: Bounds, stops: Bounds) -> dict[str, Values]:
        columns = {}
        if "mad" in self.aggregations:
            from sleepdask.features.kernels.quantiles import median_deviations

            columns["mad"] = median_deviations(samples, starts, stops)
        wanted = [q for item, needed in _QUANTILES.items() if item in self.aggregations for q in needed]
        wanted += [percentage / 100 for percentage in self.percentiles]
        if not wanted:
            return columns
        from sleepdask.features.kernels import quantiles as kernel

        each = tuple(dict.fromkeys(wanted))
        values = dict(zip(each, np.moveaxis(kernel.quantiles(samples, starts, stops, each), -1, 0), strict=True))
        if "median" in self.aggregations:
            columns["median"] = values[0.5]
        if "iqr" in self.aggregations:
            columns["iqr"] = values[0.75] - values[0.25]
        return columns | {_percentile(percentage): values[percentage / 100] for percentage in self.percentiles}

    def _checked_percentiles(self) -> tuple[float, ...]:
        percentiles = tuple(float(percentage) for percentage in self.percentiles)
        for percentage in percentiles:
            if not 0 <= percentage <= 100 or percentiles.count(percentage) > 1:
                raise ParameterError(
                    "percentiles out of range",
                    where=self.name,
                    expected="different percentages from 0 to 100",
                    found=repr(self.percentiles),
                )
        return percentiles


def _percentile(percentage: float) -> str:
    return f"percentile_{percentage:g}".replace(".", "_")
