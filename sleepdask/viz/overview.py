"""One picture of a night: hypnogram, spectrogram and band power on a shared clock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sleepdask.times import describe_span, shown_time
from sleepdask.viz.hypnogram import draw_hypnogram, has_stages, sleep_epochs
from sleepdask.viz.spectrogram import draw_spectrogram
from sleepdask.viz.strip import draw_strip, strip_height, troubled_nodes
from sleepdask.viz.style import INK, LABEL, MUTED, TITLE, shortened
from sleepdask.viz.timeline import Cells, draw_clock, nanoseconds
from sleepdask.viz.trace import Trace, choose_trace, draw_trace
from sleepdask.zones import zone_of

DPI = 150
# In inches.
WIDTH, LEFT, RIGHT = 12.0, 0.72, 1.3
TOP, BOTTOM, BETWEEN = 0.92, 0.5, 0.17
HYPNOGRAM, SPECTROGRAM, TRACE = 1.45, 2.55, 1.15

Panel = tuple[str, float, Callable[[Axes], None]]


def overview(features: xr.DataTree, spectrogram: xr.DataArray | None = None) -> Figure:
    """Draw one picture of a night; what is not there is left out.

    Parameters
    ----------
    features
        Computed features, as `extract` and `open_features` give them.
    spectrogram
        Computed power density of one channel on the same kind of epochs, as `spectrogram` gives it.

    Returns
    -------
    figure
        From top to bottom: hypnogram, if any epoch is scored; spectrogram in dB, its colours spanning
        robust percentiles; running median of delta and sigma power of the same channel (without band
        power: its standard deviation, or its mean); and a strip of the epochs whose status is not ok. Time is the
        local time of the recording.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> features = sd.compute(sd.extract(night, sd.features.Statistics()))
    >>> [axes.get_label() for axes in sd.overview(features).axes]
    ['trace']
    """
    channel = None if spectrogram is None else str(spectrogram["channel"].item())
    trace = choose_trace(features, channel)
    panels = _panels(features, spectrogram, trace)
    height = TOP + sum(inches + BETWEEN for _, inches, _ in panels) - BETWEEN + BOTTOM
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    upper = height - TOP
    first: Axes | None = None
    for name, inches, draw in panels:
        box = (LEFT / WIDTH, (upper - inches) / height, (WIDTH - LEFT - RIGHT) / WIDTH, inches / height)
        axes = figure.add_axes(box, label=name, sharex=first)
        draw(axes)
        axes.tick_params(axis="x", labelbottom=name == panels[-1][0])
        first = first or axes
        upper -= inches + BETWEEN
    draw_clock(figure.axes[0], *_span(features), dated=_is_dated(features), zone=zone_of(features.attrs))
    _write_title(figure, features, trace.channel if channel is None and trace else channel)
    return figure


def _panels(features: xr.DataTree, spectrogram: xr.DataArray | None, trace: Trace | None) -> list[Panel]:
    epoch, step = features.attrs["epoch_seconds"], features.attrs["step_seconds"]
    cells = Cells.of(_starts(features), epoch, step)
    stages = _stages(features)
    panels: list[Panel] = []
    if has_stages(stages):
        minutes = epoch / 60 if epoch == step else None
        panels.append(("hypnogram", HYPNOGRAM, partial(draw_hypnogram, cells=cells, stages=stages, minutes=minutes)))
    if spectrogram is not None:
        columns = Cells.of(spectrogram["start"].values, epoch, step)
        panels.append(("spectrogram", SPECTROGRAM, partial(draw_spectrogram, cells=columns, power=spectrogram)))
    if trace is not None:
        panels.append(("trace", TRACE, partial(draw_trace, cells=cells, trace=trace, step_seconds=step)))
    # With nothing else to show there is at least the time that the epochs span.
    if (status := troubled_nodes(features)) or not panels:
        panels.append(("status", strip_height(status), partial(draw_strip, cells=cells, status=status)))
    return panels


def _starts(features: xr.DataTree) -> NDArray[Any]:
    return np.asarray(features.coords["start"].values)


def _is_dated(features: xr.DataTree) -> bool:
    return bool(_starts(features).dtype.kind == "M")


def _stages(features: xr.DataTree) -> NDArray[np.str_]:
    return np.asarray(features.coords["stage"].values, str)


def _span(features: xr.DataTree) -> tuple[int, int]:
    """Begin of the first and end of the last epoch in ns since 1970."""
    start = nanoseconds(_starts(features))
    return int(start[0]), int(start[-1]) + round(features.attrs["epoch_seconds"] * 1e9)


def _write_title(figure: Figure, features: xr.DataTree, channel: str | None) -> None:
    """Name of the recording, and below it what the picture spans."""
    name = shortened(str(features.attrs["recording_id"]), 72)
    height = figure.get_figheight()
    left = LEFT / WIDTH
    figure.suptitle(
        name, x=left, y=1 - 0.2 / height, ha="left", va="top", fontsize=TITLE, fontweight="bold", color=INK,
        parse_math=False,
    )  # fmt: skip
    figure.text(
        left, 1 - 0.5 / height, "   ·   ".join(_facts(features, channel)), va="top", fontsize=LABEL, color=MUTED,
        parse_math=False,
    )  # fmt: skip


def _facts(features: xr.DataTree, channel: str | None) -> list[str]:
    low, high = _span(features)
    epoch, step = features.attrs["epoch_seconds"], features.attrs["step_seconds"]
    count = features.sizes["epoch"]
    begin = shown_time(low, zone_of(features.attrs)) if _is_dated(features) else "hours since an unknown start"
    epochs = f"{count} epoch{'s' * (count != 1)} of {epoch:g} s{f' every {step:g} s' if step != epoch else ''}"
    facts = [begin, describe_span(high - low), epochs]
    if channel is not None:
        facts.append(shortened(channel, 30))
    stages = _stages(features)
    if has_stages(stages) and epoch == step:
        facts.append(f"total sleep time {describe_span(round(sleep_epochs(stages) * epoch * 1e9))}")
    return facts
