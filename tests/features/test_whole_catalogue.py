"""What holds for every feature of the catalogue: bits, bad epochs, scale, shift, units, and clocks of any kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.features import Feature, Sampling, catalogue, create, parse_features
from sleepdask.features.code import is_ours
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate

RATE, SECONDS = 128, 300
START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))
NAMES = sorted(name for name, kind in catalogue().items() if is_ours(kind))
ALL = ",".join(NAMES)
Check = Callable[[xr.DataTree, xr.DataTree], None]


def waves(channels: int = 3, seconds: int = SECONDS) -> np.ndarray:
    """Steep noise with spindles, in uV."""
    random = np.random.default_rng(5)
    time = np.arange(seconds * RATE) / RATE
    noise = random.normal(size=(channels, time.size)).cumsum(axis=1)
    noise -= noise.mean(axis=1, keepdims=True)
    return noise + 5 * np.sin(2 * np.pi * 13 * time) * (time % 10 < 1) + random.normal(size=(channels, time.size))


def night(samples: Any, clock: Clock | None = None) -> xr.DataTree:
    tree = sd.recording_from_arrays({f"C{k}": x for k, x in enumerate(samples)}, rate=RATE, start="2024-03-11T22:47:30")
    if clock is None:
        return tree
    node = tree[f"{RATE}Hz"].to_dataset().drop_vars("time").assign_coords(time_coordinate(clock))
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=tree.attrs), f"/{RATE}Hz": node})


def one(feature: Feature, samples: Any) -> np.ndarray:
    """Values of one epoch, dims (channel, output)."""
    samples = np.ascontiguousarray(np.atleast_2d(samples))
    size = samples.shape[1]
    return feature.compute(samples, np.array([0]), np.array([size]), Sampling(float(RATE), size))[:, 0]


@pytest.mark.parametrize("grid", [{}, {"step": "7s"}], ids=["on end", "overlapping"])
@pytest.mark.parametrize("gap", [False, True])
def test_bits_depend_on_no_backend_and_no_chunk(grid: dict[str, str], gap: bool, assert_same_bits: Check) -> None:
    samples = waves().astype(np.float32)
    samples[1, 5000:5050] = np.nan
    runs = [(START, 12_345), (START + 120 * 10**9, samples.shape[1] - 12_345)]
    recording = night(samples, Clock.segmented(runs, 10**9, RATE) if gap else None)
    want = sd.compute(sd.extract(recording, ALL, workers=1, **grid), backend="sync")
    for workers, chunk in ((2, 3), (64, 1)):
        lazy = sd.extract(recording, ALL, workers=workers, chunk_size=chunk, **grid)
        assert_same_bits(sd.compute(lazy, backend="threads", workers=2), want)
    cut = recording.chunk({"time": 1111})
    assert_same_bits(sd.compute(sd.extract(cut, ALL, workers=3, **grid), backend="sync"), want)


def test_processes_give_the_same_bits(assert_same_bits: Check) -> None:
    recording = night(waves(1, 120))
    want = sd.compute(sd.extract(recording, ALL), backend="sync")
    sd.features.clear_feature_cache()
    assert_same_bits(sd.compute(sd.extract(recording, ALL, workers=2), backend="processes", workers=2), want)


@pytest.mark.parametrize("name", NAMES)
def test_all_and_alone_are_the_same(name: str, assert_same_bits: Check) -> None:
    recording = night(waves(2, 90))
    every = sd.compute(sd.extract(recording, ALL), backend="sync")[f"{RATE}Hz"]
    alone = sd.compute(sd.extract(recording, name), backend="sync")[f"{RATE}Hz"]
    for column in (output.name for output in create(name).outputs):
        np.testing.assert_array_equal(every[column], alone[column])
        assert every[column].attrs == alone[column].attrs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_samples_never_give_a_number_that_could_be_taken_for_one(name: str, dtype: str) -> None:
    """Where nothing varies there is no shape: values are those of the level, 0 or 1, or none."""
    level = 1234.567
    values = one(create(name), np.full(30 * RATE, level, dtype))
    allowed = {0.0, 1.0, 30.0, *np.array([level, level**2], dtype).astype(float).tolist(), level}
    known = values[np.isfinite(values)]
    assert all(min(abs(value - each) for each in allowed) <= 1e-3 for value in known), known
    assert not np.isinf(values).any()


@pytest.mark.parametrize("name", NAMES)
def test_missing_samples_give_no_warning_and_no_infinity(name: str) -> None:
    samples = waves(2, 30)
    samples[0] = np.nan
    samples[1, ::50] = np.inf
    values = one(create(name), samples)
    assert not np.isinf(values).any()
    names = [output.name for output in create(name).outputs]
    allowed = {"missing_fraction"}
    assert all(np.isnan(value) or column in allowed for value, column in zip(values[0], names, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_short_epochs_give_no_warning_and_no_infinity(name: str) -> None:
    feature, samples = create(name), waves(1, 30)
    stops = np.array([0, 1, 2, 3, 5, 17, 100])
    values = feature.compute(samples, np.zeros_like(stops), stops, Sampling(float(RATE), 30 * RATE))
    assert values.shape == (1, stops.size, len(feature.outputs))
    assert not np.isinf(values).any()


# How a column changes when all samples are multiplied by a factor: its power of the factor, told from its unit.
POWERS = {"{unit}": 1, "{unit}^2": 2, "{unit}^2/Hz": 2}
ABSOLUTE = {"amplitude", "flat"}  # limits and tolerances are in the unit of the channel
OF_LEVEL = {
    "mean",
    "min",
    "max",
    "median",
    "rms",
}  # of the statistics, those that move with an offset; so do percentiles


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ABSOLUTE])
@settings(max_examples=5, deadline=None)
@given(exponent=st.integers(-3, 6))
def test_scale_is_that_of_the_unit(name: str, exponent: int) -> None:
    """A power of two, which changes no digit."""
    feature, factor = create(name), 2.0**exponent
    samples = waves(2, 30)
    plain, scaled = one(feature, samples), one(feature, factor * samples)
    for k, output in enumerate(feature.outputs):
        if output.units.startswith(("dB", "log10")):
            continue
        want = plain[:, k] * factor ** POWERS.get(output.units, 0)
        np.testing.assert_allclose(scaled[:, k], want, rtol=1e-9, err_msg=output.name)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "amplitude"])
@settings(max_examples=5, deadline=None)
@given(offset=st.integers(-500, 500))
def test_an_offset_changes_the_level_alone(name: str, offset: int) -> None:
    feature = create(name)
    samples = waves(2, 30)
    plain, moved = one(feature, samples), one(feature, samples + offset)
    for k, output in enumerate(feature.outputs):
        if output.name in OF_LEVEL:
            continue
        np.testing.assert_allclose(moved[:, k], plain[:, k], rtol=1e-6, atol=1e-9, err_msg=output.name)


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_near_float64(name: str) -> None:
    samples = waves(2, 30).astype(np.float32)
    feature = create(name)
    short, long = one(feature, samples), one(feature, samples.astype(np.float64))
    np.testing.assert_allclose(short, long, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_units_are_those_of_the_channel(name: str) -> None:
    tree = sd.recording_from_arrays({"C3": waves(1, 60)[0]}, rate=RATE, unit="mV")
    node = sd.extract(tree, name)[f"{RATE}Hz"]
    for output in create(name).outputs:
        assert node[output.name].attrs["units"] == output.units.replace("{unit}", "mV")
        assert node[output.name].attrs["definition"]


@pytest.mark.parametrize("rate", [1, 4, 17])
def test_slow_signals_have_what_they_can_have(rate: int) -> None:
    """Whatever the rate, each feature is computed or left out with a note; nothing fails."""
    values = np.random.default_rng(2).normal(size=rate * 300)
    lazy = sd.extract(sd.recording_from_arrays({"x": values}, rate=rate), ALL)
    notes = " ".join(lazy.attrs["notes"])
    node = sd.compute(lazy, backend="sync")[f"{rate}Hz"]
    assert set(node["status"].values.tolist()) == {"ok"}
    for feature in parse_features(ALL):
        assert (feature.outputs[0].name in node) != (f"no {feature.name}," in notes), feature.name
