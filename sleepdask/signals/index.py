"""The clock as an xarray index: `time` is a real coordinate that costs no memory.

Label slices, nearest look-up, arithmetic, chunking and pickling work on the rule alone. The classes of
xarray used here (`CoordinateTransformIndex`, `IndexSelResult`, a variable's `_data`) are not all stable
API, which is why they are touched in this file only.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from dask.base import normalize_token
from xarray.core.indexing import IndexSelResult
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Times
from sleepdask.signals.timestamps import AnyClock, Timestamps
from sleepdask.times import local_instant

DIM = "time"


class ClockTransform(CoordinateTransform):
    """Sample number to time and back."""

    def __init__(self, clock: AnyClock, dim: str = DIM, name: Hashable | None = None) -> None:
        super().__init__([dim if name is None else name], {dim: clock.size}, dtype=clock.dtype)
        self.clock = clock

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        """Time of each sample number."""
        return {self.coord_names[0]: self.clock.times(dim_positions[self.dims[0]])}

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        """Nearest sample number of each time; of two equally near ones the later."""
        times = np.asarray(coord_labels[self.coord_names[0]], self.clock.dtype)
        after = np.clip(self.clock.searchsorted(times), 0, self.clock.size - 1)
        before = np.maximum(after - 1, 0)
        nearer = times - self.clock.times(before) < self.clock.times(after) - times
        return {self.dims[0]: np.where(nearer, before, after)}

    def equals(self, other: CoordinateTransform, exclude: frozenset[Hashable] | None = None) -> bool:
        """Two clocks are equal when their rules are."""
        return isinstance(other, ClockTransform) and self.clock == other.clock


class ClockVariable(xr.Variable):
    """A variable whose values are a rule: nothing to load, nothing to chunk, equal when the rules are."""

    __slots__ = ()

    @property
    def _rule(self) -> ClockTransform | None:
        return getattr(self._data, "_transform", None)

    def load(self, **kwargs: Any) -> Self:
        return self if self._rule else super().load(**kwargs)

    async def load_async(self, **kwargs: Any) -> Self:
        return self.load(**kwargs)

    def chunk(self, chunks: Any = None, *args: Any, **kwargs: Any) -> Self:
        return self.copy(deep=False) if self._rule else super().chunk({} if chunks is None else chunks, *args, **kwargs)

    def equals(self, other: Any, *args: Any, **kwargs: Any) -> bool:
        theirs = getattr(getattr(other, "variable", other), "_rule", None)
        if self._rule is not None and theirs is not None:
            return self._rule.equals(theirs)
        return bool(super().equals(other, *args, **kwargs))  # type: ignore[no-untyped-call]

    def __dask_tokenize__(self) -> object:
        values = self._rule.clock if self._rule else self._data
        return normalize_token((type(self), self._dims, values, self._attrs or None))


class ClockIndex(CoordinateTransformIndex):
    """Index of the `time` dimension of a node."""

    transform: ClockTransform

    @classmethod
    def of(cls, clock: AnyClock, dim: str = DIM, name: Hashable | None = None) -> ClockIndex:
        """Index of a clock."""
        return cls(ClockTransform(clock, dim, name))

    @property
    def clock(self) -> AnyClock:
        """What the coordinate is made of."""
        return self.transform.clock

    def create_variables(self, variables: Mapping[Any, xr.Variable] | None = None) -> dict[Hashable, xr.Variable]:
        made = super().create_variables(variables)
        return {k: ClockVariable(v.dims, v._data, v.attrs, fastpath=True) for k, v in made.items()}

    def isel(self, indexers: Mapping[Any, Any]) -> ClockIndex | None:
        """Keep the index for slices; single samples and arrays of numbers drop it, as they have no clock."""
        (dim,) = self.transform.dims
        indexer = indexers.get(dim, slice(None))
        if not isinstance(indexer, slice) or (indexer.step or 1) < 0:
            return None
        return type(self).of(self.clock.isel(indexer), dim, self.transform.coord_names[0])

    def sel(self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None) -> IndexSelResult:
        """Sample numbers of labels; a text coarser than the period covers its whole unit, as in pandas."""
        (name,), (dim,) = self.transform.coord_names, self.transform.dims
        label = labels[name]
        if method not in (None, "nearest"):
            raise ParameterError(f"method {method!r} is not known to a clock", fix="use method='nearest'")
        if isinstance(label, slice):
            if method is not None:
                raise ParameterError("a slice of time takes no method", found=repr(method), fix="leave method out")
            start = None if label.start is None else int(self.clock.searchsorted(self._first(label.start)))
            stop = None if label.stop is None else int(self.clock.searchsorted(self._after(label.stop)))
            return IndexSelResult({dim: slice(start, stop, label.step)})
        if isinstance(label, str) and method is None and self._is_coarse(label):
            low, high = (int(self.clock.searchsorted(edge(label))) for edge in (self._first, self._after))
            if high == 0 or low == self.clock.size:
                raise KeyError(f"no sample in {label!r}; there are {_describe(self.clock)}")
            return IndexSelResult({dim: slice(low, high)})
        times = self._first(getattr(label, "values", label))
        if not self.clock.size:
            raise KeyError(f"no sample at {label!r}; there are none")
        index = self.transform.reverse({name: times})[dim]
        limit: np.timedelta64[Any] = np.timedelta64(0, "ns")
        if method is not None:
            limit = pd.Timedelta.max.to_timedelta64() if tolerance is None else pd.Timedelta(tolerance).to_timedelta64()
        if not np.all(np.abs(self.clock.times(index) - times) <= limit):  # NaT is nowhere
            raise KeyError(f"no sample at {label!r}; method='nearest' takes the closest")
        if isinstance(label, xr.DataArray):
            return IndexSelResult({dim: xr.DataArray(index, coords=label.coords, dims=label.dims)})
        if isinstance(label, xr.Variable):
            return IndexSelResult({dim: xr.Variable(label.dims, index)})
        return IndexSelResult({dim: index if index.ndim else int(index)})

    def _first(self, label: Any) -> Times:
        return _first(label) if self.clock.dated else _elapsed(label)

    def _after(self, label: Any) -> Times:
        return _after(label) if self.clock.dated else _elapsed(label) + np.timedelta64(1, "ns")

    def _is_coarse(self, label: str) -> bool:
        span = self._after(label) - self._first(label)
        return bool(span > np.timedelta64(1_000_000_000, "ns") / float(self.clock.rate))

    def to_pandas_index(self) -> pd.Index:
        """Every timestamp (needed by `to_series` and `xr.map_blocks`): this one does take memory."""
        times = self.clock.times(np.arange(self.clock.size))
        return pd.Index(times, name=self.transform.coord_names[0])

    def join(self, other: Any, how: str = "inner") -> ClockIndex:
        """Refuse to align different clocks, which would be a silent change of the samples."""
        raise ParameterError(
            f"signals on different clocks cannot be combined sample by sample ({how} join)",
            expected=_describe(self.clock),
            found=_describe(other.clock),
            fix="select the same time span from both, or resample one of them",
        )

    @classmethod
    def concat(
        cls,
        indexes: Iterable[Any],
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> ClockIndex:
        """Join clocks of one rate, or timestamps, in time; a jump between them becomes a gap."""
        if positions is not None:
            raise NotImplementedError("signals are joined in order of time, not interleaved")
        indexes = list(indexes)
        (name,) = indexes[0].transform.coord_names
        clocks = [index.clock for index in indexes]
        rules = [clock for clock in clocks if isinstance(clock, Clock)]
        stamps = [clock for clock in clocks if isinstance(clock, Timestamps)]
        if rules and stamps:
            raise ParameterError("samples at a fixed rate and samples at any times cannot be joined in time")
        return cls.of(Timestamps.joined(stamps) if stamps else Clock.joined(rules), str(dim), name)


def time_coordinate(clock: AnyClock) -> xr.Coordinates:
    """Lazy `time` coordinate of a clock, ready for ``ds.assign_coords``."""
    return xr.Coordinates.from_xindex(ClockIndex.of(clock))


def clock_of(signals: xr.Dataset | xr.DataArray) -> AnyClock:
    """Clock of anything that still has its lazy `time`.

    Raises
    ------
    ParameterError
        The time axis was replaced (`resample`, `interp`, picking single samples) or never had a clock.
    """
    index = signals.xindexes.get(DIM)
    if isinstance(index, ClockIndex):
        return index.clock
    raise ParameterError(
        "signals have no clock on their time axis",
        expected="a `time` coordinate as sleepdask opens it",
        found=f"index {type(index).__name__}" if index is not None else "no index",
        fix="select with slices, or give it one with `assign_coords(time_coordinate(Clock.regular(...)))`",
    )


def regular_clock_of(signals: xr.Dataset | xr.DataArray) -> Clock:
    """Clock of anything whose samples come at a fixed rate, between gaps.

    Raises
    ------
    ParameterError
        They do not, or there is no clock.
    """
    clock = clock_of(signals)
    if isinstance(clock, Clock):
        return clock
    raise ParameterError(
        "samples do not come at a fixed rate",
        expected="a regular clock",
        found=_describe(clock),
        fix="put them onto one with sleepdask.align",
    )


def _describe(clock: AnyClock) -> str:
    if isinstance(clock, Timestamps):
        return f"{clock.size} samples at any times, about {float(clock.rate):.3g} Hz, from {clock.moment(clock.start)}"
    return f"{clock.size} samples at {float(clock.rate):g} Hz from {clock.times(0)}"


def _first(label: Any) -> Times:
    """First instant of each label."""
    if isinstance(label, str):
        return np.asarray(local_instant(label), "datetime64[ns]")
    values = np.asarray(label)
    if values.dtype == object:  # objects of pandas and datetime: NumPy alone would drop their nanoseconds
        values = np.array([local_instant(value) for value in values.flat], "datetime64[ns]").reshape(values.shape)
    if values.dtype.kind not in "MU":
        raise ParameterError("labels of time are instants", found=repr(label), fix="use isel for sample numbers")
    return np.asarray(values, "datetime64[ns]")


def _elapsed(label: Any) -> Times:
    """Lengths of time since a start that nobody knows."""
    try:
        return np.asarray(pd.to_timedelta(label), "timedelta64[ns]")
    except (ValueError, TypeError) as error:
        raise ParameterError(
            "the recording has no date: times are lengths of time since its start",
            expected="such as '90min' or a timedelta64",
            found=repr(label),
        ) from error


def _after(label: Any) -> Times:
    """First instant after each label; a text means its whole unit."""
    if isinstance(label, str):
        first = local_instant(label)
        unit = np.array(1, f"timedelta64[{np.datetime_data(first)[0]}]")
        return np.asarray(first + unit, "datetime64[ns]")
    return _first(label) + np.timedelta64(1, "ns")
