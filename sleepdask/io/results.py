"""Feature files: every format is written from, and read back to, the same tree."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.tables import describe, flat_table, tree_from_table

PROVENANCE = "provenance.json"
_DESCRIPTION = "sleepdask"  # key of the description in a file's own metadata
_LISTS = ("notes", "findings")


def open_features(path: str | os.PathLike[str]) -> xr.DataTree:
    """Open written features: units, definitions and references are back.

    Parameters
    ----------
    path
        Folder that `sleepdask extract` wrote, or one of its feature files.

    Returns
    -------
    features
        Tree as `extract` gives it, in memory.

    Raises
    ------
    FileFormatError
        There are no features, or they were not written by sleepdask.
    """
    path = Path(path)
    if path.is_dir() and path.suffix != ".zarr":
        there = [path / name for name in FILE_NAMES.values() if (path / name).exists()]
        if not there:
            raise FileFormatError(
                "no features in this folder", where=path, expected=f"one of {', '.join(FILE_NAMES.values())}"
            )
        path = there[0]
    if not path.exists():
        raise FileFormatError("no such file or folder", where=path)
    for kind, name in FILE_NAMES.items():
        if path.suffix == Path(name).suffix:
            return _READERS[kind](path)
    raise FileFormatError("not a feature file", where=path, expected=f"one of {', '.join(FILE_NAMES.values())}")


def write_features(features: xr.DataTree, path: Path, kind: str) -> None:
    """Write computed features in one of the formats `FILE_NAMES`; `path` may be a temporary name."""
    _WRITERS[kind](features, path)


def check_formats(kinds: list[str]) -> None:
    """Refuse unknown formats, and NetCDF where its library is not installed."""
    for kind in kinds:
        if kind not in FILE_NAMES:
            raise ParameterError("unknown format", expected=f"one of {', '.join(FILE_NAMES)}", found=repr(kind))
    if "netcdf" in kinds:
        try:
            import h5netcdf  # noqa: F401
            import h5py  # noqa: F401
        except ImportError as error:
            raise ParameterError("NetCDF needs h5netcdf and h5py", fix="pip install 'sleepdask[netcdf]'") from error


def _write_parquet(features: xr.DataTree, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(flat_table(features), preserve_index=False)
    metadata = {
        **(table.schema.metadata or {}),
        _DESCRIPTION.encode(): json.dumps(describe(features)).encode(),
    }
    pq.write_table(table.replace_schema_metadata(metadata), path)


def _read_parquet(path: Path) -> xr.DataTree:
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    description = (table.schema.metadata or {}).get(_DESCRIPTION.encode())
    if description is None:
        raise FileFormatError("a table that sleepdask did not write", where=path)
    return tree_from_table(table.to_pandas(), json.loads(description))


def _write_csv(features: xr.DataTree, path: Path) -> None:
    """Values with all their digits; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    table = flat_table(features)
    table.columns = [f"'{name}" if name[:1] in "=+-@\t\r" else name for name in table.columns]
    table.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%f", quoting=csv.QUOTE_MINIMAL)


def _read_csv(path: Path) -> xr.DataTree:
    provenance = path.with_name(PROVENANCE)
    if not provenance.exists():
        raise FileFormatError(f"a CSV table needs {PROVENANCE} beside it for units and definitions", where=path)
    table = pd.read_csv(path, parse_dates=["start"], dtype={"stage": "str"}, float_precision="round_trip")
    table.columns = [name.removeprefix("'") if name[1:2] in "=+-@\t\r" else name for name in table.columns]
    return tree_from_table(table, json.loads(provenance.read_text("utf-8"))["table"])


def _write_zarr(features: xr.DataTree, path: Path) -> None:
    _storable(features).to_zarr(path, mode="w", consolidated=False)


def _write_netcdf(features: xr.DataTree, path: Path) -> None:
    _storable(features).to_netcdf(path, engine="h5netcdf")


def _read_zarr(path: Path) -> xr.DataTree:
    return _restored(xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None))


def _read_netcdf(path: Path) -> xr.DataTree:
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return _restored(tree.load())


def _storable(features: xr.DataTree) -> xr.DataTree:
    """Fixed-width texts as objects, which every format keeps, and lists in the attributes as JSON."""

    def convert(node: xr.Dataset) -> xr.Dataset:
        texts = {name: node[name].astype(object) for name in node.variables if node[name].dtype.kind == "U"}
        return node.assign_coords({k: v for k, v in texts.items() if k in node.coords}).assign(
            {k: v for k, v in texts.items() if k in node.data_vars}
        )

    stored = features.map_over_datasets(convert)
    stored.attrs = _with_lists(features.attrs, json.dumps)
    return stored


def _restored(tree: xr.DataTree) -> xr.DataTree:
    def convert(node: xr.Dataset) -> xr.Dataset:
        node = node.load()
        texts = {name: node[name].astype(str) for name in node.variables if node[name].dtype.kind in "OT"}
        return node.assign_coords({k: v for k, v in texts.items() if k in node.coords}).assign(
            {k: v.astype(object) if k == "reason" else v for k, v in texts.items() if k in node.data_vars}
        )

    if "epoch" not in tree.coords:
        raise FileFormatError("a store that sleepdask did not write", where=tree.encoding.get("source", ""))
    restored = tree.map_over_datasets(convert)
    restored.attrs = _with_lists(tree.attrs, json.loads)
    return restored


def _with_lists(attrs: Mapping[Any, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}
    return {name: convert(value) if name in _LISTS else value for name, value in plain.items()}


FILE_NAMES = {
    "parquet": "features.parquet",
    "zarr": "features.zarr",
    "netcdf": "features.nc",
    "csv": "features.csv",
}
_WRITERS: dict[str, Callable[[xr.DataTree, Path], None]] = {
    "parquet": _write_parquet,
    "zarr": _write_zarr,
    "netcdf": _write_netcdf,
    "csv": _write_csv,
}
_READERS: dict[str, Callable[[Path], xr.DataTree]] = {
    "parquet": _read_parquet,
    "zarr": _read_zarr,
    "netcdf": _read_netcdf,
    "csv": _read_csv,
}
