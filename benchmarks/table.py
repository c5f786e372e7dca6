"""Rows, the aims they are held against, and how both are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.timing import Ratio, Series


@dataclass(frozen=True)
class Aim:
    """A number and the bound it is held against."""

    text: str
    value: float
    bound: float
    at_most: bool

    @property
    def reached(self) -> bool:
        """Whether the number keeps the bound."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass(frozen=True)
class Row:
    """One line of a table: amounts in s, MB or the like, and how they compare with the base of the section."""

    work: str
    amounts: tuple[float, ...] = ()
    middle: float | None = None
    unit: str = "s"
    ratio: Ratio | None = None
    aim: Aim | None = None
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A table: what its ratios refer to, and its rows."""

    title: str
    base: str
    rows: tuple[Row, ...]

    def markdown(self) -> str:
        """Render as a table."""
        head = f"| work | median | x {self.base} (range) | aim | measured | reached | note |"
        lines = [f"## {self.title}", "", head, "|---|---|---|---|---|---|---|"]
        return "\n".join([*lines, *(_line(row) for row in self.rows)])

    def document(self) -> dict[str, Any]:
        """Render as plain JSON types."""
        rows = [asdict(row) | ({"reached": row.aim.reached} if row.aim else {}) for row in self.rows]
        return {"title": self.title, "base": self.base, "rows": rows}


def row(series: Series, base: Series | None = None, aim: Aim | None = None, unit: str = "s") -> Row:
    """Make the row of a series."""
    if not series.amounts:
        return Row(series.case.name, note=series.problem or "not run")
    ratio = Ratio.of(series, base) if base else None
    return Row(series.case.name, tuple(series.amounts), series.middle, unit, ratio, aim, series.case.note)


def at_least(text: str, ratio: Ratio | None, bound: float) -> Aim | None:
    """Aim for a ratio that should be high."""
    return Aim(f"{text} ≥ {bound:g}", ratio.middle, bound, at_most=False) if ratio else None


def at_most(text: str, ratio: Ratio | None, bound: float) -> Aim | None:
    """Aim for a ratio that should be low."""
    return Aim(f"{text} ≤ {bound:g}", ratio.middle, bound, at_most=True) if ratio else None


def skipped(works: Iterable[str], reason: str) -> list[Row]:
    """Rows of what could not be run."""
    return [Row(work, note=reason) for work in works]


def report(environment: str, sections: Sequence[Section]) -> str:
    """Render everything."""
    return "\n\n".join(["# sleepdask benchmarks", environment, *(section.markdown() for section in sections)])


def _line(row: Row) -> str:
    cells = [row.work, "", "", "", "", "", row.note]
    if row.middle is not None:
        cells[1] = f"{_number(row.middle)} {row.unit}"
    if row.ratio:
        cells[2] = f"{_number(row.ratio.middle)} ({_number(row.ratio.low)} to {_number(row.ratio.high)})"
    if row.aim:
        cells[3:6] = [row.aim.text, _number(row.aim.value), "yes" if row.aim.reached else "**no**"]
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
