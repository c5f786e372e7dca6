"""Hypnograms of synthetic nights look like those of healthy sleepers."""

from __future__ import annotations

import numpy as np
import pytest

from sleepdask.errors import ParameterError
from sleepdask.simulate import simulate_night
from sleepdask.simulate.stages import STAGES, simulate_stages

SEEDS = range(40)


def _nights() -> list[np.ndarray]:
    return [simulate_night(seed=seed).stages for seed in SEEDS]


def test_stage_fractions_are_plausible() -> None:
    for stages in _nights():
        share = {stage: float(np.mean(stages == stage)) for stage in STAGES}
        assert max(share, key=lambda stage: share[stage]) == "N2"
        assert 0.03 < share["W"] < 0.2
        assert 0.03 < share["N1"] < 0.15
        assert 0.07 < share["N3"] < 0.27
        assert 0.1 < share["R"] < 0.3


def test_deep_sleep_comes_early_and_rem_late() -> None:
    halves = [np.split(stages, 2) for stages in _nights()]
    for first, second in halves:
        assert np.sum(first == "N3") > 2 * np.sum(second == "N3")
    early, late = (np.mean([np.mean(half[i] == "R") for half in halves]) for i in (0, 1))
    assert late > 1.5 * early


def test_nights_open_and_close_awake_and_fall_asleep_through_n1() -> None:
    for stages in _nights():
        assert stages[0] == stages[-1] == "W"
        assert stages[np.flatnonzero(stages != "W")[0]] == "N1"
        assert np.flatnonzero(stages == "R")[0] > 90  # REM latency above 45 minutes


def test_bouts_are_stable() -> None:
    changes = [np.sum(stages[1:] != stages[:-1]) for stages in _nights()]
    assert 60 < np.mean(changes) < 160


@pytest.mark.parametrize("hours", [0.5, 1.0, 2.0])
def test_short_nights_hold_sleep(hours: float) -> None:
    stages = simulate_night(hours=hours, seed=5).stages
    assert len(stages) == hours * 120
    assert set(stages) <= set(STAGES)
    assert np.mean(stages == "W") < 0.5


def test_stages_follow_the_generator() -> None:
    draws = [simulate_stages(960, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_no_epochs_is_an_error() -> None:
    with pytest.raises(ParameterError, match="at least one epoch"):
        simulate_stages(0, np.random.default_rng(0))
