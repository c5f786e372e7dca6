"""Zero-phase filters on whole recordings; lazy, no sample is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.filters.arrays import Filtering, filtered_signal
from sleepdask.filters.base import ZeroPhase
from sleepdask.filters.choosing import Changed, Texts, names_of, on_chosen, told, without
from sleepdask.filters.fir import FirBand, FirNotch, Trend
from sleepdask.filters.iir import Butterworth, IirNotch
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL
from sleepdask.times import Duration, duration_ns

METHODS = ("fir", "iir")
HIGHEST = 1000.0  # Hz up to which harmonics of the mains are taken, where a rate reaches that far


def bandpass(
    recording: xr.DataTree,
    low: float,
    high: float,
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
    method: str = "fir",
    low_transition: float | None = None,
    high_transition: float | None = None,
    order: int | None = None,
) -> xr.DataTree:
    """Keep the frequencies between two edges, without a shift in time; lazy, no sample is read.

    Parameters
    ----------
    recording
        As `open_recording` gives it. It stays as it is.
    low, high
        Edges of the pass band in Hz.
    channels, types
        Names or globs of the channels that are filtered, or their signal types. Default: the types eeg, eog, emg and
        ecg. All others stay as they are.
    method
        ``"fir"``: a windowed sinc, as `FirBand` describes. ``"iir"``: a Butterworth filter forward and backward, as
        `Butterworth` describes.
    low_transition, high_transition
        Of ``"fir"``: width in Hz of the transitions outside the band. Default: those of `FirBand`.
    order
        Of ``"iir"``: that of one pass, default 4.

    Returns
    -------
    recording
        The same nodes with the same clocks; ``attrs["filters"]`` of a node says what was done to which channels, in
        order. Floating samples keep their dtype, others become float64; all is computed in float64. Bits are the same
        for every chunking and selection.

        Each run of the clock is filtered by itself; at its ends the signal goes on as its own point reflection. A run
        not longer than half of the response is NaN, as is every value within that distance of a missing sample.
        Channels that are too slow for the band, or have no fixed rate, are left out, which ``attrs["filter_notes"]``
        tells.

    Raises
    ------
    ParameterError
        An edge makes no sense, an option is not one of the method, a channel that is named has no such rate, no channel
        is meant, or none is left.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> seconds = np.arange(60_000) / 100
    >>> slow, spindle = np.sin(2 * np.pi * 1 * seconds), np.sin(2 * np.pi * 13 * seconds)
    >>> night = sd.recording_from_arrays({"C3": slow + spindle}, rate=100)
    >>> sigma = sd.filters.bandpass(night, 10, 16)
    >>> float(np.abs(sigma["100Hz/signal"][0, 1000:-1000] - spindle[1000:-1000]).max()) < 0.01
    True
    >>> sigma["100Hz"].attrs["filters"][0]["definition"]
    'band-pass 10-16 Hz, zero-phase FIR, Hamming-windowed sincs'
    """
    design = band(low, high, method, low_transition, high_transition, order)
    return filtered(recording, design, channels, types)


def highpass(
    recording: xr.DataTree,
    low: float,
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
    method: str = "fir",
    transition: float | None = None,
    order: int | None = None,
) -> xr.DataTree:
    """Keep the frequencies above an edge in Hz; the rest as in `bandpass`."""
    return filtered(recording, band(low, None, method, transition, None, order), channels, types)


def lowpass(
    recording: xr.DataTree,
    high: float,
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
    method: str = "fir",
    transition: float | None = None,
    order: int | None = None,
) -> xr.DataTree:
    """Keep the frequencies below an edge in Hz; the rest as in `bandpass`."""
    return filtered(recording, band(None, high, method, None, transition, order), channels, types)


def notch(
    recording: xr.DataTree,
    frequency: float,
    *,
    harmonics: int | None = None,
    channels: Texts | None = None,
    types: Texts | None = None,
    method: str = "fir",
    width: float | None = None,
    transition: float | None = None,
    quality: float | None = None,
) -> xr.DataTree:
    """Remove a frequency, such as that of the mains, and its harmonics; lazy, no sample is read.

    Parameters
    ----------
    recording, channels, types
        As in `bandpass`.
    frequency
        In Hz.
    harmonics
        How many multiples of it are removed, itself being the first. Default: all up to 1000 Hz.
    method
        ``"fir"``: a stop band, as `FirNotch` describes. ``"iir"``: a notch of second order forward and backward, as
        `IirNotch` describes.
    width, transition
        Of ``"fir"``: width of the stop band, default a 200th of its frequency, and of the transitions, default 0.5 Hz.
    quality
        Of ``"iir"``: frequency over the width of its notch, default 30.

    Returns
    -------
    recording
        As in `bandpass`. Of each channel those frequencies are removed that lie, with the whole notch, below half its
        rate. One that has none of them, as a 50 Hz notch has nothing to do at 100 Hz, stays as it is, and a note says
        so.

    Raises
    ------
    ParameterError
        As in `bandpass`.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> mains = np.sin(2 * np.pi * 50 * np.arange(30_000) / 256)
    >>> night = sd.recording_from_arrays({"C3": mains}, rate=256)
    >>> float(np.abs(sd.filters.notch(night, 50)["256Hz/signal"][0, 2000:-2000]).max()) < 0.01
    True
    """
    design = mains(frequency, harmonics, method, width, transition, quality)
    return filtered(recording, design, channels, types)


def detrend(
    recording: xr.DataTree,
    window: Duration = "60s",
    *,
    channels: Texts | None = None,
    types: Texts | None = None,
) -> xr.DataTree:
    """Remove slow trends: from each sample the weighted mean of those around it is taken away; lazy.

    A whole night has no one trend: offsets wander with sweat and movement. What is removed is the mean in a moving Hann
    window, and with it every offset, and every straight line that is longer than the window. It is a filter without a
    shift in time whose gain is a half at ``1 / window`` Hz.

    Parameters
    ----------
    recording, channels, types
        As in `bandpass`.
    window
        Length of the window, such as ``"60s"``; a plain number is in seconds.

    Returns
    -------
    recording
        As in `bandpass`.

    Raises
    ------
    ParameterError
        As in `bandpass`.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": 40.0 + 0.01 * np.arange(30_000)}, rate=100)
    >>> float(np.abs(sd.filters.detrend(night, "60s")["100Hz/signal"]).max()) < 1e-9
    True
    """
    return filtered(recording, Trend(duration_ns(window, "window") / 1e9), channels, types)


def band(
    low: float | None,
    high: float | None,
    method: str = "fir",
    low_transition: float | None = None,
    high_transition: float | None = None,
    order: int | None = None,
) -> ZeroPhase:
    """Design of a band; `ParameterError` for an option that is not one of the method."""
    if check_method(method) == "fir":
        refuse(method, order=order)
        return FirBand(low, high, low_transition, high_transition)
    refuse(method, transition=low_transition or high_transition)
    return Butterworth(low, high, 4 if order is None else order)


def mains(
    frequency: float,
    harmonics: int | None = None,
    method: str = "fir",
    width: float | None = None,
    transition: float | None = None,
    quality: float | None = None,
) -> FirNotch | IirNotch:
    """Design of a notch and its harmonics; `ParameterError` for an option that is not one of the method."""
    if harmonics is not None and (isinstance(harmonics, bool) or not isinstance(harmonics, int) or harmonics < 1):
        raise ParameterError("harmonics must be a whole number of at least 1", found=repr(harmonics))
    design = FirNotch if check_method(method) == "fir" else IirNotch
    design((frequency,))  # refuses what is no frequency
    count = max(1, int(HIGHEST / frequency)) if harmonics is None else harmonics
    frequencies = tuple(float(frequency) * n for n in range(1, count + 1))
    if method == "fir":
        refuse(method, quality=quality)
        return FirNotch(frequencies, width, 0.5 if transition is None else transition)
    refuse(method, width=width, transition=transition)
    return IirNotch(frequencies, 30.0 if quality is None else quality)


def check_method(method: str) -> str:
    """Give the method back; `ParameterError` if it is not known."""
    if method not in METHODS:
        fix = did_you_mean(str(method), METHODS)
        raise ParameterError("unknown method", expected=" or ".join(METHODS), found=repr(method), fix=fix)
    return method


def refuse(method: str, **options: Any) -> None:
    """Raise `ParameterError` for an option that is given, but not one of the method."""
    for name, value in options.items():
        if value is not None:
            raise ParameterError(f"method {method!r} has no {name}", found=repr(value), fix="leave it out")


def filtered(
    recording: xr.DataTree, design: ZeroPhase, channels: Texts | None = None, types: Texts | None = None
) -> xr.DataTree:
    """Recording with a filter on some channels, as `bandpass` describes."""

    def change(name: str, node: xr.Dataset, rows: Collection[int]) -> Changed:
        clock = clock_of(node)
        who = ", ".join(names_of(node, rows))
        here = at_rate(design, float(clock.rate)) if isinstance(clock, Clock) else None
        if here is None:
            lacking = f"its rate is {float(clock.rate):g} Hz" if isinstance(clock, Clock) else "it has no fixed rate"
            if isinstance(clock, Clock) and isinstance(design, FirNotch | IirNotch):
                return Changed(node, (f"{name}: no {design.name}, as {lacking} ({who} stay as they are)",))
            if channels is not None:
                fix = "leave it out, or put it onto a faster clock with sleepdask.align"
                raise ParameterError(f"{who}: {lacking}", where=name, expected=f"what {design.name} needs", fix=fix,
                                     found=design.definition)  # fmt: skip
            note = f"{name}: {who} left out, as {lacking}: no {design.definition}"
            return Changed(without(node, rows), (note,))
        assert isinstance(clock, Clock)
        rule = Filtering(here, clock, tuple(rows))
        made = node.assign({SIGNAL: filtered_signal(node[SIGNAL].variable, rule)})
        document = here.document() | {"channels": names_of(node, rows), "half_samples": rule.half}
        if not rule.too_short:
            return Changed(told(made, document))
        seconds = rule.half / float(clock.rate)
        note = (
            f"{name}: {rule.too_short} of {len(clock.runs)} stretches without a gap are not longer than the"
            f" {seconds:.3g} s that the filter needs on either side: no values there"
        )
        return Changed(told(made, document), (note,))

    return on_chosen(recording, channels, types, change)


def at_rate(design: ZeroPhase, rate: float) -> ZeroPhase | None:
    """Filter as it is used at a rate: a notch without what lies above; None if nothing is left of it."""
    if isinstance(design, FirNotch | IirNotch):
        kept = tuple(each for each in design.frequencies if replace(design, frequencies=(each,)).reaches(rate))
        return replace(design, frequencies=kept) if kept else None
    return design if design.reaches(rate) else None
