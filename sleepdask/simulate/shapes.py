"""Shapes of single events, and how they are added to a channel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sleepdask.simulate.course import Events
from sleepdask.simulate.noise import FloatArray, SampleArray

Shape = Callable[[FloatArray, float, float], FloatArray]
"""From time in seconds since onset, length in seconds and pitch in Hz to a waveform of about unit size."""


def add_events(out: SampleArray, rate: int, events: Events, gains: FloatArray | float, shape: Shape) -> None:
    """Add events to the samples of one channel, in place.

    Parameters
    ----------
    out
        Samples, shape (n_samples,).
    rate
        Sampling rate in Hz.
    events
        What to add; each event lasts at most its length.
    gains
        Factor on the size of every event, scalar or shape (n_events,).
    shape
        Waveform of one event.
    """
    sizes = events.size * gains
    for onset, length, size, pitch in zip(events.onset, events.length, sizes, events.pitch, strict=True):
        first = int(np.ceil(onset * rate))
        last = min(int((onset + length) * rate), len(out) - 1)
        time = np.arange(first, last + 1) / rate - onset
        out[first : last + 1] += (size * shape(time, length, pitch)).astype(np.float32)


def spindle(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Waxing and waning oscillation that slows a little, of unit amplitude."""
    envelope = np.sin(np.pi * time / length) ** 2
    return envelope * np.sin(2 * np.pi * (pitch + 0.3 * (0.5 * length - time) / 2) * time)


def slow_wave(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Sharp negative peak followed by a broader positive one, of unit peak-to-peak size."""
    phase = time / length
    trough = np.exp(-(((phase - 0.3) / 0.12) ** 2))
    hump = np.exp(-(((phase - 0.68) / 0.17) ** 2))
    return 0.42 * hump - 0.58 * trough


def saccade(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Fast deflection that decays through the AC coupling of the amplifier."""
    rise = 1 - np.exp(-((time / 0.05) ** 2))
    return rise * np.exp(-3 * time / length) * (1 - time / length)


def roll(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Slow rolling eye movement: one and a half sinusoidal turns under a smooth envelope."""
    return np.sin(np.pi * time / length) * np.sin(3 * np.pi * time / length)


def bump(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Return a smooth one-sided deflection, such as a blink."""
    return np.sin(np.pi * time / length) ** 2


def dip(time: FloatArray, length: float, pitch: float) -> FloatArray:
    """Slow fall over 70 % of the length and a quicker recovery."""
    phase = time / length
    half_turn = np.where(phase < 0.7, phase / 0.7, (1 - phase) / 0.3)
    return 0.5 - 0.5 * np.cos(np.pi * half_turn)
