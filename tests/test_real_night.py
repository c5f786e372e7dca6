"""A real night of 22 h, from the file to its features, against NumPy and SciPy on samples read by pyedflib."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pyedflib
import pytest
import xarray as xr
from scipy import signal, stats

import sleepdask as sd
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.features.task import NodeTask

FEATURES = (Statistics(), BandPower(), Hjorth())
EPOCHS = 2650
RECORD_BYTES = 2 * (3 * 3000 + 4 * 30)
VALUE_TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
SHAPE_TOLERANCE = {"float32": 1e-3, "float64": 1e-9}
POWER_TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


@pytest.fixture(scope="module")
def samples(real_night: Path) -> dict[str, np.ndarray]:
    """Samples of each node by another reader, dims (channel, epoch, sample)."""
    with pyedflib.EdfReader(str(real_night)) as file:
        rates = file.getSampleFrequencies()
        return {
            f"{rate}Hz": np.stack(
                [file.readSignal(i).reshape(EPOCHS, -1) for i in range(file.signals_in_file) if rates[i] == rate]
            )
            for rate in (100, 1)
        }


@pytest.fixture(scope="module", params=["float32", "float64"])
def features(request: pytest.FixtureRequest, real_night: Path, real_hypnogram: Path) -> xr.DataTree:
    night = sd.open_recording(real_night, dtype=request.param)
    computed = sd.compute(sd.extract(night, FEATURES, hypnogram=sd.read_hypnogram(real_hypnogram)))
    computed.attrs["dtype"] = request.param
    return computed


@pytest.fixture(scope="module")
def statistics(samples: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """By node and aggregation, dims (channel, epoch)."""
    return {node: reference_statistics(x) for node, x in samples.items()}


@pytest.fixture(scope="module")
def density(samples: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and power density of the 100 Hz node, dims (channel, epoch, frequency)."""
    return signal.welch(samples["100Hz"], 100.0, "hann", nperseg=400)


def reference_statistics(x: np.ndarray) -> dict[str, np.ndarray]:
    q1, median, q3 = np.quantile(x, (0.25, 0.5, 0.75), axis=-1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # epochs of equal samples
        skew, kurtosis = stats.skew(x, axis=-1), stats.kurtosis(x, axis=-1)
    return {
        "mean": x.mean(-1),
        "std": x.std(-1, ddof=1),
        "min": x.min(-1),
        "max": x.max(-1),
        "median": median,
        "var": x.var(-1, ddof=1),
        "skew": skew,
        "kurtosis": kurtosis,
        "rms": np.sqrt((x**2).mean(-1)),
        "iqr": q3 - q1,
        "range": np.ptp(x, axis=-1),
        "missing_fraction": np.zeros(x.shape[:2]),
    }


def test_epochs_stages_and_notes(features: xr.DataTree) -> None:
    assert features.sizes["epoch"] == EPOCHS
    assert sd.stage_counts(features["stage"].values) == {"W": 1997, "N1": 58, "N2": 250, "N3": 220, "R": 125}
    assert str(features["start"].values[0]) == "1989-04-24T16:13:00.000000000"
    assert str(features["start"].values[-1]) == "1989-04-25T14:17:30.000000000"
    assert features.attrs["notes"] == [
        "hypnogram: scores run 1 h 55 min past the end of the signals",
        "1Hz: no bandpower, which needs at least 80 Hz (Resp oro-nasal, EMG submental, Temp rectal, Event marker)",
    ]
    assert features.attrs["findings"] == []
    for node in ("100Hz", "1Hz"):
        assert set(features[node]["status"].values) == {"ok"}
        assert (features[node]["coverage"].values == 1).all()


@pytest.mark.parametrize("node", ["100Hz", "1Hz"])
def test_statistics_of_all_epochs(
    features: xr.DataTree,
    samples: dict[str, np.ndarray],
    statistics: dict[str, dict[str, np.ndarray]],
    node: str,
) -> None:
    dtype = features.attrs["dtype"]
    largest = np.abs(samples[node]).max((1, 2))[:, None]
    for name, want in statistics[node].items():
        got = features[node][name].transpose("channel", "epoch").values
        assert got.shape == want.shape
        if name in ("skew", "kurtosis"):
            bound = SHAPE_TOLERANCE[dtype] * np.maximum(1, np.abs(want))
        else:
            bound = VALUE_TOLERANCE[dtype] * (largest**2 if name == "var" else largest)
        defined = np.isfinite(want)
        np.testing.assert_array_equal(np.isfinite(got), defined, err_msg=name)
        assert (np.abs(got - want)[defined] <= np.broadcast_to(bound, want.shape)[defined]).all(), name


def test_band_powers_of_all_epochs(features: xr.DataTree, density: tuple[np.ndarray, np.ndarray]) -> None:
    frequencies, power = density
    rtol = POWER_TOLERANCE[features.attrs["dtype"]]
    every = power[..., (frequencies >= 0.5) & (frequencies < 40)].sum(-1)
    for name, low, high in BandPower().bands:
        want = power[..., (frequencies >= low) & (frequencies < high)].sum(-1)
        node = features["100Hz"].to_dataset().transpose("channel", "epoch", ...)
        np.testing.assert_allclose(node[f"bandpower_{name}"], 0.25 * want, rtol=rtol)
        np.testing.assert_allclose(node[f"bandpower_{name}_relative"], want / every, rtol=rtol)


def test_spectrogram_of_a_channel(real_night: Path, density: tuple[np.ndarray, np.ndarray]) -> None:
    night = sd.open_recording(real_night, dtype="float64")
    got = sd.compute(sd.spectrogram(night, "EEG Pz-Oz", fmax=40))
    frequencies, power = density
    np.testing.assert_array_equal(got["frequency"], frequencies[frequencies <= 40])
    limit = 1e-12 * power[1].max(-1, keepdims=True)  # bins of no power are rounding
    want = power[1][:, frequencies <= 40]
    assert (np.abs(got.values - want) <= 1e-9 * want + limit).all()


def test_hjorth_like_antropy(features: xr.DataTree, samples: dict[str, np.ndarray]) -> None:
    antropy = pytest.importorskip("antropy")
    epochs = slice(900, 1800, 7)
    for node, x in samples.items():
        x = x[:, epochs]
        moving = np.diff(x, axis=-1).any(-1)
        node_features = features[node].to_dataset().transpose("channel", "epoch", ...).isel(epoch=epochs)
        with np.errstate(divide="ignore", invalid="ignore"):
            mobility, complexity = antropy.hjorth_params(x, axis=-1)
        rtol = 1e-4 if features.attrs["dtype"] == "float32" else 1e-9
        assert moving.mean() > 0.7
        np.testing.assert_allclose(node_features["hjorth_activity"].values[moving], x.var(-1)[moving], rtol=rtol)
        np.testing.assert_allclose(node_features["hjorth_mobility"].values[moving], mobility[moving], rtol=rtol)
        np.testing.assert_allclose(node_features["hjorth_complexity"].values[moving], complexity[moving], rtol=rtol)


@pytest.mark.parametrize("chunks", ["epochs", None])
def test_graph_is_small(real_night: Path, real_hypnogram: Path, chunks: str | None) -> None:
    night = sd.open_recording(real_night, chunks=chunks, workers=8)
    lazy = sd.extract(night, FEATURES, hypnogram=sd.read_hypnogram(real_hypnogram), workers=8)
    assert len(pickle.dumps(lazy)) < 200_000
    optimised = dask.optimize(*(node.to_dataset(inherit=False) for node in lazy.subtree))
    assert len(pickle.dumps(optimised)) < 200_000


@pytest.mark.usefixtures("no_compute")
def test_nothing_is_computed_or_read_while_building(
    real_night: Path, real_hypnogram: Path, bytes_read: list[tuple[int, int]]
) -> None:
    night = sd.open_recording(real_night)
    hypnogram = sd.read_hypnogram(real_hypnogram)
    header_bytes = 256 * 8
    lazy = [
        sd.extract(night, FEATURES, hypnogram=hypnogram),
        sd.extract(night.chunk({"time": 100_000}), FEATURES, step="5s"),
        sd.extract(night.sel(time=slice("1989-04-24T23:00", "1989-04-25T07:00")), FEATURES, origin="23:00:07.3"),
        sd.spectrogram(night, "EEG Fpz-Cz", epoch="60s"),
    ]
    assert all(position + size <= header_bytes for position, size in bytes_read if size > 4620)
    assert sum(size for _, size in bytes_read) < 4 * 4620
    with pytest.raises(AssertionError, match="something was computed"):
        lazy[0]["100Hz"]["mean"].compute()


@pytest.mark.parametrize("chunks", ["epochs", None])
def test_an_hour_of_a_channel_reads_that_hour(
    real_night: Path, bytes_read: list[tuple[int, int]], chunks: str | None
) -> None:
    night = sd.open_recording(real_night, chunks=chunks)
    hour = night["100Hz"]["signal"].sel(channel="EEG Pz-Oz", time=slice("1989-04-24T23:00", "1989-04-24T23:59"))
    assert hour.shape == (360_000,)
    bytes_read.clear()
    hour.compute(scheduler="sync")
    first = 256 * 8 + (6 * 120 + 47 * 2) * RECORD_BYTES  # 16:13 to 23:00
    assert min(position for position, _ in bytes_read) >= first
    assert max(position + size for position, size in bytes_read) <= first + 120 * RECORD_BYTES
    assert sum(size for _, size in bytes_read) <= 120 * RECORD_BYTES


def test_a_tree_reads_every_byte_and_calls_every_kernel_once(
    real_night: Path, bytes_read: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, int]] = []
    compute = NodeTask.compute

    def counted(task: NodeTask, *arguments: Any) -> Any:
        calls.append((task, len(calls)))
        return compute(task, *arguments)

    monkeypatch.setattr(NodeTask, "compute", counted)
    lazy = sd.extract(sd.open_recording(real_night, workers=2), FEATURES, workers=2)
    assert calls == []
    bytes_read.clear()
    sd.compute(lazy, backend="sync")
    tasks = {task: task.n_chunks for task, _ in calls}
    assert sorted(tasks.values()) == [1, 6]
    assert len(calls) == 7
    nodes = 2  # records interleave the nodes, so each node reads all of them
    assert sum(size for _, size in bytes_read) <= nodes * EPOCHS * RECORD_BYTES


def test_a_part_of_the_night_gives_the_same_bits(real_night: Path, features: xr.DataTree) -> None:
    night = sd.open_recording(real_night, dtype=features.attrs["dtype"], chunks=None)
    part = sd.compute(
        sd.extract(night, FEATURES, start="1989-04-24T23:00", end="1989-04-25T00:30", workers=7), backend="sync"
    )
    assert part.sizes["epoch"] == 180
    first = int(np.searchsorted(features["start"], part["start"].values[0]))
    rows = slice(first, first + 180)
    np.testing.assert_array_equal(part["start"], features["start"][rows])
    for node in ("100Hz", "1Hz"):
        for name in ("mean", "skew", "iqr", "hjorth_complexity"):
            np.testing.assert_array_equal(part[node][name], features[node][name][rows])
