"""Filters as people write them, from the command line and in studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohorts import Cohort, write_cohort

import sleepdask as sd
from sleepdask.cli import main
from sleepdask.errors import ParameterError
from sleepdask.features import Statistics
from sleepdask.filters.preprocessing import Preprocessing
from sleepdask.simulate import PSG_MONTAGE, simulate_night
from sleepdask.study import Entry, Study
from sleepdask.study.harmonise import Harmonisation
from sleepdask.study.plan import StudyPlan


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("0.3-35", "50", "average"), ("0.3-35", "50", "average")),
        ((" 0.30 - 35.0:fir ", "50.0", "M1"), ("0.3-35", "50", "M1")),
        (("0.3-", "60:iir", "M1 + M2"), ("0.3-", "60:iir", "M1+M2")),
        (("-35:iir", "", ""), ("-35:iir", "", "")),
    ],
)
def test_texts(texts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    made = Preprocessing(*texts)
    assert (made.filter, made.notch, made.reference) == expected
    assert Preprocessing.from_document(json.loads(json.dumps(made.document()))) == made


@pytest.mark.parametrize(
    "texts",
    [
        ("35",), ("-",), ("a-b",), ("35-0.3",), ("0.3-35:fast",), ("1e3-2e3",), ("0-35",), ("", "mains"), ("", "0"),
        ("", "", "M1+"), ("", "", "M1+M1"), ("", "", "+"), (3,),
    ],
)  # fmt: skip
def test_texts_that_cannot_be_read(texts: tuple[Any, ...]) -> None:
    with pytest.raises(ParameterError):
        Preprocessing(*texts)


def test_nothing_asked_for() -> None:
    night = sd.recording_from_arrays({"C3": [0.0]}, rate=1)
    assert not Preprocessing()
    assert Preprocessing().document() == {}
    assert Preprocessing().apply(night) is night


@pytest.fixture(scope="module")
def psg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    montage = tuple(channel for channel in PSG_MONTAGE if channel.label in {"F3-M2", "E1-M2", "SpO2"})
    return simulate_night(hours=1 / 6, montage=montage).write(tmp_path_factory.mktemp("psg"), stem="short")[0]


def test_extract_gives_features_of_filtered_signals_and_says_so(psg: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--features", "statistics", "--filter", "0.5-35:iir", "--notch", "50", "--quiet")
    assert run("extract", psg, "-o", out, *options) == 0
    found = pd.read_parquet(out / "features.parquet")
    night = sd.filters.notch(sd.filters.bandpass(sd.open_recording(psg), 0.5, 35, method="iir"), 50)
    expected = sd.compute(sd.extract(night, Statistics()))
    np.testing.assert_array_equal(found["F3-M2/std"], expected["256Hz"]["std"].sel(channel="F3-M2"))
    raw = sd.compute(sd.extract(sd.open_recording(psg), Statistics()))
    assert (found["F3-M2/std"] != raw["256Hz"]["std"].sel(channel="F3-M2").values).all()
    np.testing.assert_array_equal(found["SpO2/std"], raw["1Hz"]["std"].sel(channel="SpO2"))
    told = json.loads((out / "provenance.json").read_text())["parameters"]
    assert told["preprocessing"] == {"filter": "0.5-35:iir", "notch": "50", "version": 1}
    assert [each["name"] for each in told["filters"]["256Hz"]] == ["band_iir", "notch_fir"]
    assert told["filters"]["256Hz"][0]["channels"] == ["F3-M2"]
    assert "1Hz" not in told["filters"]


def test_extract_refuses_what_cannot_be_read(psg: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", psg, "-o", tmp_path / "out", "--filter", "35") == 2
    assert "filter cannot be read" in capsys.readouterr().err
    assert run("extract", psg, "-o", tmp_path / "out", "--reference", "M1+M2") == 2
    assert "there is no reference 'M1'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def keys(**texts: str) -> dict[str, str]:
    plan = StudyPlan((Statistics(),), preprocessing=Preprocessing(**texts))
    assert StudyPlan.from_document(json.loads(json.dumps(plan.document()))) == plan
    return plan.keys(Entry("N1", ("N1.edf",)), {"recording": "1"}, {})


def test_keys_of_a_study_change_with_its_filters_and_are_as_before_without() -> None:
    plain = StudyPlan((Statistics(),))
    assert "preprocessing" not in plain.document()
    every = [{}, {"filter": "0.3-35"}, {"filter": "0.3-35:iir"}, {"notch": "50"}, {"reference": "average"}]
    seen = [tuple(keys(**each).values()) for each in every]  # type: ignore[arg-type]
    assert len(set(seen)) == len(every)
    assert keys() == plain.keys(Entry("N1", ("N1.edf",)), {"recording": "1"}, {})
    assert keys(filter="0.30-35.0:fir") == keys(filter="0.3-35")


def test_montage_comes_before_the_reference_and_filters_come_last() -> None:
    random = np.random.default_rng(0).normal(size=(4, 6000))
    lab = sd.recording_from_arrays(dict(zip(("C3", "C4", "M1", "M2"), random, strict=True)), rate=100, unit="mV")
    harmonisation = Harmonisation.of(montage={"C3-M2": ("C3", "M2")}, wanted=("C3-M2", "C4", "O1"), units={"eeg": "uV"})
    done = harmonisation.apply(lab, Preprocessing("1-30", "", "M1+M2"))
    assert done.missing == ("O1",)
    c3, c4, m1, m2 = random * 1000
    plain = sd.recording_from_arrays({"C4": c4 - (m1 + m2) / 2, "C3-M2": c3 - m2}, rate=100)
    expected = sd.filters.bandpass(plain, 1, 30)["100Hz/signal"]
    found = done.recording["100Hz/signal"]
    assert found["channel"].values.tolist() == ["C4", "C3-M2"]
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-9)


def test_a_wanted_channel_too_slow_for_the_band__missing() -> None:
    lab = sd.recording_from_arrays({"C3": np.zeros(6000), "C4": np.zeros(6000)}, rate=100)
    slow = sd.recording_from_arrays({"EMG chin": np.zeros(60)}, rate=1)
    both = sd.join_recordings([lab, slow])
    done = Harmonisation.of(wanted=("C3", "EMG chin")).apply(both, Preprocessing("1-30"))
    assert done.missing == ("EMG chin",)
    assert "EMG chin left out, as its rate is 1 Hz" in done.recording.attrs["filter_notes"][0]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return write_cohort(tmp_path_factory.mktemp("cohort"))


def test_a_study_computes_anew_what_its_filters_touch(cohort: Cohort, tmp_path: Path) -> None:
    table = cohort.table(tmp_path / "recordings.csv", ["A1"])
    folder = tmp_path / "out"

    def tables(**settings: str) -> pd.DataFrame:
        study = Study.from_table(table, folder, features="statistics", backend="sync", **settings)
        list(study.iterate())
        assert study.standing()["statuses"]["ok"] == 1
        (part,) = folder.glob("features/**/*.parquet")
        return pd.read_parquet(part)

    raw, filtered = tables(), tables(filter="0.5-30")
    night = sd.filters.bandpass(sd.open_recording(cohort.nights["A1"]), 0.5, 30)
    expected = sd.compute(sd.extract(night, Statistics()))
    name = "F3-M2/std"
    np.testing.assert_array_equal(filtered[name], expected["64Hz"]["std"].sel(channel="F3-M2"))
    assert (raw[name] != filtered[name]).all()
    told = json.loads((folder / "study.json").read_text())
    assert "0.5-30" in json.dumps(told)
