"""Features as a flat table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.features import Statistics
from sleepdask.io.tables import causes, describe, feature_names, feature_nodes, flat_table, tree_from_table


@pytest.fixture(scope="module")
def features(scored_night: Path) -> xr.DataTree:
    return sd.compute(sd.extract(sd.open_recording(scored_night), Statistics(("mean", "max"))), backend="sync")


def test_columns_in_order(features: xr.DataTree) -> None:
    assert list(flat_table(features)) == [
        *("epoch", "start", "stage"),
        *("C3/mean", "C3/max", "C4/mean", "C4/max", "SpO2/mean", "SpO2/max"),
        *("100Hz/coverage", "100Hz/status", "1Hz/coverage", "1Hz/status"),
    ]


def test_types_and_values(features: xr.DataTree) -> None:
    table = flat_table(features)
    assert table["epoch"].tolist() == list(range(20))
    assert table["epoch"].dtype == np.int64
    assert table["start"].dtype == "datetime64[ns]"
    assert table["stage"].tolist()[:15] == [s for s in ("W", "N1", "N2", "N3", "R") for _ in range(3)]
    assert table["stage"].isna().tolist() == [False] * 15 + [True] * 5
    np.testing.assert_array_equal(table["C4/max"], features["100Hz/max"].sel(channel="C4"))
    assert set(table["1Hz/status"]) == {"ok"}
    assert (table.dtypes[["C3/mean", "SpO2/max", "1Hz/coverage"]] == np.float64).all()


def test_there_and_back(features: xr.DataTree) -> None:
    description = json.loads(json.dumps(describe(features), allow_nan=False))
    xr.testing.assert_identical(tree_from_table(flat_table(features), description), features)


def test_nodes_and_names(features: xr.DataTree) -> None:
    nodes = feature_nodes(features)
    assert list(nodes) == ["100Hz", "1Hz"]
    assert feature_names(nodes["1Hz"]) == ["mean", "max"]


@pytest.mark.parametrize(
    ("reasons", "found"),
    [
        (["", "", ""], {}),
        (["a", "a", "a"], {"a": [[0, 2]]}),
        (["a", "", "a", "b", "b", "a"], {"a": [[0, 0], [2, 2], [5, 5]], "b": [[3, 4]]}),
    ],
)
def test_causes_as_ranges(reasons: list[str], found: dict[str, Any]) -> None:
    node = xr.Dataset({"reason": ("epoch", np.array(reasons, object))})
    assert causes(node) == found


def test_stages_are_null_where_nothing_is_scored() -> None:
    night = sd.recording_from_arrays({"C3": np.zeros(6000)}, rate=100)
    table = flat_table(sd.compute(sd.extract(night, Statistics(("mean",)))))
    assert table["stage"].isna().all()
    assert isinstance(table["stage"].dtype, pd.StringDtype)
