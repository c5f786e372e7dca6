"""The one clock that all signals of a recording go onto."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import is_dated, recording_id, signal_nodes

_SECOND = 1_000_000_000


def alignment_clock(recording: xr.DataTree, rate: float | Fraction | None = None) -> Clock:
    """Regular clock over all signals of a recording.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    rate
        In Hz; a `Fraction` is exact. Default: that of the fastest node whose samples come at a fixed rate, exactly:
        256 Hz stays 256 Hz.

    Returns
    -------
    clock
        Without gaps, up to the last sample of all nodes or less than a period beyond it. It goes through the samples
        of the longest node at a fixed rate that has its rate, so that these stay as they are, and begins with the
        earliest sample of all or less than a period before it. Where no node has its rate, it begins with that sample.

    Raises
    ------
    ParameterError
        No node has a fixed rate, and none is given; there are no signals; or only some of them have a date.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.zeros(2561)}, rate=256)
    >>> clock = alignment_clock(night)
    >>> clock.rate, clock.size, alignment_clock(night, rate=25).size
    (Fraction(256, 1), 2561, 251)
    """
    nodes, where = signal_nodes(recording), recording_id(recording)
    clocks = [clock_of(node) for node in nodes.values()]
    dated = is_dated(nodes)
    regular = [clock for clock in clocks if isinstance(clock, Clock)]
    if rate is None:
        if not regular:
            raise ParameterError("no signal has a fixed rate", where=where, fix="say at what rate, such as rate=1")
        exact = max(clock.rate for clock in regular)
    else:
        exact = exact_rate(rate, where)
    start = min(clock.start for clock in clocks)
    last = max(int(clock.times(clock.size - 1).astype("int64")) for clock in clocks)
    same = [clock for clock in regular if clock.rate == exact]
    if same:
        through = max(same, key=lambda clock: clock.size)
        run, num, den = _back(through, start), through.num, through.den
    else:
        period = _SECOND / exact
        run, num, den = Run(start, 0), period.numerator, period.denominator
    since = (last - run.start) * den - run.phase
    return Clock((Run(run.start, -(-since // num) + 1, run.phase),), num, den, dated)


def exact_rate(rate: float | Fraction, where: str = "") -> Fraction:
    """Rate in Hz as a fraction whose period 64-bit arithmetic holds: off by less than a nanosecond in a year."""
    try:
        exact = rate if isinstance(rate, Fraction) else Fraction(str(rate))
    except ValueError:
        exact = Fraction(0)  # NaN, infinite or no number
    if exact <= 0:
        raise ParameterError("rate must be above 0", where=where, found=f"{rate!r} Hz")
    period = _SECOND / exact
    return _SECOND / period.limit_denominator(max(1, isqrt(int(2**61 / period))))


def _back(clock: Clock, start: int) -> Run:
    """Run of no sample that goes on into the first run of a clock, and begins less than a period before a time."""
    first = clock.runs[0]
    moment = first.start * clock.den + first.phase
    steps = -(-(moment - start * clock.den) // clock.num)
    begin, phase = divmod(moment - steps * clock.num, clock.den)
    return Run(begin, 0, phase)
