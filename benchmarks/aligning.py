"""Twenty signals of two devices onto one clock, against pandas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import sleepdask as sd
from benchmarks.table import Row, at_least, row
from benchmarks.timing import Case, Ratio, take_turns
from sleepdask.io.chunking import chunked
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import on_signals

METHODS = ("nearest", "linear")
_AIM = 5
_CHANNELS = 10  # of each device
_MS = 1_000_000
_START = int(np.datetime64("2024-03-11T22:47:30", "ns").astype(np.int64))


def aligning_rows(hours: float, repeats: int) -> list[Row]:
    """Time both methods, in turns, once all have given the same."""
    work = Work.of(hours)
    rows: list[Row] = []
    for method in METHODS:
        work.check(method)
        ours, chunks, whole, each = (f"{method}: {name}" for name in _WAYS)
        cases = [
            Case(ours, partial(work.ours, method)),
            Case(chunks, partial(work.ours, method, workers=2)),
            Case(whole, partial(work.pandas, method), note="a frame a device"),
            Case(each, partial(work.pandas_each, method), most=1, note="a series a signal"),
        ]
        series = take_turns([Case(c.name, _timed(c.run), c.most, c.warm, c.note) for c in cases], repeats)
        base = series[ours]
        for name, one in series.items():
            aim = at_least("pandas / ours", Ratio.of(one, base), _AIM) if name == whole else None
            rows.append(row(one, base, aim))
    return rows


_WAYS = ("sleepdask", "sleepdask, Dask, 2 threads", "pandas", "pandas, signal by signal")


class Work:
    """Signals of a device at 100 Hz and of one at 25 Hz, neither on the grid, as recordings and as frames."""

    def __init__(self, clocks: dict[str, Clock], samples: dict[str, Any], clock: Clock) -> None:
        nodes = {
            name: xr.Dataset({"signal": (("channel", "time"), samples[name])})
            .assign_coords(channel=[f"{name} {k}" for k in range(_CHANNELS)])
            .assign_coords(time_coordinate(clock))
            for name, clock in clocks.items()
        }
        self.memory = xr.DataTree.from_dict(nodes)
        self.chunks = on_signals(self.memory, lambda node: chunked(node, {"time": node.sizes["time"] // 8}))
        self.clock = clock
        self.onto = pd.DatetimeIndex(self.clock.times(np.arange(self.clock.size)))
        self.frames = {
            name: pd.DataFrame(samples[name].T, index=pd.DatetimeIndex(clock.times(np.arange(clock.size))))
            for name, clock in clocks.items()
        }

    @classmethod
    def of(cls, hours: float) -> Work:
        """Make signals of some hours."""
        seconds = int(hours * 3600)
        clocks = {
            "100Hz": Clock.regular(_START + 3 * _MS, 100 * seconds, 10 * _MS),
            "25Hz": Clock.regular(_START + 13 * _MS, 25 * seconds, 40 * _MS),
        }
        random = np.random.default_rng(0)
        samples = {
            name: random.normal(size=(_CHANNELS, clock.size)).astype(np.float32) for name, clock in clocks.items()
        }
        return cls(clocks, samples, Clock.regular(_START, 100 * seconds, 10 * _MS))

    def ours(self, method: str, workers: int | None = None) -> dict[str, Any]:
        """Aligned and in memory, dims (channel, time) for each device; through Dask if there are workers."""
        aligned = sd.align.align_signals(self.chunks if workers else self.memory, self.clock, method=method)
        if workers:
            aligned = sd.compute(aligned, backend="threads", workers=workers, progress=False)
        return {name: aligned[name]["signal"].values for name in aligned.children}

    def pandas(self, method: str) -> dict[str, Any]:
        """All signals of a device together."""
        return {name: _by_pandas(frame, self.onto, method) for name, frame in self.frames.items()}

    def pandas_each(self, method: str) -> dict[str, Any]:
        """Signal by signal."""
        return {
            name: [_by_pandas(frame[column], self.onto, method) for column in frame]
            for name, frame in self.frames.items()
        }

    def check(self, method: str) -> None:
        """Raise if the values of pandas are others.

        On lines they differ a little, as pandas has times in float64, which are 256 ns apart.
        """
        ours, lazily, theirs = self.ours(method), self.ours(method, workers=2), self.pandas(method)
        for name, values in theirs.items():
            want = values.to_numpy().T
            np.testing.assert_array_equal(ours[name], lazily[name])
            if method == "nearest":
                np.testing.assert_array_equal(ours[name], want)
            else:
                np.testing.assert_allclose(ours[name], want, rtol=0, atol=5e-4)


def _by_pandas(signals: Any, onto: pd.DatetimeIndex, method: str) -> Any:
    """Nearest within half a period of the grid, or lines between neighbours."""
    if method == "nearest":
        return signals.reindex(onto, method="nearest", tolerance=pd.Timedelta(5 * _MS, "ns"))
    both = signals.index.union(onto)
    return signals.reindex(both).interpolate(method="index", limit_area="inside").reindex(onto)


def _timed(run: Callable[[], Any]) -> Callable[[], None]:
    """Forget what comes of it, so that its duration is taken."""

    def timed() -> None:
        run()

    return timed
