"""Times of one device as another device would tell them: an offset, and a drift."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import ANNOTATIONS, SIGNAL, on_signals, signal_nodes, span
from sleepdask.signals.timestamps import AnyClock, Timestamps
from sleepdask.times import Duration, duration_ns, stored_time, to_ns
from sleepdask.zones import zone_of

T = TypeVar("T", xr.DataTree, xr.Dataset, xr.DataArray)
S = TypeVar("S", xr.Dataset, xr.DataArray)
SHIFTS = "clock_shifts"
_MILLION = 1_000_000
_NAT = np.iinfo(np.int64).min


def shift_clock(signals: T, offset: Duration, drift: float = 0.0, *, reference: object = None) -> T:
    """Put signals onto the clock of another device; lazy, no sample is read or changed.

    A time ``t`` becomes ``t + offset + drift / 1e6 * (t - reference)``.

    Parameters
    ----------
    signals
        A recording, one of its nodes, or a signal of one.
    offset
        What is added to times at the reference: above 0 if the clock was slow, that is, showed too little. What
        `estimate_offset` gives for ``b`` is what puts ``b`` onto the clock of ``a``.
    drift
        What a second of this clock lacks, in ppm (microseconds a second); 0 if it goes as fast as the other.
    reference
        Time, of these signals, at which the offset holds; default their earliest sample. It matters with a drift only.

    Returns
    -------
    signals
        The same, at other times. Regular clocks stay regular, with an exact period; annotations of a recording move,
        and their durations stretch, with its signals. The attribute ``clock_shifts`` lists what was done.

    Raises
    ------
    ParameterError
        Offset or drift are no numbers, or a drift is a tenth or more.

    Examples
    --------
    >>> import sleepdask as sd
    >>> watch = sd.recording_from_arrays({"HR": [60.0, 61.0]}, rate=1, start="2024-03-11T23:00")
    >>> shift_clock(watch, "-2.5s")["1Hz"]["time"].values[0].astype(str).item()
    '2024-03-11T22:59:57.500000000'
    """
    nanoseconds = duration_ns(offset, "offset")
    if isinstance(drift, bool) or not isinstance(drift, int | float | np.number) or not abs(drift) < _MILLION / 10:
        raise ParameterError("not a drift of a clock", expected="ppm, such as 20.0", found=repr(drift))
    zone = zone_of(signals.attrs)
    if isinstance(signals, xr.Dataset | xr.DataArray):
        at = clock_of(signals).start if reference is None else _instant(reference, zone)
        return _moved(signals, _Shift(nanoseconds, float(drift), at))
    at = span(signal_nodes(signals))[0] if reference is None else _instant(reference, zone)
    move = _Shift(nanoseconds, float(drift), at)
    made = on_signals(signals, lambda node: _moved(node, move))
    if ANNOTATIONS in made.children:
        notes = made.children[ANNOTATIONS]
        notes.dataset = _moved_annotations(notes.to_dataset(inherit=False), move)
    made.attrs = _told(made.attrs, move)
    if str(made.attrs.get("start", "NaT")) != "NaT":
        made.attrs["start"] = stored_time(span(signal_nodes(made))[0], zone)
    return made


class _Shift:
    """An offset and a drift, applied to clocks and to times."""

    def __init__(self, offset: int, drift: float, reference: int) -> None:
        self.offset, self.drift, self.reference = offset, drift, reference
        self.rate = 1 + Fraction(drift) / _MILLION  # of this clock's seconds in those of the other; exact

    def times(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times in ns, rounded to the nanosecond; NaT stays."""
        known = np.where(times == _NAT, self.reference, times)
        more = np.rint((known - self.reference) * (self.drift / _MILLION)).astype(np.int64)
        return np.where(times == _NAT, times, known + self.offset + more)

    def spans(self, spans: NDArray[np.int64]) -> NDArray[np.int64]:
        """Lengths of time in ns; NaT stays."""
        known = np.where(spans == _NAT, 0, spans)
        return np.where(spans == _NAT, spans, known + np.rint(known * (self.drift / _MILLION)).astype(np.int64))

    def clock(self, clock: AnyClock) -> AnyClock:
        """Clock with each of its times moved."""
        if isinstance(clock, Timestamps):
            period, gap = (max(1, round(each * self.rate)) for each in (clock.period, clock.gap))
            return Timestamps(self.times(clock.stamps), period, max(period, gap), clock.dated)
        if not self.drift:
            runs = tuple(Run(run.start + self.offset, run.size, run.phase) for run in clock.runs)
            return Clock(runs, clock.num, clock.den, clock.dated)
        exact = Fraction(clock.num, clock.den) * self.rate
        exact = exact.limit_denominator(max(1, isqrt(int(2**61 / exact))))
        begins = [
            self.reference + self.offset + (run.start - self.reference + Fraction(run.phase, clock.den)) * self.rate
            for run in clock.runs
        ]
        starts = [
            (begin.numerator // begin.denominator, run.size) for begin, run in zip(begins, clock.runs, strict=True)
        ]
        return Clock.segmented(starts, exact.numerator, exact.denominator, dated=clock.dated)


def _instant(reference: object, zone: Any) -> int:
    if isinstance(reference, np.timedelta64):
        return int(reference.astype("timedelta64[ns]").astype(np.int64))
    return to_ns(reference, "reference", zone)


def _moved(signals: S, move: _Shift) -> S:
    if isinstance(signals, xr.Dataset) and SIGNAL not in signals.data_vars:
        raise ParameterError("not a node of signals", expected="signal (channel, time)", found="no signal")
    made = signals.drop_vars("time").assign_coords(time_coordinate(move.clock(clock_of(signals))))
    made.attrs = _told(signals.attrs, move)
    return made


def _moved_annotations(notes: xr.Dataset, move: _Shift) -> xr.Dataset:
    onset, duration = (notes[name] for name in ("onset", "duration"))
    return notes.assign(
        onset=onset.copy(data=move.times(onset.values.astype(np.int64)).astype(onset.dtype)),
        duration=duration.copy(data=move.spans(duration.values.astype(np.int64)).astype(duration.dtype)),
    )


def _told(attrs: dict[Any, Any], move: _Shift) -> dict[Any, Any]:
    said = {"offset_ns": move.offset, "drift_ppm": move.drift, "reference_ns": move.reference}
    return {**attrs, SHIFTS: [*attrs.get(SHIFTS, []), said]}
