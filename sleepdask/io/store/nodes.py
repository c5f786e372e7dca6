"""A node of a recording as a store holds it: everything but samples in memory, and looked at before it is written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.local import get_sync
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.io.store.arrays import create_array, shard_writes
from sleepdask.io.store.layout import Layout
from sleepdask.io.store.metadata import METADATA, RECORDING, VERSION
from sleepdask.io.store.variables import NUMBERS, OURS, encode, storable
from sleepdask.signals.clock_json import clock_document
from sleepdask.signals.index import DIM, ClockIndex, clock_of
from sleepdask.signals.recording import IDENTITY, SIGNAL, recording_id
from sleepdask.signals.timestamps import AnyClock, Timestamps

PROVENANCE = "provenance"  # attribute of the root that only a store has
DEEPEST = 16  # nodes in nodes
MOST_VALUES = 1 << 26  # of a variable that is read when the store is opened
_RESERVED = {"", ".", "..", "c", METADATA}


@dataclass(frozen=True)
class StoredNode:
    """One node: `small` variables as Zarr holds them, `large` ones (along a clock) as they are, still lazy."""

    path: str
    attrs: dict[str, Any]
    small: dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]
    large: dict[str, tuple[xr.Variable, Layout, dict[str, Any]]]

    def create(self, folder: Path) -> list[da.Array]:
        """Make all arrays, fill the small ones, and give out lazy writes of the large ones."""
        writes = []
        for name, (dims, values, attrs) in self.small.items():
            create_array(folder / self.path / name, dims, values.shape, values.dtype, attrs)[...] = values
        for name, (variable, layout, attrs) in self.large.items():
            array, dims = folder / self.path / name, tuple(map(str, variable.dims))
            create_array(array, dims, variable.shape, variable.dtype, attrs, layout)
            if variable.size:
                writes.append(shard_writes(variable, array, layout.shard))
        return writes

    def arrays(self, folder: Path) -> list[Path]:
        """Where the arrays are."""
        return [folder / self.path / name for name in (*self.small, *self.large)]


def stored_nodes(recording: xr.DataTree) -> list[StoredNode]:
    """Nodes of a recording, the root first.

    Raises
    ------
    ParameterError
        Something of it cannot be stored, or this is no recording.
    """
    if not isinstance(recording, xr.DataTree):
        raise ParameterError("this is no recording", expected="a DataTree", found=type(recording).__name__)
    return list(_nodes(recording))


def is_safe(name: object) -> bool:
    """Whether a name of a node or variable stays inside its folder and means nothing to Zarr."""
    return (
        isinstance(name, str) and name not in _RESERVED and not name.startswith("__") and not set(name) & set("/\\\0")
    )


def _nodes(recording: xr.DataTree) -> Iterator[StoredNode]:
    for node in recording.subtree:
        path = node.relative_to(recording)
        where = f"{recording_id(recording)}/{path}".removesuffix("/.")
        children = [_safe(name, where) for name in node.children]
        if path.count("/") >= DEEPEST:
            raise ParameterError("nodes are nested too deeply", where=where, expected=f"at most {DEEPEST} levels")
        told: dict[str, Any] = {"children": children}
        dataset = node.to_dataset(inherit=node is recording)
        if node is recording:
            told = {"format": RECORDING, "version": VERSION, "name": recording.name} | told
            dataset = dataset.assign_attrs({})
            dataset.attrs.pop(PROVENANCE, None)
            if IDENTITY in dataset.attrs:
                problem = "a recording that names the patient, the staff or the device is not stored"
                raise ParameterError(problem, where=where, fix="open it without keep_identity")
        yield _node(dataset, path, told, where)


def _node(dataset: xr.Dataset, path: str, told: dict[str, Any], where: str) -> StoredNode:
    clocks = [name for name, index in dataset.xindexes.items() if isinstance(index, ClockIndex)]
    clock = clock_of(dataset) if clocks or SIGNAL in dataset.variables else None
    small: dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]] = {}
    large = {}
    for key, variable in dataset.variables.items():
        here = f"{where}/{_safe(key, where)}"
        if clock is not None and key == DIM:
            told["clock"] = clock_document(clock)
            if isinstance(clock, Timestamps):
                if clock.size > MOST_VALUES:
                    limit = f"at most {MOST_VALUES:,} samples at any times"
                    raise ParameterError("a node has too many times", where=here, expected=limit)
                small[DIM] = ((DIM,), clock.stamps, {})
            told["clock_attrs"] = storable(variable.attrs, here, {})
        elif clock is not None and DIM in variable.dims:
            large[str(key)] = (variable, _layout(variable, clock, here), storable(variable.attrs, here, {}))
        else:
            if variable.size > MOST_VALUES:
                limit = f"at most {MOST_VALUES:,} values"
                raise ParameterError("a variable that is not along a clock is too large", where=here, expected=limit)
            values, needed = encode(_values(variable), here)
            small[str(key)] = (tuple(map(str, variable.dims)), values, storable(variable.attrs, here, needed))
    told |= {"variables": list(map(str, dataset.variables)), "coords": list(map(str, dataset.coords))}
    others = [name for name in told["coords"] if name not in dataset.dims and " " not in name]
    attrs = storable(dataset.attrs, where, {OURS: told, "coordinates": " ".join(others)})
    return StoredNode("" if path == "." else path, attrs, small, large)


def _values(variable: xr.Variable) -> NDArray[Any]:
    """Values of what was in memory before somebody cut all of a recording in chunks; no scheduler is asked."""
    return variable.values if variable.chunks is None else variable.compute(scheduler=get_sync).values


def _layout(variable: xr.Variable, clock: AnyClock, where: str) -> Layout:
    if variable.dtype.name not in NUMBERS:
        kind = str(variable.dtype)
        raise ParameterError("samples of this kind cannot be stored", where=where, expected="numbers", found=kind)
    rows = int(np.prod([n for dim, n in variable.sizes.items() if dim != DIM]))
    return Layout.of(clock.rate, clock.size, rows, variable.dtype.itemsize)


def _safe(name: Hashable, where: str) -> str:
    if not is_safe(name):
        problem = "this name of a node or variable cannot be stored"
        raise ParameterError(problem, where=where, found=repr(name), fix="rename it")
    return str(name)
