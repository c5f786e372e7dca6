"""Recordings and clocks for tests of alignment."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr
from hypothesis import strategies as st

from sleepdask.io.chunking import chunked
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import SIGNAL, channel_coordinates, on_signals, recording_tree
from sleepdask.signals.timestamps import AnyClock, Timestamps

START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))
MS = 1_000_000


def node(values: Any, clock: AnyClock, labels: list[str] | None = None) -> xr.Dataset:
    """Node of signals, dims (channel, time)."""
    values = np.atleast_2d(values)
    labels = labels or [f"c{k}" for k in range(len(values))]
    return xr.Dataset(
        {SIGNAL: (("channel", "time"), values)},
        coords={"channel": labels, **channel_coordinates(labels, ["uV"] * len(labels), clock.rate)},
    ).assign_coords(time_coordinate(clock))


def recording(nodes: Mapping[str, xr.Dataset]) -> xr.DataTree:
    return recording_tree(
        nodes,
        {"recording_id": "r", "source": "memory", "start": "2024-03-11T22:47:30", "time_zone": "", "findings": []},
    )


def one(values: Any, clock: AnyClock) -> xr.DataTree:
    return recording({"x": node(values, clock)})


def noise(clock: AnyClock, channels: int = 2, *, missing: float = 0.0, seed: int = 0, dtype: str = "float64") -> Any:
    random = np.random.default_rng(seed)
    values = random.normal(size=(channels, clock.size))
    values[random.random(values.shape) < missing] = np.nan
    return values.astype(dtype)


def ns(clock: AnyClock) -> Any:
    return clock.times(np.arange(clock.size)).astype(np.int64)


periods = st.sampled_from([
    Fraction(1_000_000_000, 256), Fraction(40 * MS), Fraction(10 * MS), Fraction(1_000_000_000, 3),
    Fraction(30_000_000_000, 3001), Fraction(1_000_000_000), Fraction(19_960_001, 1), Fraction(1_000_000_000, 77),
])  # fmt: skip
starts = st.integers(-200 * MS, 200 * MS).map(lambda off: START + off)


@st.composite
def regular(draw: st.DrawFn, most: int = 60, gaps: int = 0, of: st.SearchStrategy[Fraction] = periods) -> Clock:
    """Clock at a fixed rate, with some gaps."""
    period = draw(of)
    runs, start = [], draw(starts)
    for _ in range(draw(st.integers(0, gaps)) + 1):
        size = draw(st.integers(1, most))
        runs.append((start, size))
        start += int(size * period) + 2 + draw(st.integers(0, int(6 * period)))
    return Clock.segmented(runs, period.numerator, period.denominator)


@st.composite
def stamps(draw: st.DrawFn, most: int = 60) -> Timestamps:
    """Clock of any times."""
    distances = draw(st.lists(st.integers(1, 400), min_size=1, max_size=most))
    unit = draw(st.sampled_from([1, MS]))
    return Timestamps.of(draw(starts) + np.cumsum(distances) * unit)


def cut(night: xr.DataTree, chunks: Mapping[str, Any]) -> xr.DataTree:
    """Recording whose samples are Dask arrays."""
    return on_signals(night, lambda each: chunked(each, chunks))
