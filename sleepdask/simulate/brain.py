"""EEG and EOG of a synthetic night."""

from __future__ import annotations

import numpy as np

from sleepdask.simulate.course import Course, Events
from sleepdask.simulate.montage import Channel
from sleepdask.simulate.noise import (
    FloatArray,
    SampleArray,
    frequencies,
    shaped_noise,
    slow_noise,
    stretch,
    unit_shape,
)
from sleepdask.simulate.shapes import add_events, bump, roll, saccade, slow_wave, spindle
from sleepdask.simulate.streams import stream

# RMS in uV of each spectral component (rows) in each state (columns) at a central electrode.
#        W     N1    N2    N3    R     movement
_RMS = np.array(
    [
        [6.0, 6.5, 7.5, 8.5, 6.0, 25.0],  # 1/f background
        [3.0, 5.0, 10.0, 21.0, 4.5, 90.0],  # delta
        [3.5, 7.0, 5.5, 5.5, 6.0, 15.0],  # theta
        [11.0, 3.2, 1.6, 1.4, 1.7, 5.0],  # alpha
        [1.5, 1.6, 2.6, 2.0, 1.2, 3.0],  # sigma
        [4.0, 2.8, 2.0, 1.2, 2.4, 8.0],  # beta
        [3.5, 1.5, 0.8, 0.6, 0.5, 30.0],  # muscle
    ]
)
_DELTA, _ALPHA = 1, 3

# Amplitude of background, delta, theta, alpha, sigma, beta, muscle; of slow waves and spindles;
# of eye movements; delay of slow waves in s, which travel from front to back.
_SITES: dict[str, tuple[tuple[float, ...], float, float, float, float]] = {
    "F": ((1.0, 1.1, 1.0, 0.7, 0.9, 1.0, 1.2), 1.15, 0.85, 0.12, 0.0),
    "C": ((1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8), 1.0, 1.0, 0.04, 0.02),
    "T": ((0.9, 0.8, 1.0, 0.8, 0.6, 1.0, 1.6), 0.7, 0.5, 0.0, 0.03),
    "P": ((1.0, 0.8, 0.9, 1.4, 0.9, 0.9, 0.7), 0.8, 0.9, 0.0, 0.04),
    "O": ((0.9, 0.65, 0.8, 1.8, 0.5, 0.9, 0.8), 0.5, 0.35, 0.0, 0.06),
    "eye": ((0.7, 0.6, 0.6, 0.4, 0.4, 0.8, 1.2), 0.6, 0.25, 1.0, 0.0),
}


def eeg(channel: Channel, course: Course, seed: int) -> SampleArray:
    """Return the EEG of one channel in uV, shape (n_samples,)."""
    site = _electrode(channel)[:1]
    return _scalp(channel, course, seed, site if site in _SITES else "C", drift=6.0)


def eog(channel: Channel, course: Course, seed: int) -> SampleArray:
    """Return the EOG of one channel in uV, shape (n_samples,).

    Both channels share their reference: eye movements are out of phase, frontal EEG is in phase.
    """
    out = _scalp(channel, course, seed, "eye", drift=12.0)
    add_events(out, channel.rate, course.rolls, _side(channel), roll)
    add_events(out, channel.rate, course.blinks, _side(channel), bump)
    return out


def _electrode(channel: Channel) -> str:
    return channel.label.upper().removeprefix("EEG ").removeprefix("EOG ").split("-")[0]


def _side(channel: Channel) -> float:
    """Return -1 on the left (odd numbers, as in the 10-20 system), 1 on the right, 0 on the midline."""
    digits = [int(letter) for letter in _electrode(channel) if letter in "0123456789"]
    if digits:
        return -1.0 if digits[-1] % 2 else 1.0
    if channel.signal_type == "eeg":
        return 0.0
    # Eyes named by side, such as LOC and ROC: an EOG must not end up without eye movements.
    return -1.0 if "L" in channel.label.upper() else 1.0


def _scalp(channel: Channel, course: Course, seed: int, site: str, drift: float) -> SampleArray:
    rng = stream(seed, f"channel {channel.label}")
    rate = channel.rate
    gains, slow_gain, spindle_gain, eye_gain, delay = _SITES[site]
    shared = (stream(seed, "brain"), 0.6)
    out = shaped_noise(_power(course, seed, np.array(gains)), _shapes(rate), rate, rng, shared)
    waves, spindles = _later(course.slow_waves, delay), course.spindles
    add_events(out, rate, waves, slow_gain * _varied(waves, rng), slow_wave)
    add_events(out, rate, spindles, spindle_gain * _varied(spindles, rng), spindle)
    add_events(out, rate, course.saccades, _side(channel) * eye_gain, saccade)
    out += stretch(drift * slow_noise(course.seconds + 1, 45, rng), 1.0, rate, course.seconds)
    return out


def _power(course: Course, seed: int, gains: FloatArray) -> FloatArray:
    """Variance of each component per frame, shape (n_frames, 7)."""
    power = course.weights @ (_RMS**2 * gains[:, None] ** 2).T
    power[:, _DELTA] *= course.sleep_pressure**2
    power[:, _ALPHA] *= 0.1 + 0.9 * course.eyes_closed
    # Rhythms come and go within a stage, on all electrodes together.
    rng = stream(seed, "rhythms")
    for component in range(power.shape[1]):
        power[:, component] *= np.exp(0.45 * slow_noise(len(power), 2.5, rng) - 0.1)
    return power


def _shapes(rate: int) -> FloatArray:
    """Density of each component, shape (7, n_bins)."""
    freqs = frequencies(rate)

    def peak(centre: float, width: float) -> FloatArray:
        return unit_shape(np.exp(-(((freqs - centre) / width) ** 2) / 2), rate, 0.3, 70.0)

    return np.array(
        [
            unit_shape(1 / (0.5 + freqs**1.8), rate, 0.3, 70.0),
            unit_shape(freqs**2 / (0.3 + freqs**5), rate, 0.3, 6.0),
            peak(5.5, 1.1),
            peak(9.8, 0.8),
            peak(13.2, 0.9),
            peak(20.0, 4.0),
            unit_shape(freqs**2 / (900 + freqs**2), rate, 15.0, 70.0),
        ]
    )


def _later(events: Events, delay: float) -> Events:
    return Events(events.onset + delay, events.length, events.size, events.pitch)


def _varied(events: Events, rng: np.random.Generator) -> FloatArray:
    """Vary the size of each event from electrode to electrode."""
    return np.exp(0.2 * rng.standard_normal(len(events.onset)))
