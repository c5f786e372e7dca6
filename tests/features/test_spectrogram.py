"""Spectrograms against SciPy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import signal

import sleepdask as sd
from sleepdask.errors import ParameterError


@pytest.fixture(scope="module")
def night() -> xr.DataTree:
    rng = np.random.default_rng(2)
    fast = {"C3": rng.standard_normal(12_345).cumsum(), "C4": rng.standard_normal(12_345)}
    tree = sd.recording_from_arrays(fast, rate=100)
    return tree.assign({"10Hz": sd.recording_from_arrays({"Flow": rng.standard_normal(1234)}, rate=10)["10Hz"]})


@pytest.mark.parametrize(
    ("channel", "rate", "options"),
    [
        ("C3", 100, {}),
        ("C4", 100, {"epoch": "10s", "step": "4s", "segment": 2.0, "fmax": 20}),
        ("Flow", 10, {"segment": 8.0, "fmax": 3.3}),
    ],
)
def test_power_like_scipy(night: xr.DataTree, channel: str, rate: int, options: dict[str, Any]) -> None:
    options = {"segment": 4.0, "fmax": 40.0, "epoch": "30s", "step": options.get("epoch", "30s")} | options
    power = sd.compute(sd.spectrogram(night, channel, **options), backend="sync")
    x = night[f"{rate}Hz"]["signal"].sel(channel=channel).values
    window, step = (int(options[key].removesuffix("s")) * rate for key in ("epoch", "step"))
    count = (len(x) - window) // step + 1
    f, want = signal.welch(
        np.stack([x[i * step : i * step + window] for i in range(count)]),
        rate,
        nperseg=int(options["segment"] * rate),
    )
    want = want[:, f <= options["fmax"]]
    np.testing.assert_array_equal(power["frequency"], f[f <= options["fmax"]])
    np.testing.assert_allclose(power, want, rtol=1e-9, atol=1e-12 * want.max())


def test_coordinates_and_units(night: xr.DataTree) -> None:
    power = sd.spectrogram(night, "C3", origin="00:00:07.3")
    assert power.dims == ("epoch", "frequency")
    assert power.name == "power"
    assert power.attrs["units"] == "uV^2/Hz"
    assert power["channel"].item() == "C3"
    assert str(power["start"].values[0]) == "2000-01-01T00:00:07.300000000"
    assert power["frequency"].values[-1] == 40


@pytest.mark.usefixtures("no_compute")
def test_it_is_lazy(scored_night: Path, bytes_read: list[tuple[int, int]]) -> None:
    night = sd.open_recording(scored_night)
    bytes_read.clear()
    assert sd.spectrogram(night, "C4").chunks is not None
    assert bytes_read == []


def test_same_epochs_as_the_features(night: xr.DataTree) -> None:
    features = sd.extract(night, sd.features.Hjorth(), step="10s")
    power = sd.spectrogram(night, "Flow", step="10s")
    assert power.sizes["epoch"] == features.sizes["epoch"]
    np.testing.assert_array_equal(power["start"], features["start"])


def test_epochs_without_enough_samples_are_nan() -> None:
    x = np.random.default_rng(2).standard_normal(9000)
    x[3000:4501] = np.nan
    power = sd.compute(sd.spectrogram(sd.recording_from_arrays({"C3": x}, rate=100), "C3"), backend="sync")
    assert np.isnan(power[1]).all()
    assert np.isfinite(power[[0, 2]]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channel": "C5"}, "no channel matches 'C5'.*did you mean"),
        ({"channel": "C3", "segment": 31}, "epoch is too short for spectrum; expected at least 31 s"),
        ({"channel": "C3", "segment": 0}, "segment must be"),
        ({"channel": "C3", "fmax": 0}, "fmax must be"),
        ({"channel": "C3", "fmax": float("nan")}, "fmax must be"),
        ({"channel": "*"}, "channel"),
        ({"channel": "C*"}, "channel"),
    ],
)
def test_refusals(night: xr.DataTree, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        sd.spectrogram(night, **arguments)


def test_an_exact_name_wins_over_another_case() -> None:
    night = sd.recording_from_arrays({"c3": np.zeros(3000), "C3": np.random.default_rng(1).random(3000)}, rate=100)
    power = sd.compute(sd.spectrogram(night, "C3"), backend="sync")
    assert (power > 0).all()


def test_same_bits_for_any_number_of_workers(monkeypatch: pytest.MonkeyPatch, night: xr.DataTree) -> None:
    one = sd.compute(sd.spectrogram(night, "C3", epoch="7s", step="1.3s"), backend="sync")
    monkeypatch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
    monkeypatch.setattr("sleepdask.chunks.MIN_BYTES", 1)
    make: Callable[[int], xr.DataArray] = lambda workers: sd.spectrogram(  # noqa: E731
        night.chunk({"time": 777}), "C3", epoch="7s", step="1.3s", workers=workers
    )
    for workers in (1, 3, 40):
        xr.testing.assert_identical(sd.compute(make(workers), backend="threads", workers=2), one)
