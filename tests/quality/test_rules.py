"""Rules that tell artefacts, on columns: against YASA, plain NumPy, and what is planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleepdask.errors import ParameterError
from sleepdask.quality import Buckelmueller, Deviation
from sleepdask.quality.night import local_mean, scores
from sleepdask.quality.rules import rule_of

UNSCORED = np.full(400, "")
DELTA, BETA = "bandpower_artefact_delta", "bandpower_artefact_beta"


def spreads(size: int = 400, seed: int = 0) -> np.ndarray:
    """Standard deviations as an EEG has them, log-normal around 20 uV."""
    return np.exp(np.log(20) + 0.3 * np.random.default_rng(seed).standard_normal(size))


def test_deviation__planted_epochs_are_found_and_no_others() -> None:
    sd = spreads()
    sd[[10, 200]] = [200, 1.5]
    sd[300] = 0
    flags = Deviation().flags({"std": sd}, UNSCORED)
    z = np.log(sd[sd > 0])
    z = (z - z.mean()) / z.std()
    assert flags.sum() == (np.abs(z) > 3).sum() + 1
    assert flags[[10, 200, 300]].tolist() == [1, 1, 1]


def test_deviation__unknown_is_not_clean() -> None:
    sd = spreads()
    sd[[5, 6]] = np.nan
    flags = Deviation().flags({"std": sd}, UNSCORED)
    assert np.flatnonzero(np.isnan(flags)).tolist() == [5, 6]
    assert np.isnan(Deviation().flags({"std": spreads(29)}, UNSCORED[:29])).all()
    assert not np.isnan(Deviation().flags({"std": spreads(30)}, UNSCORED[:30])).any()
    assert np.isnan(Deviation().flags({"std": np.full(400, 3.0)}, UNSCORED)).all()
    assert np.isnan(Deviation().flags({"std": np.zeros(400)}, UNSCORED)).all()
    assert np.isnan(Deviation().flags({"std": np.append(spreads(20), np.zeros(20))}, UNSCORED[:40])).all()


def test_deviation__stage_by_stage() -> None:
    stages = np.repeat(["N2", "N3", "R", ""], 100)
    sd = spreads()
    sd[100:200] *= 20  # slow waves: no artefact among their own
    sd[50] *= 8
    stages[200:280] = ""  # leaves 20 epochs of R: too few
    flags = Deviation().flags({"std": sd}, stages)
    assert flags[50] == 1
    assert np.nansum(flags[100:200]) <= 1
    assert np.isnan(flags[200:]).all()
    together = Deviation(stages=False).flags({"std": sd}, stages)
    assert not np.isnan(together).any()


@given(
    scale=st.sampled_from([1e-6, 0.5, 3.0, 1e3]),
    order=st.permutations(range(60)),
)
def test_deviation__scale_and_order(scale: float, order: list[int]) -> None:
    sd = spreads(60)
    sd[[3, 9]] = [400, np.nan]
    stages = UNSCORED[:60]
    flags = Deviation().flags({"std": sd}, stages)
    np.testing.assert_array_equal(Deviation().flags({"std": sd * scale}, stages), flags)
    np.testing.assert_array_equal(Deviation().flags({"std": sd[order]}, stages), flags[order])


@pytest.mark.parametrize("staged", [False, True])
def test_deviation__like_yasa(staged: bool) -> None:
    yasa = pytest.importorskip("yasa")
    rate, window = 100, 5
    rng = np.random.default_rng(3)
    stages = np.repeat(["N1", "N2", "N3", "R", "W"], [40, 100, 80, 60, 20])
    level = np.repeat([10, 20, 60, 12, 15], [40, 100, 80, 60, 20]) * np.exp(0.3 * rng.standard_normal(300))
    level[[20, 130, 131, 250]] *= [12, 9, 0.04, 10]
    x = np.stack([level.repeat(rate * window), level[::-1].repeat(rate * window)])
    x = x * rng.standard_normal(x.shape)
    hypno = None
    if staged:
        hypno = np.select([stages == s for s in ("W", "N1", "N2", "N3", "R")], range(5)).repeat(rate * window)
    art, z = yasa.art_detect(x, rate, window, hypno, method="std", include=(1, 2, 3, 4))
    sd = x.reshape(2, 300, -1).std(-1)
    rule = Deviation(offset=1)
    ours = np.stack([rule.flags({"std": each}, stages if staged else UNSCORED[:300]) for each in sd], 1)
    told = stages != "W" if staged else np.ones(300, bool)
    np.testing.assert_array_equal(np.nanmax(ours[told], axis=1), art[told])
    assert 4 <= art.sum() <= 20
    if not staged:
        np.testing.assert_allclose(np.stack([scores(np.log(each + 1), 30) for each in sd], 1), z, rtol=1e-9)


# z of yasa.art_detect(x, 100, 5, method="std") 0.8.1, epochs 0 and 39, on epochs of +SD, -SD, +SD, ... of these SDs.
YASA_SD = np.array([8.0 + (7 * i) % 13 for i in range(39)] + [90.0])
YASA_Z = (-1.35811987501, 4.64172912752)


def test_deviation__frozen() -> None:
    z = scores(np.log(YASA_SD + 1), 30)
    assert z[0] == pytest.approx(YASA_Z[0], rel=1e-9)
    assert z[39] == pytest.approx(YASA_Z[1], rel=1e-9)
    assert np.flatnonzero(Deviation(offset=1).flags({"std": YASA_SD}, UNSCORED[:40])).tolist() == [39]


def plain_ratio(power: np.ndarray, window: int = 15) -> np.ndarray:
    half = window // 2
    ratios = []
    for i in range(power.size):
        middle = min(max(i, half), power.size - 1 - half)
        around = power[middle - half : middle + half + 1]
        known = around[np.isfinite(around)]
        ratios.append(power[i] / known.mean() if known.size > half else np.nan)
    return np.array(ratios)


@given(seed=st.integers(0, 10_000), missing=st.integers(0, 30))
def test_buckelmueller__like_plain_numpy(seed: int, missing: int) -> None:
    rng = np.random.default_rng(seed)
    delta, beta = np.exp(rng.standard_normal((2, 60)))
    delta[rng.integers(0, 60, missing)] = np.nan
    with np.errstate(invalid="ignore"):
        slow, fast = plain_ratio(delta), plain_ratio(beta)
        expected = np.where((slow > 2.5) | (fast > 2), 1.0, np.where(np.isnan(slow) | np.isnan(fast), np.nan, 0.0))
    got = Buckelmueller().flags({DELTA: delta, BETA: beta}, UNSCORED[:60])
    np.testing.assert_array_equal(got, expected)


def test_buckelmueller__slow_power_alone() -> None:
    delta = np.ones(40)
    delta[20] = 4
    assert Buckelmueller().columns(frozenset({DELTA, "std"})) == (DELTA,)
    assert Buckelmueller().columns(frozenset({BETA, "std"})) == ()
    assert np.flatnonzero(Buckelmueller().flags({DELTA: delta}, UNSCORED[:40])).tolist() == [20]
    assert "beta" not in Buckelmueller().definition((DELTA,), staged=False)


@pytest.mark.parametrize(("size", "known"), [(0, 0), (1, 0), (7, 0), (8, 8), (14, 14)])
def test_buckelmueller__short_night(size: int, known: int) -> None:
    flags = Buckelmueller().flags({DELTA: np.ones(size), BETA: np.ones(size)}, UNSCORED[:size])
    assert np.isfinite(flags).sum() == known
    assert flags.shape == (size,)


def test_buckelmueller__no_power_is_unknown() -> None:
    assert np.isnan(Buckelmueller().flags({DELTA: np.zeros(20)}, UNSCORED[:20])).all()


@pytest.mark.parametrize("window", [3, 15])
@pytest.mark.parametrize("size", [15, 16, 40])
def test_local_mean__like_numpy(window: int, size: int) -> None:
    x = np.random.default_rng(size).random(size)
    whole = np.lib.stride_tricks.sliding_window_view(x, window).mean(-1)
    expected = np.pad(whole, window // 2, mode="edge")
    np.testing.assert_allclose(local_mean(x, window), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Deviation(threshold=0), "threshold"),
        (lambda: Deviation(offset=-1), "offset"),
        (lambda: Deviation(least=1), "least"),
        (lambda: Buckelmueller(window=14), "window"),
        (lambda: Buckelmueller(delta=-1), "delta"),
        (lambda: rule_of("buckelmuller"), "did you mean|buckelmueller"),
    ],
)
def test_bad_parameters(make: object, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        make()
