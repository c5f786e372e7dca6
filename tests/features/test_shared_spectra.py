"""Features of the same spectra share one pass, with the bits that each has alone; a bad one costs others nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import dask.array.fft  # noqa: F401  (it takes hold of NumPy's transforms when it is imported)
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import sleepdask as sd
from sleepdask.features import Aperiodic, BandPower, Feature, Hjorth, Output, Sampling, SpectralPeak, parse_features
from sleepdask.features.estimator import Bins, Reduction, SpectralFeature
from sleepdask.features.multitaper import Multitaper
from sleepdask.features.welch import Welch

SAMPLING = Sampling(100.0, 1000)
LOW = Aperiodic(fit_range=(1, 8))
FEATURES = [
    BandPower(bands={"low": (0.5, 6), "high": (6, 32)}, log=True),
    LOW,
    Aperiodic(fit_range=(30, 45), exclude=((35, 36),)),
    Aperiodic(fit_range=(1, 60)),  # beyond half the rate: needs no bin at all
    SpectralPeak(),
    SpectralPeak(bands={"high": (40, 60)}),
]


def signals(dtype: str = "float64") -> np.ndarray:
    x = np.random.default_rng(5).standard_normal((3, 10_000)).cumsum(1) + 20
    x[0, 2500:2510] = np.nan
    x[1, 4000:5000] = 7
    return x.astype(dtype)


@pytest.fixture
def transforms(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of what is transformed."""
    shapes: list[tuple[int, ...]] = []
    transform = np.fft.rfft

    def counted(x: np.ndarray, *args: Any, **kwargs: Any) -> np.ndarray:
        shapes.append(x.shape)
        return transform(x, *args, **kwargs)

    monkeypatch.setattr(np.fft, "rfft", counted)
    return shapes


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("estimator", [Welch(), Welch(average="median"), Multitaper()])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_together__same_bits_as_alone(dtype: str, estimator: Welch | Multitaper, data: st.DataObject) -> None:
    x = signals(dtype)
    starts = np.arange(0, 10_000, 1000)
    some = data.draw(st.lists(st.sampled_from(FEATURES), min_size=1, max_size=6))
    together = estimator.values_of(some, x, starts, starts + 1000, SAMPLING)
    for feature, values in zip(some, together, strict=True):
        (alone,) = estimator.values_of([feature], x, starts, starts + 1000, SAMPLING)
        np.testing.assert_array_equal(values, alone)


def night(x: np.ndarray) -> xr.DataTree:
    return sd.recording_from_arrays({f"x{i}": row for i, row in enumerate(x)}, rate=100)


def extracted(features: Any, x: np.ndarray | None = None) -> xr.Dataset:
    tree = sd.extract(night(signals() if x is None else x), features, epoch="10s", workers=1)
    return sd.compute(tree, backend="sync")["100Hz"].to_dataset()


def test_one_pass_for_all_features_of_the_same_spectra(transforms: list[tuple[int, ...]]) -> None:
    one = extracted("bandpower")
    of_one = list(transforms)
    transforms.clear()
    three = extracted("bandpower,aperiodic,spectral_peak")
    assert transforms == of_one
    assert len(transforms) > 0
    transforms.clear()
    extracted("bandpower,aperiodic:segment=2,spectral_peak:method=multitaper")
    assert {shape[1] for shape in transforms} == {400, 200, 1000}
    for name in one.data_vars:
        np.testing.assert_array_equal(three[name], one[name])


def test_columns_come_in_the_order_of_the_features() -> None:
    features = parse_features("spectral_peak,hjorth,aperiodic:segment=2,bandpower,aperiodic")[:4]
    node = extracted(features)
    names = [output.name for feature in features for output in feature.outputs]
    assert list(node.data_vars)[:-3] == names
    for feature in features:
        alone = extracted(feature)
        for output in feature.outputs:
            np.testing.assert_array_equal(node[output.name], alone[output.name])


@dataclass(frozen=True)
class Fussy(SpectralFeature):
    """Power of the first bin; raises at one above `limit`, or gives one value too many."""

    name: ClassVar[str] = "fussy"

    limit: float = np.inf
    error: type[BaseException] = ValueError
    columns: int = 1

    @property
    def estimator(self) -> Welch:
        return Welch()

    @property
    def outputs(self) -> tuple[Output, ...]:
        return (Output("first", "{unit}^2/Hz", "power density at 0 Hz"),)

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def reduction(self, bins: Bins) -> Reduction:
        def reduce(power: np.ndarray) -> np.ndarray:
            if (power > self.limit).any():
                raise self.error("too much power")
            return np.repeat(power, self.columns, axis=1)

        return Reduction(1, 2, reduce)


def loud_fourth_epoch() -> np.ndarray:
    x = np.random.default_rng(5).standard_normal((2, 6000))
    x[1, 3000:4000] *= 1e6
    return x


@pytest.mark.parametrize("fussy", [Fussy(limit=1e6), Fussy(columns=2)])
def test_one_that_fails_costs_the_others_nothing(fussy: Feature) -> None:
    x = loud_fourth_epoch()
    features = [BandPower(), fussy, Hjorth(), LOW]
    node = extracted(features, x)
    fails = [3] if fussy == Fussy(limit=1e6) else list(range(6))
    assert node["status"].values.tolist() == ["failed" if i in fails else "ok" for i in range(6)]
    assert node["reason"].values[3].startswith("fussy: ValueError")
    assert np.isnan(node["first"].values).all(axis=1).tolist() == [i in fails for i in range(6)]
    for feature in (features[0], *features[2:]):
        alone = extracted(feature, x)
        for output in feature.outputs:
            np.testing.assert_array_equal(node[output.name], alone[output.name])
            assert np.isfinite(node[output.name]).all()


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_what_is_no_fault_of_a_feature_passes_through(error: type[BaseException]) -> None:
    with pytest.raises(error):
        extracted([BandPower(), Fussy(limit=1e6, error=error)], loud_fourth_epoch())


def test_what_is_shared_is_equal_and_hashable() -> None:
    assert Aperiodic().shared == BandPower().shared == SpectralPeak().shared == Welch()
    assert hash(Aperiodic().shared) == hash(BandPower().shared)
    assert BandPower(preset="yasa").shared != BandPower().shared
    assert BandPower(method="multitaper").shared == Aperiodic(method="multitaper").shared == Multitaper()
    assert Hjorth().shared is None
