"""Real files of every format, counted by a few independent lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd


def counts(hypnogram: xr.Dataset) -> dict[str, int]:
    return dict(Counter(hypnogram["stage"].values.tolist()))


@pytest.mark.parametrize(
    ("name", "first", "epochs"),
    [
        ("mecsleep01_psg.txt", "2013-06-10T21:22:40", 1445),
        ("mecsleep21_psg.txt", "2013-12-19T20:47:41", 1490),
        ("mecsleep27_psg.txt", "2014-02-04T20:09:40", 1535),
    ],
)
def test_remlogic(test_data: Path, name: str, first: str, epochs: int) -> None:
    path = test_data / "newcastle-hypnograms" / name
    rows = re.findall(r"^\S+\t[^\t]*\t([\d:]{8})\t(\S+)\t30\r?$", path.read_bytes().decode(), re.MULTILINE)
    hypnogram = sd.read_hypnogram(path)
    assert len(rows) == hypnogram.sizes["score"] == epochs
    assert hypnogram["stage"].values.tolist() == [stage for _, stage in rows]
    assert str(hypnogram["onset"].values[0]) == f"{first}.000000000"
    assert [str(onset)[11:19] for onset in hypnogram["onset"].values] == [time for time, _ in rows]
    assert (np.diff(hypnogram["onset"].values) == np.timedelta64(30, "s")).all()  # across midnight, too
    assert hypnogram.attrs["findings"] == []
    assert sd.read_events(path).sizes["annotation"] == 0


def test_remlogic__the_given_start_wins_over_the_date_in_the_file(test_data: Path) -> None:
    path = test_data / "newcastle-hypnograms" / "mecsleep01_psg.txt"
    hypnogram = sd.read_hypnogram(path, start="2020-01-01T23:00")
    assert str(hypnogram["onset"].values[0]) == "2020-01-01T21:22:40.000000000"
    assert "the start is taken" in hypnogram.attrs["findings"][0]


def test_noxturnal(test_data: Path) -> None:
    path = test_data / "nox-a1-psg" / "noxturnal_events_example_unicode.csv"
    rows = list(csv.reader(path.read_bytes().decode("utf-16").splitlines()))[2:]
    names = Counter(row[2] for row in rows)
    hypnogram = sd.read_hypnogram(path)
    stages = {"N1": "N1", "N2": "N2", "N3": "N3", "REM": "R", "Éveil": "W"}
    assert counts(hypnogram) == {stage: names[name] for name, stage in stages.items()}
    assert str(hypnogram["onset"].values[0]) == "2016-01-15T22:30:00.000000000"
    assert str((hypnogram["onset"] + hypnogram["duration"]).values[-1]) == "2016-01-16T10:58:30.000000000"
    assert hypnogram.attrs["epoch_seconds"] == 30
    assert [finding.split(" ")[:2] for finding in hypnogram.attrs["findings"]] == [["4", "gaps"]]
    events = sd.read_events(path)
    assert Counter(events["text"].values.tolist()) == {
        name: count for name, count in names.items() if name not in stages
    }
    assert hypnogram.sizes["score"] + events.sizes["annotation"] == len(rows) == 1411


def test_profusion(test_data: Path) -> None:
    path = test_data / "nsrr-annotations" / "learn-nsrr01-profusion.xml"
    text = path.read_text("utf-8")
    numbers = re.findall(r"<SleepStage>(\d)</SleepStage>", text)
    hypnogram = sd.read_hypnogram(path)
    assert hypnogram.sizes["score"] == len(numbers) == 1364
    assert hypnogram["stage"].values.tolist() == [["W", "N1", "N2", "N3", "N3", "R"][int(n)] for n in numbers]
    assert hypnogram.attrs["relative_to"] == "start"
    assert hypnogram["onset"].values[-1] == np.timedelta64(1363 * 30, "s")
    events = sd.read_events(path, start="2024-03-11T21:59:59")
    names = re.findall(r"<ScoredEvent>.*?<Name>([^<]*)</Name>.*?<Start>([^<]*)</Start>.*?</ScoredEvent>", text)
    assert events.sizes["annotation"] == len(names) == 905
    assert Counter(events["text"].values.tolist()) == Counter(name for name, _ in names)
    assert set(events["channel"].values[events["text"].values == "SpO2 artifact"]) == {"SaO2"}
    first = min(float(start) for _, start in names)
    assert events["onset"].values[0] == np.datetime64("2024-03-11T21:59:59") + np.timedelta64(round(first * 1000), "ms")


def test_yasa(test_data: Path) -> None:
    path = test_data / "yasa-hypnogram" / "data_full_6hrs_100Hz_hypno_30s.txt"
    numbers = np.loadtxt(path, dtype=int)
    hypnogram = sd.read_hypnogram(path)
    assert hypnogram["stage"].values.tolist() == [["W", "N1", "N2", "N3", "R"][n] for n in numbers]
    assert hypnogram.sizes["score"] == 720
    assert "epoch_assumed" not in hypnogram.attrs  # a comment states both the vocabulary and the epochs


def test_edf(real_hypnogram: Path) -> None:
    texts = re.findall(rb"\x15(\d+)\x14Sleep stage (.)\x14", real_hypnogram.read_bytes())
    hypnogram = sd.read_hypnogram(real_hypnogram)
    assert hypnogram.sizes["score"] == len(texts) == 154
    stages: Any = {b"W": "W", b"1": "N1", b"2": "N2", b"3": "N3", b"4": "N3", b"R": "R", b"?": ""}
    assert hypnogram["stage"].values.tolist() == [stages[stage] for _, stage in texts]
    assert (hypnogram["duration"].values / np.timedelta64(1, "s")).tolist() == [int(length) for length, _ in texts]


def test_a_recording_without_annotations_is_refused(real_night: Path) -> None:
    with pytest.raises(sd.FileFormatError, match="holds no annotations"):
        sd.read_hypnogram(real_night)


HYPNOGRAMS = {
    "newcastle-hypnograms/mecsleep01_psg.txt": "remlogic",
    "newcastle-hypnograms/mecsleep21_psg.txt": "remlogic",
    "newcastle-hypnograms/mecsleep27_psg.txt": "remlogic",
    "nox-a1-psg/noxturnal_events_example_unicode.csv": "noxturnal",
    "nsrr-annotations/learn-nsrr01-profusion.xml": "profusion",
    "sleep-edf-sc4001/SC4001EC-Hypnogram.edf": "edf",
    "sleep-edf-short/SC4001EC-Hypnogram.bdf": "edf",
    "yasa-hypnogram/data_full_6hrs_100Hz_hypno_30s.txt": "list",
}


def test_every_hypnogram_is_read_and_nothing_else_is_taken_for_one(test_data: Path) -> None:
    """Counts of movement, heart rates, sleep summaries of devices and recordings are refused, whatever their suffix."""
    files = sorted(path for path in test_data.rglob("*") if path.is_file() and path.name != "README.md")
    read = {}
    for path in files:
        with suppress(sd.FileFormatError):
            read[str(path.relative_to(test_data))] = sd.read_hypnogram(path).attrs["format"]
    assert read == HYPNOGRAMS, "say in HYPNOGRAMS which new file is one"
