"""Bars for pages: one that is split into parts, a share of a whole, a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sleepdask.viz.svg import Drawing

_FOOT, _ROOM = 18.0, 14.0  # pixels under a histogram, and over it
_TICKS = 8


def split_bar(parts: Sequence[tuple[str, str, float]], label: str, height: float = 18) -> str:
    """Bar in parts as long as their amounts; a part of nothing is not drawn.

    Parameters
    ----------
    parts
        Name, class, and amount of each.
    label
        What the bar shows.
    """
    drawing = Drawing(height, label, "split")
    total, begin = sum(amount for _, _, amount in parts), 0.0
    for name, kind, amount in parts:
        if amount > 0:
            drawing.box(100 * begin / total, 100 * (begin + amount) / total, 0, height, kind, f"{name}: {amount:,g}")
            begin += amount
    return str(drawing)


def share_bar(share: float, kind: str, height: float = 8) -> str:
    """Bar that fills a share (0 to 1) of its place; the number stands beside it."""
    drawing = Drawing(height, kind="share")
    drawing.box(0, 100, 0, height, "rest")
    drawing.box(0, 100 * share, 0, height, kind)
    return str(drawing)


def histogram(
    counts: Sequence[int], edges: Sequence[float], label: str, kind: str = "ok", *, open_end: bool = False
) -> str:
    """Histogram with its edges written below.

    Parameters
    ----------
    counts
        Of each bin.
    edges
        Bounds of the bins, one more than there are bins, equally far apart.
    label
        What it shows.
    kind
        Class of the bars.
    open_end
        Whether the last bin holds all that is above, too.
    """
    tall, most = 84.0, max(counts)
    drawing = Drawing(_ROOM + tall + _FOOT, label, "histogram")
    width, every = 100 / len(counts), -(-len(counts) // _TICKS)
    for k, (count, (low, high)) in enumerate(zip(counts, pairwise(edges), strict=True)):
        if count:
            upper = "and more" if open_end and k == len(counts) - 1 else f"to {high:g}"
            height = max(tall * count / most, 2.5)  # the rarest is still seen
            drawing.box(k * width, (k + 1) * width, _ROOM + tall - height, height, kind, f"{low:g} {upper}: {count:,}")
            if count == most and most not in counts[:k]:
                drawing.text((k + 0.5) * width, _ROOM - 4, f"{count:,}", "note")
    drawing.line(0, 100, _ROOM + tall, _ROOM + tall, "axis")
    for k in range(0, len(edges), every):
        drawing.text(k * width, _ROOM + tall + _FOOT - 4, f"{edges[k]:,g}", "tick")
    return str(drawing)
