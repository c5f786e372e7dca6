"""Signal types told from labels as recorders write them."""

from __future__ import annotations

import pytest

from sleepdask.signals.types import RULES, UNKNOWN, signal_type

LABELS = {
    "eeg": ["EEG Fpz-Cz", "EEG C3-A2", "C3-M2", "c4", "Fp1-F7", "AF3", "Cz", "O2-A1", "F3:A2", "T3", "EEG(sec)", "EEG"],
    "eog": ["EOG horizontal", "EOG(L)", "EOG-R", "E1-M2", "E2", "LOC", "ROC-A1", "EEG E1"],
    "emg": ["EMG submental", "EMG", "Chin1-Chin2", "chin", "Tib-L", "Tibialis R", "Left Leg", "LEG/R", "EMG Chin"],
    "ecg": ["ECG", "EKG", "ECG II", "ekg-1"],
    "spo2": ["SpO2", "SaO2", "SpO2 BPM", "OSAT"],
    "ppg": ["PPG", "Pleth", "Plethysmogram"],
    "hr": ["HR", "Heart Rate", "heartrate", "Pulse", "pulse rate"],
    "rr": ["RR", "rr"],
    "acc": ["ACC X", "Accelerometer z", "acc_y", "left acc"],
    "snore": ["Snore", "Snoring", "Snor."],
    "resp": ["Resp oro-nasal", "AIRFLOW", "Flow Patient", "THOR RES", "Abdo", "Nasal pressure", "Cannula", "RIP Chest"],
    "position": ["Position", "Pos.", "Body", "Body position"],
    "temperature": ["Temp rectal", "Temperature", "Body temperature"],
    "marker": ["Event marker", "Status", "Trigger", "Marker"],
    UNKNOWN: ["", "X1", "Light", "Battery", "C333", "Cream", "Porpoise", "Sound", "E3", "Microphone"],
}


@pytest.mark.parametrize(("kind", "label"), [(kind, label) for kind in LABELS for label in LABELS[kind]])
def test_type__of_a_label(kind: str, label: str) -> None:
    assert signal_type(label) == kind
    assert signal_type(label.upper()) == kind
    assert signal_type(label.lower()) == kind


def test_every_rule_has_an_example() -> None:
    assert {kind for kind, _ in RULES} == set(LABELS) - {UNKNOWN}
