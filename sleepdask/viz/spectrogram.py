"""Panel: the spectrogram of one channel."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from sleepdask.viz.style import INK, MARGIN, MUTED, NO_DATA, SMALL, dress, robust_range, say_empty, unit_text
from sleepdask.viz.timeline import Cells, Floats, days

LOWEST, HIGHEST = 0.5, 35.0  # Hz
PERCENTILES = 1.0, 99.0
COLOURS = "magma"

# More columns than a screen has dots show less, not more: which of them survive is then chance.
_MOST_COLUMNS = 3000


def draw_spectrogram(axes: Axes, cells: Cells, power: xr.DataArray) -> None:
    """Draw power density in dB with a colour bar to the right; grey where there is none.

    Parameters
    ----------
    axes
        Where to draw.
    cells
        Epochs in time.
    power
        Power density, dims (epoch, frequency). Of very many epochs, neighbours are drawn as their mean.
    """
    frequency, values = _inside(power)
    edges, columns = _columns(cells, values)
    decibel = decibels(columns)
    dress(axes, "Frequency (Hz)")
    axes.grid(visible=False)
    axes.set_facecolor(NO_DATA)
    spacing = frequency[1] - frequency[0] if len(frequency) > 1 else 1.0
    bounds = np.append(frequency - spacing / 2, frequency[-1] + spacing / 2)
    limits = robust_range(decibel, *PERCENTILES)
    if limits is None:
        say_empty(axes)
    else:
        low, high = limits if limits[0] < limits[1] else (limits[0] - 1, limits[1] + 1)
        # Rasterized: as vectors, a night would be a file of many megabytes.
        mesh = axes.pcolormesh(
            days(edges), bounds, decibel.T, cmap=COLOURS, vmin=low, vmax=high, rasterized=True, label="spectrogram"
        )
        inset = axes.inset_axes((MARGIN, 0, 0.01, 1))
        bar = axes.figure.colorbar(mesh, cax=inset, extend="both", extendfrac=0.03)
        bar.set_label(_units(power), fontsize=SMALL, color=INK, parse_math=False)
        bar.outline.set_visible(False)
        inset.tick_params(labelsize=SMALL, color=MUTED, labelcolor=INK, length=3)
    axes.set_ylim(max(bounds[0], min(LOWEST, frequency[0])), bounds[-1])


def decibels(power: Floats) -> Floats:
    """Ten times the decimal logarithm; NaN where power is not above zero."""
    return np.asarray(10 * np.log10(np.where(power > 0, power, np.nan)))


def _inside(power: xr.DataArray) -> tuple[Floats, Floats]:
    """Frequencies that are shown, and their power; all of them if the channel is too slow for the usual range."""
    power = power.transpose("epoch", "frequency")
    frequency = np.asarray(power["frequency"].values, np.float64)
    shown: NDArray[np.bool_] = (frequency >= LOWEST) & (frequency <= HIGHEST)
    if shown.sum() < 2:
        shown = np.ones(len(frequency), bool)
    return frequency[shown], np.asarray(power.values, np.float64)[:, shown]


def _columns(cells: Cells, values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Edges in time of the columns that are drawn, and their power; pauses are columns of NaN."""
    many = -(-len(cells) // _MOST_COLUMNS)
    first = np.flatnonzero((np.arange(len(cells)) % many == 0) | cells.apart)
    there = np.isfinite(values)
    total = np.add.reduceat(np.where(there, values, 0), first, axis=0)
    count = np.add.reduceat(there, first, axis=0, dtype=np.int64)
    edges = np.column_stack([cells.low[first], cells.high[np.append(first[1:], len(cells)) - 1]]).ravel()
    columns = np.full((len(edges) - 1, values.shape[1]), np.nan)
    columns[::2] = total / np.where(count > 0, count, np.nan)
    wide = np.diff(edges) > 0
    return edges[np.append(True, wide)], columns[wide]


def _units(power: xr.DataArray) -> str:
    units = unit_text(str(power.attrs.get("units", "")))
    return f"Power density (dB re 1 {units})" if units else "Power density (dB)"
