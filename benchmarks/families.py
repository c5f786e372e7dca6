"""Families of features against the best peer of each: one EEG channel in memory, one thread, equal results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import oracles
from benchmarks.oracle_calls import Rows
from benchmarks.oracle_pair import Oracle, computed
from benchmarks.peers import Epochs
from benchmarks.table import Row, at_least, row
from benchmarks.timing import Case, Ratio, explain, take_turns
from sleepdask.features import parse_features


@dataclass(frozen=True)
class Contest:
    """A feature against what gives the same elsewhere.

    Parameters
    ----------
    title
        Of the row.
    oracle
        Both.
    aim
        How many times as long the peer should take at least.
    epochs
        How many are timed.
    tolerance
        Relative, of each value.
    """

    title: str
    oracle: Oracle
    aim: float = 1.0
    epochs: int = 200
    tolerance: float = 1e-6


CONTESTS = (
    Contest("statistics: NumPy and SciPy, all epochs at once", oracles.STATISTICS),
    Contest("hjorth: antropy", oracles.HJORTH),
    Contest("line length: NumPy", oracles.LINE_LENGTH),
    Contest("bandpower, preset yasa: YASA, all epochs at once", oracles.YASA_BANDS),
    Contest("bandpower, multitaper: MNE, all epochs at once", oracles.MULTITAPER),
    Contest("irasa, preset yasa: YASA", oracles.IRASA, 5, 30, 1e-5),
    Contest("permutation_entropy: antropy", oracles.PERMUTATION, 5),
    Contest("sample_entropy: antropy", oracles.SAMPLE, 5, 20),
    Contest("approximate_entropy: antropy", oracles.APPROXIMATE, 1, 10),
    Contest("lempel_ziv: antropy", oracles.LEMPEL_ZIV, 1, 20),
    Contest("higuchi_fd: antropy", oracles.HIGUCHI),
    Contest("petrosian_fd: antropy", oracles.PETROSIAN),
    Contest("katz_fd: antropy", oracles.KATZ),
    Contest("dfa: antropy", oracles.DFA, 1, 50),
)


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
    oracle = contest.oracle
    got, want = oracle.values(x, rate), oracle.peer(x, rate)
    finite = np.isfinite(want) & np.isfinite(got)
    np.testing.assert_allclose(got[finite], want[finite], rtol=contest.tolerance)
    ours, theirs = f"{contest.title.partition(':')[0]}: sleepdask", contest.title
    series = take_turns(
        [
            Case(ours, _timed(partial(computed, oracle.features, x, rate))),
            Case(theirs, _timed(partial(oracle.peer, x, rate))),
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


def _sound(samples: Rows) -> Rows:
    """Epochs that vary: no formula has a value for others."""
    return np.ascontiguousarray(samples[samples.std(axis=1) > 0])


def _timed(run: Callable[[], Any]) -> Callable[[], None]:
    def timed() -> None:
        run()

    return timed
