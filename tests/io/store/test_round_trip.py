"""What is stored comes back: equal, of the same dtype, with the same bits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import annotations_dataset, channel_coordinates, recording_tree

Check = Callable[[xr.DataTree, xr.DataTree], None]
NAT = -(2**63)
texts = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: text.rstrip("\0"))
plain = (
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@st.composite
def nodes(draw: st.DrawFn, dated: bool, dtype: str) -> xr.Dataset:
    num, den = draw(st.sampled_from([(10**9, 1), (10**9, 100), (10**10, 128), (3 * 10**9, 1), (30 * 10**9, 3001)]))
    start, runs = draw(st.integers(0, 2 * 10**18)) if dated else draw(st.integers(0, 10**12)), []
    for size in draw(st.lists(st.integers(0, 900), min_size=1, max_size=4)):
        runs.append((start, size))
        start += size * num // den + draw(st.integers(1, 10**13))
    clock = Clock.segmented(runs, num, den, dated=dated).isel(slice(draw(st.integers(0, 3)), None))
    labels = draw(st.lists(texts, min_size=1, max_size=3, unique=True))
    made = np.random.default_rng(clock.size).integers(0, 256, (len(labels), clock.size, np.dtype(dtype).itemsize), "u1")
    signal = made.view(dtype)[..., 0]  # any bits: NaN of every kind, subnormal numbers
    spelled = draw(st.lists(texts, min_size=len(labels), max_size=len(labels)))
    coords = channel_coordinates(labels, spelled, clock.rate)
    if draw(st.booleans()):
        coords["uncalibrated"] = ("channel", np.array(spelled, dtype=str))
    node = xr.Dataset(
        {"signal": (("channel", "time"), signal)}, {"channel": ("channel", np.array(labels, dtype=str)), **coords}
    ).assign_coords(time_coordinate(clock))
    sizes = draw(st.none() | st.integers(1, 1000))
    return node if sizes is None else node.chunk({"time": sizes})


@st.composite
def recordings(draw: st.DrawFn) -> xr.DataTree:
    dated, dtype = draw(st.booleans()), draw(st.sampled_from(["f4", "f8", "i2", "u1"]))
    made = {f"node {k}": draw(nodes(dated, dtype)) for k in range(draw(st.integers(0, 2)))}
    if draw(st.booleans()):
        times = st.integers(0, 2 * 10**18) | st.just(NAT)
        notes = draw(st.lists(st.tuples(times, times, texts), max_size=4))
        onsets, durations, said = (list(part) for part in zip(*notes, strict=True)) if notes else ([], [], [])
        made["annotations"] = annotations_dataset(np.array(onsets, "i8"), np.array(durations, "i8"), said, dated=dated)
    names = texts.filter(lambda name: name not in ("sleepdask", "coordinates", "provenance"))
    return recording_tree(made, draw(st.dictionaries(names, values, max_size=4)))


@settings(max_examples=25)
@given(recordings(), st.sampled_from([400, 3000, 10**6]), st.sampled_from(["epochs", None, "auto"]))
def test_any_recording(assert_same_recording: Check, recording: xr.DataTree, shard: int, chunks: str | None) -> None:
    with (
        TemporaryDirectory() as folder,
        patch("sleepdask.io.store.layout.MAX_BYTES", shard),
        patch("sleepdask.io.store.layout._CHUNK_BYTES", 1),
        warnings.catch_warnings(),
    ):
        sd.save_recording(recording, Path(folder) / "a.zarr", backend="threads", workers=2)
        back = sd.open_recording(Path(folder) / "a.zarr", chunks=chunks)
        assert_same_recording(back, recording)
        for path, node in recording.children.items():
            if "signal" in node:
                assert clock_of(back[path].to_dataset()) == clock_of(node.to_dataset())
        sd.save_recording(back, Path(folder) / "b.zarr", backend="sync")
        assert_same_recording(sd.open_recording(Path(folder) / "b.zarr"), recording)


@pytest.mark.usefixtures("small_shards")
def test_of_everything_odd(odd_recording: xr.DataTree, stored: Path, assert_same_recording: Check) -> None:
    back = sd.open_recording(stored)
    assert_same_recording(back, odd_recording)
    assert np.isnat(back["annotations/duration"].values).tolist() == [False, True, False]
    assert back["12.8Hz/channel"].values[1] == "Größe 12.8Hz 睡眠"
    assert len(clock_of(back["12.8Hz"].to_dataset()).runs) == 2
    assert clock_of(back["12.8Hz"].to_dataset()).runs[0].phase == 0
    assert list(back.children) == list(odd_recording.children)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("policy", ["warn", "repair"])
def test_of_a_broken_file(
    broken_night: Path, tmp_path: Path, assert_same_recording: Check, dtype: str, policy: str
) -> None:
    night = sd.open_recording(broken_night, dtype=dtype, policy=policy)
    sd.save_recording(night, tmp_path / "night.zarr", source=broken_night)
    back = sd.open_recording(tmp_path / "night.zarr")
    assert_same_recording(back, night)
    part = slice("2024-03-11T22:52:20", "2024-03-11T22:58:00")
    xr.testing.assert_identical(
        back["100Hz"].to_dataset().sel(channel="C4", time=part),
        night["100Hz"].to_dataset().sel(channel="C4", time=part),
    )


def test_of_an_undated_file(scored_night: Path, tmp_path: Path, assert_same_recording: Check) -> None:
    raw = bytearray(scored_night.read_bytes())
    raw[88:176] = b"X".ljust(80) + b"XX.XX.XX"
    path = tmp_path / "undated.edf"
    path.write_bytes(raw)
    night = sd.open_recording(path)
    assert night["100Hz/time"].dtype == "timedelta64[ns]"
    sd.save_recording(night, tmp_path / "undated.zarr")
    back = sd.open_recording(tmp_path / "undated.zarr")
    assert_same_recording(back, night)
    assert back["100Hz"].to_dataset().sel(time=slice("5min", "6min")).sizes["time"] == 6001


def test_of_renamed_and_converted_channels(scored_night: Path, tmp_path: Path, assert_same_recording: Check) -> None:
    night = sd.to_unit(sd.rename_channels(sd.open_recording(scored_night)), {"eeg": "mV"})
    sd.save_recording(night, tmp_path / "night.zarr")
    back = sd.open_recording(tmp_path / "night.zarr")
    assert_same_recording(back, night)
    assert back["100Hz/label"].values.tolist() == ["C3", "C4"]


@pytest.mark.parametrize("sizes", [(0, 5), (2, 0), (1, 1)])
def test_of_nearly_nothing(tmp_path: Path, assert_same_recording: Check, sizes: tuple[int, int]) -> None:
    labels = np.array([f"C{k}" for k in range(sizes[0])], dtype=str)
    node = xr.Dataset({"signal": (("channel", "time"), np.ones(sizes, "f4"))}, {"channel": labels})
    node = node.assign_coords(time_coordinate(Clock.regular("2024-03-11", sizes[1], 10**7)))
    recording = recording_tree({"100Hz": node, "deep/er": node}, {})
    sd.save_recording(recording, tmp_path / "a.zarr")
    assert_same_recording(sd.open_recording(tmp_path / "a.zarr"), recording)


def test_of_signals_at_the_root_and_other_variables_along_time(tmp_path: Path, assert_same_recording: Check) -> None:
    node = xr.Dataset(
        {
            "signal": (("channel", "time"), da.ones((2, 700), chunks=(1, 99), dtype="f8")),
            "artefact": (("time",), da.zeros(700, chunks=50, dtype=bool)),
            "transposed": (("time", "channel"), np.arange(1400, dtype=">i4").reshape(700, 2)),
            "scalar": ((), 5),
            "instant": ((), np.datetime64("2024-03-11", "s")),
        },
        {"channel": ["a", "b"], "quality": ("time", np.arange(700.0))},
    ).assign_coords(time_coordinate(Clock.regular("2024-03-11", 700, 10**7)))
    node["time"].attrs["standard_name"] = "time"
    recording = xr.DataTree(node, name="mine")
    sd.save_recording(recording, tmp_path / "a.zarr", backend="threads", workers=2)
    back = sd.open_recording(tmp_path / "a.zarr")
    recording["transposed"] = recording["transposed"].astype("i4")
    assert_same_recording(back, recording)
    assert back["artefact"].chunks is None, "only signals are cut; the rest is read when it is asked for"


def test_time_is_a_rule_in_the_store(stored: Path) -> None:
    assert not (stored / "12.8Hz" / "time").exists()


@pytest.mark.parametrize("chunks", ["epochs", None])
@pytest.mark.parametrize(
    "key",
    [
        (0,), (slice(None), 0), (1, -1), (-2, slice(100, 250)), (slice(None), slice(None, None, 7)),
        (slice(None), slice(100, 2, -1)), (slice(None, None, -1), slice(4900, None, -3)), (slice(None), slice(50, 50)),
        (slice(0, 0), slice(3)), ([1, 0], slice(5)), ([1], [3, 3, 4900, 0]), ([0, 1, 1], slice(10, 0, -2)), (0, 5),
    ],
    ids=str,
)  # fmt: skip
def test_any_part_is_read(
    odd_recording: xr.DataTree, stored: Path, chunks: str | None, key: tuple[object, ...]
) -> None:
    got = sd.open_recording(stored, chunks=chunks)["12.8Hz/signal"][key]
    np.testing.assert_array_equal(
        got.values,
        odd_recording["12.8Hz/signal"].values[
            np.ix_(*key) if isinstance(key[0], list) and isinstance(key[-1], list) else key
        ],
    )


def test_features_have_the_same_bits(scored_night: Path, tmp_path: Path, assert_same_bits: Check) -> None:
    sd.save_recording(sd.open_recording(scored_night, chunks=None), tmp_path / "night.zarr")
    spec = "statistics,bandpower,hjorth"
    want = sd.compute(sd.extract(sd.open_recording(scored_night), spec))
    for chunks in ("epochs", None, {"time": 777}):
        got = sd.compute(sd.extract(sd.open_recording(tmp_path / "night.zarr", chunks=chunks), spec))
        assert_same_bits(got, want)
        xr.testing.assert_identical(got, want)


def test_dask_chunks_begin_where_stored_chunks_do(
    write_night: Callable[..., Path], tmp_path: Path, small_shards: None
) -> None:
    night = write_night({"C3": 100, "SpO2": 1}, 3600)
    sd.save_recording(sd.open_recording(night, chunks=None), tmp_path / "night.zarr")
    cuts = 0
    with patch("sleepdask.chunks.MAX_BYTES", 500_000), patch("sleepdask.chunks.MIN_BYTES", 1):
        for workers in (1, 3, 8):
            back = sd.open_recording(tmp_path / "night.zarr", workers=workers)
            for name in ("100Hz", "1Hz"):
                signal = back[f"{name}/signal"]
                starts = np.cumsum(signal.chunks[1])[:-1]
                assert not np.any(starts % signal.encoding["stored_chunk"])
                cuts += len(starts)
    assert cuts > 10


def test_opening_reads_no_sample(stored: Path, no_compute: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("samples were read")

    monkeypatch.setattr("sleepdask.io.store.arrays.StoreArray._read", refuse)
    for chunks in ("epochs", None):
        assert sd.open_recording(stored, chunks=chunks)["12.8Hz"].sizes["time"] == 4997


def test_provenance_is_that_of_the_source(scored_night: Path, tmp_path: Path) -> None:
    sd.save_recording(sd.open_recording(scored_night), tmp_path / "a.zarr", source=scored_night)
    once = sd.open_recording(tmp_path / "a.zarr")
    told = once.attrs["provenance"]
    assert told["source"]["name"] == scored_night.name
    assert told["source"]["size"] == scored_night.stat().st_size
    assert len(told["source"]["sha256"]) == 64
    assert {"python", "sleepdask", "numpy", "xarray", "dask", "zarr"} == set(told["versions"])
    sd.save_recording(once, tmp_path / "b.zarr")
    assert sd.open_recording(tmp_path / "b.zarr").attrs["provenance"]["source"] == told["source"]
    sd.save_recording(sd.open_recording(scored_night), tmp_path / "c.zarr")
    assert sd.open_recording(tmp_path / "c.zarr").attrs["provenance"]["source"] == {"name": scored_night.name}


def test_nothing_tells_the_patient(scored_night: Path, tmp_path: Path) -> None:
    raw = bytearray(scored_night.read_bytes())
    raw[8:88] = b"12345 F 01-JAN-1970 Harriet_Tester".ljust(80)
    path = tmp_path / "in Harriets folder" / "night.edf"
    path.parent.mkdir()
    path.write_bytes(raw)
    sd.save_recording(sd.open_recording(path), tmp_path / "night.zarr", source=path)
    for part in (tmp_path / "night.zarr").rglob("*"):
        assert "Harriet" not in str(part.relative_to(tmp_path))
        assert not part.is_file() or b"Harriet" not in part.read_bytes()


def test_plain_xarray_reads_it(odd_recording: xr.DataTree, stored: Path) -> None:
    tree = xr.open_datatree(stored, engine="zarr", consolidated=False)
    node = tree["12.8Hz"]
    assert node["signal"].values.tobytes() == odd_recording["12.8Hz/signal"].values.tobytes()
    assert set(node.coords) == set(odd_recording["12.8Hz"].coords) - {"time"}
    assert node["channel"].values.tolist() == odd_recording["12.8Hz/channel"].values.tolist()
    for name in ("onset", "duration"):
        want = odd_recording[f"annotations/{name}"].values
        assert tree[f"annotations/{name}"].dtype == want.dtype
        np.testing.assert_array_equal(tree[f"annotations/{name}"].values, want)
    clock = node.attrs["sleepdask"]["clock"]
    start, size, phase = clock["runs"][1]
    num, den = clock["period_ns"]
    times = start + (phase + np.arange(size) * num) // den
    np.testing.assert_array_equal(times.view("datetime64[ns]"), odd_recording["12.8Hz/time"].values[-size:])


def test_of_real_recordings(test_data: Path, tmp_path: Path, assert_same_recording: Check) -> None:
    stored = 0
    for path in sorted([*test_data.rglob("*.edf"), *test_data.rglob("*.bdf")]):
        if path.stat().st_size > 20e6:
            continue  # the long night is stored in the tests of the documentation
        try:
            recording = sd.open_recording(path, policy="repair")
        except sd.FileFormatError:
            continue
        target = tmp_path / f"{stored}.zarr"
        sd.save_recording(recording, target, source=path, backend="sync")
        assert_same_recording(sd.open_recording(target), recording)
        stored += 1
    assert stored > 12


def test_of_a_clock_of_many_runs(tmp_path: Path, assert_same_recording: Check) -> None:
    clock = Clock.segmented([(k * 10**10, 3) for k in range(20_000)], 10**9, 3)
    node = xr.Dataset({"signal": (("channel", "time"), np.zeros((1, clock.size), "f4"))}, {"channel": ["a"]})
    recording = recording_tree({"3Hz": node.assign_coords(time_coordinate(clock))}, {})
    sd.save_recording(recording, tmp_path / "a.zarr")
    back = sd.open_recording(tmp_path / "a.zarr", chunks=None)
    assert clock_of(back["3Hz"].to_dataset()) == clock
    assert_same_recording(back, recording)
