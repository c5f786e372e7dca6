"""Compiles the kernels ahead, so that not every worker process has to."""

from __future__ import annotations

import numpy as np

from sleepdask.features.base import Sampling
from sleepdask.features.registry import catalogue, create


def warm_kernels() -> None:
    """Compute every feature of one silent epoch: what was not yet compiled is in the cache on disk afterwards."""
    from sleepdask.features.kernels.counts import finite_counts

    rate = 1000
    samples = np.zeros((1, 8 * rate), np.float32)
    starts, stops = np.array([0]), np.array([8 * rate])
    finite_counts(samples, starts, stops)
    for name in catalogue():
        feature = create(name)
        feature.compute(samples, starts, stops, Sampling(rate, 8 * rate))
