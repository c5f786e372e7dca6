"""Families of features against the best peer of each: one EEG channel in memory, one thread, equal results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import Epochs
from benchmarks.table import Row, at_least, row
from benchmarks.timing import Case, Ratio, explain, take_turns
from benchmarks.work import EPOCH_SECONDS
from sleepdask.features import Feature, Sampling, parse_features

Rows = NDArray[np.float64]  # dims (epoch, sample), or (epoch, value)


@dataclass(frozen=True)
class Contest:
    """A feature and what gives the same elsewhere.

    Parameters
    ----------
    title
        Of the row.
    features
        As the command line takes them.
    peer
        Values of some epochs, dims (epoch, value): those of the columns named.
    columns
        Outputs that the peer has too; of others the peer need not be capable.
    aim
        How many times as long the peer should take at least.
    epochs
        How many are timed.
    tolerance
        Relative, of each value.
    """

    title: str
    features: str
    peer: Callable[[Rows, float], Rows]
    columns: tuple[str, ...]
    aim: float = 1.0
    epochs: int = 200
    tolerance: float = 1e-6


def _statistics(rows: Rows, _: float) -> Rows:
    from scipy import stats

    quartiles = np.percentile(rows, [25, 50, 75], axis=1)
    columns = [rows.mean(1), rows.std(1, ddof=1), quartiles[1], quartiles[2] - quartiles[0]]
    return np.stack([*columns, stats.skew(rows, axis=1), stats.kurtosis(rows, axis=1)], axis=1)


def _hjorth(rows: Rows, _: float) -> Rows:
    from antropy import hjorth_params

    return np.stack(hjorth_params(rows, axis=1), axis=1)


def _bandpower(rows: Rows, rate: float) -> Rows:
    import yasa

    table = yasa.bandpower(rows, rate, ch_names=[str(k) for k in range(len(rows))], relative=False)
    return table[["Delta", "Theta", "Alpha", "Sigma", "Beta"]].to_numpy(np.float64)


def _multitaper(rows: Rows, rate: float) -> Rows:
    from mne.time_frequency import psd_array_multitaper

    power, frequencies = psd_array_multitaper(
        rows, rate, fmax=30, bandwidth=8 / EPOCH_SECONDS, adaptive=False, normalization="full", verbose="ERROR"
    )[:2]
    width = frequencies[1]
    bands = [power[:, (frequencies >= a) & (frequencies < b)].sum(1) * width for a, b in ((4, 8), (12, 16))]
    return np.stack(bands, 1) / _energy_of_tapers(rows.shape[1])


@lru_cache
def _energy_of_tapers(size: int) -> float:
    """By how much MNE's densities are larger: its periodic tapers do not have an energy of 1."""
    from scipy.signal.windows import dpss

    tapers, ratios = dpss(size, 4, 7, sym=False, return_ratios=True)
    return float(np.sum(ratios * np.sum(tapers**2, axis=1)) / ratios.sum())


def _irasa(rows: Rows, rate: float) -> Rows:
    import yasa

    lines = [yasa.irasa(x[None], sf=rate, verbose=False)[3] for x in rows]
    return np.array([line[["Slope", "R^2"]].iloc[0] for line in lines], np.float64)


def _of_antropy(name: str, **options: Any) -> Callable[[Rows, float], Rows]:
    def values(rows: Rows, _: float) -> Rows:
        import antropy

        return np.array([[getattr(antropy, name)(x, **options)] for x in rows], np.float64)

    return values


def _lempel_ziv(rows: Rows, _: float) -> Rows:
    from antropy import lziv_complexity

    return np.array([[lziv_complexity((x > np.median(x)).astype(int), normalize=True)] for x in rows])


CONTESTS = (
    Contest("statistics: NumPy and SciPy, all epochs at once", "statistics", _statistics,
            ("mean", "std", "median", "iqr", "skew", "kurtosis")),
    Contest("hjorth: antropy", "hjorth", _hjorth, ("hjorth_mobility", "hjorth_complexity")),
    Contest("line length: NumPy", "line_length", lambda x, _: np.abs(np.diff(x)).sum(1)[:, None], ("line_length",)),
    Contest("bandpower, preset yasa: YASA, all epochs at once", "bandpower:preset=yasa", _bandpower,
            tuple(f"bandpower_{name}" for name in ("delta", "theta", "alpha", "sigma", "beta"))),
    Contest("bandpower, multitaper: MNE, all epochs at once", "bandpower:method=multitaper:weights=eigenvalue",
            _multitaper, ("bandpower_theta", "bandpower_sigma")),
    Contest("irasa, preset yasa: YASA", "irasa:preset=yasa", _irasa, ("irasa_slope", "irasa_r2"), 5, 30, 1e-5),
    Contest("permutation_entropy: antropy", "permutation_entropy", _of_antropy("perm_entropy", normalize=True),
            ("permutation_entropy",), 5),
    Contest("sample_entropy: antropy", "sample_entropy", _of_antropy("sample_entropy"), ("sample_entropy",), 5, 20),
    Contest("approximate_entropy: antropy", "approximate_entropy", _of_antropy("app_entropy"),
            ("approximate_entropy",), 1, 10),
    Contest("lempel_ziv: antropy", "lempel_ziv", _lempel_ziv, ("lempel_ziv",), 1, 20),
    Contest("higuchi_fd: antropy", "higuchi_fd", _of_antropy("higuchi_fd"), ("higuchi_fd",)),
    Contest("petrosian_fd: antropy", "petrosian_fd", _of_antropy("petrosian_fd"), ("petrosian_fd",)),
    Contest("katz_fd: antropy", "katz_fd", _of_antropy("katz_fd"), ("katz_fd",)),
    Contest("dfa: antropy", "dfa", _of_antropy("detrended_fluctuation"), ("dfa_alpha",), 1, 50),
)  # fmt: skip


def family_rows(path: Path, repeats: int) -> list[Row]:
    """Time each contest in turns, once both have given the same; base of a row is the feature itself."""
    night = Epochs.of(path)
    samples, rate = night.samples[0], night.rate
    rows: list[Row] = []
    for contest in CONTESTS:
        x = _sound(samples)[: contest.epochs]
        try:
            rows += _rows(contest, x, rate, repeats)
        except Exception as error:  # one that is not installed, or fails, keeps no other from being timed
            rows.append(Row(contest.title, note=explain(error)))
    rows.append(_all_row(_sound(samples)[:_MANY], rate, repeats))
    return rows


_MANY = 50


def _rows(contest: Contest, x: Rows, rate: float, repeats: int) -> list[Row]:
    features = parse_features(contest.features)
    names = [output.name for feature in features for output in feature.outputs]
    got = computed(features, x, rate)[:, [names.index(name) for name in contest.columns]]
    want = contest.peer(x, rate)
    finite = np.isfinite(want[:, -got.shape[1] :]) & np.isfinite(got)
    np.testing.assert_allclose(got[finite], want[:, -got.shape[1] :][finite], rtol=contest.tolerance)
    ours, theirs = f"{contest.title.partition(':')[0]}: sleepdask", contest.title
    series = take_turns(
        [
            Case(ours, _timed(partial(computed, features, x, rate))),
            Case(theirs, _timed(partial(contest.peer, x, rate))),
        ],
        repeats,
    )
    aim = at_least("peer / sleepdask", Ratio.of(series[theirs], series[ours]), contest.aim)
    return [row(series[ours]), row(series[theirs], series[ours], aim)]


def _all_row(x: Rows, rate: float, repeats: int) -> Row:
    features = parse_features("all")
    many = sum(len(feature.outputs) for feature in features)
    name = f"all {many} columns of one EEG channel, {len(x)} epochs"
    return row(take_turns([Case(name, _timed(partial(computed, features, x, rate)))], repeats)[name])


def computed(features: Sequence[Feature], x: Rows, rate: float) -> Rows:
    """Values of the epochs, dims (epoch, value): as a task computes them."""
    size = x.shape[1]
    starts = np.arange(len(x)) * size
    sampling = Sampling(rate, size)
    row = np.ascontiguousarray(x.reshape(1, -1))
    return np.concatenate([each.compute(row, starts, starts + size, sampling)[0] for each in features], axis=1)


def _sound(samples: Rows) -> Rows:
    """Epochs that vary: no formula has a value for others."""
    return np.ascontiguousarray(samples[samples.std(axis=1) > 0])


def _timed(run: Callable[[], Any]) -> Callable[[], None]:
    def timed() -> None:
        run()

    return timed
