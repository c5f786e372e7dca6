"""Chin EMG, ECG and oxygen saturation of a synthetic night."""

from __future__ import annotations

import numpy as np

from sleepdask.simulate.course import Course
from sleepdask.simulate.montage import Channel
from sleepdask.simulate.noise import (
    FRAME_SECONDS,
    FloatArray,
    SampleArray,
    frequencies,
    shaped_noise,
    slow_noise,
    stretch,
    unit_shape,
)
from sleepdask.simulate.shapes import add_events, dip, spindle
from sleepdask.simulate.streams import stream

# One value per state: W, N1, N2, N3, R, movement.
_MUSCLE_UV = np.array([15.0, 8.0, 5.0, 4.0, 1.3, 70.0])
_HEART_BPM = np.array([69.0, 63.0, 59.0, 57.0, 64.0, 82.0])
_BREATH_BPM = np.array([2.0, 2.5, 3.0, 3.5, 1.5, 1.0])  # respiratory sinus arrhythmia
_SLOW_BPM = np.array([3.0, 2.5, 2.0, 1.0, 3.0, 3.0])  # slower variability
_ECG_NOISE_MV = np.array([0.015, 0.010, 0.008, 0.007, 0.008, 0.20])

_HEART_HZ = 4  # grid on which the heart rate is drawn
_BLOCK = 1 << 18  # samples of ECG made at once

# Sum of Gaussians: size in mV, centre and width in s relative to the R peak.
_PQRS = (
    (0.12, -0.16, 0.025),
    (-0.10, -0.032, 0.009),
    (1.1, 0.0, 0.010),
    (-0.22, 0.030, 0.010),
)
_T = (0.28, 0.27, 0.045)  # at a heart period of 1 s; moves with the square root of the period (Bazett)


def emg(channel: Channel, course: Course, seed: int) -> SampleArray:
    """Return the chin EMG of one channel in uV, shape (n_samples,)."""
    rng = stream(seed, f"channel {channel.label}")
    freqs = frequencies(channel.rate)
    tone = np.exp(0.35 * slow_noise(len(course.weights), 8, rng))
    power = (course.weights @ _MUSCLE_UV**2) * tone**2
    shape = unit_shape(freqs**2 / (900 + freqs**2) / (1 + (freqs / 70) ** 4), channel.rate, 10.0, 100.0)
    out = shaped_noise(power[:, None], shape[None], channel.rate, rng)
    add_events(out, channel.rate, course.twitches, 1.0, spindle)
    return out


def spo2(channel: Channel, course: Course, seed: int) -> SampleArray:
    """Return oxygen saturation in whole percent, as oximeters report it, shape (n_samples,)."""
    rng = stream(seed, f"channel {channel.label}")
    level = 96.3 + 0.6 * slow_noise(course.seconds + 1, 400, rng)
    out = stretch(level, 1.0, channel.rate, course.seconds)
    add_events(out, channel.rate, course.desaturations, -1.0, dip)
    return np.clip(np.rint(out), 0, 100)


def ecg(channel: Channel, course: Course, seed: int) -> SampleArray:
    """Return the ECG of one channel in mV, shape (n_samples,): a beat at every R peak, wander and noise."""
    rng = stream(seed, f"channel {channel.label}")
    peaks, breath = _heart(course, seed)
    freqs = frequencies(channel.rate)
    power = course.weights @ _ECG_NOISE_MV**2
    shape = unit_shape(1 / (1 + freqs), channel.rate, 0.5, 100.0)
    out = shaped_noise(power[:, None], shape[None], channel.rate, rng)
    out += stretch(0.05 * slow_noise(course.seconds + 1, 20, rng), 1.0, channel.rate, course.seconds)
    wander = stretch(0.05 * breath, 1 / _HEART_HZ, channel.rate, course.seconds)
    out += wander
    for first in range(0, len(out), _BLOCK):
        part = slice(first, min(first + _BLOCK, len(out)))
        out[part] += _beats(np.arange(part.start, part.stop) / channel.rate, peaks) * (1 + wander[part])
    return out


def _beats(time: FloatArray, peaks: FloatArray) -> FloatArray:
    """Return the PQRST complexes in mV at times in s that lie between the first and the last peak."""
    last = np.searchsorted(peaks, time, side="right") - 1
    period = np.diff(peaks)[last]
    since = time - peaks[last]
    until = since - period
    grid = np.arange(-1.5, 2.5, 0.002)
    depolarised = np.interp(np.where(since < -until, since, until), grid, _gaussians(grid, _PQRS))
    repolarised = np.interp(since / np.sqrt(period), grid, _gaussians(grid, (_T,)))
    return depolarised + repolarised


def _heart(course: Course, seed: int) -> tuple[FloatArray, FloatArray]:
    """Draw R peak times in s, which reach beyond both ends of the night, and breathing on a 4 Hz grid."""
    rng = stream(seed, "heart")
    grid = np.arange(-2 * _HEART_HZ, (course.seconds + 4) * _HEART_HZ) / _HEART_HZ
    frames = np.arange(len(course.weights)) * FRAME_SECONDS

    def by_state(levels: FloatArray) -> FloatArray:
        return np.interp(grid, frames, course.weights @ levels)

    breath = np.sin(2 * np.pi * np.cumsum(0.25 + 0.02 * slow_noise(len(grid), 40, rng)) / _HEART_HZ)
    mayer = slow_noise(len(grid), 6, rng)
    very_slow = slow_noise(len(grid), 240, rng)
    bpm = rng.normal(0.0, 2.5) + by_state(_HEART_BPM)
    bpm = np.convolve(np.pad(bpm, 20, mode="edge"), np.ones(41) / 41, mode="valid")
    bpm += by_state(_BREATH_BPM) * breath + by_state(_SLOW_BPM) * (0.6 * mayer + 0.8 * very_slow)
    beats = np.cumsum(np.clip(bpm, 42, 98)) / 60 / _HEART_HZ
    peaks = np.interp(np.arange(1, int(beats[-1]) + 1), beats, grid)
    return peaks, breath[2 * _HEART_HZ :]


def _gaussians(time: FloatArray, waves: tuple[tuple[float, float, float], ...]) -> FloatArray:
    total = np.zeros_like(time)
    for size, centre, width in waves:
        total += size * np.exp(-(((time - centre) / width) ** 2) / 2)
    return total
