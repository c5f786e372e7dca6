"""What is found in the folder of a study."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from study_folders import Night, part_schema, write_study

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.finished import open_study_folder

NIGHTS = [
    Night("007", covariates={"group": "a", "age": 41}),
    Night("B 2", status="failed", covariates={"group": "b", "age": None}),
    Night("c+3", status="partial", covariates={"group": "b", "age": 60}),
    Night("d", status="", covariates={"group": None, "age": 5}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_study(tmp_path / "out", NIGHTS)


def test_recordings_outcomes_and_columns(folder: Path) -> None:
    study = open_study_folder(folder)
    assert [entry.recording_id for entry in study.entries] == ["007", "B 2", "c+3", "d"]
    assert study.ids == ["007", "c+3"]
    assert {name: outcome.status for name, outcome in study.outcomes.items()} == {
        "007": "ok", "B 2": "failed", "c+3": "partial"
    }  # fmt: skip
    assert study.schema == part_schema()
    assert study.covariates["007"] == {"group": "a", "age": 41}


@pytest.mark.parametrize(
    "kind", [pa.timestamp("ns"), pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("us", "+02:00")]
)
def test_all_types_of_a_plan_are_read(tmp_path: Path, kind: pa.DataType) -> None:
    schema = pa.schema([("start", kind), *list(part_schema())[2:]])
    write_study(tmp_path, [Night("d", status="")], schema)
    assert open_study_folder(tmp_path).schema == schema


def test_features_summary_and_dataset_are_of_what_is_there(folder: Path) -> None:
    study = open_study_folder(folder)
    table = study.features("*/mean", covariates=["age"]).compute(scheduler="sync")
    assert list(table)[:2] == ["recording_id", "age"]
    assert "group" not in table
    assert "group" in study.features("*/mean")
    assert table.groupby("recording_id")["age"].first().to_dict() == {"007": 41, "c+3": 60}
    assert study.dataset().count_rows() == len(table)
    summary = study.summary("group", "C3-M2/mean", backend="sync")
    assert summary[["group", "recordings"]].values.tolist() == [["a", 1], ["b", 1]]
    with pytest.raises(ParameterError, match=r"there is no covariate 'grup'.*did you mean 'group'"):
        study.features(covariates=["grup"])


def test_a_study_behind_a_url(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(folder), "/study", recursive=True)
    try:
        there = open_study_folder("memory://study")
        assert there.ids == ["007", "c+3"]
        pd.testing.assert_frame_equal(there.summary(backend="sync"), open_study_folder(folder).summary(backend="sync"))
    finally:
        memory.rm("/study", recursive=True)


def test_what_is_no_study_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="there is no study"):
        open_study_folder(tmp_path / "elsewhere")
    for document in ("[]", "{", json.dumps({"schema": {"epoch": "int6"}}), json.dumps({"schema": {"start": 5}})):
        (folder / "study.json").write_text(document)
        with pytest.raises(FileFormatError, match="the plan of the study cannot be read"):
            open_study_folder(folder)
