"""Panel: the hypnogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from sleepdask.hypnogram import UNSCORED, stage_counts
from sleepdask.viz.style import INK, MARGIN, MUTED, REM, SMALL, dress
from sleepdask.viz.timeline import Cells, Floats

ROWS = ("W", "R", "N1", "N2", "N3")
SLEEP = ROWS[1:]


def draw_hypnogram(axes: Axes, cells: Cells, stages: NDArray[np.str_], minutes: float | None = None) -> None:
    """Draw stages as a step line, REM as bars, and how much there is of each to the right.

    Parameters
    ----------
    axes
        Where to draw.
    cells
        Epochs in time.
    stages
        Stage of each epoch; nothing is drawn where it is empty.
    minutes
        Length of an epoch in minutes; None where epochs do not add up to the time they cover, which are
        then counted instead.
    """
    rows = stage_rows(stages)
    axes.plot(*cells.steps(rows), color=INK, linewidth=0.9, solid_joinstyle="miter", label="stage")
    rem = np.where(stages == "R", rows, np.nan)
    axes.plot(*cells.steps(rem), color=REM, linewidth=4, solid_capstyle="butt", label="REM")
    dress(axes, "Stage")
    axes.set_yticks(range(len(ROWS)), ROWS)
    axes.set_ylim(len(ROWS) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    _write_amounts(axes, stages, minutes)


def stage_rows(stages: NDArray[np.str_]) -> Floats:
    """Row of each epoch, counted from the top; NaN where not scored."""
    rows = np.full(len(stages), np.nan)
    for row, stage in enumerate(ROWS):
        rows[stages == stage] = row
    return rows


def has_stages(stages: NDArray[np.str_]) -> bool:
    """Whether anything is scored."""
    return bool((stages != UNSCORED).any())


def sleep_epochs(stages: NDArray[np.str_]) -> int:
    """Epochs scored as sleep."""
    counts = stage_counts(stages)
    return sum(counts[stage] for stage in SLEEP)


def _write_amounts(axes: Axes, stages: NDArray[np.str_], minutes: float | None) -> None:
    counts, asleep = stage_counts(stages), sleep_epochs(stages)
    right: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center", "fontsize": SMALL}
    first, second = MARGIN + 0.04, MARGIN + 0.092
    axes.text(first, -0.75, "epochs" if minutes is None else "min", color=MUTED, **right)
    if asleep:
        axes.text(second, -0.75, "% sleep", color=MUTED, **right)
    for row, stage in enumerate(ROWS):
        color = REM if stage == "R" else INK
        amount = f"{counts[stage]}" if minutes is None else f"{counts[stage] * minutes:.1f}"
        axes.text(first, row, amount, color=color, **right)
        if asleep and stage in SLEEP:
            axes.text(second, row, f"{100 * counts[stage] / asleep:.0f}", color=color, **right)
