"""Pictures of what stages of sleep look like: their spectra, and how features are distributed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.features.bands import PRESETS
from sleepdask.io.tables import feature_nodes
from sleepdask.signals.recording import recording_id
from sleepdask.viz.spectrogram import decibels
from sleepdask.viz.style import (
    BLUE,
    GREEN,
    GRID,
    INK,
    LABEL,
    MUTED,
    ORANGE,
    REM,
    SKY,
    SMALL,
    TITLE,
    say_empty,
    shortened,
    unit_text,
)

STAGES = {"W": ORANGE, "N1": SKY, "N2": BLUE, "N3": GREEN, "R": REM}
_WIDTH, _PANEL_HEIGHT, _ACROSS = 10.0, 2.3, 4
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BANDS = PRESETS["default"].bands[:-1]  # the last, gamma, is beyond what is drawn as a rule


def spectra_by_stage(power: xr.DataArray, stages: NDArray[np.str_]) -> Figure:
    """Draw the spectrum of each stage: median over its epochs in dB, with the range of half of them.

    Parameters
    ----------
    power
        Computed power density of one channel, dims (epoch, frequency), with the coordinate `frequency` in Hz.
    stages
        Stage of each epoch, empty where not scored.

    Raises
    ------
    ParameterError
        There is not one stage for each epoch, or no epoch is scored.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> power = sd.compute(sd.spectrogram(night, "C3"))
    >>> figure = spectra_by_stage(power, np.repeat(["W", "N2"], 5))
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['W (5)', 'N2 (5)']
    """
    if power.sizes["epoch"] != len(stages):
        found = f"{len(stages)} stages of {power.sizes['epoch']} epochs"
        raise ParameterError("there is not one stage for each epoch", found=found)
    _check_stages(stages)
    figure = Figure(figsize=(_WIDTH * 0.75, 4.2), dpi=150, facecolor="white")
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.76), label="spectra")
    frequency, decibel = power["frequency"].values, decibels(power.transpose("epoch", "frequency").values)
    _dress(axes)
    drawn = 0
    for stage, colour in STAGES.items():
        rows = decibel[stages == stage]
        rows = rows[np.isfinite(rows).any(axis=1)]
        if not len(rows):
            continue
        low, middle, high = np.nanquantile(rows[:, 1:], (0.25, 0.5, 0.75), axis=0)
        axes.fill_between(frequency[1:], low, high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(frequency[1:], middle, color=colour, linewidth=1.6, label=f"{stage} ({len(rows)})")
        drawn += 1
    if not drawn:
        say_empty(axes)
        return figure
    axes.set_xlim(0, float(frequency[-1]))
    for name, low_edge, high_edge in _BANDS:
        if high_edge <= frequency[-1]:
            axes.axvline(high_edge, color=GRID, linewidth=0.8, zorder=0)
            axes.text((low_edge + high_edge) / 2, 1.01, name, transform=axes.get_xaxis_transform(), ha="center",
                      va="bottom", fontsize=SMALL, color=MUTED)  # fmt: skip
    axes.set_xlabel("Frequency (Hz)", fontsize=LABEL, color=INK)
    axes.set_ylabel(f"dB re 1 {unit_text(str(power.attrs.get('units', '')))}".rstrip(), fontsize=LABEL, color=INK)
    axes.legend(frameon=False, fontsize=SMALL, labelcolor=INK, title="stage (epochs)", title_fontsize=SMALL)
    figure.text(0.09, 0.955, _title(power.attrs, str(power["channel"].item()) if "channel" in power.coords else ""),
                fontsize=TITLE, color=INK, parse_math=False)  # fmt: skip
    return figure


def features_by_stage(features: xr.DataTree, channel: str, names: Sequence[str] | None = None) -> Figure:
    """Draw how features of one channel are distributed in each stage: a box for the middle half, a line for 90 %.

    Parameters
    ----------
    features
        Computed features, as `extract` and `open_features` give them, with stages.
    channel
        Name of the channel.
    names
        Of the features; default all of the channel that are finite anywhere.

    Raises
    ------
    ParameterError
        There is no such channel, no such feature, or no epoch is scored.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> features = sd.compute(sd.extract(night, sd.features.Statistics(aggregations=("mean", "std"))))
    >>> features["stage"] = features["stage"].copy(data=["W", "N1"] + 8 * ["N2"])
    >>> [axes.get_label() for axes in features_by_stage(features, "C3").axes]
    ['mean', 'std']
    """
    values, attrs = _columns(features, channel)
    chosen = [name for name in values if np.isfinite(values[name]).any()] if names is None else list(names)
    for name in chosen:
        if name not in values:
            raise ParameterError(f"no such feature {name!r}", where=channel, expected=", ".join(values))
    stages = np.asarray(features["stage"].values, str)
    _check_stages(stages)
    across = min(_ACROSS, max(1, len(chosen)))
    down = max(1, ceil(len(chosen) / across))
    height = 0.8 + down * _PANEL_HEIGHT
    figure = Figure(figsize=(_WIDTH, height), dpi=150, facecolor="white")
    grid = figure.add_gridspec(down, across, left=0.06, right=0.99, top=1 - 0.75 / height, bottom=0.35 / height,
                               wspace=0.34, hspace=0.42)  # fmt: skip
    for place, name in enumerate(chosen):
        axes = figure.add_subplot(grid[place // across, place % across], label=name)
        _draw_boxes(axes, values[name], stages)
        units = unit_text(str(attrs[name].get("units", "")))
        title = shortened(name, 30) if units in ("", "1") else f"{shortened(name, 30)} ({units})"
        axes.set_title(title, fontsize=LABEL, color=INK, loc="left", parse_math=False)
    figure.text(0.06, 1 - 0.3 / height, _title(features.attrs, channel), fontsize=TITLE, color=INK, parse_math=False)
    return figure


def _check_stages(stages: NDArray[np.str_]) -> None:
    if not np.isin(stages, list(STAGES)).any():
        raise ParameterError("no epoch is scored", fix="give extract a hypnogram")


def _columns(
    features: xr.DataTree, channel: str
) -> tuple[dict[str, NDArray[np.float64]], dict[str, dict[str, object]]]:
    """Values and attributes of the features of a channel, by name."""
    for node in feature_nodes(features).values():
        if channel in node["channel"].values:
            of = node.sel(channel=channel)
            wanted = [str(name) for name, each in node.data_vars.items() if each.dims == ("epoch", "channel")]
            return {name: of[name].values for name in wanted}, {name: dict(of[name].attrs) for name in wanted}
    known = ", ".join(str(name) for node in feature_nodes(features).values() for name in node["channel"].values)
    raise ParameterError(f"no such channel {channel!r}", where=recording_id(features), expected=known)


def _draw_boxes(axes: Axes, values: NDArray[np.float64], stages: NDArray[np.str_]) -> None:
    _dress(axes)
    drawn = False
    for place, (stage, colour) in enumerate(STAGES.items()):
        here = values[(stages == stage) & np.isfinite(values)]
        if not here.size:
            continue
        first, low, middle, high, last = np.quantile(here, _QUANTILES)
        axes.plot([place, place], [first, last], color=colour, linewidth=1.0, solid_capstyle="butt")
        axes.bar(place, high - low, bottom=low, width=0.56, color=colour, alpha=0.35, edgecolor=colour, linewidth=0.8)
        axes.plot([place - 0.28, place + 0.28], [middle, middle], color=colour, linewidth=2, solid_capstyle="butt")
        drawn = True
    if not drawn:
        say_empty(axes)
    axes.set_xticks(range(len(STAGES)), list(STAGES))
    axes.set_xlim(-0.6, len(STAGES) - 0.4)
    axes.tick_params(axis="x", length=0)


def _dress(axes: Axes) -> None:
    axes.set_facecolor("white")
    axes.tick_params(labelsize=SMALL, color=MUTED, labelcolor=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def _title(attrs: Mapping[Any, Any], channel: str) -> str:
    return " · ".join(shortened(text, 60) for text in (str(attrs.get("recording_id", "")), channel) if text)
