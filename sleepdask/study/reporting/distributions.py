"""Which columns a report shows as pictures, and the rows of those and of all others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import pandas as pd

from sleepdask.hypnogram import STAGES, UNSCORED
from sleepdask.signals.types import TYPES
from sleepdask.study.reporting.definitions import Column, columns_of
from sleepdask.viz.style import shortened, unit_text

MOST_FIGURES, MOST_ROWS_OF_FIGURE, MOST_ROWS = 12, 36, 1500
QUANTILES = ("q05", "q25", "q50", "q75", "q95")
STAGE = "stage"
NOT_SCORED = "not scored"
_LONGEST = 60


@dataclass(frozen=True)
class Row:
    """One distribution: where (a text for each name of `by`), of how much, and its numbers; `group` counts from 0."""

    column: str
    labels: tuple[str, ...]
    group: int
    stage: str | None
    epochs: int
    recordings: int
    mean: float
    std: float
    std_between: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """Rows of one column, with what the column is; `rest` rows more are in the table."""

    column: str
    feature: str
    signal_type: str
    units: str
    definition: str
    rows: tuple[Row, ...]
    rest: int


@dataclass(frozen=True)
class Distributions:
    """Figures, and the rows of all columns; `rest` rows and `figures_left` figures are left out."""

    by: tuple[str, ...]
    groups: tuple[str, ...]
    figures: tuple[Figure, ...]
    figures_left: int
    rows: tuple[Row, ...]
    rest: int


def distributions(summary: pd.DataFrame, plan: Mapping[str, Any]) -> Distributions:
    """Choose what is shown of the summary of a study.

    Of each feature and signal type one column becomes a figure: of the channel that most recordings have, the first
    of equals, the output whose medians differ most between stages, by the range of the medians over the median
    interquartile range. Groups are pooled for this, so that no column is shown because groups differ.

    Parameters
    ----------
    summary
        Long table: the names by which it is grouped, then column, recordings, epochs, mean, std, std_between, min,
        q05, q25, q50, q75, q95, max.
    plan
        The document ``study.json``.
    """
    by = tuple(str(name) for name in summary.columns[: list(summary.columns).index("column")])
    rows, groups = _rows(summary, by)
    of_column: dict[str, list[Row]] = {}
    for row in rows:
        of_column.setdefault(row.column, []).append(row)
    columns = columns_of(plan)
    known = [column for column in columns if any(_has_values(row) for row in of_column.get(column.name, ()))]
    chosen = choose(known, of_column)
    figures = [_figure(column, of_column[column.name]) for column in chosen[:MOST_FIGURES]]
    features = {column.name for column in columns}
    listed = [row for row in rows if row.column in features]
    return Distributions(
        by, groups, tuple(figures), len(chosen[MOST_FIGURES:]), tuple(listed[:MOST_ROWS]), len(listed[MOST_ROWS:])
    )


def choose(columns: Iterable[Column], rows: Mapping[str, Sequence[Row]]) -> list[Column]:
    """Columns that become figures, by signal type, then by feature in the order of the plan."""
    groups: dict[tuple[str, str], list[Column]] = {}
    for column in columns:
        groups.setdefault((column.signal_type, column.feature), []).append(column)
    types, chosen = list(TYPES), []
    for _, members in sorted(groups.items(), key=lambda item: types.index(item[0][0])):
        reach: dict[str, int] = {}
        for column in members:
            reach[column.channel] = max(reach.get(column.channel, 0), *(row.recordings for row in rows[column.name]))
        channel = max(reach, key=lambda name: reach[name])
        here = [column for column in members if column.channel == channel]
        chosen.append(max(here, key=lambda column: separation(rows[column.name])))
    return chosen


def separation(rows: Iterable[Row]) -> float:
    """Range of the medians of stages, over the median interquartile range; 0 where there are not two stages."""
    medians: dict[str, list[float]] = {}
    widths: list[float] = []
    for row in rows:
        if row.stage and _has_values(row):
            medians.setdefault(row.stage, []).append(row.quantiles[2])
            widths.append(row.quantiles[3] - row.quantiles[1])
    if len(medians) < 2 or not (width := median(widths)) > 0:
        return 0.0
    middles = [sum(values) / len(values) for values in medians.values()]
    return (max(middles) - min(middles)) / width


def covariate_text(value: Any) -> str:
    """Value of a covariate as it is shown.

    Examples
    --------
    >>> [covariate_text(value) for value in ("control", 2.0, "", None)]
    ['control', '2', 'none', 'none']
    """
    if pd.isna(value) or value == "":
        return "none"
    return shortened(f"{value:g}" if isinstance(value, float) else str(value), _LONGEST)


def _rows(summary: pd.DataFrame, by: tuple[str, ...]) -> tuple[list[Row], tuple[str, ...]]:
    others = [name for name in by if name != STAGE]
    records = summary.to_dict("records")
    names = sorted({tuple(covariate_text(record[name]) for name in others) for record in records}) if others else []
    numbers = {name: k for k, name in enumerate(names)}
    rows = []
    for record in records:
        stage = (UNSCORED if pd.isna(record[STAGE]) else str(record[STAGE])) if STAGE in by else None
        group = tuple(covariate_text(record[name]) for name in others)
        labels = tuple((stage or NOT_SCORED) if name == STAGE else covariate_text(record[name]) for name in by)
        rows.append(
            Row(
                column=str(record["column"]),
                labels=labels,
                group=numbers.get(group, 0),
                stage=stage,
                epochs=int(record["epochs"]),
                recordings=int(record["recordings"]),
                mean=_number(record["mean"]),
                std=_number(record["std"]),
                std_between=_number(record["std_between"]),
                quantiles=tuple(_number(record[name]) for name in QUANTILES),
            )
        )
    order = {name: k for k, name in enumerate(dict.fromkeys(row.column for row in rows))}
    rows.sort(key=lambda row: (order[row.column], _stage_order(row.stage), row.group))
    return rows, tuple(", ".join(name) for name in names)


def _figure(column: Column, rows: Sequence[Row]) -> Figure:
    return Figure(
        column=shortened(column.name, 80),
        feature=shortened(column.feature, _LONGEST),
        signal_type=column.signal_type,
        units=unit_text(shortened(column.units, 40)),
        definition=shortened(column.definition, 300),
        rows=tuple(rows[:MOST_ROWS_OF_FIGURE]),
        rest=len(rows[MOST_ROWS_OF_FIGURE:]),
    )


def _stage_order(stage: str | None) -> tuple[int, str]:
    known = [*STAGES, None]
    return (known.index(stage), "") if stage in known else (len(known) + (stage == UNSCORED), stage or "")


def _has_values(row: Row) -> bool:
    return all(math.isfinite(value) for value in row.quantiles)


def _number(value: Any) -> float:
    return float("nan") if pd.isna(value) else float(value)
