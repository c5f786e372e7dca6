"""From the epochs of a channel to a row of the table, and to words: pure functions of NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sleepdask.features.base import check_positive

Values = NDArray[np.float64]

WAVES = frozenset({"eeg", "eog", "emg", "ecg", "erg", "meg", "ppg", "resp", "acc"})
"""Types whose samples never stay the same for seconds, if they are sampled as a wave is."""
SLOW_BY_NATURE = frozenset({"spo2", "hr", "rr", "resp_rate", "co2"})
"""Types that may stay the same for minutes, but not for a night."""
WAVE_RATE = 8.0  # Hz
VERDICTS = ("good", "fair", "poor", "bad")
PRESENT, UNKNOWN = "present", "unknown"
_JUDGED = ("flat", "clipped", "beyond_limit", "artefact", "constant")


@dataclass(frozen=True)
class Thresholds:
    """From what on an epoch, and a channel, is bad.

    Parameters
    ----------
    missing
        Share of the expected samples of an epoch that are missing, beyond which it is.
    flat, clipped, beyond_limit
        Share of the samples of an epoch that are flat, clipped or too large, beyond which it is.
    silent
        Standard deviation in uV below which an epoch of EEG is flat: a lead that is off leaves the noise of the
        amplifier.
    line_share, line_ratio
        Power of the line in an epoch, as `LineNoise` gives it: median over the night from which on, both together, a
        channel has line noise, and is at most fair.
    good, fair, poor
        Least share of usable epochs of a channel with that verdict; below the last it is bad.

    Notes
    -----
    ``flat`` and ``clipped`` are those that the manual of Luna proposes for its ``CHEP-MASK``; ``silent`` is a power of
    0.25 uV^2, and ``line_share`` lies within 0.05 to 0.2, as in the detectors of Snooz. What is left is a convention.
    """

    missing: float = 0.5
    flat: float = 0.05
    clipped: float = 0.05
    beyond_limit: float = 0.05
    silent: float = 0.5
    line_share: float = 0.1
    line_ratio: float = 10.0
    good: float = 0.95
    fair: float = 0.75
    poor: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            check_positive("Thresholds", field.name, getattr(self, field.name))


@dataclass(frozen=True)
class Channel:
    """What of a channel can be judged."""

    signal_type: str
    unit: str
    rate: float

    @property
    def is_wave(self) -> bool:
        """Whether flat and cut-off stretches are faults."""
        return self.signal_type in WAVES and self.rate >= WAVE_RATE

    @property
    def is_microvolt_eeg(self) -> bool:
        """Whether its amplitude has limits that are known."""
        return self.signal_type == "eeg" and self.unit == "uV"

    @property
    def varies(self) -> bool:
        """Whether it cannot be the same all night."""
        return self.signal_type in WAVES | SLOW_BY_NATURE


def row(columns: Mapping[str, Values], channel: Channel, limits: Thresholds) -> dict[str, float]:
    """Summarise the epochs of one channel.

    Parameters
    ----------
    columns
        Values of the features by column, dims (epoch,); what is not there is unknown.
    channel
        What can be judged.
    limits
        From what on an epoch is bad.

    Returns
    -------
    row
        Shares of epochs, but ``missing`` (share of samples) and the line noise (median over epochs); NaN where unknown.
    """
    size = len(next(iter(columns.values())))
    nothing = np.full(size, np.nan)
    missing = columns.get("missing_fraction", nothing)
    absent = np.where(np.isnan(missing), 1.0, missing) if "missing_fraction" in columns else nothing
    sd = columns.get("std", nothing)
    wave = channel.is_wave
    flat = _beyond(columns.get("flat_fraction", nothing), limits.flat) if wave else nothing
    clipped = _beyond(columns.get("clipping_fraction", nothing), limits.clipped) if wave else nothing
    beyond = nothing
    if channel.is_microvolt_eeg:
        flat = np.where(sd < limits.silent, 1.0, flat)
        beyond = _beyond(columns.get("amplitude_beyond_limit", nothing), limits.beyond_limit)
    artefact = _any([values for name, values in columns.items() if name.startswith("artefact_")], nothing)
    tests = {"flat": flat, "clipped": clipped, "beyond_limit": beyond, "artefact": artefact}
    judged = np.stack([_beyond(absent, limits.missing), *tests.values()])
    known = ~np.isnan(judged).all(axis=0)
    bad = (judged == 1).any(axis=0)
    lines = {name: _median(values) for name, values in columns.items() if name.startswith("line_noise_")}
    return {
        "missing": _mean(absent),
        **{name: _mean(values) for name, values in tests.items()},
        **lines,
        "constant": _mean(np.where(np.isnan(sd), np.nan, sd == 0)) if channel.varies else np.nan,
        "usable": float((known & ~bad).mean()) if known.any() else np.nan,
    }


def verdict(values: Mapping[str, float], limits: Thresholds) -> tuple[str, str]:
    """Return the word for a row, and why it is not ``good``."""
    usable = values["usable"]
    if np.isnan(usable):
        return UNKNOWN, "nothing of it can be judged"
    word = next((name for name in VERDICTS[:-1] if usable >= getattr(limits, name) - 1e-9), VERDICTS[-1])
    reasons = []
    if values["constant"] == 1:
        word = VERDICTS[-1]
        reasons.append("constant all night")
    said = {
        "missing": "missing",
        "flat": "flat",
        "clipped": "clipped",
        "beyond_limit": "too large",
        "artefact": "artefact",
    }
    reasons += [f"{percent(values[name])} {text}" for name, text in said.items() if values[name] > 0.0005]
    for name, share in values.items():
        ratio = values.get(name.removesuffix("share") + "ratio", np.nan)
        if name.endswith("_share") and share >= limits.line_share and ratio >= limits.line_ratio:
            line = name.removeprefix("line_noise_").removesuffix("_share").replace("_", ".")
            reasons.append(f"line noise of {line} Hz, {percent(share)} of the power")
            word = VERDICTS[max(VERDICTS.index(word), VERDICTS.index("fair"))]
    if word == VERDICTS[0] and np.isnan([values[name] for name in _JUDGED]).all():
        return PRESENT, "only what is missing can be judged"
    if word == VERDICTS[0]:
        return word, ""
    return word, "; ".join(reasons)


def percent(share: float) -> str:
    """Share as a text.

    Examples
    --------
    >>> percent(0.1234), percent(0.0042), percent(0.0001), percent(0.0)
    ('12 %', '0.4 %', '<0.1 %', '0 %')
    """
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else f"{100 * share:.1f} %"


def _beyond(values: Values, limit: float) -> Values:
    return np.where(np.isnan(values), np.nan, values > limit)


def _any(flags: list[Values], nothing: Values) -> Values:
    """1 where any of them is, 0 where none is and some is known, else NaN."""
    if not flags:
        return nothing
    together = np.stack(flags)
    return np.where((together == 1).any(axis=0), 1.0, np.where(np.isnan(together).all(axis=0), np.nan, 0.0))


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan


def _median(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else np.nan
