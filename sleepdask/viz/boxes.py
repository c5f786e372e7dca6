"""Boxes for pages: five quantiles of a distribution, one row each, on a scale that the rows share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sleepdask.viz.scales import Scale
from sleepdask.viz.svg import Drawing

_HEIGHT, _AXIS = 20.0, 18.0


def box_row(quantiles: Sequence[float], scale: Scale, kind: str) -> str:
    """Box of one distribution: a line from the first to the last quantile, a box within, a mark at the middle one.

    Parameters
    ----------
    quantiles
        Five, ascending, such as those at 5, 25, 50, 75 and 95 %; if any is not finite, nothing but the grid is drawn.
    scale
        Where values lie.
    kind
        Class of the box.
    """
    drawing, middle = Drawing(_HEIGHT, kind="box"), _HEIGHT / 2
    for tick in scale.ticks:
        drawing.line(scale.percent(tick), scale.percent(tick), 0, _HEIGHT, "grid")
    if all(math.isfinite(value) for value in quantiles):
        first, left, median, right, last = (scale.percent(value) for value in quantiles)
        drawing.line(first, last, middle, middle, f"whisker {kind}")
        drawing.box(left, right, middle - 5, 10, kind)
        drawing.line(median, median, middle - 6, middle + 6, "median")
    return str(drawing)


def axis_row(scale: Scale) -> str:
    """Ticks of a scale with their values, to stand below its rows; every other one may go where it is narrow."""
    drawing = Drawing(_AXIS, kind="box")
    for k, tick in enumerate(scale.ticks):
        drawing.line(scale.percent(tick), scale.percent(tick), 0, 3, "grid")
        drawing.text(scale.percent(tick), _AXIS - 4, f"{tick:,g}", "tick minor" if k % 2 else "tick")
    return str(drawing)
