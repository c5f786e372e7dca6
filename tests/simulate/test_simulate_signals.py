"""Signals of synthetic nights carry the marks by which sleep stages are told apart."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import find_peaks, welch

from sleepdask.simulate import PSG_MONTAGE, REFERENCE_MONTAGE, Channel, Night, simulate_night
from sleepdask.simulate.stages import STAGES

BY_LABEL = {channel.label: channel for channel in (*REFERENCE_MONTAGE, *PSG_MONTAGE)}


@cache
def _night() -> Night:
    """Two hours that pass through all stages twice, ten minutes at a time."""
    return Night(np.tile(np.repeat(["W", "N1", "N2", "N3", "R", "N2"], 20), 2), seed=11)


@cache
def _samples(label: str) -> npt.NDArray[np.float32]:
    return _night().samples(label)


def _epochs(label: str, stage: str) -> npt.NDArray[np.float32]:
    rate = BY_LABEL[label].rate
    epochs: npt.NDArray[np.float32] = _samples(label).reshape(-1, 30 * rate)[_night().stages == stage]
    return epochs


def _band_power(label: str, low: float, high: float) -> dict[str, float]:
    """Median over epochs, so that movements do not decide."""
    power = {}
    for stage in STAGES:
        freqs, density = welch(_epochs(label, stage), BY_LABEL[label].rate, nperseg=1024)
        inside = (freqs >= low) & (freqs <= high)
        power[stage] = float(np.median(density[:, inside].sum(axis=1) * freqs[1]))
    return power


def test_delta_deepens_with_sleep() -> None:
    delta = _band_power("F3-M2", 0.5, 4)
    assert delta["N3"] > 3 * delta["N2"]
    assert delta["N2"] > 1.5 * delta["W"]


def test_sigma_is_highest_in_n2() -> None:
    sigma = _band_power("C3-M2", 12, 15)
    assert max(sigma, key=lambda stage: sigma[stage]) == "N2"


def test_alpha_is_highest_in_wake_and_over_the_back() -> None:
    back, front = _band_power("O1-M2", 8, 12), _band_power("F3-M2", 8, 12)
    assert max(back, key=lambda stage: back[stage]) == "W"
    assert back["W"] > 2 * front["W"]


def test_spectrum_falls_with_frequency() -> None:
    freqs, density = welch(_epochs("C3-M2", "R"), 256, nperseg=1024)
    median = np.median(density, axis=0)
    levels = [median[(freqs > low) & (freqs < 2 * low)].mean() for low in (1, 4, 16, 32)]
    assert levels == sorted(levels, reverse=True)


def test_eeg_amplitudes_are_physiological() -> None:
    for stage, low, high in (("W", 8, 30), ("N2", 8, 25), ("N3", 20, 45), ("R", 6, 20)):
        freqs, density = welch(_epochs("C3-M2", stage), 256, nperseg=1024)
        rms = np.sqrt(np.median(density[:, freqs > 0.4].sum(axis=1) * freqs[1]))
        assert low < rms < high, stage


def test_chin_tone_falls_with_sleep_and_is_lost_in_rem() -> None:
    tone = _band_power("EMG chin", 10, 100)
    assert sorted(tone, key=lambda stage: tone[stage]) == ["R", "N3", "N2", "N1", "W"]
    assert tone["R"] < 0.35 * tone["N3"]


def test_eyes_move_out_of_phase_in_rem_and_carry_the_brain_in_phase_in_n3() -> None:
    def steps(label: str, stage: str) -> npt.NDArray[np.float32]:
        eye = _epochs(label, stage)
        return (eye[:, 12:] - eye[:, :-12]).ravel()

    left, right = steps("E1-M2", "R"), steps("E2-M2", "R")
    fast = np.abs(left) > 60
    assert np.mean(fast) > 3 * np.mean(np.abs(steps("E1-M2", "N2")) > 60)
    assert np.mean(np.sign(left[fast]) == -np.sign(right[fast])) > 0.75
    assert np.corrcoef(steps("E1-M2", "N3"), steps("E2-M2", "N3"))[0, 1] > 0.4


@pytest.mark.parametrize("labels", [("E1-M2", "E2-M2"), ("LOC-A2", "ROC-A1"), ("EOG-L", "EOG-R")])
def test_left_and_right_eye_are_told_apart_by_label(labels: tuple[str, str]) -> None:
    awake = Night(np.repeat(["W"], 40), seed=11)
    left, right = (awake.samples(Channel(label, "eog", 128, "uV", (-500.0, 500.0))) for label in labels)
    assert np.corrcoef(np.diff(left[::16]), np.diff(right[::16]))[0, 1] < -0.2


def test_heart_beats_at_a_resting_rate_and_slows_in_deep_sleep() -> None:
    rate = {}
    for stage in STAGES:
        intervals = []
        for epoch in _epochs("ECG II", stage):
            peaks, _ = find_peaks(epoch - np.median(epoch), height=0.6, distance=100)
            intervals.append(np.diff(peaks) / 256)
        bpm = 60 / np.concatenate(intervals)
        assert np.percentile(bpm, 1) > 40
        assert np.percentile(bpm, 99) < 100
        rate[stage] = np.median(bpm)
    assert rate["N3"] < rate["R"] < rate["W"]


def test_saturation_is_whole_percent_with_dips() -> None:
    night = simulate_night(seed=2)
    spo2 = night.samples("SpO2")
    assert len(spo2) == 8 * 3600
    assert np.array_equal(spo2, np.rint(spo2))
    assert 94 <= np.median(spo2) <= 98
    assert 70 < spo2.min() <= 93
    assert spo2.max() <= 100


def test_channels_do_not_depend_on_the_rest_of_the_montage() -> None:
    alone = Night(_night().stages, (BY_LABEL["C3-M2"],), seed=11)
    assert np.array_equal(alone.samples("C3-M2"), _samples("C3-M2"))


def test_other_seed_other_samples() -> None:
    other = Night(_night().stages, seed=12)
    assert not np.array_equal(other.samples("SpO2"), _samples("SpO2"))
    eeg = BY_LABEL["C3-M2"]
    first, second = (simulate_night(0.1, seed).samples(eeg) for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


@pytest.mark.parametrize("rate", [100, 200, 500])
def test_other_rates_give_the_same_amplitude(rate: int) -> None:
    channel = Channel("C3-M2", "eeg", rate, "uV", (-500.0, 500.0))
    freqs, density = welch(Night(_night().stages[:120], seed=11).samples(channel), rate, nperseg=4 * rate)
    freqs_256, density_256 = welch(_samples("C3-M2")[: 3600 * 256], 256, nperseg=1024)
    low = (freqs > 0.4) & (freqs < 30)
    low_256 = (freqs_256 > 0.4) & (freqs_256 < 30)
    assert density[low].sum() == pytest.approx(density_256[low_256].sum(), rel=0.2)


def test_reference_montage_is_eight_channels_at_one_rate() -> None:
    assert len(REFERENCE_MONTAGE) == 8
    assert {channel.rate for channel in REFERENCE_MONTAGE} == {256}
    assert simulate_night(0.1, montage=REFERENCE_MONTAGE).samples("F4-M1").shape == (360 * 256,)
