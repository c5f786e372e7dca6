"""Another rate for channels; lazy, no sample is read."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

import numpy as np
import xarray as xr

from sleepdask.align.arrays import aligned_signal
from sleepdask.align.grid import exact_rate
from sleepdask.align.methods import Alignment
from sleepdask.errors import ParameterError
from sleepdask.filters.choosing import Changed, Texts, names_of, on_chosen, told, without
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import SIGNAL, VERSION

NAME = "resample"


def resample(
    recording: xr.DataTree,
    rate: float | Fraction,
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
) -> xr.DataTree:
    """Give channels another rate, without a shift in time and without aliasing; lazy, no sample is read.

    `sleepdask.align.align_signals` puts all signals onto one clock, over gaps too; this changes a rate and nothing
    else, by the same filter.

    Parameters
    ----------
    recording
        As `open_recording` gives it. It stays as it is.
    rate
        New rate in Hz; a `Fraction` is exact. It need not divide the old one.
    channels, types
        As in `bandpass`.

    Returns
    -------
    recording
        The channels that are meant are on new nodes named after the rate, each run of whose clock begins with a sample
        of the old one and goes on to its last sample at most. Values are those of the low-pass filter of
        `scipy.signal.resample_poly` (a sinc in a Kaiser window) at their exact times, its weights divided by their sum;
        NaN where half of these would fall on samples that are missing. Beside a gap, samples beyond it count too, at
        their times. Channels that have the rate already stay as they are, as do all that are not meant. Those without a
        fixed rate are left out, which ``attrs["filter_notes"]`` tells. Dask arrays stay such, cut at the times where
        they were.

    Raises
    ------
    ParameterError
        The rate makes no sense, a channel that is named has no fixed rate, no channel is meant, or none is left.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.zeros(2560)}, rate=256)
    >>> {name: node.sizes["time"] for name, node in sd.filters.resample(night, 100).children.items()}
    {'100Hz': 1000}
    """
    exact = exact_rate(rate)

    def change(name: str, node: xr.Dataset, rows: Collection[int]) -> Changed:
        clock, who = clock_of(node), ", ".join(names_of(node, rows))
        if not isinstance(clock, Clock):
            if channels is not None:
                raise ParameterError(f"{who}: no fixed rate", where=name, fix="use sleepdask.align")
            return Changed(without(node, rows), (f"{name}: {who} left out, as there is no fixed rate",))
        if clock.rate == exact:
            return Changed(node)
        return Changed(without(node, rows), beside=_resampled(node.isel(channel=sorted(rows)), clock, exact))

    return on_chosen(recording, channels, types, change)


def _resampled(node: xr.Dataset, clock: Clock, rate: Fraction) -> xr.Dataset:
    target = resampled_clock(clock, rate)
    signal = node[SIGNAL].variable
    edges = [0, target.size]
    if signal.chunks is not None and target.size:
        cuts = clock.times(np.cumsum(signal.chunks[1][:-1], dtype=np.int64))
        edges = np.unique([0, *target.searchsorted(cuts).tolist(), target.size]).tolist()
    made = aligned_signal(signal, Alignment("mean", clock, target), edges)
    made.encoding = {name: text for name, text in signal.encoding.items() if name == VERSION}
    document = {
        "name": NAME,
        "parameters": {"rate": float(rate)},
        "definition": f"{float(clock.rate):g} Hz to {float(rate):g} Hz, zero-phase sinc in a Kaiser window",
        "channels": [str(name) for name in node["channel"].values],
    }
    changed = node.drop_vars([SIGNAL, "time"]).assign({SIGNAL: made}).assign_coords(time_coordinate(target))
    return told(changed, document)


def resampled_clock(clock: Clock, rate: Fraction) -> Clock:
    """Clock at another rate, each run of which goes from the first to at most the last sample of one that is there."""
    period = 1_000_000_000 / rate
    steps = Fraction(clock.num, clock.den) / period
    runs = [
        Run(run.start, int((run.size - 1) * steps) + 1 if run.size else 0, run.phase * period.denominator // clock.den)
        for run in clock.runs
    ]
    return Clock(tuple(runs), period.numerator, period.denominator, clock.dated)
