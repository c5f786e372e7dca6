"""Epochs on a time axis in clock hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import HOURLY, AutoDateLocator, date2num, num2date
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter
from numpy.typing import NDArray

from sleepdask.zones import Zone

Floats = NDArray[np.float64]

_SHORT = 240_000_000_000  # ns; shorter spans have ticks between the minutes


@dataclass(frozen=True)
class Cells:
    """Stretch of the time axis on which each epoch is drawn, in integer ns since 1970.

    It lies around the middle of the epoch and is as long as the epoch, or as the step where that is shorter:
    overlapping epochs then lie side by side, and epochs with a pause in between keep their pause.

    Examples
    --------
    >>> start = np.array(["2024-03-11T22:00:00", "2024-03-11T22:00:10"], "datetime64[ns]")
    >>> cells = Cells.of(start, epoch_seconds=30.0, step_seconds=10.0)
    >>> cells.low.astype("datetime64[ns]")[0]
    np.datetime64('2024-03-11T22:00:10.000000000')
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @classmethod
    def of(cls, start: NDArray[Any], epoch_seconds: float, step_seconds: float) -> Cells:
        """Cells of epochs that begin at `start`."""
        epoch = round(epoch_seconds * 1e9)
        width = min(epoch, round(step_seconds * 1e9))
        low = nanoseconds(start) + (epoch - width) // 2
        return cls(low, low + width)

    def __len__(self) -> int:
        return len(self.low)

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Whether there is a pause between an epoch and the one before; the first counts as apart."""
        return np.concatenate([[True], self.high[:-1] < self.low[1:]])

    def steps(self, values: Floats) -> tuple[Floats, Floats]:
        """Points of a step line, interrupted by pauses and by NaN."""
        breaks = np.where(np.append(self.apart[1:], True), np.nan, values)
        x = np.column_stack([self.low, self.high, self.high])
        return days(x).ravel(), np.column_stack([values, values, breaks]).ravel()


def nanoseconds(start: NDArray[Any]) -> NDArray[np.int64]:
    """Instants since 1970, or lengths of time, as integers."""
    return start.astype(f"{start.dtype.kind}8[ns]").astype(np.int64)


def days(ns: NDArray[np.int64]) -> Floats:
    """Times as numbers of a matplotlib date axis."""
    return np.asarray(date2num(ns.astype("datetime64[ns]")), np.float64)  # type: ignore[no-untyped-call]


def draw_clock(axes: Axes, low: int, high: int, *, dated: bool = True, zone: Zone | None = None) -> None:
    """Label the time axis from `low` to `high` (ns since 1970) with hours, and with the date at midnight, if known.

    Hours are those of local clocks; where a zone is known its name for its time stands where the clock was changed.
    """
    axes.xaxis_date(tz=UTC)  # naive local times: drawn as they are
    locator = AutoDateLocator(tz=UTC, minticks=4, maxticks={HOURLY: 13})  # type: ignore[no-untyped-call]
    text = partial(_clock_text if dated else _elapsed_text, with_seconds=high - low < _SHORT)
    if dated and zone is not None:
        ticks = _ticks_of_zone(locator, low, high, zone)
        instants = np.array([instant for instant, _, _ in ticks], np.int64)
        axes.xaxis.set_major_locator(FixedLocator(days(instants).tolist()))
        labels = [text(day) + (f"\n{name}" if name else "") for _, day, name in ticks]
        axes.xaxis.set_major_formatter(FixedFormatter(labels))
    else:
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(FuncFormatter(text))
    axes.set_xlim(*days(np.array([low, high], np.int64)).tolist())


def _ticks_of_zone(locator: AutoDateLocator, low: int, high: int, zone: Zone) -> list[tuple[int, float, str]]:
    """Instant of each tick, its local time as a day of matplotlib, and the name of the zone's time after a change."""
    first, last = zone.local([low, high]).tolist()
    last = last if 2 * (last - first) >= high - low else first + high - low  # in an hour that came twice it may be none
    whole = num2date(days(np.array([first, last])), tz=UTC)  # type: ignore[no-untyped-call]
    places = locator.get_locator(*whole)  # type: ignore[no-untyped-call]
    ticks: list[tuple[int, float, str]] = []
    for k, (begin, end) in enumerate(zone.stretches(low, high)):
        offset = int(zone.local(begin)) - begin
        span = num2date(days(np.array([begin, end]) + offset), tz=UTC)  # type: ignore[no-untyped-call]
        local = {day: round(day * 86_400e6) * 1000 for day in places.tick_values(*span)}
        inside = [(time - offset, day) for day, time in local.items() if begin <= time - offset < end + (end == high)]
        name = zone.abbreviation(begin) if k else ""
        ticks += [(instant, day, "" if j else name) for j, (instant, day) in enumerate(inside)]
    return ticks


def _clock_text(day: float, _: int | None = None, *, with_seconds: bool = False) -> str:
    time = num2date(day, tz=UTC)  # type: ignore[no-untyped-call]
    if time.microsecond:
        return f"{time:%H:%M:%S.%f}".rstrip("0")
    text = f"{time:%H:%M:%S}" if with_seconds else f"{time:%H:%M}"
    return f"{text}\n{time:%Y-%m-%d}" if (time.hour, time.minute, time.second) == (0, 0, 0) else text


def _elapsed_text(day: float, _: int | None = None, *, with_seconds: bool = False) -> str:
    minutes, seconds = divmod(round(day * 86400), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}" + f":{seconds:02d}" * with_seconds
