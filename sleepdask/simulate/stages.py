"""Hypnogram of a synthetic night: a semi-Markov chain of bouts within ultradian cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sleepdask.errors import ParameterError

STAGES: tuple[str, ...] = ("W", "N1", "N2", "N3", "R")
EPOCH_SECONDS = 30

Bout = tuple[str, float]


@dataclass(frozen=True)
class _Phase:
    """A part of a cycle: bouts of `stage` (mean minutes), each followed by one of the interruptions.

    Each interruption is a probability and the bouts (stage, mean minutes) it consists of.
    """

    stage: str
    bout: float
    interruptions: tuple[tuple[float, tuple[Bout, ...]], ...]


_AWAKENING: tuple[Bout, ...] = (("W", 1.2), ("N1", 1.0))
_LONG_AWAKENING: tuple[Bout, ...] = (("W", 5.0), ("N1", 2.0))
_LIGHTENING: tuple[Bout, ...] = (("N1", 1.0),)

_LIGHT = _Phase("N2", 8.0, ((0.25, _AWAKENING), (0.04, _LONG_AWAKENING), (0.4, _LIGHTENING)))
_DEEP = _Phase("N3", 7.0, ((0.75, (("N2", 1.0),)), (0.1, (("W", 0.5), ("N1", 0.5), ("N2", 1.5)))))
_DREAM = _Phase("R", 7.0, ((0.3, _AWAKENING), (0.3, _LIGHTENING), (0.2, (("N2", 1.0),))))

# Mean minutes of light, deep, light and REM sleep per cycle: deep sleep early in the night, REM sleep late.
# The last row repeats for longer nights.
_CYCLES: tuple[tuple[float, float, float, float], ...] = (
    (14.0, 38.0, 12.0, 7.0),
    (20.0, 27.0, 18.0, 18.0),
    (30.0, 13.0, 19.0, 24.0),
    (36.0, 5.0, 18.0, 28.0),
    (44.0, 0.0, 14.0, 30.0),
)


def simulate_stages(n_epochs: int, rng: np.random.Generator) -> npt.NDArray[np.str_]:
    """Draw the sleep stages of one night.

    The night opens awake, falls asleep through N1 and then passes through cycles of about 90 minutes,
    each descending to N3 and closing with REM sleep. Bout durations are gamma distributed.

    Parameters
    ----------
    n_epochs
        Number of 30 s epochs.
    rng
        Source of randomness.

    Returns
    -------
    ndarray of str, shape (n_epochs,)
        "W", "N1", "N2", "N3" or "R" per epoch.

    Raises
    ------
    ParameterError
        If `n_epochs` is not positive.
    """
    if n_epochs < 1:
        raise ParameterError("a night needs at least one epoch", found=n_epochs)
    # Short recordings (naps) begin nearer to sleep, so that they still hold some.
    latency = min(12.0, n_epochs / 2 * 0.08)
    epochs = _bout("W", latency, rng, shape=6.0) + _bout("N1", 2.5, rng)
    cycle = 0
    while len(epochs) < n_epochs:
        early, deep, late, dream = _CYCLES[min(cycle, len(_CYCLES) - 1)]
        for phase, mean in ((_LIGHT, early), (_DEEP, deep), (_LIGHT, late), (_DREAM, dream)):
            epochs += _fill(phase, mean, rng)
        cycle += 1
    stages = np.array(epochs[:n_epochs])
    if n_epochs > 6 * 120:
        stages[n_epochs - int(rng.integers(3, 16)) :] = "W"  # a full night ends awake, lights on
    return stages


def _fill(phase: _Phase, mean: float, rng: np.random.Generator) -> list[str]:
    """Alternate bouts and interruptions until the phase has lasted its time."""
    if mean == 0:
        return []
    target = max(2.0, 2 * rng.gamma(12.0, mean / 12.0))
    epochs: list[str] = []
    while len(epochs) < target:
        main = _bout(phase.stage, phase.bout, rng)
        epochs += main[: max(1, int(target) - len(epochs))]
        draw = rng.random()
        for chance, bouts in phase.interruptions:
            if draw < chance:
                for stage, minutes in bouts:
                    epochs += _bout(stage, minutes, rng)
                break
            draw -= chance
    return epochs


def _bout(stage: str, minutes: float, rng: np.random.Generator, shape: float = 2.0) -> list[str]:
    return [stage] * max(1, round(2 * rng.gamma(shape, minutes / shape)))
