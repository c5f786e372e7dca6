"""Panel: features of one channel over the night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from sleepdask.io.tables import feature_names, feature_nodes
from sleepdask.signals.units import of_channel
from sleepdask.viz.style import (
    BLUE,
    GRID,
    MARGIN,
    MUTED,
    ORANGE,
    SMALL,
    dress,
    robust_range,
    say_empty,
    shortened,
    unit_text,
)
from sleepdask.viz.timeline import Cells, Floats

SMOOTHED_SECONDS = 150.0
_COLOURS = (BLUE, ORANGE)
_PREFIX = "bandpower_"


@dataclass(frozen=True)
class Trace:
    """Up to two features of one channel that share an axis; a logarithmic one, if they are powers or deviations."""

    channel: str
    label: str
    units: str
    curves: dict[str, Floats]
    logarithmic: bool = True

    @property
    def shown(self) -> dict[str, Floats]:
        """What has a place on the axis; NaN for the rest."""
        least = 0.0 if self.logarithmic else -np.inf
        return {
            name: np.where(np.isfinite(values) & (values > least), values, np.nan)
            for name, values in self.curves.items()
        }


def choose_trace(features: xr.DataTree, channel: str | None = None) -> Trace | None:
    """Band power of a channel; its standard deviation if there is no band power, or its mean; None if none is there.

    What has no value in any epoch, such as the deviation of one sample, gives way to the next.

    Parameters
    ----------
    features
        Computed features.
    channel
        Channel to show. If it is not given, or has no such features: the first EEG channel that has, else
        the first of any kind.
    """
    traces = []
    for pick, label, logarithmic in ((_bands, "Band power", True), (_spread, "Std", True), (_level, "Mean", False)):
        found = [
            (node, names, row)
            for node in feature_nodes(features).values()
            if (names := pick(feature_names(node)))
            for row in range(node.sizes["channel"])
        ]
        if found:
            node, names, row = min(found, key=lambda item: _rank(item[0], item[2], channel))
            one = node.isel(channel=row)
            units = str(one[names[0]].attrs.get("units", ""))
            if "unit" in one.coords:
                units = of_channel(units, str(one["unit"].item()))
            curves = {name.removeprefix(_PREFIX): np.asarray(one[name].values, np.float64) for name in names}
            traces.append(Trace(str(one["channel"].item()), label, units, curves, logarithmic))
    with_values = (trace for trace in traces if any(np.isfinite(values).any() for values in trace.shown.values()))
    return next(with_values, traces[0] if traces else None)


def draw_trace(axes: Axes, cells: Cells, trace: Trace, step_seconds: float) -> None:
    """Draw a running median of each feature, and say so; zero and less have no place on a logarithmic axis.

    Parameters
    ----------
    axes
        Where to draw.
    cells
        Epochs in time.
    trace
        What to draw.
    step_seconds
        Distance of two epochs in s.
    """
    window = smoothing_window(step_seconds, len(cells))
    smooth = {name: running_median(values, window) for name, values in trace.shown.items()}
    for color, (name, values) in zip(_COLOURS, smooth.items(), strict=False):
        axes.plot(*cells.steps(values), color=color, linewidth=1.1, label=name)
    units = unit_text(trace.units)
    dress(axes, f"{trace.label} ({units})" if units else trace.label)
    every = np.concatenate(list(smooth.values()))
    limits = robust_range(np.log10(every) if trace.logarithmic else every, 0.5, 99.5)
    if limits is None:
        say_empty(axes)
    elif trace.logarithmic:
        _scale(axes, *limits)
    else:
        margin = 0.08 * (limits[1] - limits[0]) or max(1e-9, 0.01 * abs(limits[0]))
        axes.set_ylim(limits[0] - margin, limits[1] + margin)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    _write_names(axes, list(smooth), trace.channel, window)


def smoothing_window(step_seconds: float, epochs: int) -> int:
    """Epochs in the running median: an odd number, about two and a half minutes."""
    window = max(1, round(SMOOTHED_SECONDS / step_seconds))
    return min(window - 1 + window % 2, epochs - 1 + epochs % 2)


def running_median(values: Floats, window: int) -> Floats:
    """Median of the values around each one; NaN stays NaN, and counts for none of its neighbours."""
    series = pd.Series(values)
    smooth = series.rolling(window, center=True, min_periods=1).median()
    return smooth.where(series.notna()).to_numpy(np.float64)


def _bands(names: Sequence[str]) -> list[str]:
    """Delta and sigma, which tell deep sleep and spindles; the first two bands where these are not known."""
    bands = [name for name in names if name.startswith(_PREFIX) and not name.endswith("_relative")]
    known = [name for name in (f"{_PREFIX}delta", f"{_PREFIX}sigma") if name in bands]
    return known or bands[:2]


def _spread(names: Sequence[str]) -> list[str]:
    return ["std"] if "std" in names else []


def _level(names: Sequence[str]) -> list[str]:
    return ["mean"] if "mean" in names else []


def _rank(node: xr.Dataset, row: int, channel: str | None) -> int:
    """Zero for the channel asked for, then EEG, then the rest."""
    if str(node["channel"].values[row]) == channel:
        return 0
    return 1 if "signal_type" in node.coords and str(node["signal_type"].values[row]) == "eeg" else 2


def _scale(axes: Axes, low: float, high: float) -> None:
    """Make the axis logarithmic, from a little below `low` to a little above `high`, both in powers of ten."""
    margin = max(0.1, 0.08 * (high - low))
    axes.set_yscale("log")
    axes.set_ylim(10 ** (low - margin), 10 ** (high + margin))
    ticks = MaxNLocator(5) if high - low < 0.7 else LogLocator(subs=(1,) if high - low > 2 else (1, 2, 5))
    axes.yaxis.set_major_locator(ticks)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.8)


def _write_names(axes: Axes, names: Sequence[str], channel: str, window: int) -> None:
    lines = [(name, color, 9) for name, color in zip(names, _COLOURS, strict=False)]
    lines.append((channel, MUTED, SMALL))
    if window > 1:
        lines += [("running median", MUTED, SMALL), (f"of {window} epochs", MUTED, SMALL)]
    for i, (text, color, size) in enumerate(lines):
        axes.text(
            MARGIN, 0.95 - 0.19 * i, shortened(text, 16), transform=axes.transAxes, va="top", color=color,
            fontsize=size, parse_math=False,
        )  # fmt: skip
