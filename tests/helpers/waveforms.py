"""Epochs for measures of complexity: what they are compared on with other programs, and by hand."""

from __future__ import annotations

import numpy as np

from sleepdask.features.base import Feature, Sampling


def one(feature: Feature, x: np.ndarray, rate: float = 100.0, expected: int | None = None) -> np.ndarray:
    """Values of one epoch."""
    sampling = Sampling(rate, x.size if expected is None else expected)
    return feature.compute(x[np.newaxis], np.array([0]), np.array([x.size]), sampling)[0, 0]


def pink(size: int, seed: int = 0) -> np.ndarray:
    """Noise whose power falls as 1/f, about as that of an EEG does."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    return 40 * np.fft.irfft(spectrum, size)


def congruential(size: int) -> np.ndarray:
    """Numbers from 0 to 1 that are the same everywhere and for ever."""
    values, state = np.empty(size), 1
    for j in range(size):
        state = (1103515245 * state + 12345) % 2**31
        values[j] = state / 2**31
    return values


_noise = np.random.default_rng(1).standard_normal(3000)
WAVEFORMS = {
    "noise": _noise,
    "walk": _noise.cumsum(),
    "pink": pink(3000),
    "pink 256 Hz": pink(4990, 3),
    "far from zero": pink(1000) + 1e5,
    "quantised": np.round(pink(3000) / 4) + 0.0,
    "few levels": np.random.default_rng(2).integers(0, 3, 1000).astype(float),
    "spiky": _noise[:1500] ** 5,
    "sine": np.sin(np.arange(1000) * 0.37),
    "short": pink(100),
}
LIKE_EEG = congruential(400) + 4 * np.cumsum(congruential(400) - 0.5) / 20
