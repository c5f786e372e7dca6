"""Conversion of units: explicit, exact and lazy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeVar

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.recording import SIGNAL, matches, on_signals, recording_id, with_labels
from sleepdask.signals.types import TYPES
from sleepdask.signals.units import UNITS, dimension, factor, normal_unit, ratio

T = TypeVar("T", xr.DataTree, xr.Dataset)


def to_unit(recording: T, units: str | Mapping[str, str]) -> T:
    """Express signals in other units; lazy, chunks stay as they are.

    Parameters
    ----------
    recording
        A recording as `open_recording` gives it, or one of its nodes.
    units
        The unit of all channels, or a mapping from channels to their unit: a key is a signal type, or else the name
        or glob of channels. Channels that no key means are left alone.

    Returns
    -------
    recording
        The same with ``signal (channel, time)`` in these units, and the coordinate ``unit`` that says so;
        ``physical_dimension`` still holds what the file states. Floating samples keep their dtype, others become
        float64. Missing values stay missing.

    Raises
    ------
    ParameterError
        A unit is not known, the units of a channel do not measure the same, no factor converts them, a key means no
        channel, or two keys ask for different units of one channel.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.array([1.5, -2.0])}, rate=100, unit="mV")
    >>> sd.to_unit(night, {"eeg": "uV"})["100Hz"]["signal"].values.tolist()
    [[1500.0, -2000.0]]
    """
    wanted = {"*": units} if isinstance(units, str) else dict(units)
    where = recording_id(recording) if isinstance(recording, xr.DataTree) else "node"

    def asked(name: str, kind: str, unit: str) -> str:
        return _wanted_unit(name, kind, unit, wanted, where)

    if isinstance(recording, xr.DataTree):
        _check([node.to_dataset() for node in recording.subtree if SIGNAL in node.data_vars], wanted, where)
        return on_signals(recording, lambda node: _converted(node, asked, where))
    _check([recording], wanted, where)
    return _converted(recording, asked, where)


def in_units(recording: xr.DataTree, units: Mapping[str, str]) -> xr.DataTree:
    """Express channels in other units, as `to_unit` does; keys are their names, and none is a glob or a type.

    Raises
    ------
    ParameterError
        No factor converts the unit of a channel.
    """
    where = recording_id(recording)
    return on_signals(recording, lambda node: _converted(node, lambda name, _, unit: units.get(name, unit), where))


class ScaledArray(BackendArray):
    """Samples times an exact factor for each channel, dims (channel, time), read when indexed."""

    def __init__(self, source: xr.Variable, factors: tuple[Fraction, ...]) -> None:
        self.source, self.factors = source, factors
        self.shape = source.shape
        self.dtype = floating(source.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        rows, times = (part if isinstance(part, slice) else slice(int(part), int(part) + 1) for part in key)
        samples = _scaled(self.source[rows, times].values, self.factors[rows])
        return samples[tuple(slice(None) if isinstance(part, slice) else 0 for part in key)]


def _scaled(samples: NDArray[Any], factors: tuple[Fraction, ...]) -> NDArray[Any]:
    """Samples of some channels times their factors: a product and a quotient in float64, then rounded once."""
    up, down = (
        np.array([[getattr(each, part)] for each in factors], np.float64) for part in ("numerator", "denominator")
    )
    return (samples.astype(np.float64) * up / down).astype(floating(samples.dtype))


def _scaled_block(
    samples: NDArray[Any], factors: tuple[Fraction, ...], block_info: Mapping[int, Any] | None = None
) -> NDArray[Any]:
    first, after = block_info[0]["array-location"][0] if block_info else (0, len(samples))
    return _scaled(samples, factors[first:after])


def floating(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Dtype of samples once they are computed with: their own if it is a floating one, else float64."""
    return dtype if dtype.kind == "f" else np.dtype(np.float64)


def _check(nodes: list[xr.Dataset], wanted: Mapping[str, str], where: str) -> None:
    """Raise `ParameterError` where a unit is none to convert to, or a key means no channel."""
    channels = [channel for node in nodes for channel in described_channels(node, where)]
    for key, unit in wanted.items():
        if factor(normal_unit(unit)) is None:
            known = [each.name for each in UNITS if each.factor is not None]
            raise ParameterError(
                "signals cannot be put into this unit",
                where=where,
                expected=f"one of {', '.join(known)}",
                found=repr(unit),
                fix=did_you_mean(unit, known),
            )
        if not any(_means(key, name, kind) for name, kind, _ in channels):
            names = [name for name, _, _ in channels]
            raise ParameterError(
                f"no channel of {key!r} to convert",
                where=where,
                expected=f"a signal type, or one of {', '.join(names) or 'none: there are no channels'}",
                fix=did_you_mean(key, [*names, *TYPES]),
            )


def _converted(node: xr.Dataset, asked: Callable[[str, str, str], str], where: str) -> xr.Dataset:
    channels = described_channels(node, where)
    units = [asked(*channel) for channel in channels]
    factors = tuple(
        _exact(unit, new, f"{where}, channel {name}") for (name, _, unit), new in zip(channels, units, strict=True)
    )
    signal = node[SIGNAL].variable
    if any(each != 1 for each in factors):
        data: Any
        if signal.chunks is None:
            data = indexing.LazilyIndexedArray(ScaledArray(signal, factors))
        else:
            dtype = floating(signal.dtype)
            data = da.map_blocks(_scaled_block, signal.data, factors, dtype=dtype, meta=np.empty((0, 0), dtype))
        node = node.assign({SIGNAL: xr.Variable(signal.dims, data, signal.attrs, signal.encoding)})
    return node.assign_coords(unit=("channel", np.array(units, dtype=str)))


def _exact(unit: str, new: str, where: str) -> Fraction:
    if unit == new:
        return Fraction(1)
    exact = ratio(unit, new)
    if exact is None:
        raise ParameterError(
            f"{unit or 'no unit'} cannot be converted into {new}",
            where=where,
            expected=f"a unit of {dimension(new)}",
            found=f"{dimension(unit) or 'a unit that is not known'}" if unit else "no unit",
            fix="name only channels that measure it, such as {'eeg': 'uV'}",
        )
    return exact


def _wanted_unit(name: str, kind: str, unit: str, wanted: Mapping[str, str], where: str) -> str:
    """Unit that the keys ask for, or the one it has."""
    asked = {normal_unit(new): key for key, new in wanted.items() if _means(key, name, kind)}
    if len(asked) > 1:
        keys = ", ".join(f"{key!r}: {new!r}" for new, key in asked.items())
        raise ParameterError("two units are asked for", where=f"{where}, channel {name}", found=keys)
    return next(iter(asked), unit)


def _means(key: str, name: str, kind: str) -> bool:
    return key == kind if key in TYPES else matches(name, key)


def described_channels(node: xr.Dataset, where: str) -> list[tuple[str, str, str]]:
    """Name, type and unit of each channel of a node; `ParameterError` if it is no node of signals."""
    if SIGNAL not in node.data_vars or node[SIGNAL].dims != ("channel", "time"):
        raise ParameterError(
            "not a node of signals",
            where=where,
            expected="signal (channel, time)",
            found=f"dims {tuple(node[SIGNAL].dims)}" if SIGNAL in node.data_vars else "no signal",
            fix="convert before selecting, or select with lists, such as sel(channel=['C3'])",
        )
    node = with_labels(node)
    blank = np.full(node.sizes["channel"], "")
    kinds, units = (node[name].values if name in node.coords else blank for name in ("signal_type", "unit"))
    return [
        (str(name), str(kind), normal_unit(str(unit), str(kind)))
        for name, kind, unit in zip(node["channel"].values, kinds, units, strict=True)
    ]
