"""Operations on the samples of one signal: lazy, and the same bits however they are cut."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.signals.conversion import floating
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL

_CHUNK_BYTES = 16 << 20
_AXES = "xyz"

Samples = NDArray[np.float64]


def moving_mean(signal: xr.Dataset, *, window: int) -> xr.Dataset:
    """Mean of each sample and those before it, `window` in all; fewer at the start, and after a gap.

    NaN and infinite samples are left out; where there is no other, the mean is NaN.
    """
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise ParameterError("window must be a whole number of samples, at least 1", found=repr(window))
    mean = _MovingMean(window, tuple(clock_of(signal).first[:-1].tolist()))
    return signal.assign({SIGNAL: _lazily(signal[SIGNAL].variable, mean, signal.sizes["channel"], window - 1)})


def compute_magnitude(signal: xr.Dataset) -> xr.Dataset:
    """Length of an acceleration, ``sqrt(x^2 + y^2 + z^2)``, in its unit; NaN where an axis is."""
    rows, unit = _axes(signal)
    made = _lazily(signal[SIGNAL].variable, _Magnitude(rows), 1)
    return _derived(signal, made, {"magnitude": unit}, "acc")


def compute_angle(signal: xr.Dataset) -> xr.Dataset:
    """Pitch ``atan2(x, sqrt(y^2 + z^2))`` and roll ``atan2(y, z)`` of an acceleration in degrees; NaN where an axis is.

    Where z is 0, roll is 90 degrees with the sign of y, and 0 if y is 0 too.
    """
    rows, _ = _axes(signal)
    made = _lazily(signal[SIGNAL].variable, _Angle(rows), 2)
    return _derived(signal, made, {"pitch": "deg", "roll": "deg"}, "unknown")


@dataclass(frozen=True)
class _MovingMean:
    window: int
    firsts: tuple[int, ...]  # number of the sample that each stretch without a gap begins with

    def __call__(self, samples: Samples, first: int, before: int) -> Samples:
        count = samples.shape[1] - before
        number = np.arange(first, first + count)
        firsts = np.array(self.firsts)
        age = number - firsts[np.searchsorted(firsts, number, "right") - 1]
        reach = self.window - 1
        padded = np.concatenate([np.full((len(samples), reach - before), np.nan), samples], axis=1)
        total, known = np.zeros((len(samples), count)), np.zeros((len(samples), count))
        for lag in range(reach, -1, -1):  # one after the other: sums do not depend on where samples are cut
            part = padded[:, reach - lag : reach - lag + count]
            is_known = np.isfinite(part) & (age >= lag)
            total += np.where(is_known, part, 0.0)
            known += is_known
        return np.asarray(total / np.where(known > 0, known, np.nan))


@dataclass(frozen=True)
class _Magnitude:
    rows: tuple[int, ...]

    def __call__(self, samples: Samples, first: int, before: int) -> Samples:
        x, y, z = samples[list(self.rows)]
        return np.asarray(np.sqrt(x * x + y * y + z * z))[None]


@dataclass(frozen=True)
class _Angle:
    rows: tuple[int, ...]

    def __call__(self, samples: Samples, first: int, before: int) -> Samples:
        x, y, z = samples[list(self.rows)]
        pitch = np.arctan2(x, np.sqrt(y * y + z * z))
        roll = np.where(z == 0, np.sign(y) * (np.pi / 2), np.arctan2(y, z))
        return np.asarray(np.degrees(np.stack([pitch, roll])))


def _lazily(signal: xr.Variable, function: Callable[..., Samples], rows: int, reach: int = 0) -> xr.Variable:
    """Signal of other rows, dims (channel, time); each chunk is computed from itself and `reach` samples before."""
    signal = signal.transpose("channel", "time")
    dtype = floating(signal.dtype)
    if signal.chunks is None:
        size = max(1, _CHUNK_BYTES // max(1, len(signal) * signal.dtype.itemsize))
        signal = signal.chunk({"channel": -1, "time": size}, inline_array=True)
    whole = signal.data.rechunk({0: -1}, method="tasks")  # left to itself, Dask imports distributed
    edges = np.cumsum([0, *whole.chunks[1]]).tolist()
    parts = []
    for first, after in pairwise(edges):
        before = min(reach, first)
        part = whole[:, first - before : after].rechunk({1: -1}, method="tasks")
        sizes = ((rows,), (after - first,))
        meta = np.empty((0, 0), dtype)
        told = {"function": function, "first": first, "before": before, "dtype": dtype}
        parts.append(da.map_blocks(_run, part, told, dtype=dtype, chunks=sizes, meta=meta))
    return xr.Variable(("channel", "time"), da.concatenate(parts, axis=1), signal.attrs)


def _run(samples: NDArray[Any], told: dict[str, Any]) -> NDArray[Any]:
    with np.errstate(invalid="ignore", over="ignore"):  # infinite samples
        made = told["function"](samples.astype(np.float64), told["first"], told["before"])
    return np.asarray(made, told["dtype"])


def _axes(signal: xr.Dataset) -> tuple[tuple[int, ...], str]:
    """Rows of the three axes of an acceleration, and their unit."""
    labels = [str(label) for label in signal["channel"].values]
    found = [[k for k, label in enumerate(labels) if re.search(rf"(^|[ _-]){axis}$", label.lower())] for axis in _AXES]
    if any(len(rows) != 1 for rows in found):
        raise ParameterError(
            "an acceleration with three axes is needed",
            expected="columns x, y, z, or such as acc_x, acc_y, acc_z",
            found=", ".join(labels),
        )
    rows = tuple(each[0] for each in found)
    units = {str(signal["unit"].values[row]) for row in rows}
    if len(units) > 1:
        raise ParameterError("axes are in different units", found=", ".join(sorted(units)), fix="convert with to_unit")
    return rows, units.pop()


def _derived(signal: xr.Dataset, made: xr.Variable, units: dict[str, str], signal_type: str) -> xr.Dataset:
    """Node of derived channels on the clock of a signal."""
    sensors = {str(sensor) for sensor in signal["sensor"].values} if "sensor" in signal.coords else {""}
    texts = {
        "channel": list(units),
        "unit": list(units.values()),
        "physical_dimension": list(units.values()),
        "signal_type": [signal_type] * len(units),
        "sensor": [sensors.pop() if len(sensors) == 1 else ""] * len(units),
    }
    coords = {name: ("channel", np.array(values, dtype=str)) for name, values in texts.items()}
    kept = signal.drop_vars([name for name, each in signal.variables.items() if "channel" in each.dims])
    return kept.assign_coords(coords).assign({SIGNAL: made})
