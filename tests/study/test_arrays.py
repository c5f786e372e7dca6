"""Features of a study as arrays: the numbers of the tables, and never those of another plan."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.study.files import Folder, ObjectStore


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return sd.simulate.simulate_cohort(tmp_path / "cohort", 3, 1, 0.1, sd.simulate.SMALL_MONTAGE, seed=2)


def run(table: Path, features: str = "hjorth", *, arrays: bool = True) -> dict[str, xr.DataTree]:
    output = table.parent / "out"
    sd.Study.from_table(table, output, features=features, arrays=arrays).run(backend="sync")
    return {path.stem: sd.open_features(path) for path in sorted((output / "arrays").glob("*.zarr"))}


def test_arrays_hold_what_the_tables_hold(table: Path) -> None:
    arrays = run(table)
    ok = sd.Study.open(table.parent / "out").outcomes().query("status == 'ok'")["recording_id"].tolist()
    assert list(arrays) == ok
    for name, tree in arrays.items():
        part = sd.open_features(table.parent / "out" / "features" / f"recording_id={name}" / "part-0.parquet")
        xr.testing.assert_identical(tree, part)


def test_arrays_asked_for_later_need_no_computing(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(table, arrays=False) == {}
    monkeypatch.setattr(sd.features.Hjorth, "compute", None)
    assert len(run(table)) == 2


def test_arrays_of_another_plan_go(table: Path) -> None:
    run(table, "hjorth")
    assert run(table, "statistics", arrays=False) == {}
    assert all("mean" in tree["64Hz"].data_vars for tree in run(table, "statistics").values())


def test_folders_appear_whole(tmp_path: Path) -> None:
    for files in (Folder(tmp_path / "study"), ObjectStore("memory://arrays-test")):
        for text in ("one", "two"):
            files.write_folder("arrays/a.zarr", lambda folder, text=text: (folder / text).write_text(text) and None)
            assert files.names("arrays/a.zarr") == [text]
            assert files.read(f"arrays/a.zarr/{text}") == text.encode()
        with pytest.raises(ZeroDivisionError):
            files.write_folder("arrays/b.zarr", lambda _: 1 / 0 and None)
        assert files.names("arrays") == ["a.zarr"]
