"""Signal types told from labels as recorders write them, and from unit and rate where labels are shared."""

from __future__ import annotations

import pytest

from sleepdask.signals.types import RULES, TYPES, UNKNOWN, contradicts, signal_type
from sleepdask.signals.units import UNITS

LABELS = {
    "eeg": ["EEG Fpz-Cz", "EEG C3-A2", "C3-M2", "c4", "Fp1-F7", "AF3", "Cz", "O2-A1", "F3:A2", "T3", "EEG(sec)", "EEG",
            "EEG 2", "EEG2", "EEG A1-Ref", "C3M2", "C3_M2", "C3/A2", "C3-LE", "C3-Ref", "Oz-AVG", "F10", "C3-(M1+M2)/2",
            "C4-M1 #2", "EEG temporal", "EEG Fp1-Ref"],
    "eog": ["EOG horizontal", "EOG(L)", "EOG-R", "E1-M2", "E2", "LOC", "ROC-A1", "EEG E1", "E1:M2", "E2M1", "LEOG"],
    "emg": ["EMG submental", "EMG", "Chin1-Chin2", "chin", "Tib-L", "Tibialis R", "Left Leg", "LEG/R", "EMG Chin",
            "LEG/L", "RLeg", "Leg 1", "Lchin", "ChinEMG"],
    "ecg": ["ECG", "EKG", "ECG II", "ekg-1", "ECG V2-V1", "ECG2", "ECG ECG1"],
    "erg": ["ERG"],
    "meg": ["MEG 001"],
    "spo2": ["SpO2", "SaO2", "OSAT", "SaO2 finger", "SpO2 B-B", "O2 sat"],
    "co2": ["EtCO2", "TcCO2", "CO2", "Capnogram"],
    "ppg": ["PPG", "Pleth", "Plethysmogram", "Pulse Waveform", "BVP"],
    "hr": ["HR", "Heart Rate", "heartrate", "pulse rate", "H.R."],
    "rr": ["R-R", "RRI", "RR interval", "IBI"],
    "acc": ["ACC X", "Accelerometer z", "acc_y", "left acc"],
    "activity": ["Activity", "Motion"],
    "snore": ["Snore", "Snoring", "Snor.", "Snore mic", "Snore.2s"],
    "sound": ["Sound", "Microphone", "Audio Volume", "Volume audio", "Tracheal sound"],
    "resp": ["Resp oro-nasal", "AIRFLOW", "Flow Patient", "THOR RES", "Abdo", "Nasal pressure", "Cannula", "RIP Chest",
             "Resp nasal", "Flow", "Flow.40ms", "NEW AIR", "ABDO RES", "Nasal temp", "Thermistor", "Effort THO"],
    "resp_rate": ["Resp Rate", "RespRate.2s", "Respiratory rate"],
    "pressure": ["MaskPress.2s", "Press.40ms", "EprPress.2s", "CPAP pressure"],
    "leak": ["Leak", "Leak.2s"],
    "ventilation": ["TidVol.2s", "Minute ventilation"],
    "flow_limitation": ["FlowLim.2s", "Flow Limitation"],
    "position": ["Position", "Pos.", "Body", "Body position", "PosAngle"],
    "temperature": ["Temp rectal", "Temperature", "Body temperature"],
    "light": ["Light", "Lux"],
    "battery": ["Battery", "Voltage (battery"],
    "marker": ["Event marker", "Status", "Trigger", "Marker", "TrigCycEvt.40ms"],
    "status": ["OX stat", "OxStatus"],
    UNKNOWN: ["", "X1", "C333", "Cream", "Porpoise", "E3", "Ch4", "Pulse", "RR", "A1", "M1", "PR", "Pressure", "X Axis",
              "POL T1", "POL E", "SpO2 BPM", "Response", "C15", "1-2", "PTT", "PWA", "P4 pressure", "EEGLE", "Z",
              "C3 Imp", "Impedance", "PLM l"],
}  # fmt: skip

# label, unit, rate in Hz, type: where the label alone is not enough, or says another thing than the unit
SHARED = [
    ("Pulse", "bpm", None, "hr"),
    ("Pulse", "BPM", 200, "hr"),
    ("Pulse.1s", "bpm", 1, "hr"),
    ("Puls", "1/min", 3, "hr"),
    ("Pulse", "", 1, "hr"),
    ("Pulse", "", 75, "ppg"),
    ("Pulse", "", 10, UNKNOWN),
    ("pulse", "uV", 200, UNKNOWN),
    ("Pulse Waveform", "", 75, "ppg"),
    ("RR", "ms", None, "rr"),
    ("RR", "bpm", 1, "resp_rate"),
    ("SpO2 BPM", "bpm", 1, "hr"),
    ("SpO2", "%", 1, "spo2"),
    ("SpO2", "mV", 1, UNKNOWN),
    ("SaO2 X9", "uV", 200, UNKNOWN),
    ("ECG", "bpm", 1, UNKNOWN),
    ("M1", "V", 200, "eeg"),
    ("M1M2", "V", 200, "eeg"),
    ("M1", "%", 1, UNKNOWN),
    ("O2", "uV", 256, "eeg"),
    ("O2", "%", 25, UNKNOWN),
    ("O2", "", 1, UNKNOWN),
    ("C3", "furlong", 100, "eeg"),
    ("X Axis", "g", 20, "acc"),
    ("x", "m/s2", 50, "acc"),
    ("X Axis", "deg", 20, UNKNOWN),
    ("PLM l", "uV", 200, "emg"),
    ("C3 Impédance", "Ohm", 1, "impedance"),
    ("C3-M2 (Imp)", "", 1, "impedance"),
    ("Jambe droite Imp", "kOhm", 1, "impedance"),
    ("anything", "Ohm", 1, "impedance"),
    ("Thoracic impedance", "Ohm", 100, "resp"),
    ("Impedance", "Ohm", 100, UNKNOWN),
    ("RIP-Phase", "°", 1, UNKNOWN),
    ("Chest", "g", 50, UNKNOWN),
    ("Temp", "uV", 100, UNKNOWN),
    ("Temp", "C", 1, "temperature"),
    ("Temp", "Deg", 1, "temperature"),
    ("SpO2.50", "%", 1 / 86400, UNKNOWN),
    ("EEG", "uV", 1 / 86400, UNKNOWN),
]


@pytest.mark.parametrize(("kind", "label"), [(kind, label) for kind in LABELS for label in LABELS[kind]])
def test_type__of_a_label(kind: str, label: str) -> None:
    assert signal_type(label) == kind
    assert signal_type(label.upper()) == kind
    assert signal_type(label.lower()) == kind
    assert signal_type(f"  {label.replace(' ', '  ')} ") == kind


@pytest.mark.parametrize(("label", "unit", "rate", "kind"), SHARED)
def test_type__of_a_shared_label_by_unit_and_rate(label: str, unit: str, rate: float | None, kind: str) -> None:
    assert signal_type(label, unit, rate) == kind


@pytest.mark.parametrize("kind", [kind for kind in LABELS if TYPES[kind].dimensions])
def test_a_unit_that_contradicts_its_label_never_keeps_the_type(kind: str) -> None:
    foreign = [unit.name for unit in UNITS if unit.dimension not in TYPES[kind].dimensions]
    assert foreign
    for label in LABELS[kind]:
        assert kind not in {signal_type(label, unit, 25) for unit in foreign}, label


def test_every_type_has_a_rule_and_an_example() -> None:
    by_unit = {kind for *_, kind in SHARED}
    assert {rule.signal_type for rule in RULES} == set(TYPES) == set(LABELS) | by_unit


def test_types_name_dimensions_that_units_have() -> None:
    known = {unit.dimension for unit in UNITS} | {""}
    assert {name for each in TYPES.values() for name in each.dimensions} <= known
    assert {name for rule in RULES for name in rule.units or ()} <= known


def test_contradiction_needs_a_known_unit() -> None:
    assert contradicts("eeg", "acceleration")
    assert not contradicts("eeg", "voltage")
    assert not contradicts("eeg", "")
    assert not contradicts("eeg", None)
    assert not contradicts("snore", "voltage")
