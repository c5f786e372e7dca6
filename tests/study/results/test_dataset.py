"""The table of all recordings: what is in it, and what is read for it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from pyarrow.fs import FSSpecHandler, PyFileSystem
from study_folders import Night, of, part_schema, write_part

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.files import Folder, ObjectStore
from sleepdask.study.results.dataset import features, open_dataset

IDS = ["007", "7", "a b", "a+b", "50%25", "p@q.r-s"]
ABSENT = {"100Hz": ("C3-M2",)}
NIGHTS = [
    Night("007", covariates={"group": "a", "age": 41}),
    Night("8", 0, covariates={"group": None, "age": 37}),
    Night("9", 25, ABSENT, {"group": "b", "age": 52}),
    Night("10", 30, stages=(None,), covariates={"group": "b", "age": 30}),
]
COVARIATES = {night.recording_id: night.covariates for night in NIGHTS}


class CountedFiles(Folder):
    """Folder that counts the bytes read of each file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bytes: Counter[str] = Counter()

    def arrow(self) -> tuple[Any, str]:
        counts = self.bytes

        class Counted(LocalFileSystem):
            cachable = False

            def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
                file = super()._open(path, mode, **options)
                read = file.f.read

                class Wrapped:
                    closed = False

                    def __getattr__(self, name: str) -> Any:
                        return getattr(file, name)

                    def read(self, size: int = -1) -> bytes:
                        data: bytes = read(size)
                        counts[Path(path).parent.name.removeprefix("recording_id=")] += len(data)
                        return data

                return Wrapped()

        return PyFileSystem(FSSpecHandler(Counted())), self.location


def test_ids_stay_what_they_are(tmp_path: Path) -> None:
    study = of(tmp_path, [Night(name) for name in IDS])
    table = open_dataset(**study).to_table(columns=["recording_id", "epoch"])
    assert table.schema.field("recording_id").type == pa.string()
    assert table.column("recording_id").unique().to_pylist() == IDS
    assert features(**study)["recording_id"].unique().compute().tolist() == IDS
    one = open_dataset(**study).to_table(filter=ds.field("recording_id") == "50%25")
    assert one.num_rows == 40


def test_ids_are_those_that_arrow_reads_of_the_folders_themselves(tmp_path: Path) -> None:
    of(tmp_path, [Night(name) for name in IDS])
    hive = ds.HivePartitioning(pa.schema([("recording_id", pa.string())]), segment_encoding="none")
    there = ds.dataset(tmp_path / "features", partitioning=hive).to_table(columns=["recording_id"])
    assert sorted(there.column("recording_id").unique().to_pylist()) == sorted(IDS)


def test_opening_touches_no_file(tmp_path: Path) -> None:
    schema = part_schema()
    ids = [f"{k:05}" for k in range(10_000)]
    assert len(open_dataset(Folder(tmp_path), ids, schema).files) == 10_000
    assert features(Folder(tmp_path), ids, schema, recordings_per_partition=50).npartitions == 200


def test_table_is_that_of_the_parts_one_after_the_other(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    lazy = features(**study, covariates=COVARIATES)
    want = pd.concat([night.frame(study["schema"]).assign(recording_id=night.recording_id) for night in NIGHTS])
    got = lazy.compute(scheduler="sync")
    pd.testing.assert_frame_equal(got[want.columns].reset_index(drop=True), want.reset_index(drop=True))
    assert list(got)[:6] == ["recording_id", "group", "age", "epoch", "start", "stage"]
    groups = got.groupby("recording_id")["group"].agg(lambda column: set(column.fillna("")))
    assert groups.to_dict() == {"007": {"a"}, "9": {"b"}, "10": {"b"}}
    assert got["C4-M1/mean"][got["recording_id"] == "9"].isna().all()


@pytest.mark.parametrize("size", [None, 1, 3])
def test_partitions_are_what_their_description_says(tmp_path: Path, size: int | None) -> None:
    lazy = features(**of(tmp_path, NIGHTS), covariates=COVARIATES, recordings_per_partition=size)
    assert lazy.npartitions == {None: 1, 1: 4, 3: 2}[size]
    for k in range(lazy.npartitions):
        part = lazy.partitions[k].compute(scheduler="sync")
        assert part.dtypes.to_dict() == lazy._meta.dtypes.to_dict()
        assert type(part.index) is type(lazy._meta.index)
    kinds = lazy.dtypes.astype(str)[["recording_id", "group", "age", "stage", "start", "epoch", "100Hz/status"]]
    assert kinds.tolist() == ["str", "str", "int64", "str", "datetime64[ns, UTC]", "int64", "str"]


def test_covariates_have_one_type_whatever_a_partition_lacks(tmp_path: Path) -> None:
    known = {"007": {"age": 41}, "8": {"age": None}, "9": {}, "10": {"age": 30}}
    lazy = features(**of(tmp_path, NIGHTS), covariates=known, recordings_per_partition=1)
    assert lazy["age"].dtype == np.float64
    assert {str(lazy.partitions[k]["age"].compute().dtype) for k in range(4)} == {"float64"}
    assert lazy.partitions[2]["age"].compute().isna().all()


def test_a_study_without_tables_is_an_empty_table(tmp_path: Path) -> None:
    empty = features(Folder(tmp_path), [], part_schema(), columns="*/mean", covariates=COVARIATES)
    got = empty.compute(scheduler="sync")
    assert len(got) == 0
    assert got.dtypes.astype(str)[["recording_id", "C3-M2/mean"]].tolist() == ["str", "float64"]


def test_only_columns_and_recordings_that_are_needed_are_read(tmp_path: Path) -> None:
    nodes = {"100Hz": [f"C{k}" for k in range(60)], "1Hz": ("SpO2",)}
    schema = part_schema(nodes)
    nights = [Night(name, 900, nodes) for name in ("A", "B", "C")]
    of(tmp_path, nights, schema)
    sizes = {path.parent.name[-1]: path.stat().st_size for path in tmp_path.rglob("*.parquet")}

    def read(act: Any) -> Counter[str]:
        files = CountedFiles(tmp_path)
        act(features(files, ["A", "B", "C"], schema, recordings_per_partition=1)).compute(scheduler="sync")
        return files.bytes

    everything = read(lambda table: table)
    assert all(everything[name] > 0.9 * sizes[name] for name in "ABC")
    footer = read(lambda table: table["recording_id"])["A"]
    one = read(lambda table: table.groupby("stage")["C7/mean"].mean())
    column = pq.ParquetFile(next(tmp_path.rglob("*=A/*.parquet"))).metadata.row_group(0)
    chunks = {
        column.column(k).path_in_schema: column.column(k).total_compressed_size for k in range(column.num_columns)
    }
    assert one["A"] - footer <= 1.2 * (chunks["stage"] + chunks["C7/mean"]) < 0.05 * sizes["A"]
    assert set(read(lambda table: table.partitions[1])) == {"B"}


def test_columns_are_chosen_by_name_and_glob(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    rows = ["recording_id", "epoch", "start", "stage"]
    deltas = [f"{name}/bandpower_delta" for name in ("C3-M2", "C4-M1", "SpO2")]
    assert list(features(**study, columns="*/bandpower_delta")) == rows + deltas
    assert list(features(**study, columns=["spo2*", "C3-M2/mean"])) == [
        *rows,
        "SpO2/bandpower_delta",
        "SpO2/mean",
        "C3-M2/mean",
    ]
    assert list(features(**study, columns=[])) == rows
    with pytest.raises(ParameterError, match=r"'C3-M2/maen'.*did you mean 'C3-M2/mean'"):
        features(**study, columns="C3-M2/maen")


def test_names_with_dots_and_brackets_mean_themselves(tmp_path: Path) -> None:
    nodes = {"0.5Hz": ("stage.x", ".a", "b[1]", "b1", "x/y")}
    study = of(tmp_path, [Night("A", 5, nodes)], part_schema(nodes))
    got = features(**study, columns=["stage.x/mean", ".a/mean", "b[1]/mean", "x/y/mean"]).compute(scheduler="sync")
    want = Night("A", 5, nodes).frame(study["schema"])
    pd.testing.assert_frame_equal(got.drop(columns="recording_id"), want[list(got)[1:]])


def test_a_covariate_must_not_be_called_like_a_column(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="'stage' has the name of a column"):
        features(**of(tmp_path, NIGHTS), covariates={"007": {"stage": "x"}})


def test_a_table_that_is_missing_or_damaged_or_old_is_told_with_its_name(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    lazy = features(**study)
    path = tmp_path / "features" / "recording_id=9" / "part-0.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileFormatError, match=r"recording_id=9/part-0.parquet: the table .* cannot be read"):
        lazy.compute(scheduler="sync")
    path.unlink()
    with pytest.raises(FileFormatError, match=r"recording_id=9/part-0.parquet: the table .* is missing"):
        lazy.compute(scheduler="sync")
    write_part(tmp_path, Night("9"), part_schema(features=["mean"]))
    with pytest.raises(FileFormatError, match=r"recording_id=9.*earlier plan; expected C3-M2/bandpower_delta"):
        lazy.compute(scheduler="sync")


def test_a_second_look_sees_what_changed(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    one, other = features(**study), features(**study)
    assert one.__dask_keys__() != other.__dask_keys__()


def test_url(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path), "/lab study", recursive=True)
    try:
        there = ObjectStore("memory://lab study")
        got = features(there, study["ids"], study["schema"]).compute(scheduler="sync")
        pd.testing.assert_frame_equal(got, features(**study).compute(scheduler="sync"))
        assert open_dataset(there, study["ids"], study["schema"]).count_rows() == len(got)
    finally:
        memory.rm("/lab study", recursive=True)


def test_dask_computes_with_it_what_pandas_does(tmp_path: Path) -> None:
    study = of(tmp_path, NIGHTS)
    lazy = features(**study, covariates=COVARIATES, recordings_per_partition=1)
    whole = lazy.compute()
    names = ["C3-M2/mean", "SpO2/bandpower_delta"]
    by = ["group", "stage"]
    got = lazy.groupby(by, dropna=False)[names].mean().compute().sort_index()
    pd.testing.assert_frame_equal(got, whole.groupby(by, dropna=False)[names].mean().sort_index())
    few = lazy[(lazy["stage"] == "N2") & (lazy["C3-M2/mean"] > 1000)]
    assert len(few) == ((whole["stage"] == "N2") & (whole["C3-M2/mean"] > 1000)).sum()
