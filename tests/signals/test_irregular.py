"""Samples that come at any times go through everything that a recording goes through, and stay what they are."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from devices import beats, watch_recording
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features.plan import plan_extraction
from sleepdask.io.chunking import chunked_by_epochs
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import only_channels, recording_tree
from sleepdask.signals.timestamps import Timestamps

START = "2026-03-10T23:00"
SECOND = 1_000_000_000


def irregular(stamps: Any, values: Any = None, *, dated: bool = True, names: tuple[str, ...] = ("hr",)) -> xr.DataTree:
    """Recording of one node of these times, in ns."""
    clock = Timestamps.of(np.asarray(stamps, np.int64), dated=dated)
    if values is None:
        values = np.random.default_rng(1).normal(60, 5, (len(names), clock.size))
    coords = {
        "channel": list(names),
        "unit": ("channel", ["bpm"] * len(names)),
        "physical_dimension": ("channel", ["bpm"] * len(names)),
        "signal_type": ("channel", ["hr"] * len(names)),
        "sensor": ("channel", [""] * len(names)),
    }
    node = xr.Dataset({"signal": (("channel", "time"), values)}, coords=coords).assign_coords(time_coordinate(clock))
    start = str(np.datetime64(clock.start, "ns")) if dated else "NaT"
    attrs = {"recording_id": "beats", "source": "beats.csv", "start": start, "time_zone": "", "findings": []}
    return recording_tree({"hr": node}, attrs)


def distances(seed: int) -> np.ndarray:
    """In ns, 60 to 200 of them: bursts, beats, and now and then minutes without any."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(60, 200))
    usual = rng.integers(1, rng.choice([1_000, SECOND, 2 * SECOND]), size)
    usual[:: int(rng.integers(7, 30))] = rng.integers(20, 400) * SECOND
    return usual


SEEDS = st.integers(0, 2**32)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS, st.booleans(), st.sampled_from([None, "epochs", {"time": 17}]))
def test_a_store_gives_back_the_same(tmp_path: Path, seed: int, dated: bool, chunks: Any) -> None:
    since = np.datetime64(START, "ns").astype(np.int64) if dated else 0
    recording = irregular(since + np.cumsum(distances(seed)), dated=dated)
    cut = recording if chunks is None else chunked_by_epochs(recording, 2)
    sd.save_recording(cut, tmp_path / "beats.zarr", force=True, backend="sync")
    again = sd.open_recording(tmp_path / "beats.zarr", chunks=chunks)
    assert clock_of(again["hr"]) == clock_of(recording["hr"])
    xr.testing.assert_identical(again["hr"].to_dataset().load(), recording["hr"].to_dataset())


@settings(max_examples=12)
@given(SEEDS, st.integers(1, 8))
def test_chunks_of_whole_epochs_change_nothing(seed: int, workers: int) -> None:
    recording = irregular(np.cumsum(distances(seed)))
    cut = chunked_by_epochs(recording, workers)
    sizes = cut["hr/signal"].chunks[1]
    assert min(sizes) > 0
    assert sum(sizes) == recording["hr"].sizes["time"]
    one, other = (sd.extract(each, "statistics", workers=workers, chunk_size=1) for each in (recording, cut))
    pd.testing.assert_frame_equal(sd.to_dataframe(one, backend="sync"), sd.to_dataframe(other, backend="sync"))


@settings(max_examples=30)
@given(SEEDS, st.sampled_from([10, 30, 61]))
def test_means_and_counts_of_epochs(seed: int, epoch: int) -> None:
    """Against loops over the samples of each epoch, of which those after its longest stretch without a gap count."""
    stamps = np.cumsum(distances(seed))
    recording = irregular(stamps)
    clock = clock_of(recording["hr"])
    if clock.end - clock.start < epoch * SECOND or clock.period > epoch * SECOND:
        return
    got = sd.compute(sd.extract(recording, "statistics", epoch=epoch, min_coverage=0), backend="sync")["hr"]
    values = recording["hr/signal"].values[0]
    for k, mean in enumerate(got["mean"].values[:, 0].tolist()):
        low = int(stamps[0]) + k * epoch * SECOND
        inside = np.flatnonzero((stamps >= low) & (stamps < low + epoch * SECOND)).tolist()
        stretches: list[list[int]] = []
        for n in inside:
            if stretches and stretches[-1][-1] == n - 1 and stamps[n] - stamps[n - 1] <= clock.gap:
                stretches[-1].append(n)
            else:
                stretches.append([n])
        longest = max(stretches, key=len, default=[])
        assert mean == pytest.approx(values[longest].mean(), rel=1e-12) if longest else np.isnan(mean)


def test_sessions_are_joined_by_the_clock() -> None:
    early, late = (watch_recording({"hr": beats(start, 300, seed=k)}, source=f"{k}.csv")
                   for k, start in enumerate((START, "2026-03-10T23:30")))  # fmt: skip
    joined = sd.join_recordings([late, early])
    both = [beats(START, 300, seed=0), beats("2026-03-10T23:30", 300, seed=1)]
    np.testing.assert_array_equal(
        joined["hr"]["time"].values, np.concatenate([stamps for stamps, _ in both]).astype("datetime64[ns]")
    )
    np.testing.assert_array_equal(joined["hr/signal"].values[0], np.concatenate([values for _, values in both]))
    assert joined.attrs["findings"] == []
    assert len(clock_of(joined["hr"]).first) == 3
    with pytest.raises(ParameterError, match="'hr' would have two values at one time"):
        sd.join_recordings([early, watch_recording({"hr": beats("2026-03-10T23:02", 300)}, source="x.csv")])


def test_a_stream_that_is_regular_in_one_session_is_two_nodes() -> None:
    first = watch_recording({"hr": beats(START, 300)}, source="a.csv")
    stamps = np.datetime64("2026-03-10T23:30", "ns").astype(np.int64) + np.arange(300) * SECOND
    second = watch_recording({"hr": (stamps, np.full(300, 60.0))}, source="b.csv")
    joined = sd.join_recordings([first, second])
    assert {name: node["channel"].values.tolist() for name, node in joined.children.items()} == {
        "hr": ["hr"],
        "hr #2": ["hr #2"],
    }
    (finding,) = joined.attrs["findings"]
    assert "what is not resampled cannot be one" in finding
    assert sd.extract(joined, "statistics").sizes["epoch"] == 69


@pytest.mark.usefixtures("no_compute")
def test_names_units_montages_and_selections_keep_the_clock() -> None:
    stamps, values = beats(START, 120)
    recording = irregular(stamps, np.stack([values, values - 1]), names=("Pulse", "HR"))
    clock = clock_of(recording["hr"])
    for changed in (
        sd.rename_channels(recording),
        sd.to_unit(recording, {"HR": "Hz"}),
        sd.derive_channels(recording, {"difference": ("Pulse", "HR")}),
        only_channels(recording, ["HR"]),
        pickle.loads(pickle.dumps(recording)),
        chunked_by_epochs(recording, 2),
    ):
        assert clock_of(changed["hr"]) == clock
        assert changed["hr"].sizes["time"] == len(stamps)
    np.testing.assert_allclose(sd.to_unit(recording, {"HR": "Hz"})["hr/signal"].values[1] * 60, values - 1)
    derived = sd.derive_channels(recording, {"difference": ("Pulse", "HR")})["hr/signal"].sel(channel="difference")
    np.testing.assert_allclose(derived.values, 1)


def test_parts_in_time() -> None:
    stamps, values = beats(START, 600)
    node = irregular(stamps, values[None])["hr"].to_dataset()
    part = node.sel(time=slice("2026-03-10T23:02", "2026-03-10T23:03"))
    series = pd.Series(values, stamps.astype("datetime64[ns]"))["2026-03-10T23:02":"2026-03-10T23:03"]
    np.testing.assert_array_equal(part["signal"].values[0], series)
    np.testing.assert_array_equal(part["time"].values, series.index)
    assert clock_of(part).period == clock_of(node).period
    third = node.isel(time=slice(None, None, 3))
    np.testing.assert_array_equal(third["time"].values, stamps[::3].astype("datetime64[ns]"))
    nearest = node.sel(time=np.datetime64(int(stamps[5]) + 1, "ns"), method="nearest")
    assert nearest["signal"].item() == values[5]


def test_a_table_of_features() -> None:
    stamps, values = beats(START, 600)
    table = sd.to_dataframe(sd.extract(irregular(stamps, values[None]), "statistics"), flat=True)
    assert table["hr/status"].isin(["ok", "partial"]).all()
    wide = sd.to_dataframe(sd.extract(irregular(stamps, values[None]), "statistics"))
    np.testing.assert_array_equal(wide["hr"]["mean"], table["hr/mean"])


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_the_same_bits_in_any_chunks(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    recording = irregular(beats(START, 7200)[0])
    want = sd.to_dataframe(sd.extract(recording, "statistics", workers=1), backend="sync")
    for workers in (2, 5):
        lazy = sd.extract(recording, "statistics", workers=workers)
        (optimised,) = dask.optimize(lazy["hr/mean"].data)
        tasks = [task for task in optimised.__dask_graph__().values() if type(task).__name__ != "Alias"]
        (node,) = plan_extraction(recording, "statistics", workers=workers).nodes.values()
        assert len(tasks) == node.task.n_chunks + 1 > workers
        pd.testing.assert_frame_equal(sd.to_dataframe(lazy, backend=backend), want, check_exact=True)


def test_a_spectrum_is_refused() -> None:
    with pytest.raises(ParameterError, match="samples do not come at a fixed rate"):
        sd.spectrogram(irregular(beats(START, 600)[0]), "hr")
    slow = sd.recording_from_arrays({"counts": np.ones(200)}, rate=1 / 30, start=START)
    with pytest.raises(ParameterError, match=r"no channel is sampled as.*no spectrum, which needs at least 0.5 Hz"):
        sd.spectrogram(slow, "counts")
    with pytest.raises(ParameterError, match=r"no channel is sampled.*ask for other features"):
        sd.extract(irregular(beats(START, 600)[0]), "hjorth")
