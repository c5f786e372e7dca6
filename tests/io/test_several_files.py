"""A night in several files: the same as one file with gaps, lazy, and right on a real night of a CPAP device."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dask
import edfio
import numpy as np
import pyedflib
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features.plan import plan_extraction
from sleepdask.signals.index import clock_of

START = datetime(2024, 3, 11, 23, 50)
RATES = {"C3": 10, "Flow": 10, "SpO2": 1}


def samples(seconds: int) -> dict[str, np.ndarray]:
    """Values that 16 bits hold exactly, by channel."""
    rng = np.random.default_rng(seconds)
    return {label: rng.integers(-20_000, 20_000, seconds * rate) / 40 for label, rate in RATES.items()}


def write(path: Path, values: dict[str, np.ndarray], start: datetime, *, annotated: bool, patient: str = "") -> Path:
    ranges = {"physical_range": (-500, 500), "digital_range": (-20_000, 20_000)}
    signals = [
        edfio.EdfSignal(x, RATES[label], label=label, physical_dimension="uV", **ranges) for label, x in values.items()
    ]
    edfio.Edf(
        signals,
        patient=edfio.Patient(name=patient) if patient else None,
        recording=edfio.Recording(startdate=start.date()),
        starttime=start.time(),
        annotations=[edfio.EdfAnnotation(0.0, None, "begin")] if annotated else None,
        data_record_duration=1,
    ).write(path)
    return path


def discontinuous(path: Path, cuts: list[int], gaps: list[float]) -> None:
    """Make an EDF+C of one-second records an EDF+D: before second ``cuts[k]`` lies a gap."""
    raw = bytearray(path.read_bytes())
    raw[192:197] = b"EDF+D"
    n = int(raw[252:256])
    sizes = [int(raw[256 + n * 216 + 8 * i :][:8]) for i in range(n)]
    labels = [raw[256 + 16 * i :][:16].strip() for i in range(n)]
    k = labels.index(b"EDF Annotations")
    at, size, width = 2 * sum(sizes[:k]), 2 * sizes[k], 2 * sum(sizes)
    for record in range((len(raw) - 256 * (n + 1)) // width):
        begin = 256 * (n + 1) + record * width + at
        _, rest = bytes(raw[begin : begin + size]).split(b"\x14\x14", 1)
        onset = round(record + sum(gap for cut, gap in zip(cuts, gaps, strict=True) if cut <= record), 6)
        raw[begin : begin + size] = (b"+%s\x14\x14" % f"{onset:.12g}".encode() + rest.rstrip(b"\0")).ljust(size, b"\0")
    path.write_bytes(raw)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_pieces_equal_the_discontinuous_file(
    tmp_path: Path, assert_same_bits: Callable[[xr.DataTree, xr.DataTree], None], data: st.DataObject
) -> None:
    seconds = data.draw(st.integers(100, 200))
    cuts = sorted(data.draw(st.lists(st.integers(1, seconds - 1), min_size=1, max_size=4, unique=True)))
    gaps = [data.draw(st.sampled_from([0.0, 0.0004, 0.5, 7.0, 45.0, 400.0])) for _ in cuts]
    values = samples(seconds)
    whole = write(tmp_path / "whole.edf", values, START, annotated=True)
    discontinuous(whole, cuts, gaps)
    paths = []
    for k, (first, after) in enumerate(zip([0, *cuts], [*cuts, seconds], strict=True)):
        part = {label: x[first * RATES[label] : after * RATES[label]] for label, x in values.items()}
        start = START + timedelta(seconds=first + sum(gaps[:k]))
        annotated = bool(start.microsecond) or data.draw(st.booleans())
        paths.append(write(tmp_path / f"{k}.edf", part, start, annotated=annotated))
    chunks = data.draw(st.sampled_from([None, "epochs", {"time": 33}]))
    want = sd.open_recording(whole)
    got = sd.open_recording(data.draw(st.permutations(paths)), chunks=chunks)
    assert want.attrs["findings"] == got.attrs["findings"] == []
    assert [name for name in got.children if name != "annotations"] == ["10Hz", "1Hz"]
    for rate in (10, 1):
        one, other = (tree[f"{rate}Hz"].to_dataset() for tree in (got, want))
        assert clock_of(one) == clock_of(other)
        truth = [x.astype("f4") for label, x in values.items() if RATES[label] == rate]
        assert np.array_equal(one["signal"].values, other["signal"].values)
        np.testing.assert_allclose(one["signal"].values, truth, atol=1e-4)
    epoch = data.draw(st.sampled_from([7, 20, 30]))
    options = {"epoch": epoch, "workers": data.draw(st.integers(1, 8)), "chunk_size": 1}
    features = [sd.features.Statistics(), sd.features.Hjorth()]
    mine, theirs = (sd.extract(tree, features, **options) for tree in (got, want))
    for backend in ("sync", "threads"):
        assert_same_bits(sd.compute(mine, backend=backend), sd.compute(theirs, backend="sync"))


@pytest.mark.parametrize("backend", ["sync", "threads"])
def test_epochs_over_a_gap(tmp_path: Path, backend: Any) -> None:
    """Against plain NumPy: 100 s, nothing for 35 s, 105 s; the epoch over the gap has what is there on one side."""
    values = samples(205)
    first = {label: x[: 100 * RATES[label]] for label, x in values.items()}
    second = {label: x[100 * RATES[label] :] for label, x in values.items()}
    paths = [
        write(tmp_path / "b.edf", second, START + timedelta(seconds=135), annotated=False),
        write(tmp_path / "a.edf", first, START, annotated=False),
    ]
    night = sd.open_recording(paths)
    features = sd.compute(sd.extract(night, "statistics", min_coverage=0.1), backend=backend)
    assert features["start"].values[0] == np.datetime64(START, "ns")
    for node, rate in (("10Hz", 10), ("1Hz", 1)):
        coverage = features[node]["coverage"].values
        assert coverage.tolist() == pytest.approx([1, 1, 1, 1 / 3, 0.5, 1, 1, 1])
        label = "SpO2" if rate == 1 else "C3"
        x = values[label].astype("f4").astype("f8")
        bounds = [(0, 30), (30, 60), (60, 90), (90, 100), (100, 115), (115, 145), (145, 175), (175, 205)]
        want = [x[a * rate : b * rate].mean() for a, b in bounds]
        np.testing.assert_allclose(features[node]["mean"].sel(channel=label).values, want, rtol=1e-6)
    half = sd.compute(sd.extract(night, "statistics"), backend=backend)["10Hz"]
    assert half["status"].values.tolist() == ["ok"] * 3 + ["missing", "partial"] + ["ok"] * 3


@pytest.mark.parametrize("chunks", [None, "epochs"])
def test_a_chunk_is_one_task_though_it_spans_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunks: Any
) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    values = samples(200)
    paths = [
        write(tmp_path / f"{k}.edf", values, START + timedelta(seconds=250 * k), annotated=False) for k in range(9)
    ]
    night = sd.open_recording(paths, chunks=chunks, workers=3)
    for name, plan in plan_extraction(night, "statistics", workers=3).nodes.items():
        per_file = 200 * RATES[plan.task.channels[0]]
        spans = [plan.task.chunk(k)[0] for k in range(plan.task.n_chunks)]
        assert sum(first // per_file < (after - 1) // per_file for first, after in spans) >= 3
        (optimized,) = dask.optimize(sd.extract(night, "statistics", workers=3)[name]["mean"].data)
        tasks = [task for task in optimized.__dask_graph__().values() if type(task).__name__ != "Alias"]
        assert len(tasks) == plan.task.n_chunks + 1  # the one more gathers


def test_hours_without_samples_make_no_empty_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    starts = (START, START + timedelta(hours=5))
    paths = [write(tmp_path / f"{k}.edf", samples(200), start, annotated=False) for k, start in enumerate(starts)]
    (sizes,) = sd.open_recording(paths, workers=2)["1Hz/signal"].chunks[1:]
    assert min(sizes) > 0
    assert sum(sizes) == 400


@pytest.mark.usefixtures("no_compute")
def test_a_hundred_files_stay_unread(tmp_path: Path, bytes_read: list[tuple[int, int]]) -> None:
    path = write(tmp_path / "0.edf", samples(600), START, annotated=False)
    raw, paths = bytearray(path.read_bytes()), [path]
    for k in range(1, 100):
        raw[168:184] = f"{START + timedelta(minutes=11 * k):%d.%m.%y%H.%M.%S}".encode()
        raw[88 + 10 : 88 + 21] = f"{START + timedelta(minutes=11 * k):%d-%b-%Y}".upper().encode()
        paths.append(tmp_path / f"{k}.edf")
        paths[-1].write_bytes(raw)
    random.Random(3).shuffle(paths)
    night = sd.open_recording(paths)
    sd.extract(night, "statistics")
    assert night.attrs["findings"] == []
    assert night["10Hz"].sizes["time"] == 100 * 6000
    assert len(clock_of(night["10Hz"].to_dataset()).runs) == 100
    assert max(position + size for position, size in bytes_read) <= 256 * 4


def test_one_path_in_a_list_is_that_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.edf", samples(60), START, annotated=False)
    one, listed = sd.open_recording(path), sd.open_recording([path])
    assert one.identical(listed)
    assert one.attrs == listed.attrs


def test_refusals(tmp_path: Path) -> None:
    path = write(tmp_path / "a.edf", samples(60), START, annotated=False)
    late = write(tmp_path / "b.edf", samples(60), START + timedelta(seconds=59), annotated=False)
    with pytest.raises(
        sd.ParameterError, match=r"a\.edf and b\.edf: channel 'C3' and 1 more would .* overlap of 1 s, from"
    ):
        sd.open_recording([late, path])
    with pytest.raises(sd.ParameterError, match="there is no recording to join"):
        sd.open_recording([])
    with pytest.raises(sd.ParameterError, match="is a folder"):
        sd.open_recording([path, tmp_path])
    with pytest.raises(sd.ParameterError, match=r"none\.edf: no such file"):
        sd.open_recording([path, tmp_path / "none.edf"])
    raw = bytearray(late.read_bytes())
    raw[168:176], raw[98:109] = b"XX.XX.XX", b"X          "
    late.write_bytes(raw)
    with pytest.raises(sd.ParameterError, match=r"b\.edf: recording has no date"):
        sd.open_recording([path, late])


def test_files_of_two_people_are_told_without_their_names(tmp_path: Path) -> None:
    starts = [START + timedelta(seconds=100 * k) for k in range(4)]
    people = ("Ann", "", "Ann", "Bob")
    paths = [
        write(tmp_path / f"{k}.edf", samples(60), start, annotated=False, patient=name)
        for k, (start, name) in enumerate(zip(starts, people, strict=True))
    ]
    assert sd.open_recording(paths[:3]).attrs["findings"] == []
    (finding,) = sd.open_recording(paths).attrs["findings"]
    assert finding.startswith("the headers of 0.edf and 3.edf do not name the same person")
    assert "Ann" not in finding
    with pytest.raises(sd.FileFormatError, match=r"0\.edf and 3\.edf do not name the same person"):
        sd.open_recording(paths, policy="strict")


def test_scores_in_the_files_of_a_night_land_on_their_epochs(write_night: Any) -> None:
    later = datetime(2024, 3, 12, 0, 10)
    one = write_night({"C3": 10}, 300, [(30.0 * k, 30.0, f"Sleep stage {s}") for k, s in enumerate("WWWWWWWWWW")])
    two = write_night({"C3": 10}, 60, [(0.0, 60.0, "Sleep stage R")], start=later, name="later")
    features = sd.compute(sd.extract(sd.open_recording([two, one]), "statistics"))
    start = (features["start"].values - features["start"].values[0]) / np.timedelta64(30, "s")
    assert features["stage"].values[:10].tolist() == ["W"] * 10
    scored = start[features["stage"].values == "R"]
    assert scored.tolist() == [165, 166]  # 22:47:30 and 82.5 min
    assert set(features["stage"].values[10:165]) == {""}


# a real night of a CPAP device ---------------------------------------------------------------------------------

NIGHT = "20260310_000159"


@pytest.fixture(scope="module")
def card(test_data: Path) -> Path:
    return test_data / "resmed-night-a"


@pytest.fixture(scope="module")
def card_files(card: Path) -> list[Path]:
    return [card / f"{NIGHT}_{kind}.edf" for kind in ("SAD", "BRP", "PLD")] + [card / "20260310_000154_EVE.edf"]


def test_the_files_of_a_cpap_night_are_on_one_clock(card_files: list[Path]) -> None:
    night = sd.open_recording(card_files)
    assert list(night.children) == ["25Hz", "0.5Hz", "1Hz", "annotations"]
    assert night.attrs["findings"] == []
    assert night.attrs["recording_id"] == f"{NIGHT}_BRP"
    assert night.attrs["start"] == "2026-03-10T00:01:59.000000000"
    first = {name: str(node["time"].values[0])[:19] for name, node in night.children.items() if name != "annotations"}
    assert first == {"25Hz": "2026-03-10T00:01:59", "0.5Hz": "2026-03-10T00:02:00", "1Hz": "2026-03-10T00:02:00"}
    assert "Crc16" not in [name for node in first for name in night[node]["channel"].values]
    notes = night["annotations"]
    apneas = notes["onset"].values[notes["text"].values == "Apnea"]
    assert [str(onset)[11:19] for onset in apneas] == (
        ["01:07:55", "02:12:26", "02:51:38", "03:19:35", "03:49:34", "04:07:16", "04:37:26", "05:36:53", "06:32:18"]
    )


def test_features_of_a_cpap_night(card_files: list[Path]) -> None:
    table = sd.to_dataframe(sd.extract(sd.open_recording(card_files, chunks=None), "statistics"), flat=True)
    assert len(table) == 902
    assert str(table["start"].iloc[0]) == "2026-03-10 00:01:59"
    # flow by another reader: epoch k has the samples [750 k, 750 (k + 1)); leak starts 1 s later
    with pyedflib.EdfReader(str(card_files[1])) as brp, pyedflib.EdfReader(str(card_files[2])) as pld:
        flow, leak = brp.readSignal(0), pld.readSignal(3)
    want = flow[: 902 * 750].reshape(902, 750).mean(1)
    np.testing.assert_allclose(table["Flow.40ms/mean"], want, atol=1e-5)
    at = 1 + 2 * np.arange(len(leak))  # seconds after the first epoch began
    want = [leak[(at >= 30 * k) & (at < 30 * (k + 1))].max() for k in range(902)]
    np.testing.assert_allclose(table["Leak.2s/max"], want, atol=1e-5)


def test_a_summary_of_days_is_told(card: Path, card_files: list[Path]) -> None:
    findings = sd.open_recording([*card_files, card / "STR.edf"]).attrs["findings"]
    assert any(f.startswith("STR.edf: has one sample in 2 h 24 min: a summary of days") for f in findings)
    with pytest.raises(sd.FileFormatError, match="STR"):
        sd.open_recording([*card_files, card / "STR.edf"], policy="strict")


def test_a_cpap_file_in_two_joins_back_with_its_gap(card_files: list[Path], tmp_path: Path) -> None:
    raw = card_files[1].read_bytes()
    header, count = int(raw[184:192]), int(raw[236:244])
    size = (len(raw) - header) // count
    assert float(raw[244:252]) == 60
    for name, first, after, start in (("late", 130, count, b"02.11.59"), ("early", 0, 100, b"00.01.59")):
        head = raw[:176] + start + raw[184:236] + b"%-8d" % (after - first) + raw[244:header]
        (tmp_path / f"{name}.edf").write_bytes(head + raw[header + first * size : header + after * size])
    whole = sd.open_recording(card_files[1])["25Hz"]
    joined = sd.open_recording(sorted(tmp_path.iterdir(), reverse=True))
    assert joined.attrs["findings"] == []
    node = joined["25Hz"]
    assert node.sizes["time"] == (count - 30) * 1500
    assert len(clock_of(node.to_dataset()).runs) == 2
    assert np.array_equal(node["signal"].values, np.delete(whole["signal"].values, slice(150_000, 195_000), axis=1))
    assert np.array_equal(node["time"].values, np.delete(whole["time"].values, slice(150_000, 195_000)))


def test_identities_are_not_lost_so_that_no_store_gets_serial_numbers(tmp_path: Path) -> None:
    paths = [tmp_path / "a.edf", tmp_path / "b.edf"]
    for k, (path, name) in enumerate(zip(paths, ("Ann", "Bea"), strict=True)):
        write(path, samples(60), START + timedelta(hours=k), annotated=True, patient=name)
    night = sd.open_recording(paths, chunks=None, keep_identity=True)
    assert {source: each["name"] for source, each in night.attrs["identity"].items()} == {
        "a.edf": "Ann",
        "b.edf": "Bea",
    }
    one = sd.open_recording(paths[0], keep_identity=True)
    mixed = sd.join_recordings([one, sd.open_recording(paths[1])])
    assert mixed.attrs["identity"] == {"a.edf": one.attrs["identity"]}
    for each in (night, mixed):
        with pytest.raises(ParameterError, match="open it without keep_identity"):
            sd.save_recording(each, tmp_path / "night.zarr")
    same = [sd.open_recording(path, keep_identity=True) for path in paths]
    for each in same:
        each.attrs["identity"] = {"name": "Ann"}
    assert sd.join_recordings(same).attrs["identity"] == {"name": "Ann"}


@pytest.mark.parametrize("chunks", [None, "epochs", {"time": 77}])
def test_stores_are_joined_as_their_sources_are(
    tmp_path: Path, assert_same_bits: Callable[[xr.DataTree, xr.DataTree], None], chunks: Any
) -> None:
    paths, stores = [], []
    for k, name in enumerate(("Ann", "Bea")):
        paths.append(
            write(tmp_path / f"{k}.edf", samples(60), START + timedelta(hours=k), annotated=True, patient=name)
        )
        stores.append(tmp_path / f"{k}.zarr")
        sd.save_recording(sd.open_recording(paths[k], chunks=None), stores[k], source=paths[k])
    want = sd.open_recording(paths)
    assert want.attrs["findings"]
    for both in (stores, [paths[0], stores[1]]):
        got = sd.open_recording(both, chunks=chunks)
        assert got.attrs["findings"] == []  # a store does not say who it is of
        assert_same_bits(sd.extract(got, "statistics"), sd.extract(want, "statistics"))
