"""The tables that `sleepdask study export` writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from study_folders import NODES, Night, part_schema, whole_table, write_study

from sleepdask.cli import main
from sleepdask.study.finished import open_study_folder
from sleepdask.study.results.columns import feature_columns

SCHEMA = part_schema(NODES | {"256Hz": ("=Flow",)})
COLUMNS = feature_columns(SCHEMA)
NIGHTS = [
    Night("007", 60, covariates={"group": "control", "age": 41}),
    Night("P+1", 25, {"100Hz": ("C3-M2",)}, {"group": "=SUM(A1)", "age": None}),
    Night("P3", status="failed", covariates={"group": "apnea", "age": 52}),
    Night("P4", status="", covariates={"group": None, "age": 33}),
    Night("P5", 30, {"256Hz": ("=Flow", "SpO2")}, {"group": "apnea", "age": 41}, status="partial"),
    Night("P6", 0, covariates={"group": "apnea", "age": 41}),
]
STAGES = ("W", "N1", "N2", "N3", "R")


def export(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["study", "export", *map(str, arguments)])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study") / "out", NIGHTS, SCHEMA)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return whole_table(NIGHTS, SCHEMA)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_wide_has_a_row_for_each_recording(
    study: Path, rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(study, "--wide", tmp_path / "table.csv", "--workers", 2) == 3
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path}/table.csv: 6 rows, {10 + 6 * len(COLUMNS)} columns\n"
    assert "finding: 1 recordings have no features, as they are failed" in printed.err
    table = read_csv(tmp_path / "table.csv")
    counts = ["epochs", *(f"epochs|{stage}" for stage in STAGES)]
    assert list(table[0])[:10] == ["recording_id", "status", "group", "age", *counts]
    assert [row["recording_id"] for row in table] == [night.recording_id for night in NIGHTS]
    assert [row["status"] for row in table] == ["ok", "ok", "failed", "pending", "partial", "ok"]
    assert [row["group"] for row in table] == ["control", "'=SUM(A1)", "apnea", "", "apnea", "apnea"]
    assert [row["age"] for row in table] == ["41.0", "", "52.0", "33.0", "41.0", "41.0"]
    assert [row["epochs"] for row in table] == ["60", "25", "", "", "30", "0"]
    for row in table:
        mine = rows[rows["recording_id"] == row["recording_id"]]
        done = row["epochs"] != ""
        for stage in STAGES:
            assert row[f"epochs|{stage}"] == (str((mine["stage"] == stage).sum()) if done else "")
        for column in COLUMNS:
            shown = f"'{column}" if column.startswith("=") else column
            for stage in (*STAGES, "all"):
                values = mine[column] if stage == "all" else mine[column][mine["stage"] == stage]
                cell = row[f"{shown}|{stage}"]
                assert float(cell or "nan") == pytest.approx(values.mean(), rel=1e-12, nan_ok=True)


def test_parquet_and_csv_hold_the_same_numbers(study: Path, tmp_path: Path) -> None:
    for kind in ("csv", "parquet"):
        paths = [tmp_path / f"{name}.{kind}" for name in ("wide", "long", "summary")]
        export(study, "--wide", paths[0], "--long", paths[1], "--summary", paths[2], "--by", "stage,group", "--quiet")
    for name in ("wide", "long", "summary"):
        typed = pd.read_parquet(tmp_path / f"{name}.parquet")
        texts = read_csv(tmp_path / f"{name}.csv")
        assert len(texts) == len(typed) > 0
        for column, (shown, _) in zip(typed, texts[0].items(), strict=True):
            cells = [row[shown] for row in texts]
            if typed[column].dtype == "str":
                assert [cell.removeprefix("'") for cell in cells] == typed[column].fillna("").tolist()
            else:
                got = np.array([float(cell or "nan") for cell in cells])
                assert got.tobytes() == typed[column].to_numpy(float, na_value=np.nan).tobytes(), column


def test_long_has_a_row_for_what_has_a_value(study: Path, rows: pd.DataFrame, tmp_path: Path) -> None:
    export(study, "--long", tmp_path / "long.parquet", "--quiet")
    got = pd.read_parquet(tmp_path / "long.parquet")
    assert list(got) == ["recording_id", "stage", "column", "epochs", "mean", "std", "median"]
    melted = rows.assign(stage=rows["stage"].fillna("")).melt(["recording_id", "stage"], COLUMNS, "column", "x")
    want = melted.dropna(subset="x").groupby(["recording_id", "stage", "column"])["x"]
    want = want.agg(["count", "mean", "std", "median"])
    got = got.set_index(["recording_id", "stage", "column"])
    assert got.index.is_unique
    got = got.loc[want.index]
    assert len(got) == pq.ParquetFile(tmp_path / "long.parquet").metadata.num_rows
    assert got["epochs"].tolist() == want["count"].tolist()
    assert got["median"].tolist() == want["median"].tolist()
    np.testing.assert_allclose(got[["mean", "std"]], want[["mean", "std"]], rtol=1e-10)
    assert "P6" not in got.index.get_level_values(0)


def test_summary_is_that_of_python(study: Path, tmp_path: Path) -> None:
    options = ["--by", "group, stage", "--columns", "*/mean", "--columns", "SpO2*"]
    export(study, "--summary", tmp_path / "summary.parquet", *options, "--quiet", "--backend", "sync")
    want = open_study_folder(study).summary(["group", "stage"], ["*/mean", "SpO2*"])
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "summary.parquet"), want)


def test_tables_do_not_depend_on_where_they_are_made(study: Path, tmp_path: Path) -> None:
    for name, where in {"a": ["--backend", "sync"], "b": ["--backend", "threads", "--workers", 3]}.items():
        export(study, "--wide", tmp_path / f"w{name}.csv", "--long", tmp_path / f"l{name}.csv", "--quiet", *where)
    assert (tmp_path / "wa.csv").read_bytes() == (tmp_path / "wb.csv").read_bytes()
    assert (tmp_path / "la.csv").read_bytes() == (tmp_path / "lb.csv").read_bytes()


def test_a_whole_study_has_exit_code_0_and_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_study(tmp_path / "out", [Night("A"), Night("B", status="partial")])
    assert export(out, "--long", tmp_path / "new" / "long.csv", "--columns", "SpO2/mean", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    rows = len(read_csv(tmp_path / "new" / "long.csv"))
    assert document == {
        "location": str(out),
        "recordings": 2,
        "with_features": 2,
        "without_features": {},
        "tables": [{"path": str(tmp_path / "new" / "long.csv"), "rows": rows, "columns": 7}],
    }


def test_several_row_groups_are_one_table(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.study.results.tablefile._ROW_GROUP_BYTES", 1)
    export(study, "--wide", tmp_path / "many.parquet", "--quiet")
    monkeypatch.undo()
    export(study, "--wide", tmp_path / "one.parquet", "--quiet")
    assert pq.ParquetFile(tmp_path / "many.parquet").num_row_groups > 1
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "many.parquet"), pd.read_parquet(tmp_path / "one.parquet"))


REFUSED: dict[str, tuple[list[Any], str]] = {
    "no table": ([], "name a table to write"),
    "another format": (["--wide", "table.xlsx"], "unknown format; expected a name that ends in .csv or .parquet"),
    "an unknown column": (["--wide", "t.csv", "--columns", "C3-M2/maen"], "did you mean 'C3-M2/mean'?"),
    "an unknown group": (["--summary", "t.csv", "--by", "grup"], "did you mean 'group'?"),
    "groups of nothing": (["--wide", "t.csv", "--by", "group"], "--by says how --summary groups"),
    "the same table twice": (["--wide", "t.csv", "--long", "./t.csv"], "two tables would be one file"),
    "the study's own table": (["--wide", "OUT/recordings.csv", "--force"], "is a place of the study's own files"),
    "a place among its files": (["--wide", "OUT/features/t.parquet", "--force"], "is a place of the study's own files"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_nothing(
    case: str, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = REFUSED[case]
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    assert export(study, *(str(each).replace("OUT", str(study)) for each in arguments)) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


def test_what_is_there_is_kept_unless_forced(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_text("mine")
    assert export(study, "--wide", path) == 2
    assert "already there" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert export(study, "--wide", path, "--force", "--quiet") == 3
    assert path.read_text().startswith("recording_id,status,")


def test_a_table_that_cannot_be_read_leaves_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_study(tmp_path / "out", [Night("A"), Night("B")])
    (out / "features" / "recording_id=B" / "part-0.parquet").write_bytes(b"PAR1")
    tables = tmp_path / "tables"
    assert export(out, "--wide", tables / "a.csv", "--long", tables / "b.parquet") == 2
    assert "recording_id=B/part-0.parquet: the table of a recording cannot be read" in capsys.readouterr().err
    assert not tables.exists()


def test_a_table_may_lie_in_the_folder_of_the_study(tmp_path: Path) -> None:
    out = write_study(tmp_path / "out", [Night("A")])
    assert export(out, "--wide", out / "table.csv", "--quiet") == 0
    assert open_study_folder(out).ids == ["A"]
