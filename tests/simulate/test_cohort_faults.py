"""Planted faults: each damages what it says, nothing else, and is explained as promised when the night is read."""

from __future__ import annotations

import csv
from pathlib import Path

import edfio
import numpy as np
import pytest

import sleepdask as sd
from sleepdask.errors import SleepdaskError
from sleepdask.simulate import PSG_MONTAGE, SMALL_MONTAGE, simulate_cohort, simulate_night
from sleepdask.simulate.faults import FAULTS, SoundFiles

LABELS = [channel.label for channel in SMALL_MONTAGE]
NIGHTS = 12


def outcome(recording: str | Path, hypnogram: str | Path) -> tuple[str, str]:
    """What becomes of a night, and what is said of it."""
    try:
        night = sd.open_recording(recording)
        lazy = sd.extract(night, [sd.features.Statistics()], hypnogram=sd.read_hypnogram(hypnogram))
    except SleepdaskError as error:
        return "failed", str(error)
    features = sd.compute(lazy)
    reasons: dict[str, str] = {}
    for node in ("64Hz", "1Hz"):
        missing = features[node]["mean"].isnull().all("epoch")
        for name in missing["channel"].values[missing.values]:
            reasons[str(name)] = str(night[node]["uncalibrated"].sel(channel=name).values)
    status = "failed" if len(reasons) == len(LABELS) else "partial" if reasons else "ok"
    return status, "; ".join(reasons.values())


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folder of nights, ten of twelve with faults, and the same without."""
    faulty, sound = (tmp_path_factory.mktemp(name) for name in ("faulty", "sound"))
    for folder, number in ((faulty, 10), (sound, 0)):
        simulate_cohort(folder, NIGHTS, number, hours=0.1, montage=SMALL_MONTAGE, seed=5)
    return faulty, sound


@pytest.fixture(scope="module")
def rows(cohorts: tuple[Path, Path]) -> dict[str, dict[str, str]]:
    """Rows of faults.csv by kind."""
    with (cohorts[0] / "faults.csv").open() as file:
        return {row["fault"]: row for row in csv.DictReader(file)}


def pair(folder: Path, recording_id: str) -> tuple[Path, Path]:
    return tuple(folder / "nights" / f"{recording_id}-{kind}.edf" for kind in ("PSG", "Hypnogram"))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", FAULTS)
def test_the_fault_is_explained_as_promised(
    kind: str, cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]
) -> None:
    row = rows[kind]
    status, said = outcome(*pair(cohorts[0], row["recording_id"]))
    assert status == row["expected_status"]
    assert row["expected_message"] in said
    assert outcome(*pair(cohorts[1], row["recording_id"])) == ("ok", "")


def test_other_nights_are_sound(cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]) -> None:
    ids = {f"N{k:03}" for k in range(1, NIGHTS + 1)} - {row["recording_id"] for row in rows.values()}
    assert len(ids) == 2
    for each in ids:
        assert outcome(*pair(cohorts[0], each)) == ("ok", "")
        for one, other in zip(pair(cohorts[0], each), pair(cohorts[1], each), strict=True):
            assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kind", FAULTS)
def test_whatever_is_drawn_the_fault_is_explained(kind: str, tmp_path: Path) -> None:
    fault = FAULTS[kind]
    for seed in range(12):
        night = simulate_night(1 / 30, seed, SMALL_MONTAGE)
        recording, hypnogram = night.write(tmp_path)
        fault.plant(SoundFiles(night, recording, hypnogram, np.random.default_rng(seed)))
        status, said = outcome(recording, hypnogram)
        assert (status, fault.message in said) == (fault.status, True), (seed, said)


@pytest.mark.parametrize("kind", FAULTS)
def test_only_the_file_of_the_fault_is_damaged(
    kind: str, cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]
) -> None:
    files, sound = (pair(folder, rows[kind]["recording_id"]) for folder in cohorts)
    same = [one.exists() and one.read_bytes() == other.read_bytes() for one, other in zip(files, sound, strict=True)]
    assert same == ([False, True] if rows[kind]["file"] == "recording" else [True, False])


@pytest.mark.parametrize("kind", ["header-garbled", "channel-without-scale", "no-scale"])
def test_samples_stay(kind: str, cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]) -> None:
    (file, _), (sound, _) = (pair(folder, rows[kind]["recording_id"]) for folder in cohorts)
    differ = np.flatnonzero(np.frombuffer(file.read_bytes(), "u1") != np.frombuffer(sound.read_bytes(), "u1"))
    assert differ.max() < 256 * 5
    if kind == "header-garbled":
        assert len(differ) == 1
        return
    signals = edfio.read_edf(file).signals
    flat = [signal.label for signal in signals if signal.physical_min == signal.physical_max]
    assert len(flat) == (3 if kind == "no-scale" else 1)


def test_the_channel_that_loses_its_scale_has_others_of_its_type(tmp_path: Path) -> None:
    lost = set()
    for seed in range(16):
        night = simulate_night(1 / 120, seed, PSG_MONTAGE)
        files = night.write(tmp_path)
        FAULTS["channel-without-scale"].plant(SoundFiles(night, *files, np.random.default_rng(seed)))
        found = sd.open_recording(files[0]).attrs["findings"]
        assert len(found) == 1
        lost.add(found[0].split("'")[1])
    assert lost == {"F3-M2", "C3-M2", "O1-M2"}


def test_records_that_overlap_are_read_by_the_policy_repair(
    cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]
) -> None:
    (file, _), (sound, _) = (pair(folder, rows["records-overlap"]["recording_id"]) for folder in cohorts)
    repaired, before = sd.open_recording(file, policy="repair"), sd.open_recording(sound)
    assert len(repaired.attrs["findings"]) >= 1
    np.testing.assert_array_equal(repaired["64Hz"]["signal"].values, before["64Hz"]["signal"].values)
    assert repaired["64Hz"].sizes["time"] == 360 * 64
    edf, sound_edf = edfio.read_edf(file), edfio.read_edf(sound)
    assert edf.reserved == "EDF+D"
    assert edf.annotations == sound_edf.annotations
    onsets = [int(raw.split(b"\x14")[0]) for raw in _annotation_records(file)]
    steps = np.diff(onsets)
    assert (steps < 0).sum() == 1
    assert np.count_nonzero(steps == 1) == len(steps) - 1
    assert 120 <= int(np.argmin(steps)) + 1 < 240


def _annotation_records(path: Path) -> list[bytes]:
    """Bytes of annotations of each record, from where the samples of two EEG and SpO2 end."""
    raw = path.read_bytes()[256 * 5 :]
    size = len(raw) // 360
    return [raw[k * size + 2 * (64 + 64 + 1) : (k + 1) * size] for k in range(360)]


def test_the_hypnogram_of_another_night_is_sound_itself(
    cohorts: tuple[Path, Path], rows: dict[str, dict[str, str]]
) -> None:
    (_, other), (_, own) = (pair(folder, rows["hypnogram-of-another-night"]["recording_id"]) for folder in cohorts)
    first, true = (sd.read_hypnogram(path, policy="strict")["onset"].values[0] for path in (other, own))
    assert np.timedelta64(7, "D") <= first - true <= np.timedelta64(300, "D")
