"""Count, mean and spread of many columns at once, which merge without looking at the values again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """Moments of many cells, such as the columns of a table.

    Merging rounds: the same bits come out if the same pairs are merged (see `FixedTree`).

    Parameters
    ----------
    count
        Number of values of each cell.
    mean
        Their mean, 0 where there is none.
    m2
        Sum of their squared distances from it.

    References
    ----------
    Chan TF, Golub GH, LeVeque RJ. Algorithms for computing the sample variance: analysis and recommendations.
    Am Stat 1983;37(3):242-247. doi:10.1080/00031305.1983.10483115

    Examples
    --------
    >>> both = Moments.of(np.array([[1.0, 2.0, np.nan]])).merge(Moments.of(np.array([[6.0]])))
    >>> both.count.tolist(), both.means.tolist(), both.std.round(3).tolist()
    ([3], [3.0], [2.646])
    """

    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """Moments of values, dims (cell, value); NaN does not count.

        The mean is corrected by that of what is left, so that values far from zero keep their spread.
        """
        values = np.ascontiguousarray(values)  # sums then go along a cell, whatever the others are
        there = ~np.isnan(values)
        count = there.sum(axis=1)
        n = np.maximum(count, 1)
        with np.errstate(invalid="ignore", over="ignore"):  # infinities, and what becomes one
            mean = np.where(there, values, 0).sum(axis=1) / n
            rest = np.where(there, values - mean[:, None], 0)
            left = rest.sum(axis=1)
            m2 = (rest * rest).sum(axis=1) - left * left / n
            corrected = np.where(np.isfinite(mean), mean + left / n, mean)
        return cls(count, corrected, np.maximum(m2, 0))

    def merge(self, other: Moments) -> Moments:
        """Moments of the values of both, cell by cell; one without values leaves the other as it is."""
        count = self.count + other.count
        n = np.maximum(count, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            apart = other.mean - self.mean
            mean = self.mean + np.where(np.isfinite(apart), apart * (other.count / n), other.mean)
            m2 = self.m2 + other.m2 + apart * apart * (self.count * (other.count / n))
        none, only = other.count == 0, self.count == 0
        return Moments(
            count,
            np.where(none, self.mean, np.where(only, other.mean, mean)),
            np.where(none, self.m2, np.where(only, other.m2, m2)),
        )

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of each cell, NaN where it has no value."""
        return np.where(self.count > 0, self.mean, np.nan)

    @property
    def std(self) -> NDArray[np.float64]:
        """Standard deviation of each cell (of a sample: divided by one less than the count), NaN below two values."""
        return np.where(self.count > 1, np.sqrt(self.m2 / np.maximum(self.count - 1, 1)), np.nan)
