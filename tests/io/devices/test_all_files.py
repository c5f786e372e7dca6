"""Every file of real recordings opens in its format, or is refused for the reason that is stated."""

from __future__ import annotations

from pathlib import Path

import pytest

import sleepdask as sd
from sleepdask.errors import SleepdaskError
from sleepdask.io.folders import recording_files

OPENED = {
    "actigraphy/example_01.AWD": "Actiwatch AWD",
    "actigraphy/example_02.AWD": "Actiwatch AWD",
    "actigraphy/test_sample.mtn": "MotionWatch mtn",
    "edf-odd/bdfPlusD.bdf": "BDF+D",
    "edf-odd/chtypes_edf.edf": "EDF+C",
    "edf-odd/duplicate_channel_labels.edf": "EDF+C",
    "edf-odd/edfPlusD.edf": "EDF+D",
    "edf-odd/test_subsecond.edf": "EDF+C",
    "edf-odd/test_uneven_samp.edf": "EDF",
    "edf-odd/test_utf8_annotations.edf": "EDF+C",
    "empatica-e4": "Empatica E4",
    "empatica-e4/ACC.csv": "Empatica E4",
    "empatica-e4/BVP.csv": "Empatica E4",
    "empatica-e4/EDA.csv": "Empatica E4",
    "empatica-e4/HR.csv": "Empatica E4",
    "empatica-e4/IBI.csv": "Empatica E4",
    "empatica-e4/TEMP.csv": "Empatica E4",
    "nox-a1-psg/subject1.edf": "EDF+C",
    "polar-verity-sense": "Polar Sensor Logger",
    "polar-verity-sense/MARKER.txt": "Polar Sensor Logger",
    "polar-verity-sense/Polar_Sense_ACC.txt": "Polar Sensor Logger",
    "polar-verity-sense/Polar_Sense_HR.txt": "Polar Sensor Logger",
    "polar-verity-sense/Polar_Sense_PPI.txt": "Polar Sensor Logger",
    "raw-accel-and-fitbit": "Fitbit JSON",
    "raw-accel-and-fitbit/GENEActiv_testfile.bin": "GENEActiv bin",
    "raw-accel-and-fitbit/ax3_testfile.cwa": "Axivity CWA",
    "raw-accel-and-fitbit/heart_rate-1995-06-24.json": "Fitbit JSON",
    "raw-accel-and-fitbit/sleep-1995-06-23_Fitbit.json": "Fitbit JSON",
    "raw-accel-and-fitbit/steps-1995-06-23_Fitbit.json": "Fitbit JSON",
    "resmed-night-a": "ResMed night",
    "resmed-night-a/20260310_000154_EVE.edf": "EDF+D",
    "resmed-night-a/20260310_000159_BRP.edf": "EDF",
    "resmed-night-a/20260310_000159_PLD.edf": "EDF",
    "resmed-night-a/20260310_000159_SAD.edf": "EDF",
    "resmed-night-a/STR.edf": "EDF",
    "resmed-night-a/checkme-o2-max-20260310.csv": "Checkme oximeter",
    "sleep-edf-sc4001/SC4001E0-PSG.edf": "EDF",
    "sleep-edf-sc4001/SC4001EC-Hypnogram.edf": "EDF+C",
    "sleep-edf-short/SC4001EC-Hypnogram.bdf": "BDF+C",
    "sleep-edf-short/short_psg.bdf": "BDF",
    "sleep-edf-short/short_psg.edf": "EDF",
    "withings-sleep-mat": "Withings sleep mat",
    "withings-sleep-mat/raw_sleep-monitor_hr.csv": "Withings sleep mat",
    "withings-sleep-mat/raw_sleep-monitor_respiratory-rate.csv": "Withings sleep mat",
    "withings-sleep-mat/raw_sleep-monitor_sleep-state.csv": "Withings sleep mat",
    "withings-sleep-mat/raw_sleep-monitor_snoring.csv": "Withings sleep mat",
}
"""Format by path."""

NO_DATA = "the file holds no whole data record"
REFUSED = {
    "edf-odd/invalid-date.edf": NO_DATA,
    "edf-odd/zero-data-records.edf": NO_DATA,
    "withings-sleep-mat/sleep.csv": "a summary of nights is no recording",
}
"""Why a recording, or what is beside one, is refused."""

FOLDERS = {
    "actigraphy",
    "edf-odd",
    "newcastle-hypnograms",
    "nox-a1-psg",
    "nsrr-annotations",
    "sleep-edf-sc4001",
    "sleep-edf-short",
    "yasa-hypnogram",
}
"""Several recordings, or none: a folder is opened only where it is one recording."""

NOT_READ = {
    "empatica-e4/info.txt",
    "empatica-e4/tags.csv",
    "newcastle-hypnograms/mecsleep01_psg.txt",
    "newcastle-hypnograms/mecsleep21_psg.txt",
    "newcastle-hypnograms/mecsleep27_psg.txt",
    "nox-a1-psg/noxturnal_events_example_unicode.csv",
    "nsrr-annotations/learn-nsrr01-profusion.xml",
    "resmed-night-a/Identification.tgt",
    "yasa-hypnogram/data_full_6hrs_100Hz_hypno_30s.txt",
}
"""Scores, which `read_hypnogram` reads, and files that hold no signal, beside READMEs."""


def outcome(path: Path) -> str:
    try:
        return str(sd.open_recording(path).attrs["format"])
    except SleepdaskError as error:
        return f"refused: {error.args[0]}"


def test_every_file_and_folder(test_data: Path) -> None:
    want = dict(OPENED) | {path: f"refused: {reason}" for path, reason in REFUSED.items()}
    want |= dict.fromkeys(FOLDERS, "refused: is a folder")
    want |= dict.fromkeys(NOT_READ, "refused: this kind of recording is not read")
    found = {path.relative_to(test_data).as_posix(): path for path in test_data.rglob("*") if path.name != "README.md"}
    assert {name: outcome(path) for name, path in found.items()} == want


def test_diagnose_finds_every_file_that_a_reader_knows(test_data: Path) -> None:
    known = {path for path in OPENED if (test_data / path).is_file()} | set(REFUSED)
    found = sd.diagnose(test_data)
    assert {file.path.relative_to(test_data).as_posix() for file in found} == known  # type: ignore[union-attr]
    refused = {file.path.relative_to(test_data).as_posix() for file in found if file.policy == "none"}  # type: ignore[union-attr]
    assert refused == set(REFUSED)


def test_no_edf_file_is_opened_to_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.edf", "b.BDF", "c.rec"):
        (tmp_path / name).write_bytes(b"0       ")
    monkeypatch.setattr("sleepdask.io.reader.open_source", None)
    assert [path.name for path in recording_files(tmp_path)] == ["a.edf", "b.BDF", "c.rec"]  # type: ignore[union-attr]


def test_only_edf_is_found_where_only_edf_is_wanted(tmp_path: Path, scored_night: Path) -> None:
    (tmp_path / "night.edf").write_bytes(scored_night.read_bytes())
    (tmp_path / "night").write_bytes(scored_night.read_bytes())  # told by its first bytes
    (tmp_path / "steps.json").write_text('[{"dateTime": "03/11/24 23:00:00", "value": "12"}]')
    (tmp_path / "notes.json").write_text("[]")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    names = [path.name for path in recording_files(tmp_path)]  # type: ignore[union-attr]
    assert names == ["night", "night.edf", "steps.json"]
    names = [path.name for path in recording_files(tmp_path, devices=False)]  # type: ignore[union-attr]
    assert names == ["night", "night.edf"]
