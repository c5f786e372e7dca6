"""Labels of real files, and the types that a reader who knows the recorders gives them.

Gone through label by label; repeats, annotations and checksums are left out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sleepdask.signals.types import signal_type

TEST_SIGNALS = {
    "unknown": [
        "squarewave", "ramp", "pulse", "noise", "sine 1 Hz", "sine 8 Hz", "sine 8.5 Hz", "sine 15 Hz",
        "sine 17 Hz", "sine 50 Hz",
    ],
    "ecg": ["ECG"],
}  # fmt: skip

CHTYPES = {
    "eeg": [
        "EEG Fp1-Ref", "EEG Fp2-Ref", "EEG F3-Ref", "EEG F4-Ref", "EEG C3-Ref", "EEG C4-Ref", "EEG P3-Ref",
        "EEG P4-Ref", "EEG O1-Ref", "EEG O2-Ref", "EEG F7-Ref", "EEG F8-Ref", "EEG T7-Ref", "EEG T8-Ref",
        "EEG P7-Ref", "EEG P8-Ref", "EEG Fz-Ref", "EEG Cz-Ref", "EEG Pz-Ref", "EEG A1-Ref", "EEG A2-Ref",
        "EEG F9-Ref", "EEG T9-Ref", "EEG P9-Ref", "EEG F10-Ref", "EEG T10-Ref", "EEG P10-Ref",
    ],
    "unknown": [
        "POL E", "POL PG1", "POL PG2", "POL T1", "POL T2", "SaO2 X9", "SaO2 X10", "POL DC01", "POL DC02",
        "POL DC03", "POL DC04", "POL $A1", "POL $A2",
    ],
    "ecg": ["ECG ECG1", "ECG ECG2"],
}  # fmt: skip

DUPLICATES = {
    "eeg": ["EEG F1-Ref", "EEG F2-Ref"],
}  # fmt: skip

SHHS = {
    "spo2": ["SaO2"],
    "hr": ["H.R."],
    "eeg": ["EEG(sec)", "EEG"],
    "ecg": ["ECG"],
    "emg": ["EMG"],
    "eog": ["EOG(L)", "EOG(R)"],
    "resp": ["THOR RES", "ABDO RES", "NEW AIR"],
    "position": ["POSITION"],
    "light": ["LIGHT"],
    "status": ["OX stat"],
}  # fmt: skip

SUBSECOND = {
    "eeg": ["Fp1"],
}  # fmt: skip

UNEVEN = {
    "unknown": ["3Hz +5/-5 V", "0.2Hz Blk 1/0uV"],
}  # fmt: skip

NOX = {
    "unknown": [
        "1", "1-2", "1-F", "2", "2-F", "F", "K", "Elevation", "RIP-Phase", "PTT", "PWA", "Voltage (bluetoo",
        "Voltage (core)",
    ],
    "impedance": [
        "1 Impédance", "1-2 (Imp)", "1-F (Imp)", "2 Impédance", "C3 Impédance", "C3-M2 (Imp)", "C4 Impédance",
        "C4-M1 (Imp)", "E1 Impédance", "E1-M2 (Imp)", "E2 Impédance", "E2-M1 (Imp)", "ECG Impédance",
        "F Impédance", "F3 Impédance", "F3-M2 (Imp)", "F4 Impédance", "F4-M1 (Imp)", "Jambe droite Imp",
        "Jambe gauche Imp", "M1 Impédance", "M2 Impédance", "O1 Impédance", "O1-M2 (Imp)", "O2 Impédance",
        "O2-M1 (Imp)",
    ],
    "resp": [
        "Abdomen CaL", "Abdomen", "Airflow", "RIP Flow Cal", "RIP Flow", "Inductance Abdom", "Inductance Thora",
        "Nasal Pressure", "RIP Sum Cal", "RIP Sum", "Chest",
    ],
    "activity": ["Activity"],
    "acc": ["X Axis", "Y Axis", "Z Axis"],
    "eeg": [
        "C3", "C3-M2", "C4", "C4-M1", "F3", "F3-M2", "F4", "F4-M1", "M1", "M1M2", "M2", "O1", "O1-M2", "O2",
        "O2-M1",
    ],
    "eog": ["E1", "E1-M2", "E2", "E2-M1"],
    "ecg": ["ECG"],
    "resp_rate": ["Resp Rate"],
    "hr": ["Heart Rate", "Pulse"],
    "emg": ["Right Leg", "Left Leg"],
    "flow_limitation": ["Flow Limitation"],
    "light": ["Light"],
    "ppg": ["Pulse Waveform"],
    "position": ["PosAngle"],
    "snore": ["Snoring"],
    "spo2": ["Saturation", "SpO2 B-B"],
    "battery": ["Voltage (battery"],
    "sound": ["Volume audio", "Audio Volume dB"],
}  # fmt: skip

RESMED_BRP = {
    "resp": ["Flow.40ms"],
    "pressure": ["Press.40ms"],
    "marker": ["TrigCycEvt.40ms"],
}  # fmt: skip

RESMED_PLD = {
    "pressure": ["MaskPress.2s", "Press.2s", "EprPress.2s"],
    "leak": ["Leak.2s"],
    "resp_rate": ["RespRate.2s"],
    "ventilation": ["TidVol.2s", "MinVent.2s"],
    "unknown": ["IERatio.2s", "B5ITime.2s", "B5ETime.2s", "Ti.2s"],
    "snore": ["Snore.2s"],
    "flow_limitation": ["FlowLim.2s"],
}  # fmt: skip

RESMED_SAD = {
    "hr": ["Pulse.1s"],
    "spo2": ["SpO2.1s"],
}  # fmt: skip

RESMED_STR = {
    "unknown": [
        "Date", "MaskOn", "MaskOff", "MaskEvents", "Duration", "OnDuration", "PatientHours", "Mode",
        "S.RampEnable", "S.RampTime", "S.C.StartPress", "S.C.Press", "S.EPR.ClinEnable", "S.EPR.EPREnable",
        "S.EPR.Level", "S.EPR.EPRType", "S.BL.StartPress", "S.BL.IPAP", "S.BL.EPAP", "S.EasyBreathe",
        "S.VA.StartPress", "S.VA.MaxIPAP", "S.VA.MinEPAP", "S.VA.PS", "S.RiseEnable", "S.RiseTime", "S.Cycle",
        "S.Trigger", "S.TiMax", "S.TiMin", "S.SmartStart", "S.PtAccess", "S.ABFilter", "S.LeakAlert", "S.Mask",
        "S.Tube", "S.ClimateControl", "S.HumEnable", "S.HumLevel", "S.TempEnable", "S.Temp", "HeatedTube",
        "Humidifier", "BlowPress.95", "BlowPress.5", "Flow.95", "Flow.5", "BlowFlow.50", "AmbHumidity.50",
        "HumTemp.50", "HTubeTemp.50", "HTubePow.50", "HumPow.50", "SpO2.50", "SpO2.95", "SpO2.Max",
        "SpO2Thresh", "SpontCyc%", "MaskPress.50", "MaskPress.95", "MaskPress.Max", "TgtIPAP.50", "TgtIPAP.95",
        "TgtIPAP.Max", "TgtEPAP.50", "TgtEPAP.95", "TgtEPAP.Max", "Leak.50", "Leak.95", "Leak.70", "Leak.Max",
        "MinVent.50", "MinVent.95", "MinVent.Max", "RespRate.50", "RespRate.95", "RespRate.Max", "TidVol.50",
        "TidVol.95", "TidVol.Max", "IERatio.50", "IERatio.95", "IERatio.Max", "Ti.50", "Ti.95", "Ti.Max", "AHI",
        "HI", "AI", "OAI", "CAI", "UAI", "Fault.Device", "Fault.Alarm", "Fault.Humidifier", "Fault.HeatedTube",
    ],
}  # fmt: skip

SLEEP_EDF = {
    "eeg": ["EEG Fpz-Cz", "EEG Pz-Oz"],
    "eog": ["EOG horizontal"],
    "resp": ["Resp oro-nasal"],
    "emg": ["EMG submental"],
    "temperature": ["Temp rectal"],
    "marker": ["Event marker"],
}  # fmt: skip

FILES = {
    "edf-odd/bdfPlusD.bdf": TEST_SIGNALS,
    "edf-odd/edfPlusD.edf": TEST_SIGNALS,
    "edf-odd/test_utf8_annotations.edf": TEST_SIGNALS,
    "edf-odd/chtypes_edf.edf": CHTYPES,
    "edf-odd/duplicate_channel_labels.edf": DUPLICATES,
    "edf-odd/invalid-date.edf": SHHS,
    "edf-odd/zero-data-records.edf": SHHS,
    "edf-odd/test_subsecond.edf": SUBSECOND,
    "edf-odd/test_uneven_samp.edf": UNEVEN,
    "nox-a1-psg/subject1.edf": NOX,
    "resmed-night-a/20260310_000159_BRP.edf": RESMED_BRP,
    "resmed-night-a/20260310_000159_PLD.edf": RESMED_PLD,
    "resmed-night-a/20260310_000159_SAD.edf": RESMED_SAD,
    "resmed-night-a/STR.edf": RESMED_STR,
    "sleep-edf-sc4001/SC4001E0-PSG.edf": SLEEP_EDF,
    "sleep-edf-short/short_psg.bdf": SLEEP_EDF,
    "sleep-edf-short/short_psg.edf": SLEEP_EDF,
}


def stated(path: Path) -> dict[str, list[str]]:
    """Labels by type, from the bytes of the header alone."""
    with path.open("rb") as file:
        head = file.read(256)
        count, seconds = int(head[252:256]), float(head[244:252])
        fields = file.read(256 * count)

    def texts(begin: int, width: int) -> list[str]:
        places = (count * begin + width * i for i in range(count))
        return [fields[place : place + width].decode("utf-8").rstrip() for place in places]

    found: dict[str, list[str]] = {}
    for label, unit, samples in zip(texts(0, 16), texts(96, 8), texts(216, 8), strict=True):
        if not label.endswith("Annotations") and label != "Crc16":
            labels = found.setdefault(signal_type(label, unit, int(samples) / seconds if seconds else None), [])
            labels += [] if label in labels else [label]
    return found


@pytest.mark.parametrize("name", FILES)
def test_labels_of_a_file(test_data: Path, name: str) -> None:
    assert stated(test_data / name) == FILES[name]


def test_every_recording_is_in_the_table(test_data: Path) -> None:
    paths = [path for kind in ("edf", "bdf") for path in test_data.rglob(f"*.{kind}")]
    assert {str(path.relative_to(test_data)) for path in paths if stated(path)} == set(FILES)
