"""Tables are lazy: only blocks that are needed are parsed, once, and a file that changed is refused."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given, settings
from hypothesis import strategies as st
from range_server import range_server
from xarray.core import indexing

from sleepdask.errors import ChangedFileError, FileFormatError
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import NAT
from sleepdask.io.tabular import lines, spec
from sleepdask.io.tabular.array import TableArray
from sleepdask.io.tabular.cells import Cells, cells
from sleepdask.io.tabular.file import TableFile
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.parquet import ParquetTable
from sleepdask.io.tabular.times import TimeFormat, parse_times
from sleepdask.parallel.cache import ThreadSafeCache

ROWS = 500


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 512)
    spec.CACHE.clear()


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    values = np.round(rng.normal(size=(ROWS, 3)), 3)
    values[rng.random(values.shape) < 0.1] = np.nan
    return pd.DataFrame(values, columns=["x", "y", "z"])


@pytest.fixture
def path(frame: pd.DataFrame, tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    frame.to_csv(file, index_label="row")
    return file


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of each block that is parsed, as it happens."""
    sizes: list[int] = []

    def counted(block: bytes, *args: object, **kwargs: object) -> Cells:
        sizes.append(len(block))
        return cells(block, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(spec, "cells", counted)
    return sizes


def lazy(array: TableArray) -> xr.Variable:
    return xr.Variable(("channel", "row"), indexing.LazilyIndexedArray(array))


@given(data=st.data())
def test_any_index_gives_what_numpy_gives(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    file = tmp_path_factory.mktemp("tables") / "table.csv"
    values = np.arange(150.0).reshape(50, 3)
    pd.DataFrame(values, columns=list("xyz")).to_csv(file, index=False)
    array = lazy(TableFile.open(file, TableFormat()).values(["z", "x"], "float64"))
    whole = values.T[[2, 0]]
    row = st.one_of(
        st.integers(-50, 49),
        st.slices(50).filter(lambda part: range(50)[part] or (part.step or 1) > 0),  # others xarray itself refuses
        st.lists(st.integers(0, 49), max_size=8).map(lambda numbers: np.array(numbers, int)),
    )
    channel = st.one_of(
        st.integers(-2, 1), st.slices(2).filter(lambda part: (part.step or 1) > 0), st.just(np.array([1, 0]))
    )
    first, second = data.draw(channel), data.draw(row)
    want = whole[first][..., second]
    np.testing.assert_array_equal(array[first, second].values, want)


def test_only_what_is_needed_is_parsed_and_only_once(path: Path, frame: pd.DataFrame, parsed: list[int]) -> None:
    table = TableFile.open(path, TableFormat())
    blocks = len(parsed)
    assert blocks == len(table.blocks.spans) > 10
    array = lazy(table.values(["x", "z"]))
    np.testing.assert_array_equal(array[:, 100:103].values, frame[["x", "z"]].to_numpy(np.float32).T[:, 100:103])
    assert len(parsed) == blocks  # all of it is in the cache
    spec.CACHE.clear()
    assert len(parsed) == blocks
    for _ in range(2):
        np.testing.assert_array_equal(array[:, 100:103].values, frame[["x", "z"]].to_numpy(np.float32).T[:, 100:103])
    assert blocks < len(parsed) <= blocks + 2


def test_the_cache_is_bounded(
    path: Path, frame: pd.DataFrame, parsed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ThreadSafeCache(2000, sizeof=lambda block: int(block.nbytes))
    for module in ("spec", "scan"):
        monkeypatch.setattr(f"sleepdask.io.tabular.{module}.CACHE", cache)
    array = lazy(TableFile.open(path, TableFormat()).values(["x", "y", "z"], "float64"))
    assert cache.get_stats()["bytes"] <= 2000
    blocks = len(parsed)
    np.testing.assert_array_equal(array.values, frame.to_numpy().T)
    assert cache.get_stats()["bytes"] <= 2000
    assert len(parsed) > blocks


def test_pickles_hold_no_samples_and_give_the_same(path: Path, frame: pd.DataFrame) -> None:
    array = TableFile.open(path, TableFormat(columns=("x", "y"))).values(["y"], "float64")
    stored = pickle.dumps(array)
    assert len(stored) < 8000
    spec.CACHE.clear()
    again = pickle.loads(stored)
    np.testing.assert_array_equal(lazy(again).values[0], frame["y"])
    assert tokenize(again) == tokenize(array)


def test_tokens_tell_what_is_read(path: Path) -> None:
    table = TableFile.open(path, TableFormat())
    tokens = {
        tokenize(array)
        for array in (
            table.values(["x"]),
            table.values(["y"]),
            table.values(["x", "y"]),
            table.values(["x"], "float64"),
            TableFile.open(path, TableFormat(nulls=("", "0.5"))).values(["x"]),
        )
    }
    assert len(tokens) == 5
    before = tokenize(table.values(["x"]))
    os.utime(path, ns=(0, 10**18))
    assert tokenize(TableFile.open(path, TableFormat()).values(["x"])) != before


@pytest.mark.parametrize("change", ["grows", "is touched"])
def test_a_file_that_changed_is_refused(path: Path, change: str) -> None:
    table = TableFile.open(path, TableFormat())
    array = lazy(table.values(["x"]))
    if change == "grows":
        path.write_text(path.read_text() + "500,1,2,3\n")
    else:
        os.utime(path, ns=(0, 10**18))
    for read in (lambda: array[0, 3].values, lambda: table.texts("x")):
        with pytest.raises(ChangedFileError, match="the file changed since it was opened"):
            read()


def test_times_of_blocks_are_those_of_the_whole(path: Path, tmp_path: Path) -> None:
    times = pd.date_range("2024-03-11 22:00", periods=ROWS, freq="21ms")
    file = tmp_path / "times.csv"
    pd.DataFrame({"Date": times.strftime("%d.%m.%Y"), "Time": times.strftime("%H:%M:%S.%f"), "v": 1}).to_csv(
        file, index=False
    )
    pattern = TimeFormat("strptime", "%d.%m.%Y %H:%M:%S.%f")
    table = TableFile.open(file, TableFormat(), time=["Date", "Time"], time_format=pattern)
    assert table.times is not None
    assert len(table.blocks.spans) > 5
    np.testing.assert_array_equal(table.times.stamps, times.as_unit("ns").asi8)
    assert table.times.resolution == 1000
    again = table.parsed_times(["Date", "Time"], pattern)
    np.testing.assert_array_equal(again.stamps, table.times.stamps)


def test_tables_behind_urls_are_read_by_range(path: Path, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 4096)
    with range_server({"table.csv": path.read_bytes()}) as served:
        remote = RemoteFile(f"{served.url}/table.csv")
        array = lazy(TableFile.open(remote, TableFormat()).values(["x", "z"], "float64"))
        spec.CACHE.clear()
        np.testing.assert_array_equal(array.values, frame[["x", "z"]].to_numpy().T)


@pytest.mark.parametrize("group", [10, 77, 1000])
def test_parquet_gives_the_same(frame: pd.DataFrame, tmp_path: Path, group: int) -> None:
    file = tmp_path / "table.parquet"
    times = pd.date_range("2024-03-11 22:00", periods=ROWS, freq="20ms", tz="Europe/Berlin")
    texts = frame["x"].map(lambda value: "off" if value > 1 else "" if np.isnan(value) else f"{value}")
    frame.assign(when=times.as_unit("ms"), number=range(ROWS), text=texts).to_parquet(file, row_group_size=group)
    table = ParquetTable.open(file, ("x",), time=("when",))
    assert table.times is not None
    assert (table.times.instants, table.times.resolution, table.rows) == (True, 10**6, ROWS)
    np.testing.assert_array_equal(table.times.stamps, times.as_unit("ns").asi8)
    array = lazy(pickle.loads(pickle.dumps(table.values(["z", "number", "text"], "float64"))))
    want = np.stack([frame["z"], np.arange(ROWS), frame["x"].where(frame["x"] <= 1)])
    np.testing.assert_array_equal(array.values, want)
    np.testing.assert_array_equal(array[:, 70:90:3].values, want[:, 70:90:3])
    good = (frame["x"] <= 1).sum()
    assert table.cells_of("text") == (good, (frame["x"] > 1).sum())
    assert table.cells_of("number") == (ROWS, 0)


def test_parquet_that_is_none_is_refused(path: Path, tmp_path: Path, frame: pd.DataFrame) -> None:
    with pytest.raises(FileFormatError, match="no Parquet file"):
        ParquetTable.open(path)
    file = tmp_path / "table.parquet"
    frame.to_parquet(file)
    with pytest.raises(FileFormatError, match="no column 'w'"):
        ParquetTable.open(file, ("w",))
    array = lazy(ParquetTable.open(file).values(["x"]))
    frame.head().to_parquet(file)
    with pytest.raises(ChangedFileError):
        _ = array[0, 0].values


WRITTEN = {
    "whole": ["2024-03-11T23:00:00", "2024-03-11T23:00:01", "2024-03-12T07:30:00"],
    "fine": ["2024-03-11T23:00:00.250", "2024-03-11 23:00:01.5", "2024-03-11T23:00:02"],
    "odd": ["", "x", "2024-03-11t23:00:03", "2024-03-11T23:00:04,5", "2024-03-11", " 2024-03-11T23:05"],
}


@settings(deadline=None)
@given(
    texts=st.lists(st.sampled_from([*WRITTEN["whole"], *WRITTEN["fine"], *WRITTEN["odd"]]), min_size=1, max_size=40),
    zone=st.sampled_from(["", "Z", "+02:00"]),
    block=st.sampled_from([64, 200, 1 << 20]),
)
def test_times_of_blocks_are_those_of_each_text(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], zone: str, block: int
) -> None:
    """Where a block holds a time that is written in another way than those of the first one, or none, as well."""
    whole = ["2024-03-11T22:59:59", *texts]
    cells = [text + zone if text.strip() and "T" in text.upper() else text for text in whole]
    path = tmp_path_factory.mktemp("times") / "table.csv"
    path.write_text("time;x\n" + "".join(f"{cell};{k}\n" for k, cell in enumerate(cells)))
    wanted = []
    for cell in cells:
        with contextlib.suppress(FileFormatError):
            wanted.append(parse_times([cell], TimeFormat()))
            continue
        wanted.append(parse_times([""], TimeFormat()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block)
        patch.setattr(lines, "_TAIL_BYTES", 32)
        got = None
        with contextlib.suppress(FileFormatError):
            got = TableFile.open(path, TableFormat(delimiter=";"), time="time").times
    known = {one.instants for one in wanted if one.stamps[0] != NAT}
    lost = sum(one.stamps[0] == NAT and cell.strip() != "" for one, cell in zip(wanted, cells, strict=True))
    assert (got is None) == (len(known) == 2 or lost > len(cells) / 2)
    if got is None:
        return
    np.testing.assert_array_equal(got.stamps, [one.stamps[0] for one in wanted])
    assert got.instants == bool(zone)
    assert got.resolution == min(one.resolution for one in wanted if one.stamps[0] != NAT)


def test_a_block_with_finer_times_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 512)
    seconds = [f"2024-03-11T23:{k // 60:02}:{k % 60:02}" for k in range(300)]
    (tmp_path / "table.csv").write_text(
        "time,x\n" + "".join(f"{time}{'.25' * (k > 250)},1\n" for k, time in enumerate(seconds))
    )
    times = TableFile.open(tmp_path / "table.csv", TableFormat(), time="time").times
    assert times is not None
    assert times.resolution == 10**7
