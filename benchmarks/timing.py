"""Repeats that take turns, and the ratios between them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Case:
    """Something to time.

    Parameters
    ----------
    name
        Distinct among the cases that take turns.
    run
        Does it once; returns the amount if it measures itself, else its duration is taken.
    most
        Repeats at most, for what takes long.
    warm
        Whether it runs once untimed before the first turn.
    note
        What a reader must know about the number.
    """

    name: str
    run: Callable[[], float | None]
    most: int = 1_000
    warm: bool = True
    note: str = ""


@dataclass
class Series:
    """Amounts of one case, one a turn; or why there are none."""

    case: Case
    amounts: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def middle(self) -> float:
        """Median of the amounts."""
        return median(self.amounts)


@dataclass(frozen=True)
class Ratio:
    """Ratio of two series, turn by turn: median and range."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, upper: Series, lower: Series) -> Ratio | None:
        """Compare two series; None where one has no amount, or none to compare with (memory that did not rise)."""
        shares = [a / b for a, b in zip(upper.amounts, lower.amounts, strict=False) if b]
        return cls(median(shares), min(shares), max(shares)) if shares else None


def take_turns(cases: Sequence[Case], repeats: int) -> dict[str, Series]:
    """Run the cases one after the other, A B C A B C, so that all see the same weather.

    One that fails drops out and says why; the others go on.
    """
    series = {case.name: Series(case) for case in cases}
    for one in series.values():
        if one.case.warm:
            _attempt(one, _discard)
    for turn in range(repeats):
        for one in series.values():
            if turn < one.case.most and not one.problem:
                _attempt(one, one.amounts.append)
    return series


def _attempt(series: Series, keep: Callable[[float], object]) -> None:
    gc.collect()
    began = perf_counter()
    try:
        own = series.case.run()
    except Exception as error:  # whatever a peer raises becomes its row
        series.amounts.clear()
        series.problem = explain(error)
    else:
        keep(perf_counter() - began if own is None else own)


def _discard(_: float) -> None:
    """Forget a warm-up."""


def explain(error: Exception) -> str:
    """Say in one line what went wrong."""
    if isinstance(error, ModuleNotFoundError):
        return f"skipped: {error.name} is not installed"
    lines = str(error).strip().splitlines()
    return f"failed: {type(error).__name__}: {lines[-1] if lines else ''}"[:160]
