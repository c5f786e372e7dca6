"""Panel: a thin strip of the epochs whose status is not ok, one row a node."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from sleepdask.io.tables import feature_nodes
from sleepdask.viz.style import MARGIN, MUTED, ORANGE, SMALL, dress, shortened
from sleepdask.viz.timeline import Cells, days

COLOURS = {"partial": ORANGE, "missing": MUTED, "failed": "#b3261e"}


def troubled_nodes(features: xr.DataTree) -> dict[str, NDArray[np.str_]]:
    """Status of each epoch, for the nodes where it is not always ok."""
    status = {name: node["status"].values.astype(str) for name, node in feature_nodes(features).items()}
    return {name: values for name, values in status.items() if (values != "ok").any()}


def draw_strip(axes: Axes, cells: Cells, status: Mapping[str, NDArray[np.str_]]) -> None:
    """Draw each stretch of epochs that are not ok, and count them to the right.

    Parameters
    ----------
    axes
        Where to draw.
    cells
        Epochs in time.
    status
        Status of each epoch by name of the node.
    """
    dress(axes, "")
    axes.set_yticks(range(len(status)), [shortened(name, 8) for name in status], parse_math=False)
    axes.set_ylim(max(1, len(status)) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    counts = {kind: sum(int((values == kind).sum()) for values in status.values()) for kind in COLOURS}
    for kind, color in COLOURS.items():
        for row, values in enumerate(status.values()):
            spans = _spans(cells, values == kind)
            # The edge keeps a single epoch of a long night visible.
            axes.broken_barh(spans, (row - 0.4, 0.8), color=color, linewidth=0.6, label=kind)
    present = {f"{kind} {count}": COLOURS[kind] for kind, count in counts.items() if count} or {"all ok": MUTED}
    for i, (text, color) in enumerate(present.items()):
        height = (len(present) - i - 0.5) / len(present)
        axes.text(MARGIN, height, text, transform=axes.transAxes, va="center", fontsize=SMALL, color=color)


def strip_height(status: Mapping[str, NDArray[np.str_]]) -> float:
    """Inches that rows and texts need."""
    kinds = {kind for values in status.values() for kind in np.unique(values)} & set(COLOURS)
    return max(0.16, 0.16 * len(status), 0.15 * len(kinds))


def _spans(cells: Cells, chosen: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Begin and length of each unbroken stretch of the chosen epochs."""
    before = np.concatenate([[False], chosen[:-1]])
    after = np.concatenate([chosen[1:], [False]])
    apart = cells.apart
    first = chosen & (~before | apart)
    last = chosen & (~after | np.append(apart[1:], True))
    low, high = days(cells.low[first]), days(cells.high[last])
    return list(zip(low.tolist(), (high - low).tolist(), strict=True))
