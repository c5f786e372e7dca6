"""Offset and drift between the clocks of two devices, told from signals of the same thing; this does compute."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.align.arrays import aligned_signal
from sleepdask.align.correlation import correlations, highest
from sleepdask.align.grid import exact_rate
from sleepdask.align.lines import consensus_line
from sleepdask.align.methods import Alignment
from sleepdask.chunks import MAX_BYTES
from sleepdask.errors import ParameterError
from sleepdask.runners import compute
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL
from sleepdask.signals.timestamps import AnyClock
from sleepdask.times import Duration, duration_ns

Signal = xr.DataArray | xr.Dataset | xr.DataTree
_SECOND = 1_000_000_000
_TASKS = 16  # that windows are shared out to, if these are not too large
_LOW = 0.3  # correlation below which a peak says nothing
_DISTINCT = 0.9  # share of the highest peak that the next one may have
_AGREEING = 4  # windows' worth of signal that must lie on the line


@dataclass(frozen=True)
class Offset:
    """What puts the times of `b` onto the clock of `a`.

    Parameters
    ----------
    offset
        timedelta64[ns] to add to times of `b` at the reference; NaT if it is not known.
    drift
        ppm: microseconds to add for each second since the reference; NaN if it is not known.
    reference
        Time on the clock of `b`.
    confidence
        Share of the windows with enough samples that have one distinct peak, on the line of offset and drift. It is
        told even if it is too low.
    correlation
        Median of the peaks of these windows; NaN if there are none.
    reason
        Why offset and drift are not known; else empty.
    windows
        Along ``window``: ``time`` (middle, on the clock of `a`), ``offset`` (s) that its highest peak says,
        ``correlation`` at it, ``runner_up`` (the highest correlation elsewhere), ``known`` (whether there are enough
        samples) and ``agrees``.
    """

    offset: np.timedelta64
    drift: float
    reference: np.datetime64 | np.timedelta64
    confidence: float
    correlation: float
    reason: str
    windows: xr.Dataset

    @property
    def found(self) -> bool:
        """Whether offset and drift are known."""
        return not self.reason


def estimate_offset(
    a: Signal,
    b: Signal,
    *,
    window: Duration = "10min",
    step: Duration | None = None,
    max_offset: Duration = "5min",
    rate: float | Fraction | None = None,
    max_drift: float = 500.0,
    tolerance: Duration | None = None,
    least_confidence: float = 0.5,
    **where: Any,
) -> Offset:
    """Tell how far the clock of one device is from that of another, from signals of the same or a related thing.

    Both come onto one grid. In each window on the clock of `a`, the lag at which `b` is most like `a` is looked for;
    the straight line on which most of these lags lie is offset and drift.

    Parameters
    ----------
    a, b
        A signal: what has one channel, and a clock. They rise and fall together; turn the sign of one that does not.
    window, step
        Length of the windows, and from one to the next (default: one window).
    max_offset
        Largest offset that is looked for.
    rate
        Of the grid, in Hz; default that of the slower one of the two. Offsets are finer than its period.
    max_drift
        Largest drift that is believed, in ppm.
    tolerance
        How far from the line the offset of a window may be; default two periods of the grid, at least 1 s.
    least_confidence
        Share of windows that must agree.
    **where
        Backend, workers, scheduler, security, config and progress of `compute`.

    Returns
    -------
    offset
        ``shift_clock(b, found.offset, found.drift, reference=found.reference)`` puts `b` onto the clock of `a`. With
        too few windows that agree, offset and drift are NaT and NaN, and ``reason`` says why: windows agree if their
        peak is 0.3 or more, no other is nearly as high, and it is on the line; there must be four windows' worth of
        them.

    Raises
    ------
    ParameterError
        A signal has several channels or no clock, only one has a date, or an option makes no sense.

    Examples
    --------
    >>> import sleepdask as sd
    >>> pulse = np.random.default_rng(1).normal(size=4000).cumsum()
    >>> psg = sd.recording_from_arrays({"HR": pulse}, rate=1, start="2024-03-11T23:00:00", unit="bpm")
    >>> watch = sd.recording_from_arrays({"HR": pulse}, rate=1, start="2024-03-11T23:00:42", unit="bpm")
    >>> found = estimate_offset(psg["1Hz"], watch["1Hz"])
    >>> round(found.offset / np.timedelta64(1, "s"), 1), abs(found.drift) < 5, found.confidence
    (-42.0, True, 1.0)
    """
    if not 0 < least_confidence <= 1:
        raise ParameterError("least_confidence is a share above 0", found=repr(least_confidence))
    if not 0 <= max_drift < 100_000:
        raise ParameterError("max_drift is none of a clock", expected="ppm, such as 500", found=repr(max_drift))
    grid = _Grid.of(a, b, window, step, max_offset, rate)
    near = max(2 * grid.period, 1.0) if tolerance is None else duration_ns(tolerance, "tolerance") / _SECOND
    lazy = _window_table(_samples(a, "a"), _samples(b, "b"), grid)
    return _judged(compute(lazy, **where), grid, near, max_drift, least_confidence)


@dataclass(frozen=True)
class _Grid:
    """Samples of both, and the windows on them.

    `a` and `b` are clocks of one rate, `b` beginning `lags` samples earlier and ending as much later; `window` and
    `step` are in samples, and `reference` is the start of `b` itself.
    """

    a: Clock
    b: Clock
    window: int
    step: int
    lags: int
    reference: int

    @classmethod
    def of(cls, a: Signal, b: Signal, window: Duration, step: Duration | None, most: Duration, rate: Any) -> _Grid:
        one, other = (clock_of(_array(signal, name)) for signal, name in ((a, "a"), (b, "b")))
        if one.dated != other.dated:
            raise ParameterError("only one of the signals has a date", fix="give both a start")
        if not one.size or not other.size:
            raise ParameterError("a signal has no sample")
        exact = min(one.rate, other.rate) if rate is None else exact_rate(rate)
        period = _SECOND / exact
        long, lag = (int(Fraction(duration_ns(d, n)) / period) for d, n in ((window, "window"), (most, "max_offset")))
        every = long if step is None else int(Fraction(duration_ns(step, "step")) / period)
        if long < 16 or every < 1 or lag < 1:
            raise ParameterError(
                "windows are too short for this rate",
                expected=f"16 samples or more at {float(exact):g} Hz, and a step and a max_offset of one or more",
                found=f"{long}, {every} and {lag} samples",
            )
        size = int(Fraction(one.end - one.start) / period)
        num, den = period.numerator, period.denominator
        begin, phase = divmod(one.start * den - lag * num, den)
        wide = Clock((Run(begin, size + 2 * lag, phase),), num, den, one.dated)
        return cls(Clock.regular(one.start, size, num, den, dated=one.dated), wide, long, every, lag, other.start)

    @property
    def period(self) -> float:
        """In seconds."""
        return float(1 / self.a.rate)

    @property
    def count(self) -> int:
        """Number of windows."""
        return max(0, (self.a.size - self.window) // self.step + 1)

    def middles(self) -> NDArray[np.int64]:
        """Time in the middle of each window, in ns on the clock of `a`."""
        firsts = np.arange(self.count) * self.step
        return self.a.times(firsts).astype(np.int64) + round(self.window * self.period * _SECOND / 2)


class _Row(BackendArray):
    """A signal of dims (time,) as one of dims (channel, time), read when indexed."""

    def __init__(self, source: xr.Variable) -> None:
        self.source, self.shape, self.dtype = source, (1, len(source)), source.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = key
        row: NDArray[Any] = np.asarray(self.source[time].values)[None][channel]
        return row


def _array(signal: Signal, name: str) -> xr.DataArray:
    """Signal of one channel."""
    node = signal.to_dataset(inherit=False) if isinstance(signal, xr.DataTree) else signal
    if isinstance(node, xr.Dataset):
        if SIGNAL not in node.data_vars:
            raise ParameterError("not a node of signals", where=name, expected="signal (channel, time)")
        node = node[SIGNAL]
    if (
        not isinstance(node, xr.DataArray)
        or node.dims not in (("time",), ("channel", "time"))
        or (node.ndim == 2 and node.shape[0] != 1)
    ):
        raise ParameterError(
            "not one signal",
            where=name,
            expected="one channel along time",
            found=f"dims {dict(node.sizes)}" if isinstance(node, xr.DataArray) else type(node).__name__,
            fix="choose one, such as node['signal'].sel(channel='HR')",
        )
    return node


def _samples(signal: Signal, name: str) -> tuple[xr.Variable, AnyClock]:
    array = _array(signal, name)
    variable = array.variable
    if variable.ndim == 1:
        data = indexing.LazilyIndexedArray(_Row(variable)) if variable.chunks is None else variable.data[None]
        variable = xr.Variable(("channel", "time"), data)
    return variable, clock_of(array)


def _on_grid(samples: tuple[xr.Variable, AnyClock], grid: Clock) -> xr.Variable:
    """Signal on a grid: the mean where that is slower, else the line between samples."""
    variable, source = samples
    rule = Alignment.of("mean" if source.rate >= grid.rate else "linear", source, grid, None, None)
    most = max(1, MAX_BYTES // 8)
    return aligned_signal(variable, rule, [*range(0, grid.size, most), grid.size])


def _window_table(a: tuple[xr.Variable, AnyClock], b: tuple[xr.Variable, AnyClock], grid: _Grid) -> xr.Dataset:
    """Lag, height and runner-up of each window; lazy."""
    one, other = _on_grid(a, grid.a), _on_grid(b, grid.b)
    together = max(1, min(-(-grid.count // _TASKS), MAX_BYTES // (8 * grid.step)))
    blocks = []
    for first in range(0, grid.count, together):
        after = min(first + together, grid.count)
        start, stop = first * grid.step, (after - 1) * grid.step + grid.window
        parts = (_whole(one[:, start:stop]), _whole(other[:, start : stop + 2 * grid.lags]))
        blocks.append(
            da.map_blocks(
                _correlated,
                *parts,
                grid.window,
                grid.step,
                grid.lags,
                dtype=np.float64,
                meta=np.empty((0, 0)),
                chunks=((4,), (after - first,)),
            )
        )
    table = da.concatenate(blocks, axis=1) if blocks else da.zeros((4, 0))
    names = ("lag", "correlation", "runner_up", "known")
    return xr.Dataset({name: ("window", table[k]) for k, name in enumerate(names)})


def _whole(signal: xr.Variable) -> da.Array:
    if signal.chunks is None:
        array: da.Array = signal.chunk(dict.fromkeys(signal.dims, -1), inline_array=True).data
    else:
        array = signal.data.rechunk(-1, method="tasks")
    return array


def _correlated(a: NDArray[Any], b: NDArray[Any], window: int, step: int, lags: int) -> NDArray[np.float64]:
    """Lag (samples), height, runner-up and whether enough is known, of each window; dims (quantity, window)."""
    count = (a.shape[1] - window) // step + 1
    out = np.full((4, count), np.nan)
    for k in range(count):
        one = a[0, k * step : k * step + window].astype(np.float64)
        other = b[0, k * step : k * step + window + 2 * lags].astype(np.float64)
        found = correlations(one, other)
        place, *heights = highest(found)
        out[:, k] = (place - lags, *heights, bool(np.isfinite(found).sum() > lags))  # at most of the lags
    return out


def _judged(table: xr.Dataset, grid: _Grid, tolerance: float, max_drift: float, least: float) -> Offset:
    """Line through the windows, if enough of them lie on one."""
    offsets = -table["lag"].values * grid.period
    height, runner_up = table["correlation"].values, table["runner_up"].values
    known = table["known"].values > 0
    with np.errstate(invalid="ignore"):
        good = known & (height >= _LOW) & (runner_up <= _DISTINCT * height)
    middles = grid.middles()
    since = (middles - grid.reference) / _SECOND - np.nan_to_num(offsets)  # on the clock of b
    slope, at_start, on = consensus_line(since[good], offsets[good], tolerance, max_drift / 1e6)
    agrees = np.zeros(grid.count, bool)
    agrees[np.flatnonzero(good)[on]] = True
    share = float(agrees.sum() / known.sum()) if known.any() else 0.0
    worth = agrees.sum() * min(1.0, grid.step / grid.window)
    if not grid.count or not known.any():
        reason = "no window has enough samples of both"
    elif worth < _AGREEING:
        reason = f"{int(agrees.sum())} of {int(known.sum())} windows agree, which {_AGREEING} apart must"
    elif share < least:
        reason = f"{share:.0%} of the windows agree, which {least:.0%} must"
    else:
        reason = ""
    windows = xr.Dataset(
        {
            "offset": ("window", offsets, {"units": "s"}),
            "correlation": ("window", height),
            "runner_up": ("window", runner_up),
            "known": ("window", known),
            "agrees": ("window", agrees),
        },
        coords={"time": ("window", middles.astype(grid.a.dtype))},
    )
    return Offset(
        np.timedelta64("NaT", "ns") if reason else np.timedelta64(round(at_start * _SECOND), "ns"),
        np.nan if reason else slope * 1e6,
        grid.a.moment(grid.reference),
        share,
        float(np.median(height[agrees])) if agrees.any() else np.nan,
        reason,
        windows,
    )
