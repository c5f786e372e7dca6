"""Tapers by name, computed here so that scipy.signal is not imported for them."""

from __future__ import annotations

import numpy as np

from sleepdask.features.base import Values


def taper(name: str, size: int) -> Values:
    """Return a taper of some samples.

    All are periodic, as in `scipy.signal.welch`, except ``tukey50``: a symmetric Tukey window whose
    cosine flanks take half of its length, as Luna's.
    """
    if size == 1 or name == "boxcar":
        return np.ones(size)
    if name == "tukey50":
        edge = 4 * np.minimum(np.arange(size), np.arange(size)[::-1]) / (size - 1)
        return 0.5 * (1 - np.cos(np.pi * np.minimum(edge, 1)))
    terms = {"hann": (0.5, -0.5), "hamming": (0.54, -0.46), "blackman": (0.42, -0.5, 0.08)}[name]
    phase = 2 * np.pi * np.arange(size) / size
    window = np.zeros(size)
    for k, a in enumerate(terms):
        window += a * np.cos(k * phase)
    return window
