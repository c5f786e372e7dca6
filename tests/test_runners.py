"""Runners: what they take, what they give back, what they show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import Hjorth, Statistics


@pytest.fixture
def lazy(scored_night: Path) -> xr.DataTree:
    return sd.extract(sd.open_recording(scored_night), (Statistics(("mean", "std")), Hjorth()))


def is_lazy(item: Any) -> bool:
    return bool(item.chunks)


@pytest.mark.parametrize("backend", ["auto", "sync", "threads"])
def test_a_tree(lazy: xr.DataTree, backend: str) -> None:
    lazy.name = "mine"
    done = sd.compute(lazy, backend=backend, workers=2)
    assert isinstance(done, xr.DataTree)
    assert done.name == "mine"
    assert not any(is_lazy(node.to_dataset()) for node in done.subtree)
    assert is_lazy(lazy["100Hz/mean"])
    xr.testing.assert_identical(done, sd.compute(lazy, config=sd.ParallelConfig(enabled=False)))
    assert done.attrs == lazy.attrs
    assert done["1Hz"].attrs == lazy["1Hz"].attrs


def test_a_dataset_and_a_data_array(lazy: xr.DataTree) -> None:
    dataset, array = lazy["100Hz"].to_dataset(), lazy["100Hz/mean"]
    assert is_lazy(dataset)
    assert is_lazy(array)
    got = sd.compute(dataset, backend="sync")
    assert isinstance(got, xr.Dataset)
    xr.testing.assert_identical(got, dataset.compute())
    done = sd.compute(array, backend="sync")
    assert isinstance(done, xr.DataArray)
    assert isinstance(done.data, np.ndarray)
    assert is_lazy(array)
    xr.testing.assert_identical(done, array.compute())


def test_a_branch_of_a_tree_keeps_the_coordinates_it_inherits(lazy: xr.DataTree) -> None:
    done = sd.compute(lazy["100Hz"], backend="sync")
    assert done.name == "100Hz"
    assert {"epoch", "channel", "unit"} <= set(done.coords)
    assert set(lazy.children) == {"100Hz", "1Hz"}
    xr.testing.assert_identical(done.to_dataset(), sd.compute(lazy, backend="sync")["100Hz"].to_dataset())


def test_several_at_once_share_one_pass(
    lazy: xr.DataTree, scored_night: Path, bytes_read: list[tuple[int, int]]
) -> None:
    sd.compute(lazy["100Hz/mean"], backend="sync")
    once = sum(size for _, size in bytes_read)
    bytes_read.clear()
    results = sd.compute(lazy["100Hz/mean"], lazy["100Hz"].to_dataset(), lazy["100Hz"], backend="sync")
    assert sum(size for _, size in bytes_read) == once > 0
    assert [type(item).__name__ for item in results] == ["DataArray", "Dataset", "DataTree"]
    xr.testing.assert_identical(results[0], results[1]["mean"])
    xr.testing.assert_identical(results[0], results[2]["mean"])


def test_what_is_in_memory_stays_as_it_is() -> None:
    tree = xr.DataTree.from_dict({"/a": xr.Dataset({"x": ("t", [1.0])})}, name="root")
    xr.testing.assert_identical(sd.compute(tree), tree)
    assert sd.compute() == ()


def test_persisted_objects_are_dask_in_memory(lazy: xr.DataTree, bytes_read: list[tuple[int, int]]) -> None:
    kept = sd.persist(lazy, backend="sync")
    assert sum(size for _, size in bytes_read) > 0
    bytes_read.clear()
    assert is_lazy(kept["100Hz/mean"])
    xr.testing.assert_identical(sd.compute(kept, backend="sync"), sd.compute(lazy, backend="sync"))
    bytes_read.clear()
    assert isinstance(kept["100Hz/mean"].data, da.Array)
    kept["100Hz/mean"].compute(scheduler="sync")
    assert bytes_read == []
    array = sd.persist(lazy["100Hz/std"], backend="threads", workers=1)
    assert isinstance(array, xr.DataArray)
    assert is_lazy(array)


@pytest.mark.parametrize("wrong", [np.zeros(3), da.zeros(3), None, "night.edf"])
def test_other_objects_are_refused(wrong: Any) -> None:
    with pytest.raises(sd.ParameterError, match="cannot compute this; expected a DataTree, Dataset or DataArray"):
        sd.compute(wrong)


def test_backend_and_workers_are_checked(lazy: xr.DataTree) -> None:
    with pytest.raises(sd.ParameterError, match="unknown backend"):
        sd.compute(lazy, backend="cluster")
    with pytest.raises(sd.ParameterError, match="workers must be a whole number of at least 1"):
        sd.persist(lazy, workers=0)


@pytest.mark.parametrize(("progress", "shown"), [(True, True), (False, False), (None, False)])
@pytest.mark.parametrize("run", [sd.compute, sd.persist])
def test_a_bar_only_when_asked_for(
    lazy: xr.DataTree, progress: bool | None, shown: bool, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run(lazy, backend="sync", progress=progress)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (run.__name__ in printed.err) == shown
    assert bool(printed.err) == shown


def test_a_bar_on_a_terminal(
    lazy: xr.DataTree, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    sd.compute(lazy, backend="sync")
    assert "task" in capsys.readouterr().err


def test_errors_of_a_task_come_through(tmp_path: Path, scored_night: Path) -> None:
    copy = tmp_path / "night.edf"
    copy.write_bytes(scored_night.read_bytes())
    lazy = sd.extract(sd.open_recording(copy), Statistics())
    copy.write_bytes(scored_night.read_bytes()[:-1000])
    with pytest.raises(sd.FileFormatError, match="the file changed since it was opened"):
        sd.compute(lazy, progress=True)


def test_a_table_of_signals_and_features(lazy: xr.DataTree) -> None:
    table = sd.to_dataframe(lazy, backend="sync")
    assert table.columns.names == ["signal", "feature"]
    assert table.index.names == ["epoch", "start", "stage"]
    assert list(table.columns[:3]) == [("C3", "mean"), ("C3", "std"), ("C3", "hjorth_activity")]
    assert list(table.columns[-4:]) == [
        ("100Hz", "coverage"), ("100Hz", "status"), ("1Hz", "coverage"), ("1Hz", "status")
    ]  # fmt: skip
    np.testing.assert_array_equal(table["C4"]["mean"], lazy["100Hz/mean"][:, 1].values)
    means = table.groupby("stage").mean(numeric_only=True)
    assert sorted(means.index) == ["N1", "N2", "N3", "R", "W"]
    assert means.loc["W", ("C3", "mean")] == pytest.approx(lazy["100Hz/mean"][:3, 0].values.mean())


def test_a_flat_table(lazy: xr.DataTree) -> None:
    table = sd.to_dataframe(sd.compute(lazy), flat=True)
    assert isinstance(table.index, pd.RangeIndex)
    assert list(table.columns[:4]) == ["epoch", "start", "stage", "C3/mean"]
    assert table["stage"].isna().tolist() == [False] * 15 + [True] * 5


def test_what_is_in_memory_needs_no_cluster(lazy: xr.DataTree, monkeypatch: pytest.MonkeyPatch) -> None:
    done = sd.compute(lazy, backend="sync")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a cluster was started")

    monkeypatch.setattr("sleepdask.parallel.backends.local.local_cluster", refuse)
    xr.testing.assert_identical(sd.compute(done, backend="processes"), done)
    with pytest.raises(AssertionError, match="a cluster was started"):
        sd.compute(lazy, backend="processes")


@pytest.mark.parametrize("part", ["a node", "a dataset"])
def test_a_table_is_made_of_the_whole_tree(scored_night: Path, part: str) -> None:
    node = sd.extract(sd.open_recording(scored_night), "hjorth")["100Hz"]
    with pytest.raises(sd.ParameterError, match=r"the tree of extract, as a whole; found (a node, /100Hz|Dataset)"):
        sd.to_dataframe(node if part == "a node" else node.to_dataset())
