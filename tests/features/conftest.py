"""What the tests of several features compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

PlainStatistics = Callable[[np.ndarray, int], dict[str, float]]


@pytest.fixture(scope="session")
def plain_statistics() -> PlainStatistics:
    """All statistics of one epoch by NumPy and SciPy, from its samples and how many were expected."""

    def statistics(x: np.ndarray, expected: int) -> dict[str, float]:
        x = x[np.isfinite(x)].astype(np.float64)
        q1, q3 = np.quantile(x, (0.25, 0.75))
        return {
            "mean": x.mean(),
            "std": x.std(ddof=1),
            "min": x.min(),
            "max": x.max(),
            "median": np.median(x),
            "var": x.var(ddof=1),
            "skew": stats.skew(x),
            "kurtosis": stats.kurtosis(x),
            "rms": np.sqrt(np.mean(x**2)),
            "iqr": q3 - q1,
            "range": np.ptp(x),
            "missing_fraction": max(0.0, 1 - x.size / expected),
        }

    return statistics


@pytest.fixture(scope="session")
def integer_signal() -> np.ndarray:
    """30 s at 128 Hz in steps of 0.1, from integers alone, dims (channel, time)."""
    state, level, x = 1, 0, []
    for i in range(3840):
        state = (1103515245 * state + 12345) % 2**31
        step = (state >> 16) % 201 - 100
        level = (9 * level) // 10 + step
        x.append(500 + level + step + 200 * ((i // 6) % 2))
    return np.array([x]) / 10
