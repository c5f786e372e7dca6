"""Same bits however the samples are cut, held or scheduled; and the values of a plain loop over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from xarray.core.indexing import LazilyIndexedArray, NumpyIndexingAdapter

import sleepdask as sd
from sleepdask.features import BandPower, Hjorth, Statistics
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import recording_tree

START = int(np.datetime64("2024-03-10T23:00:00", "ns").astype(np.int64))
SECOND = 1_000_000_000
BANDS = {"slow": (0.5, 2.0), "fast": (2.0, 6.0)}
FEATURES = (Statistics(), BandPower(bands=BANDS, segment=2.0, edges=(), entropy=False), Hjorth())
Check = Callable[[xr.DataTree, xr.DataTree], None]


@dataclass(frozen=True)
class Case:
    """Runs as (start in ns after `START`, size), period num/den ns, and how epochs lie."""

    runs: tuple[tuple[int, int], ...]
    num: int
    den: int
    window: int
    step: int
    shift: int = 0
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def clock(self) -> Clock:
        return Clock.segmented([(START + start, size) for start, size in self.runs], self.num, self.den)

    @property
    def rate(self) -> float:
        return float(Fraction(SECOND * self.den, self.num))

    @property
    def expected(self) -> int:
        return self.window * self.den // self.num

    @property
    def grid(self) -> dict[str, Any]:
        origin = {"origin": np.datetime64(START + self.shift, "ns")} if self.shift else {}
        return {"epoch": self.window / SECOND, "step": self.step / SECOND, **origin, **self.options}

    def samples(self) -> np.ndarray:
        """Three channels: a walk, noise on an offset, and a walk with holes; a different one a case."""
        size = sum(size for _, size in self.runs)
        rng = np.random.default_rng(size)
        x = np.stack([rng.standard_normal(size).cumsum(), 1e3 + rng.standard_normal(size), rng.random(size).cumsum()])
        x[2, size // 3 : size // 3 + size // 9] = np.nan
        x[2, -5] = np.nan
        return x


REGULAR = ((0, 9600),)
GAPPED = ((0, 1000), (60_013_000_000, 2500), (200 * SECOND, 3), (203 * SECOND, 4000))
CASES = {
    "aligned": Case(REGULAR, SECOND, 32, 5 * SECOND, 5 * SECOND),
    "overlapping": Case(REGULAR, SECOND, 32, 10 * SECOND, 3 * SECOND),
    "apart": Case(REGULAR, SECOND, 32, 4 * SECOND, 9 * SECOND),
    "one epoch": Case(REGULAR, SECOND, 32, 300 * SECOND, 300 * SECOND),
    "shifted": Case(REGULAR, SECOND, 32, 30 * SECOND, 30 * SECOND, 7_300_000_000),
    "part": Case(REGULAR, SECOND, 32, 5 * SECOND, 5 * SECOND, 0, {"start": "23:01:02", "end": "23:04"}),
    "12.8 Hz": Case(((0, 3840),), SECOND * 10, 128, 7_700_000_000, 7_700_000_000),
    "1/3 Hz": Case(((0, 900),), 3 * SECOND, 1, 20 * SECOND, 20 * SECOND),
    "3001 in 30 s": Case(((0, 4 * 3001),), 30 * SECOND, 3001, 3 * SECOND, 1_700_000_000),
    "gapped": Case(GAPPED, SECOND, 32, 5 * SECOND, 5 * SECOND),
    "gapped and overlapping": Case(GAPPED, SECOND, 32, 9 * SECOND, 4 * SECOND, 1_234_567_891),
    "gapped fractions": Case(((0, 700), (90 * SECOND + 1, 1500)), 10 * SECOND, 128, 7_700_000_000, 3_300_000_000),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture(scope="module", autouse=True)
def chunks_of_any_size() -> Iterator[None]:
    """Without the floors of the chunk rule small recordings are cut as finely as long ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sleepdask.chunks.MIN_EPOCHS", 1)
        patch.setattr("sleepdask.chunks.MIN_BYTES", 1)
        yield


def night_of(case: Case, data: Any = None) -> xr.DataTree:
    values = case.samples() if data is None else data
    node = xr.Dataset({"signal": (("channel", "time"), values)}, coords={"channel": ["walk", "noise", "holes"]})
    return recording_tree({"x": node.assign_coords(time_coordinate(case.clock))}, {"recording_id": "bits"})


def computed(night: xr.DataTree, case: Case, *, backend: str = "sync", threads: int = 1, workers: int = 1) -> Any:
    lazy = sd.extract(night, FEATURES, workers=workers, **case.grid)
    return sd.compute(lazy, backend=backend, workers=threads)


@cache
def want(case: Case) -> Any:
    """Computed in one task from samples in memory, in the calling thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sleepdask.chunks.MIN_EPOCHS", 10**6)
        return computed(night_of(case), case)


# --- a plain loop ---------------------------------------------------------------------------------------


def longest_runs(case: Case, low: int) -> slice:
    """Samples in ``[low, low + window)`` that follow each other without a gap, found time by time."""
    first, found = 0, slice(0, 0)
    for start, size in case.runs:
        times = START + start + np.arange(size, dtype=object) * case.num // case.den
        inside = np.flatnonzero([low <= t < low + case.window for t in times])
        if inside.size > found.stop - found.start:
            found = slice(first + inside[0], first + inside[-1] + 1)
        first += size
    return found


def plain_values(case: Case, x: np.ndarray, statistics: Callable[..., dict[str, float]]) -> dict[str, float]:
    finite = x[np.isfinite(x)]
    names = [output.name for feature in FEATURES for output in feature.outputs]
    if len(finite) < max(1, case.expected / 2):
        return dict.fromkeys(names, np.nan)
    dx, ddx = np.diff(x), np.diff(x, 2)
    activity, first, second = (np.var(v[np.isfinite(v)]) for v in (x, dx, ddx))
    values = statistics(x, case.expected) | {
        "hjorth_activity": activity,
        "hjorth_mobility": np.sqrt(first / activity),
        "hjorth_complexity": np.sqrt(second / first) / np.sqrt(first / activity),
    }
    size = max(1, int(2 * case.rate + 1e-9))
    segments = [x[a : a + size] for a in range(0, len(x) - size + 1, size - size // 2)]
    spectra = [signal.welch(s, case.rate, nperseg=size) for s in segments if size > 1 and np.isfinite(s).all()]
    if spectra:
        f = spectra[0][0]
        power = np.mean([p for _, p in spectra], axis=0)
        for name, (low, high) in BANDS.items():
            values[f"bandpower_{name}"] = f[1] * power[(f >= low) & (f < high)].sum()
        total = values["bandpower_slow"] + values["bandpower_fast"]
        values |= {f"bandpower_{name}_relative": values[f"bandpower_{name}"] / total for name in BANDS}
    return values


@every_case
def test_values_of_a_plain_loop(case: Case, plain_statistics: Callable[..., dict[str, float]]) -> None:
    features = want(case)
    node, x = features["x"].to_dataset(), case.samples()
    lows = features["start"].values.astype(np.int64)
    assert np.all(np.diff(lows) == case.step)
    names = [name for name in node.data_vars if name not in ("coverage", "status", "reason")]
    assert len(names) > 14
    for epoch, low in enumerate(lows):
        where = longest_runs(case, int(low))
        present = where.stop - where.start
        assert node["coverage"].values[epoch] == min(1, present / case.expected)
        short = [np.isfinite(row[where]).sum() < case.expected for row in x]
        lost = [np.isfinite(row[where]).sum() < max(1, case.expected / 2) for row in x]
        status = "missing" if all(lost) else "partial" if any(short) else "ok"
        assert node["status"].values[epoch] == status
        for channel, row in enumerate(x):
            plain = plain_values(case, row[where], plain_statistics)
            for name in names:
                value = node[name].values[epoch, channel]
                assert value == pytest.approx(plain.get(name, np.nan), rel=1e-7, abs=1e-9, nan_ok=True), (name, epoch)


# --- the same bits --------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("workers", [1, 2, 3, 7, 16, 64])
def test_any_number_of_workers_in_the_chunk_rule(case: Case, workers: int, assert_same_bits: Check) -> None:
    assert_same_bits(computed(night_of(case), case, workers=workers), want(case))


@every_case
@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads(case: Case, threads: int, assert_same_bits: Check) -> None:
    night = night_of(case).chunk({"time": 501})
    assert_same_bits(computed(night, case, backend="threads", threads=threads, workers=7), want(case))


@every_case
@pytest.mark.parametrize("workers", [1, 9])
def test_lazily_indexed_samples(case: Case, workers: int, assert_same_bits: Check) -> None:
    lazy = LazilyIndexedArray(NumpyIndexingAdapter(case.samples()))
    assert_same_bits(computed(night_of(case, lazy), case, workers=workers), want(case))


@every_case
def test_samples_in_another_order_of_memory(case: Case, assert_same_bits: Check) -> None:
    strided = np.repeat(case.samples(), 2, axis=1)[:, ::2]
    for data in (np.asfortranarray(case.samples()), strided):
        data.flags.writeable = False
        assert_same_bits(computed(night_of(case, data), case, workers=5), want(case))


@settings(max_examples=40)
@given(data=st.data())
def test_any_chunks_of_the_input(data: st.DataObject, assert_same_bits: Check) -> None:
    case = CASES[data.draw(st.sampled_from(sorted(CASES)), "case")]
    size = case.clock.size
    cuts = data.draw(st.lists(st.integers(1, size - 1), max_size=15, unique=True).map(sorted), "cuts")
    sizes = tuple(np.diff([0, *cuts, size]).tolist())
    across = data.draw(st.sampled_from([(3,), (1, 2), (1, 1, 1)]), "channels a chunk")
    night = night_of(case).chunk({"time": sizes, "channel": across})
    workers = data.draw(st.integers(1, 64), "workers")
    backend = data.draw(st.sampled_from(["sync", "threads"]), "backend")
    assert_same_bits(computed(night, case, backend=backend, threads=2, workers=workers), want(case))


@pytest.mark.slow
@every_case
def test_every_number_of_workers_up_to_64(case: Case, assert_same_bits: Check) -> None:
    for workers in range(1, 65):
        assert_same_bits(computed(night_of(case), case, workers=workers), want(case))


@settings(max_examples=15)
@given(data=st.data())
def test_a_file_however_it_is_opened(data: st.DataObject, scored_night: Path, assert_same_bits: Check) -> None:
    step = data.draw(st.sampled_from(["30s", "11s", "7.3s"]), "step")
    origin = data.draw(st.sampled_from(["recording", "22:47:37.3"]), "origin")
    dtype = data.draw(st.sampled_from(["float32", "float64"]), "dtype")
    size = st.integers(1000, 61_000)
    chunks = data.draw(st.sampled_from([None, "epochs", "auto"]) | size.map(lambda n: {"time": n}), "chunks")

    def features(chunks: Any, workers: int) -> xr.DataTree:
        night = sd.open_recording(scored_night, chunks=chunks, dtype=dtype, workers=workers)
        return sd.extract(night, FEATURES, step=step, origin=origin, workers=workers)

    got = sd.compute(features(chunks, data.draw(st.integers(1, 64), "workers")), backend="threads", workers=2)
    one = sd.compute(features(None, 1), backend="sync")
    assert_same_bits(got, one)


def test_channels_alone_and_together(assert_same_bits: Check) -> None:
    case = CASES["gapped"]
    night = night_of(case)
    for channel in ("walk", "noise", "holes"):
        alone = sd.compute(sd.extract(night, FEATURES, channels=channel, **case.grid), backend="sync")["x"].to_dataset()
        together = want(case)["x"].to_dataset().sel(channel=[channel])
        for name in alone.data_vars:
            if name not in ("status", "reason"):
                np.testing.assert_array_equal(alone[name], together[name])
