"""Recordings of every kind, and what "the same" means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import sleepdask as sd
from sleepdask.io.store.layout import Layout
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import annotations_dataset, channel_coordinates, recording_tree


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of few samples, so that a short recording has many."""
    monkeypatch.setattr("sleepdask.io.store.layout.MAX_BYTES", 5_000)
    monkeypatch.setattr("sleepdask.io.store.layout._CHUNK_BYTES", 1)
    assert Layout.of(1, 10_000, 2, 4) == Layout(300, 600)


@pytest.fixture(scope="session")
def assert_same_recording() -> Callable[[xr.DataTree, xr.DataTree], None]:
    """Check that two recordings are identical, their dtypes too, and that samples have the same bits."""

    def check(got: xr.DataTree, want: xr.DataTree) -> None:
        got = got.copy()
        assert set(got.attrs) - set(want.attrs) <= {"provenance"}
        got.attrs = {key: value for key, value in got.attrs.items() if key in want.attrs}
        xr.testing.assert_identical(got, want)
        assert got.name == want.name
        for one, other in zip(got.subtree, want.subtree, strict=True):
            assert one.path == other.path
            assert set(one.coords) == set(other.coords)
            assert set(one.to_dataset().xindexes) == set(other.to_dataset().xindexes)
            for name, variable in other.to_dataset(inherit=False).variables.items():
                back = one.variables[name]
                assert back.dtype == variable.dtype or back.dtype.kind == variable.dtype.kind == "U"
                if name != "time":
                    assert back.values.tobytes() == variable.values.tobytes() or back.dtype.kind == "U"

    return check


@pytest.fixture
def odd_recording() -> xr.DataTree:
    """Two rates, gaps, a phase, channels of all coordinates, annotations without lengths, findings."""
    rng = np.random.default_rng(3)
    slow = Clock.segmented([("2024-03-11T22:47:30.5", 700), ("2024-03-11T23:30:00", 301)], 30_000_000_000, 10)
    fast = Clock.segmented([("2024-03-11T22:47:30.5", 4001), ("2024-03-12T01:00", 999)], 10_000_000_000, 128)
    nodes = {
        "12.8Hz": fast.isel(slice(3, None)),
        "0.333333Hz": slow,
    }
    datasets = {}
    for name, clock in nodes.items():
        signal = rng.normal(size=(2, clock.size)).astype("f4")
        signal[0, :5] = [np.nan, -0.0, np.inf, -np.inf, 0.0]
        signal[1] = np.nan
        datasets[name] = xr.Dataset(
            {"signal": (("channel", "time"), signal, {"long_name": "what was measured"})},
            coords={
                "channel": ("channel", np.array([f"EEG {name}", f"Größe {name} 睡眠"])),
                **channel_coordinates(["C3", "SpO2"], ["uV", "%"], clock.rate),
                "sensor": ("channel", np.array(["AgAgCl", "<script>"])),
                "label": ("channel", np.array(["EEG C3-A2", "x/y ../z"])),
                "uncalibrated": ("channel", np.array(["", "physical minimum = maximum"])),
                "position": (("channel", "axis"), rng.normal(size=(2, 3))),
                "good": ("channel", np.array([True, False])),
            },
            attrs={"device": "none"},
        ).assign_coords(time_coordinate(clock))
    onsets = np.array(["2024-03-11T22:47:31", "NaT", "2024-03-11T22:47:31.123456789"], "datetime64[ns]")
    lengths = np.array([30_000_000_000, -(2**63), 1], "timedelta64[ns]")
    datasets["annotations"] = annotations_dataset(onsets, lengths, ["Sleep stage W", "=1+1", ""])
    attrs = {
        "recording_id": "odd",
        "source": "odd.edf",
        "format": "EDF+D",
        "start": "2024-03-11T22:47:30.500000000Z",
        "time_zone": "Europe/Berlin",
        "findings": ["file: a <b>finding</b>; means nothing"],
        "extra": {"nested": [1, 2.5, None, True, "é"]},
    }
    return recording_tree(datasets, attrs)


@pytest.fixture
def stored(odd_recording: xr.DataTree, tmp_path: Path, small_shards: None) -> Path:
    """The odd recording in a store of many shards."""
    path = tmp_path / "odd.zarr"
    sd.save_recording(odd_recording, path, backend="sync")
    return path
