"""Channels and montages a synthetic night can have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from sleepdask.errors import ParameterError

SignalType = Literal["eeg", "eog", "emg", "ecg", "spo2"]

# Unit of the waveform, and the lowest rate in Hz that still holds its shape.
_KINDS: dict[str, tuple[str, int]] = {
    "eeg": ("uV", 64),
    "eog": ("uV", 32),
    "emg": ("uV", 64),
    "ecg": ("mV", 64),
    "spo2": ("%", 1),
}


@dataclass(frozen=True)
class Channel:
    """One channel of a synthetic night.

    Parameters
    ----------
    label
        Name in the file, at most 16 ASCII characters. The first letter of an EEG label (F, C, O, P or T)
        chooses the topography, its number the side: odd is left, even is right.
        An EOG label without a number is the left eye if it holds an L (LOC), else the right.
    signal_type
        What is recorded: "eeg", "eog", "emg", "ecg" or "spo2".
    rate
        Sampling rate in whole Hz.
    unit
        "uV" for EEG, EOG and EMG, "mV" for ECG, "%" for SpO2.
    physical_range
        Smallest and largest value the file can hold, in `unit`; samples beyond are clipped.

    Raises
    ------
    ParameterError
        If the label does not fit an EDF header, the type is unknown, the unit is another
        than that of the type, or rate or range is out of bounds.
    """

    label: str
    signal_type: SignalType
    rate: int
    unit: str
    physical_range: tuple[float, float]

    def __post_init__(self) -> None:
        if not (0 < len(self.label) <= 16 and self.label.isascii() and self.label.isprintable()):
            raise ParameterError("bad channel label", expected="1 to 16 ASCII characters", found=repr(self.label))
        if self.signal_type not in get_args(SignalType):
            raise ParameterError(
                "unknown signal type",
                where=self.label,
                expected=f"one of {get_args(SignalType)}",
                found=repr(self.signal_type),
            )
        unit, lowest = _KINDS[self.signal_type]
        if self.unit != unit:
            raise ParameterError("unit does not fit the type", where=self.label, expected=unit, found=self.unit)
        if not isinstance(self.rate, int) or not lowest <= self.rate <= 2048:
            raise ParameterError(
                "sampling rate out of range",
                where=self.label,
                expected=f"a whole number of Hz from {lowest} to 2048",
                found=self.rate,
            )
        if not self.physical_range[0] < self.physical_range[1]:
            raise ParameterError(
                "physical range is empty",
                where=self.label,
                expected="(low, high) with low < high",
                found=self.physical_range,
            )


def _eeg(label: str, rate: int = 256) -> Channel:
    return Channel(label, "eeg", rate, "uV", (-500.0, 500.0))


def _eog(label: str, rate: int) -> Channel:
    return Channel(label, "eog", rate, "uV", (-500.0, 500.0))


_CHIN = Channel("EMG chin", "emg", 256, "uV", (-500.0, 500.0))
_ECG = Channel("ECG II", "ecg", 256, "mV", (-5.0, 5.0))
_SPO2 = Channel("SpO2", "spo2", 1, "%", (0.0, 100.0))

PSG_MONTAGE: tuple[Channel, ...] = (
    _eeg("F3-M2"),
    _eeg("C3-M2"),
    _eeg("O1-M2"),
    _eog("E1-M2", 128),
    _eog("E2-M2", 128),
    _CHIN,
    _ECG,
    _SPO2,
)
"""Demo montage: three EEG, two EOG, chin EMG, ECG and SpO2 at 256, 128 and 1 Hz."""

REFERENCE_MONTAGE: tuple[Channel, ...] = (
    _eeg("F3-M2"),
    _eeg("F4-M1"),
    _eeg("C3-M2"),
    _eeg("O1-M2"),
    _eog("E1-M2", 256),
    _eog("E2-M2", 256),
    _CHIN,
    _ECG,
)
"""Benchmark montage: eight channels, all at 256 Hz (an 8 h night is about 118 MB as EDF)."""

SMALL_MONTAGE: tuple[Channel, ...] = (_eeg("C3-M2", 64), _eeg("O1-M2", 64), _SPO2)
"""Montage for many small nights: two EEG at 64 Hz and SpO2 (half an hour is about 0.5 MB as EDF)."""

MONTAGES: dict[str, tuple[Channel, ...]] = {
    "psg": PSG_MONTAGE,
    "reference": REFERENCE_MONTAGE,
    "small": SMALL_MONTAGE,
}
"""Montages by their names on the command line."""
