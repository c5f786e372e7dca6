"""Whole spectra of all channels, as lazy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import signal

import sleepdask as sd
from sleepdask.errors import ParameterError
from sleepdask.features import spectra
from sleepdask.features.base import Sampling
from sleepdask.features.multitaper import Multitaper


@pytest.fixture(scope="module")
def night() -> xr.DataTree:
    rng = np.random.default_rng(2)
    fast = {"C3": rng.standard_normal(12_345).cumsum(), "C4": rng.standard_normal(12_345)}
    tree = sd.recording_from_arrays(fast, rate=100)
    slow = {"Flow": rng.standard_normal(1234)}
    return tree.assign(
        {
            "10Hz": sd.recording_from_arrays(slow, rate=10)["10Hz"],
            "0.1Hz": sd.recording_from_arrays({"Temp": rng.standard_normal(13)}, rate=0.1)["0.1Hz"],
        }
    )


def computed(*args: Any, **kwargs: Any) -> xr.DataTree:
    return sd.compute(spectra(*args, **kwargs), backend="sync")


def test_all_channels_like_scipy(night: xr.DataTree) -> None:
    tree = computed(night, fmax=20)
    assert set(tree.children) == {"100Hz", "10Hz"}
    for name, rate in (("100Hz", 100), ("10Hz", 10)):
        power = tree[name]["power"]
        assert power.dims == ("epoch", "channel", "frequency")
        x = night[name]["signal"].transpose("channel", "time").values[:, : 120 * rate]
        f, want = signal.welch(x.reshape(len(x), 4, -1), rate, nperseg=4 * rate)
        np.testing.assert_array_equal(power["frequency"], f[f <= 20])
        np.testing.assert_allclose(power, want[..., f <= 20].swapaxes(0, 1), rtol=1e-9, atol=1e-12 * want.max())


def test_a_slow_node_is_left_out_with_a_note(night: xr.DataTree) -> None:
    assert spectra(night).attrs["notes"] == ["0.1Hz: left out, as its spectrum needs at least 0.5 Hz"]


@pytest.mark.parametrize("segment", [None, 5.0])
def test_multitaper(night: xr.DataTree, segment: float | None) -> None:
    settings = {"time_half_bandwidth": 3, "weights": "eigenvalue"}
    tree = computed(night, channels="C*", method="multitaper", segment=segment, settings=settings, epoch="20s")
    estimator = Multitaper(segment=segment, **settings)
    x = night["100Hz"]["signal"].transpose("channel", "time").values
    starts, sampling = np.arange(6) * 2000, Sampling(100.0, 2000)
    f = estimator.frequencies(sampling)
    want = estimator.spectra(np.ascontiguousarray(x), starts, starts + 2000, sampling)[..., f <= 40]
    np.testing.assert_array_equal(tree["100Hz/power"], want.swapaxes(0, 1))
    np.testing.assert_array_equal(tree["100Hz/frequency"], f[f <= 40])
    assert "multitaper" in tree["100Hz/power"].attrs["definition"]


def test_coordinates_and_units(night: xr.DataTree) -> None:
    tree = spectra(night, channels=["C4", "Flow"], origin="00:00:07.3")
    power = tree["100Hz/power"]
    assert power.attrs["units"] == "uV^2/Hz"
    assert power["channel"].values.tolist() == ["C4"]
    assert power["frequency"].attrs["units"] == "Hz"
    assert str(tree["start"].values[0]) == "2000-01-01T00:00:07.300000000"
    assert tree["10Hz"].sizes["epoch"] == tree.sizes["epoch"] == 4


def test_a_channel_is_what_the_spectrogram_shows(night: xr.DataTree) -> None:
    options: dict[str, Any] = {"method": "multitaper", "epoch": "4s", "step": "1s"}
    one = sd.compute(sd.spectrogram(night, "C4", **options), backend="sync")
    every = computed(night, **options)["100Hz/power"].sel(channel="C4")
    assert one.sizes == {"epoch": 127, "frequency": 161}
    np.testing.assert_array_equal(one, every)


@pytest.mark.usefixtures("no_compute")
def test_it_is_lazy(scored_night: Path, bytes_read: list[tuple[int, int]]) -> None:
    recording = sd.open_recording(scored_night)
    bytes_read.clear()
    power = spectra(recording)["100Hz/power"]
    assert power.chunks is not None
    assert bytes_read == []


def test_a_part_reads_no_more_than_its_chunk(
    scored_night: Path, bytes_read: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    recording = sd.open_recording(scored_night)
    power = spectra(recording, workers=5)["100Hz/power"]
    assert len(power.chunks[0]) > 5
    bytes_read.clear()
    whole = power.compute(scheduler="sync")
    read = sum(size for _, size in bytes_read)
    bytes_read.clear()
    part = power[:2].compute(scheduler="sync")
    assert sum(size for _, size in bytes_read) < read / 3
    np.testing.assert_array_equal(part, whole[:2])


def test_same_bits_for_any_number_of_workers(monkeypatch: pytest.MonkeyPatch, night: xr.DataTree) -> None:
    options: dict[str, Any] = {"method": "multitaper", "epoch": "7s", "step": "1.3s"}
    one = computed(night, **options)
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    for workers in (1, 3, 40):
        lazy = spectra(night.chunk({"time": 777}), workers=workers, **options)
        xr.testing.assert_identical(sd.compute(lazy, backend="threads", workers=2), one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": "C5"}, "no channel matches 'C5'"),
        ({"channels": "Temp"}, "no channel has a spectrum"),
        ({"method": "fourier"}, "unknown method"),
        ({"segment": 31}, "epoch is too short for spectrum; expected at least 31 s"),
        ({"fmax": 0}, "fmax must be"),
        ({"settings": {"tapers": 3}}, "the method welch has no tapers"),
        ({"settings": {"segments": 3}}, "the method welch has no segments"),
        ({"epoch": "0s"}, "longer than zero"),
    ],
)
def test_refusals(night: xr.DataTree, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        spectra(night, **arguments)
