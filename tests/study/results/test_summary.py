"""The summary of a study: what pandas gives of the whole table, and the same bits wherever it is made."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_folders import NODES, Night, of, part_schema, whole_table, write_part

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.parallel import ParallelConfig, close_pools
from sleepdask.study.results import summary as module
from sleepdask.study.results.columns import feature_columns
from sleepdask.study.results.sketch import ACCURACY
from sleepdask.study.results.summary import QUANTILES, STATISTICS, summarise
from sleepdask.study.results.tree import FixedTree

ABSENT = {"100Hz": ("C3-M2",)}
NIGHTS = [
    Night("P1", 60, covariates={"group": "control", "age": 41.0}),
    Night("P2", 0, covariates={"group": "control", "age": 41.0}),
    Night("P3", 25, ABSENT, {"group": "apnea", "age": 52.0}),
    Night("P4", 30, covariates={"group": None, "age": None}, stages=(None,)),
    Night("P5", 35, {"256Hz": ("C3-M2", "SpO2")}, {"group": "apnea", "age": 41.0}),
    Night("P6", status="failed", covariates={"group": "apnea", "age": 33.0}),
    Night("P7", 1, covariates={"group": "=x", "age": 60.0}),
    Night("P8", 40, covariates={"group": "control", "age": None}),
]
SCHEMA = part_schema(NODES | {"256Hz": ()})
COVARIATES = {night.recording_id: night.covariates for night in NIGHTS}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return of(tmp_path_factory.mktemp("study"), NIGHTS, SCHEMA) | {"covariates": COVARIATES}


def by_pandas(by: list[str]) -> pd.DataFrame:
    """Same table from all rows in memory."""
    rows = whole_table(NIGHTS, SCHEMA)
    rows["stage"] = rows["stage"].fillna("")
    rows["group"] = rows["group"].fillna("")
    order = {name: k for k, name in enumerate(["W", "N1", "N2", "N3", "R", ""])}
    tables = []
    for column in feature_columns(SCHEMA):
        table = rows[["recording_id", *dict.fromkeys([*by, "stage"]), column]].rename(columns={column: "x"})
        grouped = table.groupby(by, dropna=False) if by else table.groupby(lambda _: 0)
        made = grouped["x"].agg(["count", "mean", "std", "min", "max"])
        for name, q in list(QUANTILES.items())[1:-1]:
            made[name] = grouped["x"].quantile(q)
        means = table.groupby([*by, "recording_id"], dropna=False)["x"].mean().dropna()
        levels = means.groupby(level=list(range(len(by))), dropna=False) if by else means.groupby(lambda _: 0)
        made["recordings"] = levels.count()
        made["recordings"] = made["recordings"].fillna(0).astype(int)
        made["std_between"] = levels.std()
        tables.append(made.rename(columns={"count": "epochs"}).assign(column=column).reset_index(drop=not by))
    whole = pd.concat(tables)
    whole["column"] = pd.Categorical(whole["column"], feature_columns(SCHEMA))
    key: Callable[[pd.Series[Any]], Any] = lambda s: s.map(order) if s.name == "stage" else s.replace("", "\uffff")  # noqa: E731
    whole = whole.sort_values([*by, "column"], key=key, na_position="last")
    return whole[[*by, *STATISTICS]].astype({"column": "str"}).reset_index(drop=True)


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    if one.dtypes.to_dict() != other.dtypes.to_dict() or len(one) != len(other):
        return False
    return all(
        one[name].tolist() == other[name].tolist()
        if one[name].dtype == "str"
        else one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes()
        for name in one
    )


@pytest.mark.parametrize("by", [["stage"], [], ["group"], ["age"], ["group", "stage"], ["stage", "age", "group"]])
def test_summary_is_what_pandas_gives_of_all_rows(study: dict[str, Any], by: list[str]) -> None:
    got, want = summarise(**study, by=by, backend="sync"), by_pandas(by)
    exact = ["column", "recordings", "epochs", "min", "max", *by]
    pd.testing.assert_frame_equal(got[exact], want[exact])
    assert list(got) == list(want)
    for name in ("mean", "std", "std_between"):
        np.testing.assert_allclose(got[name], want[name], rtol=1e-10)
    rows = whole_table(NIGHTS, SCHEMA).fillna({"stage": "", "group": ""})
    for at, row in got.iterrows():
        chosen = rows
        for name in by:
            chosen = chosen[chosen[name].isna() if row[name] != row[name] else chosen[name] == row[name]]
        values = np.sort(chosen[row["column"]].dropna().to_numpy())
        for name, q in QUANTILES.items():
            if not values.size:
                assert np.isnan(row[name]), at
                continue
            rank = int(q * (values.size - 1))
            off = ACCURACY * np.abs(values[rank : rank + 2]).max() * (1 + 1e-9)
            assert abs(row[name] - np.quantile(values, q)) <= off, (at, name)


def test_rows_that_do_not_count_are_there_and_matter(study: dict[str, Any]) -> None:
    """What the tests above take out is worth taking out."""
    rows = pd.concat([night.frame(SCHEMA) for night in NIGHTS if night.has_features])
    got = summarise(**study, by=(), columns="C3-M2/mean", backend="sync")
    assert 0 < got["epochs"][0] < rows["C3-M2/mean"].notna().sum()
    assert rows["100Hz/status"].isin(["missing", "failed"]).any()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """More recordings, so that there is something to round in every merge."""
    nights = [Night(f"P{k:02}", 7 + k % 5) for k in range(23)]
    return of(tmp_path_factory.mktemp("many"), nights) | {"covariates": {}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(size=st.integers(1, 24), backend=st.sampled_from(["sync", "threads"]), workers=st.integers(1, 4))
@pytest.mark.parametrize("by", [(), ("stage",)])
def test_bits_depend_neither_on_batches_nor_on_threads(
    many: dict[str, Any], by: Any, size: int, backend: Any, workers: int
) -> None:
    want = summarise(**many, by=by, backend="sync", recordings_per_task=1)
    assert same(summarise(**many, by=by, backend=backend, workers=workers, recordings_per_task=size), want)


def test_the_same_bits_come_from_processes(many: dict[str, Any]) -> None:
    config = ParallelConfig(backend="processes", workers=2, enable_progress=False)
    try:
        assert same(summarise(**many, config=config, recordings_per_task=3), summarise(**many, backend="sync"))
    finally:
        close_pools()


def test_bits_of_a_column_do_not_depend_on_the_others(study: dict[str, Any]) -> None:
    whole = summarise(**study, backend="sync")
    some = summarise(**study, columns=["SpO2*", "C3-M2/mean"], backend="sync")
    assert some["column"].unique().tolist() == ["SpO2/bandpower_delta", "SpO2/mean", "C3-M2/mean"]
    for column in some["column"].unique():
        one, other = (table[table["column"] == column].reset_index(drop=True) for table in (some, whole))
        assert same(one, other)


def test_another_order_of_recordings_may_round_otherwise_but_counts_are_the_same(study: dict[str, Any]) -> None:
    turned = study | {"ids": study["ids"][::-1]}
    one, other = summarise(**study, backend="sync"), summarise(**turned, backend="sync")
    exact = ["stage", "column", "recordings", "epochs", *QUANTILES]
    assert same(one[exact], other[exact])
    np.testing.assert_allclose(one["mean"], other["mean"], rtol=1e-12)


def test_missing_covariates_are_a_group_of_their_own(study: dict[str, Any]) -> None:
    by_group = summarise(**study, by="group", columns="C3-M2/mean", backend="sync")
    assert by_group["group"].tolist() == ["=x", "apnea", "control", ""]
    by_age = summarise(**study, by="age", columns="C3-M2/mean", backend="sync")
    assert by_age["age"].dtype == np.float64
    assert by_age["age"].fillna(-1).tolist() == [41, 52, 60, -1]
    assert by_age["recordings"].tolist() == [2, 1, 1, 2]


def test_whole_numbers_stay_whole(tmp_path: Path) -> None:
    study = of(tmp_path, [Night("A", covariates={"site": 2}), Night("B", covariates={"site": 10})])
    got = summarise(**study, covariates={"A": {"site": 2}, "B": {"site": 10}}, by="site", columns="SpO2/mean")
    assert got["site"].dtype == np.int64
    assert got["site"].tolist() == [2, 10]


def test_unknown_names_are_refused(study: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=r"cannot group by 'grop'; .*did you mean 'group'"):
        summarise(**study, by=("stage", "grop"))
    with pytest.raises(ParameterError, match=r"'\*/delta'"):
        summarise(**study, columns="*/delta")
    with pytest.raises(ParameterError, match="'mean' has the name of a column"):
        summarise(**study | {"covariates": {"P1": {"mean": 1}}}, by="mean")


def test_coverage_and_status_are_no_features(study: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="100Hz/coverage"):
        summarise(**study, columns="100Hz/coverage")


def test_a_study_without_tables_has_an_empty_summary(study: dict[str, Any]) -> None:
    empty = summarise(**study | {"ids": []}, by=("stage", "age"), backend="sync")
    full = summarise(**study, by=("stage", "age"), backend="sync")
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_a_table_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    study = of(tmp_path, [Night("A"), Night("B")])
    path = tmp_path / "features" / "recording_id=B" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(FileFormatError, match=r"recording_id=B/part-0.parquet: .* cannot be read"):
        summarise(**study, covariates={})


def test_a_table_without_its_nodes_is_refused(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    study = of(tmp_path, [Night("A")])
    path = tmp_path / "features" / "recording_id=A" / "part-0.parquet"
    table = pq.ParquetFile(path).read()
    pq.write_table(table.replace_schema_metadata(None), path)
    with pytest.raises(FileFormatError, match="does not say which channels its nodes have"):
        summarise(**study, covariates={})
    write_part(tmp_path, Night("A"), study["schema"])
    described = {"sleepdask": '{"nodes": {"100Hz": {"channels": [{"name": "C3-M2"}, {"name": "C4-M1"}]}}}'}
    pq.write_table(table.replace_schema_metadata(described), path)
    with pytest.raises(FileFormatError, match="SpO2/bandpower_delta has values, but no node has its channel"):
        summarise(**study, covariates={})


def test_memory_does_not_grow_with_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = of(tmp_path, [Night("A", 200)])
    most = 0

    class Counted(FixedTree[Any]):
        def add(self, level: int, index: int, value: Any) -> None:
            nonlocal most
            super().add(level, index, value)
            most = max(most, len(self))

    monkeypatch.setattr(module, "FixedTree", Counted)

    def peak(recordings: int) -> int:
        tracemalloc.start()
        try:
            summarise(**study | {"ids": ["A"] * recordings}, covariates={}, backend="sync")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(3)
    assert peak(512) < 1.5 * peak(64)
    assert most <= 10
