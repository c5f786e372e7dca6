"""Quantiles of many columns at once from counts in logarithmic buckets: merged in any order, the same comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError, ParameterError

ACCURACY = 0.005  # of every value that makes up a quantile, relative to itself

_ALPHA = ACCURACY * (1 - 1e-9)  # what rounding takes from the accuracy is less than what is left over here
_LOG_GAMMA = log1p(2 * _ALPHA / (1 - _ALPHA))
_OFFSET = 80_000  # of the exponents of float64, from -74,500 to 71,000: buckets of positive values are then positive
_TOP = 160_000  # bucket of infinity
_SPAN = 2 * _TOP + 1


@dataclass(frozen=True)
class Sketch:
    """Counts of the values of many cells, such as the columns of a table.

    A value is counted in bucket ``ceil(log(|x|) / log(gamma))`` of its sign, zero in one of its own, with
    ``gamma = (1 + 0.005) / (1 - 0.005)``. Counts are integers, so that the order and grouping of merges do not matter.

    Parameters
    ----------
    codes
        Cell and bucket as one number, ascending: cells come one after the other, values ascend in each.
    counts
        Values of each of these buckets.
    low, high
        Least and greatest value of each cell, exactly; NaN where it has none.

    References
    ----------
    Masson C, Rim JE, Lee HK. DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees.
    PVLDB 2019;12(12):2195-2205. doi:10.14778/3352063.3352135

    Examples
    --------
    >>> nights = [Sketch.of(np.array([[1.0, 2.0, np.nan], [-5.0, 0.0, 5.0]])), Sketch.of(np.array([[3.0], [np.nan]]))]
    >>> both = nights[0].merge(nights[1])
    >>> both.count.tolist(), both.quantiles([0, 0.5, 1]).round(1).tolist()
    ([3, 3], [[1.0, 2.0, 3.0], [-5.0, 0.0, 5.0]])
    """

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Sketch:
        """Count values, dims (cell, value); NaN does not count."""
        cells, at = np.nonzero(~np.isnan(values))
        codes, counts = np.unique(cells * _SPAN + _TOP + _buckets(values[cells, at]), return_counts=True)
        none = np.full(len(values), np.nan)
        return cls(
            codes.astype(np.int64),
            counts.astype(np.int64),
            np.fmin.reduce(values, axis=1) if values.shape[1] else none,
            np.fmax.reduce(values, axis=1) if values.shape[1] else none,
        )

    @property
    def count(self) -> NDArray[np.int64]:
        """Number of values of each cell."""
        return np.diff(self._ends(), prepend=0)

    def merge(self, other: Sketch) -> Sketch:
        """Sketch of the values of both; `ParameterError` if they do not have the same cells."""
        if len(self.low) != len(other.low):
            raise ParameterError("sketches of other cells", expected=f"{len(self.low)} cells", found=len(other.low))
        codes = np.concatenate([self.codes, other.codes])
        order = np.argsort(codes, kind="stable")  # two sorted runs: merged, not sorted
        codes = codes[order]
        first = np.flatnonzero(np.diff(codes, prepend=-1))
        counts = np.concatenate([self.counts, other.counts])[order]
        return Sketch(
            codes[first],
            np.add.reduceat(counts, first) if len(first) else counts,
            np.fmin(self.low, other.low),
            np.fmax(self.high, other.high),
        )

    def quantiles(self, probabilities: Sequence[float]) -> NDArray[np.float64]:
        """Quantiles by linear interpolation between two neighbours in order, as NumPy has them.

        Each of the two neighbours is given within 0.5 % of itself, least and greatest value exactly; so is the
        quantile, where both have one sign.

        Returns
        -------
        quantiles
            Dims (cell, probability), NaN where a cell has no value.

        Raises
        ------
        ParameterError
            A probability is not between 0 and 1.
        """
        q = np.asarray(probabilities, float)
        if not ((q >= 0) & (q <= 1)).all():
            raise ParameterError("no probability", expected="numbers from 0 to 1", found=list(probabilities))
        count = self.count
        position = q * np.maximum(count - 1, 0)[:, None]
        rank = np.floor(position).astype(np.int64)
        share = position - rank
        lower = self._at(rank)
        upper = self._at(np.minimum(rank + 1, np.maximum(count - 1, 0)[:, None]))
        with np.errstate(invalid="ignore"):  # infinities
            between = lower * (1 - share) + upper * share
        return np.where((share == 0) | (lower == upper), lower, between)

    def arrays(self) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
        """Itself as plain arrays."""
        return {"codes": self.codes, "counts": self.counts, "low": self.low, "high": self.high}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.int64] | NDArray[np.float64]]) -> Sketch:
        """Make a sketch of what `arrays` gave; `FileFormatError` if it is something else."""
        try:
            codes, counts = (np.asarray(arrays[name], np.int64) for name in ("codes", "counts"))
            low, high = (np.asarray(arrays[name], np.float64) for name in ("low", "high"))
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError("not a sketch", found=f"{type(error).__name__}: {error}") from error
        sound = codes.shape == counts.shape and codes.ndim == low.ndim == 1 and low.shape == high.shape
        sound = sound and bool((np.diff(codes, prepend=-1) > 0).all() and (counts > 0).all())
        if not sound or (codes.size and codes[-1] >= len(low) * _SPAN):
            raise FileFormatError("not a sketch", expected="ascending codes, positive counts, two limits a cell")
        sketch = cls(codes, counts, low, high)
        if not np.array_equal(sketch.count > 0, ~np.isnan(low)):
            raise FileFormatError("not a sketch", expected="limits of the cells that have values")
        return sketch

    def _ends(self) -> NDArray[np.int64]:
        """Number of values in all cells up to and with each one."""
        total = np.concatenate([[0], np.cumsum(self.counts)])
        return total[np.searchsorted(self.codes, np.arange(1, len(self.low) + 1) * _SPAN)]

    def _at(self, rank: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values of these ranks, dims (cell, rank), NaN where a cell has none."""
        if not self.codes.size:
            return np.full(rank.shape, np.nan)
        ends = self._ends()
        count = np.diff(ends, prepend=0)[:, None]
        place = np.searchsorted(np.cumsum(self.counts), ends[:, None] - count + rank, side="right")
        value = _values(self.codes[np.minimum(place, self.codes.size - 1)] % _SPAN - _TOP)
        low, high = self.low[:, None], self.high[:, None]
        value = np.clip(value, low, high)  # cells without values have NaN as limits, and get it
        return np.where(rank == 0, low, np.where(rank == count - 1, high, value))


def _buckets(values: NDArray[np.float64]) -> NDArray[np.int64]:
    with np.errstate(divide="ignore"):  # zero
        exponents = np.ceil(np.log(np.abs(values)) / _LOG_GAMMA)
    buckets = np.where(values == 0, 0, np.minimum(exponents + _OFFSET, _TOP))
    return (np.sign(values) * buckets).astype(np.int64)


def _values(buckets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Value that is nearest, relative to it, to all of a bucket."""
    size = np.abs(buckets)
    with np.errstate(over="ignore"):  # the greatest floats, which the limits of the cell bring back
        value = np.exp((size - _OFFSET) * _LOG_GAMMA) * (1 - _ALPHA)  # 2 gamma**k / (gamma + 1)
    value = np.where(size == _TOP, np.inf, np.where(size == 0, 0.0, value))
    return np.sign(buckets) * value
