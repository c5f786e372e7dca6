"""Coloured noise whose spectrum changes over the night, and slow drifts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SampleArray = npt.NDArray[np.float32]

FRAME_SECONDS = 3
"""Distance between the frames in which a spectrum is set; each frame reaches over two distances."""

_SHARED_HZ = 30
_BLOCK = 128


def frequencies(rate: int) -> FloatArray:
    """Return the frequencies in Hz, shape (n_bins,), at which `shaped_noise` takes its spectra."""
    return np.arange(FRAME_SECONDS * rate + 1) / (2 * FRAME_SECONDS)


def shaped_noise(
    power: FloatArray,
    shapes: FloatArray,
    rate: int,
    rng: np.random.Generator,
    shared: tuple[np.random.Generator, float] | None = None,
) -> SampleArray:
    """Make Gaussian noise with a time-varying spectrum.

    Frames of six seconds are drawn in the frequency domain and cross-faded every three seconds with windows
    whose squares add up to one, so that the variance follows `power` without ripple.

    Parameters
    ----------
    power
        Variance of every component per frame, shape (n_frames, n_components); frame k is centred at 3 k s.
    shapes
        Density of every component at `frequencies(rate)`, of unit variance, shape (n_components, n_bins).
    rate
        Sampling rate in Hz.
    rng
        Randomness of this channel.
    shared
        Randomness common to several channels, and the part of the power below 30 Hz that it makes up.

    Returns
    -------
    ndarray of float32, shape (3 * (n_frames - 1) * rate,)
    """
    from scipy.fft import irfft

    n_frames = len(power)
    hop = FRAME_SECONDS * rate
    window = np.sin(np.pi * (np.arange(2 * hop) + 0.5) / (2 * hop)).astype(np.float32)
    last = int(np.flatnonzero(shapes.max(axis=0) > 0)[-1]) + 1
    shapes = np.ascontiguousarray(shapes[:, :last], dtype=np.float32)
    # A bin of density P and width df carries the variance P df; irfft divides by the frame length.
    scale = np.float32(hop * np.sqrt(1 / (2 * FRAME_SECONDS)))
    out = np.zeros((n_frames + 1, hop), dtype=np.float32)
    for start in range(0, n_frames, _BLOCK):
        stop = min(start + _BLOCK, n_frames)
        bins = _complex_normal(rng, stop - start, last)
        if shared is not None:
            common, part = shared
            both = _complex_normal(common, stop - start, _SHARED_HZ * 2 * FRAME_SECONDS)[:, :last]
            own = bins[:, : both.shape[1]]
            own *= np.float32(np.sqrt(1 - part))
            own += np.float32(np.sqrt(part)) * both
        bins *= scale * np.sqrt(power[start:stop].astype(np.float32) @ shapes)
        frames = irfft(bins, n=2 * hop, axis=1)
        frames *= window
        out[start:stop] += frames[:, :hop]
        out[start + 1 : stop + 1] += frames[:, hop:]
    # Frame 0 is centred at time zero: its first half lies before the recording.
    samples: SampleArray = out[1:n_frames].reshape(-1)
    return samples


def unit_shape(density: FloatArray, rate: int, low: float, high: float) -> FloatArray:
    """Limit a density to the band from `low` to `high` Hz and scale it to unit variance."""
    freqs = frequencies(rate)
    shape: FloatArray = np.where((freqs >= low) & (freqs <= min(high, 0.48 * rate)), density, 0.0)
    shape *= 2 * FRAME_SECONDS / shape.sum()
    return shape


def slow_noise(n: int, memory: float, rng: np.random.Generator) -> FloatArray:
    """Return `n` samples of unit-variance noise that forgets itself over `memory` samples."""
    from scipy.signal import lfilter

    keep = np.exp(-1 / memory)
    start = rng.standard_normal()
    steps = rng.standard_normal(n) * np.sqrt(1 - keep**2)
    smooth, _ = lfilter([1.0], [1.0, -keep], steps, zi=[keep * start])
    return np.asarray(smooth, dtype=np.float64)


def stretch(course: FloatArray, step: float, rate: int, seconds: int) -> SampleArray:
    """Interpolate a course given every `step` seconds to `rate` Hz over `seconds` seconds."""
    at = np.arange(seconds * rate) / rate
    return np.interp(at, np.arange(len(course)) * step, course).astype(np.float32)


def _complex_normal(rng: np.random.Generator, rows: int, columns: int) -> npt.NDArray[np.complex64]:
    return rng.standard_normal((rows, 2 * columns), dtype=np.float32).view(np.complex64)
