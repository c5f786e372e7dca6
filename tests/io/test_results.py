"""Feature files: what is written comes back, in every format."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import Feature, Hjorth, Output, Sampling, Statistics
from sleepdask.io.atomic import staged_outputs
from sleepdask.io.results import FILE_NAMES, PROVENANCE, check_formats, write_features
from sleepdask.io.tables import describe
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate

KINDS = tuple(FILE_NAMES)
LABELS = ("=C3", "'=C3", "EEG A/B", "C3", "C3 #2", "-M1", 'say "hi", or ; not', "Ableitung µ")


@dataclass(frozen=True)
class Fragile(Feature):
    """Mean of epochs; fails on the second quarter of the samples' values."""

    name: ClassVar[str] = "fragile"

    text: str = "a, b"

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("fragile_mean", "{unit}", "mean, or nothing", "somebody, 1999; doi:10.0/0"),)

    def compute(self, samples: np.ndarray, starts: np.ndarray, stops: np.ndarray, sampling: Sampling) -> np.ndarray:
        values = np.array(
            [[row[a:b].mean() if b > a else np.nan for a, b in zip(starts, stops, strict=True)] for row in samples]
        )
        if (np.nanmax(values, initial=-np.inf) > 120) and (np.nanmin(values, initial=np.inf) < 160):
            raise ValueError("too 'fragile', really;\nof no use")
        return values[..., None]


def odd_features() -> xr.DataTree:
    """Odd labels, gaps, failures, missing samples, half a hypnogram, starts between milliseconds."""
    clock = Clock.segmented([("2024-03-10T23:00:00.123456789", 4000), ("2024-03-10T23:10", 3333)], 100_000_000)
    rng = np.random.default_rng(4)
    values = rng.standard_normal((len(LABELS), clock.size)) / 3 + np.arange(clock.size) / 25
    values[2, 100:290] = np.nan
    fast = xr.Dataset(
        {"signal": (("channel", "time"), values)},
        coords={
            "channel": list(LABELS),
            "unit": ("channel", ["uV"] * len(LABELS)),
            "sensor": ("channel", ["", "gold", *[""] * (len(LABELS) - 2)]),
        },
    ).assign_coords(time_coordinate(clock))
    slow = sd.recording_from_arrays({"SpO2": rng.random(1300)}, rate=1, start="2024-03-10T23:00:00", unit="%")
    night = xr.DataTree.from_dict({"/10Hz": fast, "/1Hz #2": slow["1Hz"].to_dataset()})
    night.attrs = {"recording_id": "odd/one", "source": "odd.edf", "time_zone": "", "findings": ["it is odd"]}
    onsets = np.datetime64("2024-03-10T23:00:30", "ns") + np.arange(5) * np.timedelta64(60, "s")
    scores = xr.Dataset(
        {
            "onset": ("score", onsets),
            "duration": ("score", np.full(5, np.timedelta64(60, "s").astype("m8[ns]"))),
            "stage": ("score", ["W", "N1", "", "N3", "R"]),
        },
        attrs={"source": "scores.edf"},
    )
    features = (Statistics(("mean", "std", "skew")), Hjorth(), Fragile())
    return sd.compute(sd.extract(night, features, hypnogram=scores, lights_off="23:00:10", step=1 / 3 + 13))


def plain_features() -> xr.DataTree:
    night = sd.recording_from_arrays({"C3": np.random.default_rng(1).random(9000)}, rate=100)
    return sd.compute(sd.extract(night, Statistics()))


def one_epoch() -> xr.DataTree:
    return sd.compute(
        sd.extract(sd.recording_from_arrays({"C3": np.zeros(3000)}, rate=100), Statistics(), min_coverage=1)
    )


TREES: dict[str, Callable[[], xr.DataTree]] = {"odd": odd_features, "plain": plain_features, "one epoch": one_epoch}


@pytest.fixture(scope="module", params=list(TREES))
def features(request: pytest.FixtureRequest) -> xr.DataTree:
    return TREES[request.param]()


@pytest.fixture(scope="module")
def odd() -> xr.DataTree:
    return odd_features()


def written(features: xr.DataTree, folder: Path, *kinds: str) -> Path:
    """Folder with the files as the command line writes them."""
    with staged_outputs(folder, [*(FILE_NAMES[kind] for kind in kinds), PROVENANCE]) as paths:
        for kind in kinds:
            write_features(features, paths[FILE_NAMES[kind]], kind)
        paths[PROVENANCE].write_text(json.dumps({"table": describe(features)}), "utf-8")
    return folder


def test_the_odd_features_are_odd(odd: xr.DataTree) -> None:
    node = odd["10Hz"].to_dataset()
    assert set(node["status"].values) == {"ok", "partial", "missing", "failed"}
    assert len(set(node["reason"].values)) > 4
    assert np.isnan(node["mean"].values).any()
    assert set(odd["stage"].values) == {"", "W", "N1", "N3", "R"}
    assert (odd["start"].values.astype(np.int64) % 1000 != 0).any()


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(features: xr.DataTree, kind: str, tmp_path: Path) -> None:
    folder = written(features, tmp_path / "out", kind)
    for path in (folder, folder / FILE_NAMES[kind], str(folder)):
        back = sd.open_features(path)
        xr.testing.assert_identical(back, features)
        for node, want in zip(back.subtree, features.subtree, strict=True):
            assert node.attrs == want.attrs
            assert list(node.children) == list(want.children)
            assert list(node.data_vars) == list(want.data_vars)
            for name, variable in want.variables.items():
                assert node.variables[name].attrs == variable.attrs
                kinds = [v.dtype.kind.replace("U", "O") for v in (node.variables[name], variable)]
                assert kinds[0] == kinds[1], name
                assert not node.variables[name].chunks
                if variable.dtype.kind == "f":
                    assert node.variables[name].values.tobytes() == variable.values.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_written_again_it_is_the_same(odd: xr.DataTree, kind: str, tmp_path: Path) -> None:
    once = sd.open_features(written(odd, tmp_path / "one", kind))
    xr.testing.assert_identical(sd.open_features(written(once, tmp_path / "two", kind)), odd)


def test_all_formats_hold_the_same(odd: xr.DataTree, tmp_path: Path) -> None:
    folder = written(odd, tmp_path / "out", *KINDS)
    xr.testing.assert_identical(sd.open_features(folder), odd)
    tables = [sd.to_dataframe(sd.open_features(folder / FILE_NAMES[kind]), flat=True) for kind in KINDS]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)


def test_parquet_for_pandas_alone(odd: xr.DataTree, tmp_path: Path) -> None:
    path = written(odd, tmp_path, "parquet") / "features.parquet"
    table = pd.read_parquet(path)
    names = ("mean", "std", "skew", "hjorth_activity", "hjorth_mobility", "hjorth_complexity", "fragile_mean")
    assert list(table) == [
        *("epoch", "start", "stage"),
        *(f"{channel}/{name}" for channel in (*LABELS, "SpO2") for name in names),
        *("10Hz/coverage", "10Hz/status", "1Hz #2/coverage", "1Hz #2/status"),
    ]
    types = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert (types["epoch"], types["start"]) == ("int64", "timestamp[ns]")
    assert {types[name] for name in table if name.endswith("/status") or name == "stage"} <= {"string", "large_string"}
    assert {types[name] for name in list(table)[3:] if not name.endswith("/status")} == {"double"}
    assert table["epoch"].tolist() == list(range(odd.sizes["epoch"]))
    np.testing.assert_array_equal(table["start"], odd["start"])
    assert [stage or None for stage in odd["stage"].values] == [
        None if pd.isna(stage) else stage for stage in table["stage"]
    ]
    np.testing.assert_array_equal(table["EEG A/B/mean"], odd["10Hz/mean"].sel(channel="EEG A/B"))


def test_csv_for_a_spreadsheet(odd: xr.DataTree, tmp_path: Path) -> None:
    path = written(odd, tmp_path, "csv") / "features.csv"
    table = pd.read_csv(path, dtype="str")
    assert not any(name.startswith(("=", "-", "+", "@")) for name in table)
    assert "'=C3/mean" in table
    assert "''=C3/mean" in table
    np.testing.assert_array_equal(table["SpO2/std"].map(float), odd["1Hz #2/std"].values[:, 0])
    assert table["start"][0] == "2024-03-10T23:00:13.333333333"


def test_the_first_file_of_a_folder_is_opened(tmp_path: Path) -> None:
    folder = written(plain_features(), tmp_path, "csv")
    write_features(one_epoch(), folder / "features.parquet", "parquet")
    assert sd.open_features(folder).sizes["epoch"] == 1


def test_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(sd.FileFormatError, match=r"no features in this folder; expected one of features.parquet"):
        sd.open_features(tmp_path)
    with pytest.raises(sd.FileFormatError, match="no such file or folder"):
        sd.open_features(tmp_path / "none.parquet")
    (tmp_path / "features.txt").write_text("")
    with pytest.raises(sd.FileFormatError, match="not a feature file"):
        sd.open_features(tmp_path / "features.txt")


def test_files_of_other_programs(tmp_path: Path) -> None:
    table = pd.DataFrame({"epoch": [0], "start": [0.0]})
    table.to_parquet(tmp_path / "x.parquet")
    table.to_csv(tmp_path / "x.csv")
    xr.Dataset({"x": ("t", [1.0])}).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    xr.Dataset({"x": ("t", [1.0])}).to_zarr(tmp_path / "x.zarr", consolidated=False)
    for name, message in {
        "x.parquet": "a table that sleepdask did not write",
        "x.csv": "a CSV table needs provenance.json beside it",
        "x.nc": "a store that sleepdask did not write",
        "x.zarr": "a store that sleepdask did not write",
    }.items():
        with pytest.raises(sd.FileFormatError, match=message):
            sd.open_features(tmp_path / name)


def test_unknown_formats() -> None:
    check_formats(list(KINDS))
    with pytest.raises(sd.ParameterError, match="unknown format; expected one of parquet, zarr, netcdf, csv; found"):
        check_formats(["parquet", "xlsx"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_nothing(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = plain_features()

    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {
        "parquet": "pyarrow.parquet.write_table",
        "csv": "pandas.DataFrame.to_csv",
        "zarr": "zarr.storage.LocalStore.set",
        "netcdf": "h5netcdf.Group.create_variable",
    }[kind]
    monkeypatch.setattr(target, full)
    with pytest.raises(sd.OutputError, match="results cannot be written: No space left on device"):
        written(features, tmp_path / "out", kind)
    assert list(tmp_path.iterdir()) == []
