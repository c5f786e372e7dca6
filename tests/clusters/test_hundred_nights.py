"""A hundred nights, ten of them damaged: the same account, and the numbers of each night alone, wherever they run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohorts import FEATURES, alone, part, parts, study_of
from elsewhere import Elsewhere

from sleepdask.simulate import SMALL_MONTAGE, simulate_cohort

NIGHTS, FAULTY = 100, 10


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of the nights."""
    return simulate_cohort(tmp_path_factory.mktemp("cohort"), NIGHTS, FAULTY, hours=0.05, montage=SMALL_MONTAGE)


@pytest.mark.slow
def test_ninety_are_sound_and_ten_are_explained(cohort: Path, plain_cluster: Elsewhere, tmp_path: Path) -> None:
    with (cohort.parent / "faults.csv").open() as file:
        faults = {row["recording_id"]: row for row in csv.DictReader(file)}
    assert len(faults) == len({row["fault"] for row in faults.values()}) == FAULTY
    written: list[dict[str, bytes]] = []
    places: dict[str, dict[str, Any]] = {
        "threads": {"backend": "threads", "workers": 2},
        "processes": {"backend": "processes", "workers": 2},
        "elsewhere": {"scheduler": plain_cluster.address},
    }
    for name, where in places.items():
        outcomes = study_of(cohort, tmp_path / name).run(**where).set_index("recording_id")
        assert (outcomes["status"] == "ok").sum() == NIGHTS - FAULTY
        for recording_id, fault in faults.items():
            outcome = outcomes.loc[recording_id]
            assert outcome["status"] == fault["expected_status"]
            assert fault["expected_message"] in outcome["message"]
        written.append(parts(tmp_path / name))
    assert written[0] == written[1] == written[2]
    nights = cohort.parent / "nights"
    for recording_id in outcomes.index[outcomes["status"] == "ok"]:
        night, hypnogram = (nights / f"{recording_id}-{kind}.edf" for kind in ("PSG", "Hypnogram"))
        table = pd.read_parquet(part(tmp_path / "threads", recording_id))
        pd.testing.assert_frame_equal(table, alone(night, FEATURES, hypnogram), check_exact=True)
