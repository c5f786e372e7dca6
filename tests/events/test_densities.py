"""Densities of events: counted by their middles, over what was searched, beside the features of the same epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.events import densities, searching
from sleepdask.events.kinds import KINDS
from sleepdask.events.task import Detected

SECOND = 1_000_000_000
START = np.datetime64("2024-03-11T23:00", "ns")


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let descriptions be built where YASA is not installed."""
    monkeypatch.setattr(searching, "version", lambda name: "0.8.1")


def recording() -> xr.DataTree:
    x = np.random.default_rng(0).standard_normal((4, 180 * 100)) * 10
    night = sd.recording_from_arrays(dict(zip(("C3", "C4", "LOC", "ROC"), x, strict=True)), 100, start=START)
    slow = sd.recording_from_arrays({"SpO2": x[0, :180]}, 1, start=START)
    return night.assign({"1Hz": slow["1Hz"]})


def events(kind: str, found: dict[str, list[tuple[float, float]]], searched: list[tuple[float, float]]) -> xr.Dataset:
    """Computed events with these starts and ends, in seconds."""
    lazy = sd.events.detect(recording(), kind, stages="all", channels=("LOC", "ROC") if kind == "rem" else ["C3", "C4"])
    base = START.astype(np.int64)
    boxes = np.empty(len(found), object)
    for i, spans in enumerate(found.values()):
        seconds = np.array(spans, np.float64).reshape(-1, 2)
        times = (base + np.rint(seconds * SECOND).astype(np.int64)).view("M8[ns]")
        columns: dict[str, Any] = {column.name: np.zeros(len(spans)) for column in KINDS[kind].columns}
        columns |= {"start": times[:, 0], "end": times[:, 1], "stage": np.full(len(spans), "")}
        looked_at = base + np.rint(np.array(searched) * SECOND).astype(np.int64).reshape(-1, 2)
        boxes[i] = Detected(columns, looked_at, ())
    return lazy.assign(events=("channel", boxes))


def test_counts__by_the_middle_per_searched_minute() -> None:
    found = {"C3": [(28.0, 31.9), (28.0, 32.0), (40.0, 41.0), (100.0, 101.0)], "C4": []}
    searched = [(0.0, 30.0), (30.0, 50.0), (90.0, 104.0), (120.0, 135.0)]
    grown = densities(events("spindles", found, searched), sd.extract(recording(), "hjorth"))
    density = sd.compute(grown)["100Hz/spindle_density"]
    assert density.dims == ("epoch", "channel")
    assert density.attrs["units"] == "1/min"
    assert density.attrs["feature"] == "events.spindles"
    assert "YASA 0.8.1" in density.attrs["definition"]
    # The first epoch is searched as a whole, of the second 20 s, of the last 15 s; of the others less than half.
    want = [2.0, 6.0, np.nan, np.nan, 0.0, np.nan]
    np.testing.assert_allclose(density.sel(channel="C3"), want)
    np.testing.assert_allclose(density.sel(channel="C4"), [0.0, 0.0, np.nan, np.nan, 0.0, np.nan])
    assert np.isnan(density.sel(channel="LOC")).all()
    assert "spindle_density" not in grown["1Hz"]


def test_overlapping_epochs__each_that_holds_the_middle() -> None:
    found = {"C3": [(40.0, 42.0)], "C4": []}
    features = sd.extract(recording(), "hjorth", step="10s")
    density = sd.compute(densities(events("slow_waves", found, [(0.0, 180.0)]), features))["100Hz/slow_wave_density"]
    assert (np.flatnonzero(density.sel(channel="C3")) == [2, 3, 4]).all()
    assert density.sel(channel="C3").max() == 2


def test_eye_movements__in_both_eyes() -> None:
    grown = densities(events("rem", {"LOC+ROC": [(40.0, 41.0)]}, [(0.0, 180.0)]), sd.extract(recording(), "hjorth"))
    density = sd.compute(grown)["100Hz/rem_density"]
    for channel in ("LOC", "ROC"):
        assert density.sel(channel=channel).values.tolist() == [0, 2, 0, 0, 0, 0]
    assert np.isnan(density.sel(channel="C3")).all()


def test_table__holds_densities_beside_features() -> None:
    features = sd.extract(recording(), "hjorth")
    grown = densities(events("spindles", {"C3": [(40.0, 41.0)], "C4": []}, [(0.0, 180.0)]), features)
    table = sd.to_dataframe(grown)
    assert table["C3"].columns.tolist()[-1] == "spindle_density"
    assert table[("C3", "spindle_density")].tolist() == [0, 2, 0, 0, 0, 0]
    assert "spindle_density" not in features["100Hz"]


@pytest.mark.usefixtures("no_compute")
def test_lazy_events__give_lazy_densities() -> None:
    lazy = sd.events.detect(recording(), "spindles", stages="all", channels=["C3", "C4"])
    grown = densities(lazy, sd.extract(recording(), "hjorth"))
    assert grown["100Hz/spindle_density"].chunks == ((6,), (4,))


def test_refuses() -> None:
    features = sd.extract(recording(), "hjorth")
    found = events("spindles", {"C3": [], "C4": []}, [(0.0, 180.0)])
    with pytest.raises(ParameterError, match="no events"):
        densities(features, features)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="need features"):
        densities(found, features["100Hz"])
    with pytest.raises(ParameterError, match="different recordings"):
        densities(found.assign_attrs(recording_id="other"), features)
    with pytest.raises(ParameterError, match="there already"):
        densities(found, densities(found, features))
    with pytest.raises(ParameterError, match="no node"):
        densities(found, sd.extract(recording(), "hjorth", channels="LOC"))


def test_written_and_read__the_same() -> None:
    from sleepdask.io.tables import describe, tree_from_table

    grown = densities(
        events("spindles", {"C3": [(40.0, 41.0)], "C4": []}, [(0.0, 180.0)]), sd.extract(recording(), "hjorth")
    )
    computed = sd.compute(grown)
    again = tree_from_table(sd.to_dataframe(computed, flat=True), describe(computed))
    np.testing.assert_array_equal(again["100Hz/spindle_density"], computed["100Hz/spindle_density"])


def test_found_by_yasa__sums_to_the_table() -> None:
    pytest.importorskip("yasa")
    t = np.arange(180 * 100) / 100
    x = np.random.default_rng(1).standard_normal(t.size).cumsum() * 0.5
    x -= np.convolve(x, np.ones(200) / 200, "same")
    for begin in range(5, 170, 9):
        x += 30 * np.exp(-(((t - begin) / 0.4) ** 2)) * np.sin(2 * np.pi * 13 * t)
    night = sd.recording_from_arrays({"C3": x}, 100, start=START)
    lazy = sd.events.detect(night, "spindles", stages="all")
    grown, found = sd.compute(densities(lazy, sd.extract(night, "hjorth")), lazy)
    table = sd.to_dataframe(found)
    assert grown["100Hz/spindle_density"].sum() == 2 * len(table) > 10
