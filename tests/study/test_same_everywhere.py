"""Wherever a study runs, it writes the same bytes: those of each recording alone."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from cohorts import FEATURES, Cohort, alone, outcome, parts, run_study, study_of, written
from jobs import wait_until
from studies import finished

import sleepdask as sd
from sleepdask.errors import OutputError
from sleepdask.study.accounts import compile_outcomes
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.parts import read_part
from sleepdask.study.task import Analysis, Product

pytestmark = pytest.mark.usefixtures("pools")


@pytest.fixture(scope="module")
def table(nights: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nights.table(tmp_path_factory.mktemp("table") / "recordings.csv")


@pytest.fixture(scope="module")
def output(table: Path) -> Path:
    """What the calling thread wrote."""
    outcomes = run_study(table, table.parent / "sync")
    assert outcomes["status"].tolist() == ["ok"] * 4
    return table.parent / "sync"


@pytest.mark.parametrize("how", [{"backend": "threads", "workers": 3}, {"backend": "processes", "workers": 2}])
def test_a_backend_does_not_matter(how: dict[str, Any], table: Path, output: Path, tmp_path: Path) -> None:
    outcomes = study_of(table, tmp_path / "out").run(**how)
    assert outcomes["recording_id"].tolist() == ["007", "A1", "B 2", "c-3"]
    assert outcomes["status"].tolist() == ["ok"] * 4
    assert parts(tmp_path / "out") == parts(output)
    if how["backend"] == "processes":
        assert not outcomes["worker"].str.contains("MainThread").any()


def test_an_event_loop_goes_on_meanwhile(table: Path, output: Path, tmp_path: Path) -> None:
    async def run() -> tuple[list[str], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        study = study_of(table, tmp_path / "out")
        ids = [outcome.recording_id async for outcome in study.run_async(backend="threads", workers=2)]
        ticking.cancel()
        return ids, ticks

    ids, ticks = asyncio.run(run())
    assert sorted(ids) == ["007", "A1", "B 2", "c-3"]
    assert ticks > 10
    assert parts(tmp_path / "out") == parts(output)


def test_every_table_is_that_of_its_recording_alone(nights: Cohort, output: Path) -> None:
    schema = pq.read_schema(output / "features" / "recording_id=007" / "part-0.parquet").remove_metadata()
    for name, night in nights.nights.items():
        table = pq.ParquetFile(output / "features" / f"recording_id={name}" / "part-0.parquet").read()
        assert table.schema.remove_metadata() == schema
        want = alone(night, hypnogram=nights.hypnograms.get(name))
        assert set(want.columns) <= set(table.column_names)
        for column in table.column_names:
            got = table.column(column)
            if column not in want:
                assert got.null_count == len(want)
            elif pa.types.is_floating(got.type):
                assert np.array_equal(got.to_pandas().to_numpy(), want[column].to_numpy(), equal_nan=True)
                assert not np.isnan(got.drop_null().to_numpy()).any(), "NaN is written as null"
            else:
                assert known(got.to_pandas()) == known(want[column])


def known(values: pd.Series[Any]) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def test_a_table_gives_its_features_back(nights: Cohort, output: Path, assert_same_bits: Any) -> None:
    for name, night in nights.nights.items():
        hypnogram = nights.hypnograms.get(name)
        scores = None if hypnogram is None else sd.read_hypnogram(hypnogram)
        want = sd.compute(sd.extract(sd.open_recording(night), FEATURES, hypnogram=scores), backend="sync")
        got = read_part((output / "features" / f"recording_id={name}" / "part-0.parquet").read_bytes())
        assert_same_bits(got, want)
        assert got.attrs == want.attrs


def test_all_tables_open_as_one(output: Path) -> None:
    frame = pd.read_parquet(output / "features")
    assert frame.groupby("recording_id", observed=True).size().to_dict() == {"007": 12, "A1": 12, "B 2": 12, "c-3": 12}
    stages = frame.loc[frame["recording_id"] == "A1", "stage"]
    assert stages.isna().all()
    assert set(frame.loc[frame["recording_id"] == "007", "stage"]) <= {"W", "N1", "N2", "N3", "R"}
    assert frame.loc[frame["recording_id"] != "A1", "E1-M2/mean"].isna().all()
    assert frame["F3-M2/mean"].notna().all()

    plain = ds.dataset(output / "features", partitioning="hive").schema
    assert plain.field("stage").type == pa.string()
    assert plain.field("F3-M2/mean").type == pa.float64()


def test_an_id_stays_a_text(nights: Cohort, tmp_path: Path) -> None:
    numbers = Cohort(nights.folder, {"007": nights.nights["007"], "0012": nights.nights["c-3"]})
    run_study(numbers.table(tmp_path / "recordings.csv"), tmp_path / "out", "hjorth")
    partitioning = ds.partitioning(pa.schema([("recording_id", pa.string())]), flavor="hive")
    table = ds.dataset(tmp_path / "out" / "features", partitioning=partitioning).to_table()
    assert table.column("recording_id").unique().to_pylist() == ["0012", "007"]
    compiled = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert compiled["recording_id"].tolist() == ["007", "0012"]  # as in the table


def test_every_column_is_explained(output: Path) -> None:
    import json

    document = json.loads((output / "study.json").read_bytes())
    schema = pq.read_schema(output / "features" / "recording_id=A1" / "part-0.parquet")
    assert document["schema"] == {field.name: str(field.type) for field in schema}
    features = [name for name in schema.names if "/" in name and not name.endswith(("/coverage", "/status"))]
    assert list(document["columns"]) == features
    assert document["columns"]["F3-M2/hjorth_activity"]["units"] == "uV^2"
    assert document["columns"]["SpO2/mean"]["units"] == "%"
    assert all(each["definition"] for each in document["columns"].values())


def test_one_recording_alone_goes_where_all_would(nights: Cohort, tmp_path: Path) -> None:
    """One that kills its process must not kill ours; and its files may be where the workers are."""
    table = nights.table(tmp_path / "recordings.csv", ["007"])
    study_of(table, tmp_path / "out").run(workers=2)
    assert "MainThread" not in outcome(tmp_path / "out", "007")["worker"]


def test_threads_never_start_processes(nights: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.study.scan._FEW", 1)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a cluster was started")

    monkeypatch.setattr("sleepdask.parallel.backends.local.start", refuse)
    outcomes = study_of(nights.table(tmp_path / "recordings.csv"), tmp_path / "out").run(backend="threads")
    assert outcomes["status"].tolist() == ["ok"] * 4


def test_a_thread_that_goes_on_finishes_nothing_after_the_account(
    nights: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, second, left = tmp_path / "out", threading.Event(), threading.Event()
    ended: list[BaseException | None] = []
    settle = Analysis.settle

    def late(self: Analysis, done: RecordingOutcome, product: Product | None = None) -> None:
        if done.recording_id != "007":
            second.set()
            assert left.wait(30)
            try:
                self.files.write(f"outcomes/{done.recording_id}.json", done.to_json())  # past every other check
            except OutputError as error:
                ended.append(error)
                raise
            finally:
                second.clear()
        settle(self, done, product)

    def compiled(*arguments: Any) -> None:
        compile_outcomes(*arguments)
        left.set()
        wait_until(lambda: not second.is_set(), "the thread to end")

    monkeypatch.setattr(Analysis, "settle", late)
    monkeypatch.setattr("sleepdask.study.run.compile_outcomes", compiled)
    iterator = study_of(nights.table(tmp_path / "recordings.csv", ["007", "A1"]), out).iterate(backend="threads")
    next(iterator)
    assert second.wait(30)
    iterator.close()
    assert len(ended) == 1
    assert finished(out) == set(pd.read_parquet(out / "outcomes.parquet")["recording_id"]) == {"007"}


def test_leaving_the_loop_early_keeps_what_is_done(table: Path, output: Path, tmp_path: Path) -> None:
    study = study_of(table, tmp_path / "out")
    iterator = study.iterate(backend="sync")
    first = next(iterator)
    iterator.close()
    assert list(parts(tmp_path / "out")) == [first.recording_id]
    before = written(tmp_path / "out")
    study.run(backend="sync")
    assert parts(tmp_path / "out") == parts(output)
    assert before.items() <= written(tmp_path / "out").items()
