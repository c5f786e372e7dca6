"""Feature files: every format is written from, and read back to, the same tree."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sleepdask.errors import FileFormatError, ParameterError, did_you_mean
from sleepdask.io.cells import escaped, unescaped
from sleepdask.io.tables import describe, flat_table, tree_from_table

PROVENANCE = "provenance.json"
_DESCRIPTION = "sleepdask"  # key of the description in a file


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

    Examples
    --------
    >>> import sleepdask as sd
    >>> sd.open_features("out/")["128Hz/hjorth_activity"].attrs["units"]
    'uV^2'
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


def description(schema: Any) -> dict[str, Any]:
    """Description of the features of a table of Arrow: what `describe` gave when it was written; `KeyError` if none."""
    document: dict[str, Any] = json.loads((schema.metadata or {})[_DESCRIPTION.encode()])
    return document


def write_features(features: xr.DataTree, path: Path, kind: str) -> None:
    """Write computed features in one of the formats `FILE_NAMES`; `path` may be a temporary name."""
    _WRITERS[kind](features, path)


def check_formats(kinds: list[str]) -> None:
    """Refuse unknown formats, and NetCDF where its library is not installed."""
    for kind in kinds:
        if kind not in FILE_NAMES:
            known = f"one of {', '.join(FILE_NAMES)}"
            raise ParameterError("unknown format", expected=known, found=repr(kind), fix=did_you_mean(kind, FILE_NAMES))
    if "netcdf" in kinds:
        try:
            import h5netcdf  # noqa: F401
            import h5py  # noqa: F401
        except ImportError as error:
            raise ParameterError("NetCDF needs h5netcdf and h5py", fix="pip install 'sleepdask[netcdf]'") from error


def to_arrow(features: xr.DataTree) -> Any:
    """Table of Arrow with the columns of `flat_table`, its description as metadata; NaN is null."""
    import pyarrow as pa

    table = pa.Table.from_pandas(flat_table(features), preserve_index=False)
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **arrow_metadata(features)})


def arrow_metadata(features: xr.DataTree) -> dict[bytes, bytes]:
    """What a table of features must carry for `from_arrow`."""
    return {_DESCRIPTION.encode(): json.dumps(describe(features)).encode()}


def from_arrow(table: Any, where: object) -> xr.DataTree:
    """Give the features again that `to_arrow` made a table of; columns that it had not do not matter."""
    try:
        described = description(table.schema)
    except KeyError:
        raise FileFormatError("a table that sleepdask did not write", where=where) from None
    return tree_from_table(table.to_pandas(), described)


def _write_parquet(features: xr.DataTree, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(to_arrow(features), path)


def _read_parquet(path: Path) -> xr.DataTree:
    import pyarrow.parquet as pq

    return from_arrow(pq.ParquetFile(path).read(), path)


def _write_csv(features: xr.DataTree, path: Path) -> None:
    """Values with all their digits; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    table = flat_table(features)
    table.columns = [escaped(name) for name in table.columns]
    table["start"] = [time.isoformat() for time in table["start"]]
    table.to_csv(path, index=False, quoting=csv.QUOTE_MINIMAL)


def _read_csv(path: Path) -> xr.DataTree:
    provenance = path.with_name(PROVENANCE)
    if not provenance.exists():
        raise FileFormatError(f"a CSV table needs {PROVENANCE} beside it for units and definitions", where=path)
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    for name in table.columns:
        if name not in ("epoch", "start", "stage") and not name.endswith("/status"):
            table[name] = np.array([float(text or "nan") for text in table[name]])  # exact, as pandas' is not always
    texts = table["start"]
    if texts.str.startswith("P").any():  # a length of time, as ISO 8601 has it
        table["start"] = pd.to_timedelta(texts)
    else:
        table["start"] = pd.to_datetime(texts, utc=True, format="ISO8601").dt.tz_localize(None)
    table["epoch"] = table["epoch"].astype(np.int64)
    table.columns = [unescaped(name) for name in table.columns]
    return tree_from_table(table, json.loads(provenance.read_text("utf-8"))["table"])


def _write_zarr(features: xr.DataTree, path: Path) -> None:
    _storable(features).to_zarr(path, mode="w", consolidated=False)


def _write_netcdf(features: xr.DataTree, path: Path) -> None:
    _storable(features).to_netcdf(path, engine="h5netcdf")


def _read_zarr(path: Path) -> xr.DataTree:
    with xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None) as tree:
        return _restored(tree, path)


def _read_netcdf(path: Path) -> xr.DataTree:
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        return _restored(tree, path)


def _storable(features: xr.DataTree) -> xr.DataTree:
    """Texts as objects and lists as JSON, which every format keeps, and the description as a variable."""

    def convert(node: xr.Dataset) -> xr.Dataset:
        texts = {name: node[name].astype(object) for name in node.variables if node[name].dtype.kind == "U"}
        coords = {name: texts.pop(name) for name in node.coords if name in texts}
        return node.assign_coords(coords).assign(texts)

    stored = features.map_over_datasets(convert)
    stored.attrs = {k: json.dumps(v) if isinstance(v, list) else v for k, v in features.attrs.items()}
    stored[_DESCRIPTION] = xr.DataArray(np.array(json.dumps(describe(features)), object))
    return stored


def _restored(tree: xr.DataTree, path: Path) -> xr.DataTree:
    if _DESCRIPTION not in tree.data_vars:
        raise FileFormatError("a store that sleepdask did not write", where=path)
    return tree_from_table(flat_table(tree), json.loads(str(tree[_DESCRIPTION].item())))


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
