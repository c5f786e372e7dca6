"""What happens during a synthetic night and is common to all channels: states and single events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sleepdask.simulate.noise import FRAME_SECONDS, FloatArray, slow_noise
from sleepdask.simulate.stages import EPOCH_SECONDS, STAGES
from sleepdask.simulate.streams import stream

STATES: tuple[str, ...] = (*STAGES, "movement")


@dataclass(frozen=True)
class Events:
    """Single events: onset and length in seconds, size, and pitch in Hz; each of shape (n_events,)."""

    onset: FloatArray
    length: FloatArray
    size: FloatArray
    pitch: FloatArray


@dataclass(frozen=True)
class Course:
    """The course of a night.

    Parameters
    ----------
    seconds
        Length of the night.
    weights
        Share of each of `STATES` per 3 s frame, rows sum to one, shape (n_frames, 6).
    eyes_closed
        From 0 (open) to 1 (closed) per frame, shape (n_frames,).
    sleep_pressure
        Falls from 1 over the night, per frame, shape (n_frames,).
    slow_waves, spindles
        EEG events; sizes in uV. K-complexes and vertex waves are slow waves of N2 and N1.
    saccades, rolls, blinks
        Eye events; sizes in uV, positive towards the right.
    twitches
        Phasic bursts of the chin muscle; sizes in uV.
    desaturations
        Dips of oxygen saturation; sizes in percent points.
    """

    seconds: int
    weights: FloatArray
    eyes_closed: FloatArray
    sleep_pressure: FloatArray
    slow_waves: Events
    spindles: Events
    saccades: Events
    rolls: Events
    blinks: Events
    twitches: Events
    desaturations: Events


def plan_course(stages: npt.NDArray[np.str_], seed: int) -> Course:
    """Draw the course of a night from its stages, shape (n_epochs,)."""
    seconds = EPOCH_SECONDS * len(stages)
    index = np.array([STAGES.index(stage) for stage in stages])
    second = np.repeat(index, EPOCH_SECONDS)
    weights = _weights(index, stream(seed, "states"))
    n_frames = len(weights)
    hours = np.arange(n_frames) * FRAME_SECONDS / 3600
    # Homeostatic decline of slow-wave activity, time constant 4.2 h (Daan, Beersma and Borbely 1984),
    # softened because the later N3 must still meet the amplitude criterion.
    pressure = 0.6 + 0.4 * np.exp(-hours / 4.2)
    eyes_closed = np.clip(1.4 + 1.6 * slow_noise(n_frames, 20, stream(seed, "eyes")), 0.0, 1.0)

    slow_waves = _slow_waves(second, pressure, stream(seed, "slow waves"))
    spindles = _spindles(second, slow_waves, stream(seed, "spindles"))
    rng = stream(seed, "eye movements")
    phasic = np.exp(1.1 * slow_noise(seconds, 15, rng) - 0.6) * (0.6 + 0.8 * np.arange(seconds) / seconds)
    saccades = _draw(rng, second, {"R": 14.0, "W": 4.0}, 0.4, phasic)
    open_second = np.repeat(1 - eyes_closed, FRAME_SECONDS)[:seconds]
    rng_twitch = stream(seed, "twitches")
    return Course(
        seconds=seconds,
        weights=weights,
        eyes_closed=eyes_closed,
        sleep_pressure=pressure,
        slow_waves=slow_waves,
        spindles=spindles,
        saccades=_events(rng, saccades, (0.8, 0.4, 2.0), (130.0, 0.4), signed=True),
        rolls=_events(rng, _draw(rng, second, {"N1": 7.0, "W": 0.7}, 3.0), (5.0, 3.0, 8.0), (80.0, 0.35), signed=True),
        blinks=_events(rng, _draw(rng, second, {"W": 20.0}, 0.7, open_second), (0.4, 0.3, 0.5), (160.0, 0.25)),
        twitches=_events(
            rng_twitch,
            _draw(rng_twitch, second, {"R": 4.0}, 0.3, phasic),
            (0.2, 0.1, 0.5),
            (9.0, 0.5),
            pitch=(40.0, 6.0, 25.0, 60.0),
        ),
        desaturations=_desaturations(second, stream(seed, "desaturations")),
    )


def _weights(index: npt.NDArray[np.int64], rng: np.random.Generator) -> FloatArray:
    """Share of each state per frame: the scored stage, its smooth deepening, arousals and movements."""
    per_epoch = EPOCH_SECONDS // FRAME_SECONDS
    hot = np.eye(len(STATES))[np.repeat(index, per_epoch)]
    hot = np.vstack([hot, hot[-1:]])
    # Sleep deepens over about a minute, yet every epoch stays mostly what it is scored as.
    kernel = np.hanning(2 * per_epoch + 3)[1:-1]
    padded = np.pad(hot, ((per_epoch, per_epoch), (0, 0)), mode="edge")
    smooth = np.apply_along_axis(np.convolve, 0, padded, kernel / kernel.sum(), mode="valid")
    weights = 0.75 * hot + 0.25 * smooth

    frame_stage = np.argmax(hot, axis=1)
    wake, movement = STATES.index("W"), STATES.index("movement")
    per_minute = np.array([0.0, 0.35, 0.2, 0.05, 0.25])[frame_stage]
    arousals = np.flatnonzero(rng.random(len(hot)) < per_minute * FRAME_SECONDS / 60)
    for start in arousals:
        stop = start + int(rng.integers(1, 4))
        _mix(weights[start:stop], wake, 0.65)
    per_minute = np.array([0.5, 0.1, 0.025, 0.01, 0.03])[frame_stage]
    moves = rng.random(len(hot)) < per_minute * FRAME_SECONDS / 60
    # People move when their sleep changes for the lighter.
    lighter = np.flatnonzero((frame_stage[1:] == wake) & (frame_stage[:-1] != wake)) + 1
    moves[lighter] |= rng.random(len(lighter)) < 0.7
    for start in np.flatnonzero(moves):
        stop = start + int(rng.integers(1, 5))
        _mix(weights[start:stop], movement, rng.uniform(0.1, 0.9))
    return weights


def _mix(rows: FloatArray, state: int, part: float) -> None:
    rows *= 1 - part
    rows[:, state] += part


def _slow_waves(second: npt.NDArray[np.int64], pressure: FloatArray, rng: np.random.Generator) -> Events:
    onset = _draw(rng, second, {"N1": 1.0, "N2": 1.6, "N3": 24.0}, 0.9)
    stage = second[onset.astype(int)]
    # Peak-to-peak uV: vertex waves, K-complexes (large, isolated), slow waves.
    typical = np.array([0.0, 75.0, 130.0, 120.0, 0.0])[stage]
    size = typical * np.exp(0.25 * rng.standard_normal(len(onset)))
    size *= pressure[(onset / FRAME_SECONDS).astype(int)]
    length = np.where(stage == STAGES.index("N1"), 0.4, 1.1) * np.exp(0.15 * rng.standard_normal(len(onset)))
    return Events(onset, length, size, np.zeros(len(onset)))


def _spindles(second: npt.NDArray[np.int64], slow_waves: Events, rng: np.random.Generator) -> Events:
    # Spindles cluster on a 0.02 Hz rhythm (Lecci et al. 2017).
    infraslow = 1 + 0.8 * np.sin(2 * np.pi * 0.02 * np.arange(len(second)))
    onset = _draw(rng, second, {"N2": 4.0, "N3": 1.5}, 2.5, infraslow)
    if len(slow_waves.onset):
        # Some ride on the up-state that follows a slow wave.
        near = np.clip(np.searchsorted(slow_waves.onset, onset), 0, len(slow_waves.onset) - 1)
        ride = slow_waves.onset[near] + 0.6 * slow_waves.length[near]
        follows = (np.abs(ride - onset) < 6) & (rng.random(len(onset)) < 0.5)
        onset = _spaced(np.sort(np.where(follows, ride, onset)), 2.5)
    return _events(rng, onset, (0.95, 0.5, 2.0), (24.0, 0.3), pitch=(13.3, 0.7, 11.4, 14.8))


def _desaturations(second: npt.NDArray[np.int64], rng: np.random.Generator) -> Events:
    onset = _draw(rng, second, {"N1": 0.07, "N2": 0.05, "R": 0.2}, 75.0)
    return _events(rng, onset, (50.0, 30.0, 75.0), (5.0, 0.35))


def _draw(
    rng: np.random.Generator,
    second: npt.NDArray[np.int64],
    per_minute: dict[str, float],
    gap: float,
    modulation: FloatArray | float = 1.0,
) -> FloatArray:
    """Draw sorted event onsets in seconds, at least `gap` apart, at a rate that depends on the stage."""
    rate = np.array([per_minute.get(stage, 0.0) for stage in STAGES])[second] / 60 * modulation
    hits = np.flatnonzero(rng.random(len(second)) < rate)
    return _spaced(hits + rng.random(len(hits)), gap)


def _spaced(onset: FloatArray, gap: float) -> FloatArray:
    kept: list[float] = []
    for at in onset:
        if not kept or at - kept[-1] >= gap:
            kept.append(float(at))
    return np.array(kept)


def _events(
    rng: np.random.Generator,
    onset: FloatArray,
    length: tuple[float, float, float],
    size: tuple[float, float],
    *,
    pitch: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    signed: bool = False,
) -> Events:
    """Give onsets a length (typical, least, most), a size (median, log spread) and a pitch."""
    n = len(onset)
    lengths = np.clip(length[0] * np.exp(0.3 * rng.standard_normal(n)), length[1], length[2])
    sizes = size[0] * np.exp(size[1] * rng.standard_normal(n))
    if signed:
        sizes *= rng.choice([-1.0, 1.0], n)
    pitches = np.clip(pitch[0] + pitch[1] * rng.standard_normal(n), pitch[2], pitch[3])
    return Events(onset, lengths, sizes, pitches)
