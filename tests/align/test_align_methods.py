"""Values on another clock are those of pandas, NumPy and SciPy, whatever the rates, offsets, gaps and stamps."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clocked import MS, START, node, noise, ns, one, recording, regular, stamps
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly

import sleepdask as sd
from sleepdask.align import methods
from sleepdask.signals.clock import Clock
from sleepdask.signals.timestamps import AnyClock, Timestamps

sources = st.one_of(regular(gaps=3), stamps())
limits = st.one_of(st.integers(0, 50 * MS), st.integers(0, 3_000 * MS))


@pytest.fixture(scope="module", params=[1 << 16, 12], ids=["one-stretch", "stretch-by-stretch"], autouse=True)
def _stretches(request: pytest.FixtureRequest) -> Iterator[None]:
    """All at once; and so few values at a time that places of one stretch are those of the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "_BLOCK", request.param)
        yield


def aligned(values: Any, source: AnyClock, target: Clock, **options: Any) -> Any:
    return sd.align.align_signals(one(values, source), target, **options)["x/signal"].values


def near(source: AnyClock, target: Clock) -> bool:
    return source.start < target.end and target.start < source.end


def reindexed(values: Any, source: AnyClock, target: Clock, **options: Any) -> Any:
    index, onto = (pd.DatetimeIndex(ns(clock).astype("datetime64[ns]")) for clock in (source, target))
    return pd.DataFrame(values.T, index=index).reindex(onto, **options).to_numpy().T


@given(sources, regular(), limits)
def test_fills_are_those_of_pandas(source: AnyClock, target: Clock, limit: int) -> None:
    if not near(source, target):
        return
    values, span = noise(source, missing=0.1), np.timedelta64(limit, "ns")
    for method in ("ffill", "bfill"):
        want = reindexed(values, source, target, method=method, tolerance=span)
        np.testing.assert_array_equal(aligned(values, source, target, method=method, limit=span), want)


@given(sources, regular(), limits)
def test_nearest_is_the_nearest_and_the_earlier_of_two(source: AnyClock, target: Clock, tolerance: int) -> None:
    if not near(source, target):
        return
    values, span = noise(source, missing=0.1), np.timedelta64(tolerance, "ns")
    away = np.abs(ns(target)[:, None] - ns(source))
    at = away.argmin(axis=1)
    want = np.where(away[np.arange(len(at)), at] <= tolerance, values[:, at], np.nan)
    got = aligned(values, source, target, tolerance=span)
    np.testing.assert_array_equal(got, want)
    tied = (away == away.min(axis=1)[:, None]).sum(axis=1) > 1
    np.testing.assert_array_equal(
        got[:, ~tied], reindexed(values, source, target, method="nearest", tolerance=span)[:, ~tied]
    )


@given(regular(gaps=2), regular())
def test_nearest_takes_half_a_period_of_the_target_unless_told(source: Clock, target: Clock) -> None:
    if not near(source, target):
        return
    values = noise(source)
    half = np.timedelta64(int(Fraction(target.num, 2 * target.den)), "ns")
    np.testing.assert_array_equal(aligned(values, source, target), aligned(values, source, target, tolerance=half))


@given(sources, regular(), st.one_of(st.none(), limits))
def test_lines_are_those_of_numpy_between_samples_that_are_near(
    source: AnyClock, target: Clock, limit: int | None
) -> None:
    if not near(source, target):
        return
    values, at, t = noise(source), ns(source), ns(target)
    most = limit
    if most is None:
        most = source.gap if isinstance(source, Timestamps) else -(-source.num // source.den)
    span = None if limit is None else np.timedelta64(limit, "ns")
    got = aligned(values, source, target, method="linear", limit=span)
    left = np.searchsorted(at, t, "right") - 1
    on = (left >= 0) & (at[np.maximum(left, 0)] == t)
    inside = (left >= 0) & (left + 1 < len(at))
    wide = at[np.minimum(left + 1, len(at) - 1)] - at[np.maximum(left, 0)]
    known = on | (inside & (wide <= most))
    for row, want in zip(got, values, strict=True):
        line = np.interp((t - START) / 1e9, (at - START) / 1e9, want)
        np.testing.assert_allclose(row, np.where(known, line, np.nan), atol=1e-6)


@given(sources, regular())
def test_what_is_held_ends_with_a_gap(source: AnyClock, target: Clock) -> None:
    if not near(source, target):
        return
    at, t = ns(source), ns(target)
    period = source.period if isinstance(source, Timestamps) else -(-source.num // source.den)
    gap = source.gap if isinstance(source, Timestamps) else period
    values = np.arange(source.size, dtype=float)
    for method, way in (("ffill", 1), ("bfill", -1)):
        want = np.full(target.size, np.nan)
        for i, time in enumerate(t):
            known = [k for k in range(source.size) if way * (time - at[k]) >= 0]
            if known:
                k = known[-1] if way > 0 else known[0]
                beyond = k + way
                held = 0 <= beyond < source.size and abs(at[beyond] - at[k]) <= gap
                if held or abs(time - at[k]) < period:
                    want[i] = k
        np.testing.assert_array_equal(aligned(values, source, target, method=method)[0], want)


@pytest.mark.parametrize(
    ("rate", "to"), [(256, 100), (256, 64), (100, 25), (100, 100), (25, 10), (50, 30), (3001, 999)]
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_mean_is_the_polyphase_filter(rate: int, to: int, dtype: str) -> None:
    source = Clock.regular(START, 4 * rate + 7, 1_000_000_000, rate)
    values = noise(source, missing=0.0, dtype=dtype)
    ratio = Fraction(to, rate)
    got = aligned(values, source, Clock.regular(START, 4 * to, 1_000_000_000, to), method="mean")
    poly = [resample_poly(x.astype("f8"), *ratio.as_integer_ratio(), axis=1) for x in (values, np.ones_like(values))]
    want = poly[0] / poly[1]
    np.testing.assert_allclose(got, want[:, : got.shape[1]], rtol=0, atol=1e-12 if dtype == "float64" else 1e-6)
    inner = slice(12, -12)
    assert np.abs(poly[1][:, inner] - 1).max() < 2e-3  # far from the ends the sum of the weights says next to nothing
    if ratio.numerator == 1:
        np.testing.assert_allclose(got[:, inner], poly[0][:, : got.shape[1]][:, inner], atol=1e-5)


@given(regular(most=300, gaps=2), st.integers(-50, 50), st.sampled_from([1, 2, Fraction(7, 3), Fraction(5001, 1000)]))
def test_mean_at_any_distance_of_the_grids_is_that_of_a_finer_grid(source: Clock, shift: int, slower: Fraction) -> None:
    """The filter itself, summed over all samples, in float64 seconds."""
    period = Fraction(source.num, source.den) * slower
    period = period.limit_denominator(1000)
    start = source.start + shift * source.num // source.den // 7
    target = Clock.regular(start, 25, period.numerator, period.denominator)
    if not near(source, target) or source.rate < target.rate:
        return
    values = noise(source, channels=1, missing=0.1)
    got = aligned(values, source, target, method="mean")[0]
    exact = [
        float((run.start - START) + Fraction(run.phase + j * source.num, source.den))
        for run in source.runs
        for j in range(run.size)
    ]
    at = np.array(exact) / float(Fraction(source.num, source.den))
    ratio = float(source.rate / target.rate)
    for i, value in enumerate(got):
        here = float(start - START + i * period) / float(Fraction(source.num, source.den))
        away = (at - here) / ratio
        inside = np.abs(away) <= 10
        weights = np.where(inside, np.sinc(away) * np.i0(5 * np.sqrt(np.clip(1 - (away / 10) ** 2, 0, 1))), 0)
        weights = weights / np.i0(5) / ratio
        there = np.isfinite(values[0])
        share = weights[there].sum()
        if abs(share - 0.5) < 1e-6:
            continue
        want = (weights[there] * values[0, there]).sum() / share if share > 0.5 else np.nan
        np.testing.assert_allclose(value, want, atol=1e-5)


def test_mean_of_rates_in_no_simple_ratio_is_that_at_the_exact_times() -> None:
    source = Clock.regular(START, 2000, 9_999_871_003, 500)
    target = Clock.regular(START + 3 * MS, 300, 1_000_003 * 40)
    values = np.sin(2 * np.pi * 0.7 * (ns(source) - START) / 1e9)
    got = aligned(values, source, target, method="mean")[0]
    want = np.sin(2 * np.pi * 0.7 * (ns(target) - START) / 1e9)
    assert np.abs(got - want)[15:-15].max() < 5e-3


def test_mean_leaves_out_what_is_too_fast_for_the_target() -> None:
    source = Clock.regular(START, 20_000, 10 * MS)
    time = np.arange(20_000) / 100
    values = np.stack([np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 17 * time)])
    slow, fast = aligned(values, source, Clock.regular(START, 2000, 100 * MS), method="mean")[:, 20:-20]
    assert np.abs(slow - values[0, ::10][20:-20]).max() < 1e-2
    assert np.abs(fast).max() < 2e-2


def test_missing_samples_take_no_more_than_the_values_that_need_them() -> None:
    source = Clock.regular(START, 4000, 10 * MS)
    values = noise(source, channels=1)
    holed = values.copy()
    holed[0, 2000:2200] = np.nan
    target = Clock.regular(START, 1000, 40 * MS)
    for method, around in (("nearest", 0), ("ffill", 0), ("bfill", 0), ("linear", 0), ("mean", 1)):
        lost = np.flatnonzero(np.isnan(aligned(holed, source, target, method=method)[0]))
        assert set(range(500 + around, 550 - around)) <= set(lost.tolist()) <= set(range(500 - around, 550 + around))
    one_lost = values.copy()
    one_lost[0, 2001] = np.nan
    for method in ("nearest", "ffill", "bfill", "linear", "mean"):
        assert np.isfinite(aligned(one_lost, source, target, method=method)).all()


@pytest.mark.parametrize("value", [97.0, -3.25])
def test_mean_of_a_constant_is_the_constant_beside_gaps_too(value: float) -> None:
    source = Clock.segmented([(START, 900), (START + 12_345 * MS, 700)], 1_000_000_000, 77)
    target = Clock.regular(START - 500 * MS, 2000, 13 * MS)
    got = aligned(np.full(source.size, value), source, target, method="mean")[0]
    np.testing.assert_allclose(got[np.isfinite(got)], value, rtol=1e-14)
    time = ns(target)
    inside = np.zeros(len(time), bool)
    for since, until in zip(*source.spans, strict=True):
        inside |= (time >= since) & (time <= until - 14 * MS)
    assert np.isfinite(got[inside]).all()
    out = np.ones(len(time), bool)
    for since, until in zip(*source.spans, strict=True):
        out &= (time < since - 10 * MS) | (time > until)
    assert np.isnan(got[out]).all()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=25), st.integers(2, 20), st.integers(-20, 20))
def test_mean_of_any_times_weighs_each_by_how_long_it_is_the_nearest(steps: list[int], width: int, shift: int) -> None:
    """Nanosecond by nanosecond."""
    at = np.cumsum(steps) + 1000
    source = Timestamps.of(at, period=4, gap=20)
    target = Clock.regular(int(at[0]) + shift, 30, width)
    if not near(source, target):
        return
    values = noise(source, channels=1, missing=0.1)
    ticks = np.arange(900, 3000)
    away = np.abs(2 * ticks[:, None] + 1 - 2 * at)
    nearest = len(at) - 1 - away[:, ::-1].argmin(axis=1)
    k = np.searchsorted(at, ticks, "right")
    between = (k > 0) & (k < len(at)) & (at[np.minimum(k, len(at) - 1)] - at[np.maximum(k - 1, 0)] <= 20)
    beside = ((ticks[:, None] >= at - 2) & (ticks[:, None] < at + 2)).any(axis=1)
    every = np.where(between | beside, values[0, nearest], np.nan)
    got = aligned(values, source, target, method="mean")[0]
    for value, time in zip(got, ns(target), strict=True):
        low = time - width // 2
        cell = every[(ticks >= low) & (ticks < low + width)]
        known = np.isfinite(cell)
        want = cell[known].mean() if 2 * known.sum() >= width else np.nan
        np.testing.assert_allclose(value, want, atol=1e-9)


def test_integers_become_floats_and_singles_stay_single() -> None:
    source, target = Clock.regular(START, 10, 100 * MS), Clock.regular(START, 4, 250 * MS)
    for dtype, want in (("int16", "float64"), ("float32", "float32"), ("float64", "float64"), ("int64", "float64")):
        for method in ("nearest", "ffill", "bfill", "linear", "mean"):
            got = aligned(np.arange(10).astype(dtype), source, target, method=method)
            assert got.dtype == want
            if method == "linear":
                np.testing.assert_array_equal(got[0], [0, 2.5, 5, 7.5])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "linaer"}, "unknown method.*did you mean 'linear'"),
        ({"method": "linear", "tolerance": "1s"}, "no tolerance"),
        ({"method": "nearest", "limit": "1s"}, "no limit"),
        ({"method": "mean", "limit": "1s"}, "no limit"),
        ({"method": "ffill", "limit": "-1s"}, "limit is below 0"),
        ({"tolerance": "soon"}, "tolerance is not a duration"),
        ({"on_error": "ignore"}, "unknown value of on_error"),
        ({"channels": ["nix"]}, "no channel matches"),
        ({"onto": 0}, "rate must be above 0"),
        ({"onto": float("nan")}, "rate must be above 0"),
        ({"onto": "100Hz"}, "nothing to align to"),
        ({"onto": 50, "method": "mean"}, "less than one sample to each value"),
        ({"onto": Clock.regular(START + 10**13, 10, MS)}, "no sample is near the clock"),
        ({"onto": Clock.regular(0, 10, MS, dated=False)}, "only one of the two clocks has a date"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], said: str) -> None:
    night = one(np.zeros(100), Clock.regular(START, 100, 40 * MS))
    with pytest.raises(sd.ParameterError, match=said):
        sd.align.align_signals(night, **options)


def test_node_with_more_than_signals_along_time_is_refused() -> None:
    clock = Clock.regular(START, 10, MS)
    odd = node(np.zeros(10), clock).assign(quality=("time", np.zeros(10)))
    with pytest.raises(sd.ParameterError, match="x: only signals can be aligned; found quality"):
        sd.align.align_signals(recording({"x": odd}))
