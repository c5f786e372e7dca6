"""Compiles what tasks need ahead, so that not every worker process has to."""

from __future__ import annotations

import numpy as np

from sleepdask.features.base import Sampling
from sleepdask.features.code import is_ours
from sleepdask.features.registry import catalogue, create


def warm_kernels() -> None:
    """Decode a sample, compute every feature of one silent epoch: all that tasks call is in the cache on disk then."""
    from sleepdask.features.kernels.counts import finite_counts
    from sleepdask.io.edf.decode import decode_16, decode_24

    rate = 1000
    samples = np.zeros((1, 8 * rate), np.float32)
    starts, stops = np.array([0]), np.array([8 * rate])
    place, gain, offset = np.array([0]), np.ones(1), np.zeros(1)
    decode_16(samples, 0, np.zeros((1, 1), np.int16), place, 1, gain, offset)
    decode_24(samples, 0, np.zeros((1, 3), np.uint8), place, 1, gain, offset)
    finite_counts(samples, starts, stops)
    ours = [name for name, kind in catalogue().items() if is_ours(kind)]  # others may refuse silence, or take long
    for name in ours:
        feature = create(name)
        feature.compute(samples, starts, stops, Sampling(rate, 8 * rate))
