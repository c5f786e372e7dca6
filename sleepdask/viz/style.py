"""What all panels share: colours, sizes, and how texts from files are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pages use the colours and texts without it
    from matplotlib.axes import Axes

INK = "#1f2933"
MUTED = "#697586"
GRID = "#e4e7eb"
NO_DATA = "#ced4da"
REM = "#d55e00"  # this and those below: Okabe & Ito, told apart with any colour vision
BLUE = "#0072b2"
ORANGE = "#c47900"
SKY = "#56b4e9"
GREEN = "#009e73"
PURPLE = "#cc79a7"

TITLE, LABEL, SMALL = 13, 9, 8

# Where notes to the right of a panel begin, in widths of the panel.
MARGIN = 1.012


def shortened(text: str, most: int) -> str:
    """Text on one line and at most so many characters long; a longer one loses its middle.

    Examples
    --------
    >>> shortened("EEG Fpz-Cz", 20), shortened("a very long label", 9)
    ('EEG Fpz-Cz', 'a ve…abel')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= most:
        return line
    tail = (most - 1) // 2
    return f"{line[: most - 1 - tail]}…{line[-tail:]}"


def unit_text(units: str) -> str:
    """Units as they are written in print.

    Examples
    --------
    >>> unit_text("uV^2/Hz"), unit_text("dB re uV^2")
    ('µV²/Hz', 'dB re µV²')
    """
    printed = units.replace("^2", "²").replace("^3", "³")
    return re.sub(r"\buV", "µV", printed)


def robust_range(values: NDArray[np.float64], low: float, high: float) -> tuple[float, float] | None:
    """Percentiles of the finite values; None if there are none."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    first, last = np.percentile(finite, [low, high])
    return float(first), float(last)


def dress(axes: Axes, label: str) -> None:
    """Give a panel its axis label, fonts and lines."""
    axes.set_ylabel(label, fontsize=LABEL, color=INK, parse_math=False)
    # In widths of the panel, so that the labels of all panels stand in one column.
    axes.yaxis.set_label_coords(-0.047, 0.5)
    axes.tick_params(labelsize=SMALL, color=MUTED, labelcolor=INK, length=3)
    axes.set_facecolor("white")  # whatever style the user has set: the colours here are made for white
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.grid(visible=True, axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def say_empty(axes: Axes) -> None:
    """Say in the middle of a panel that it has nothing to show."""
    axes.set_yticks([])
    axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center", va="center", color=INK)
