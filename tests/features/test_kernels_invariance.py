"""The values of an epoch depend on its samples alone: same bits for any chunk, block or place in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleepdask.features.aperiodic import Aperiodic
from sleepdask.features.base import Feature, Sampling
from sleepdask.features.entropy import ApproximateEntropy, MultiscaleEntropy, PermutationEntropy, SampleEntropy
from sleepdask.features.fractal import DFA, HiguchiFD, KatzFD, PetrosianFD
from sleepdask.features.irasa import Irasa
from sleepdask.features.kernels import welch
from sleepdask.features.kernels.counts import finite_counts
from sleepdask.features.lempel_ziv import LempelZiv
from sleepdask.features.peaks import SpectralPeak
from sleepdask.features.quality import Amplitude, Clipping, FlatLine, LineNoise
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.features.time_domain import Hjorth, LineLength, ZeroCrossings

RATE = 32.0
SIZE = 331
FEATURES = [
    Statistics(),
    Statistics(aggregations=("median", "mean")),
    Statistics(aggregations=("mad",), percentiles=(2.5, 97.5)),
    Hjorth(),
    LineLength(),
    ZeroCrossings(),
    PermutationEntropy(),
    SampleEntropy(),
    ApproximateEntropy(length=3),
    MultiscaleEntropy(),
    LempelZiv(),
    HiguchiFD(),
    PetrosianFD(),
    KatzFD(),
    DFA(),
    BandPower(bands={"low": (0.5, 6), "high": (6, 16)}, segment=2.0),
    BandPower(bands={"low": (0.5, 6)}, segment=59 / RATE, average="median", integration="simpson"),
    BandPower(bands={"low": (0.5, 6)}, method="multitaper", log=True),
    BandPower(bands={"low": (0.5, 6)}, method="multitaper", segment=3.3, tapers=5, weights="eigenvalue"),
    Aperiodic(fit_range=(1, 15), segment=2.0),
    SpectralPeak(bands={"low": (0.5, 6), "high": (6, 16)}, segment=2.0),
    FlatLine(duration=0.5),
    FlatLine(duration=1.0, tolerance=2.5),
    Clipping(),
    Amplitude(limit=3.0),
    LineNoise(lines=(9, 14), width=0.5, neighbours=2.5, segment=2.0),
    Irasa(fit_range=(1, 8), bands={"low": (2, 6)}, segment=2.0, factors=(1.1, 1.25, 1.9)),
    Irasa(preset="yasa", fit_range=(1, 12), bands={"low": (2, 6)}, segment=59 / RATE, factors=(1.3, 1.7)),
]
IDS = [f"{feature.name}-{place}" for place, feature in enumerate(FEATURES)]


def recording(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(8)
    x = (rng.standard_normal((2, 9 * SIZE)).cumsum(1) + 40).astype(dtype)
    x[0, 700:720] = np.nan
    x[1, 5 * SIZE : 6 * SIZE] = 3
    x[1, 2000] = np.inf
    return x


def compute(feature: Feature, x: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    return feature.compute(x, starts, stops, Sampling(rate=RATE, expected=SIZE))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("feature", FEATURES, ids=IDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_chunks__same_bits(feature: Feature, dtype: str, data: st.DataObject) -> None:
    x = recording(dtype)
    step = data.draw(st.sampled_from([SIZE, 100]))
    starts = np.arange(0, x.shape[1] - SIZE, step)
    stops = starts + SIZE
    whole = compute(feature, x, starts, stops)
    cuts = sorted(data.draw(st.sets(st.integers(1, starts.size - 1), max_size=5)))
    parts = []
    for a, b in zip([0, *cuts], [*cuts, starts.size], strict=True):
        begin = max(0, int(starts[a]) - data.draw(st.integers(0, 20)))
        room = np.empty(2 * (stops[b - 1] - begin) + 64, dtype)
        shift = data.draw(st.integers(0, 17))
        chunk = room[shift : shift + 2 * (stops[b - 1] - begin)].reshape(2, -1)
        chunk[:] = x[:, begin : stops[b - 1]]
        chunk.flags.writeable = False
        parts.append(compute(feature, chunk, starts[a:b] - begin, stops[a:b] - begin))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_welch__same_bits_for_any_block(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = recording(dtype)
    starts = np.arange(9) * SIZE
    whole = welch.power_spectra(x, starts, starts + SIZE, welch.Frames(64, 32, RATE))
    for rows_bytes, group_bytes in ((1, 1), (1 << 14, 1 << 12), (1 << 22, 1 << 22)):
        monkeypatch.setattr(welch, "_CACHE_BYTES", rows_bytes)
        monkeypatch.setattr(welch, "_GROUP_BYTES", group_bytes)
        np.testing.assert_array_equal(welch.power_spectra(x, starts, starts + SIZE, welch.Frames(64, 32, RATE)), whole)
    some = welch.power_spectra(x, starts, starts + SIZE, welch.Frames(64, 32, RATE), 3, 9)
    np.testing.assert_array_equal(some, whole[..., 3:9])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 7, 20])
def test_tapers__same_bits_for_any_block(dtype: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = recording(dtype)
    starts = np.arange(9) * SIZE
    frames = welch.Frames(64, 32, RATE, median=count == 7, tapers=np.random.default_rng(0).random((count, 64)))
    whole = welch.power_spectra(x, starts, starts + SIZE, frames)
    for rows_bytes, group_bytes in ((1, 1), (1 << 14, 1 << 12), (1 << 22, 1 << 22)):
        monkeypatch.setattr(welch, "_CACHE_BYTES", rows_bytes)
        monkeypatch.setattr(welch, "_GROUP_BYTES", group_bytes)
        np.testing.assert_array_equal(welch.power_spectra(x, starts, starts + SIZE, frames), whole)


@pytest.mark.parametrize("feature", FEATURES, ids=IDS)
def test_one_channel__same_bits(feature: Feature) -> None:
    x = recording("float32")
    starts = np.arange(9) * SIZE
    whole = compute(feature, x, starts, starts + SIZE)
    np.testing.assert_array_equal(compute(feature, x[1:], starts, starts + SIZE), whole[1:])


@pytest.mark.parametrize("feature", FEATURES, ids=IDS)
def test_no_epoch__empty(feature: Feature) -> None:
    none = np.empty(0, np.int64)
    assert compute(feature, recording("float32"), none, none).shape == (2, 0, len(feature.outputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_finite_counts(dtype: str) -> None:
    x = recording(dtype)
    starts = np.array([0, 0, 650, 1990, 100])
    stops = np.array([0, 3, 990, 2990, 101])
    expected = [[np.isfinite(row[a:b]).sum() for a, b in zip(starts, stops, strict=True)] for row in x]
    counts = finite_counts(x, starts, stops)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)
