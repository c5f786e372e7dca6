"""The table of one recording: a Parquet file that has the columns of the whole study."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from sleepdask.errors import ChangedFileError
from sleepdask.io.results import arrow_metadata, from_arrow
from sleepdask.io.tables import flat_columns

PARTITION = "recording_id="  # folders of one recording each are called so, as Hive calls them
_CONTENT = b"sleepdask_content"
_ELAPSED = b"sleepdask_elapsed"  # first start, and step, in ns, of a recording without a date: its column is null


def part_name(recording_id: str) -> str:
    """File of a recording within the study: a partition as Hive lays them out."""
    return f"features/{PARTITION}{recording_id}/part-0.parquet"


def arrays_name(recording_id: str) -> str:
    """Folder of the features of a recording as arrays."""
    return f"arrays/{recording_id}.zarr"


def part_bytes(features: xr.DataTree, schema: pa.Schema, content_key: str = "") -> bytes:
    """Computed features as a Parquet file of these columns: null where the recording has no such channel.

    Parameters
    ----------
    features
        Of one recording.
    schema
        Columns of all recordings.
    content_key
        What they were computed of, which `content_of` tells.

    Raises
    ------
    ChangedFileError
        They have a column that is none of these.
    """
    columns = flat_columns(features)
    if more := [name for name in columns if name not in schema.names]:
        raise ChangedFileError(
            "the recording is not as it was when all were looked at",
            found=f"{len(more)} columns more, such as {more[0]}",
            fix="run the study again",
        )
    metadata = arrow_metadata(features) | {_CONTENT: content_key.encode()}
    starts = features.coords["start"].values
    if starts.dtype.kind == "m":
        ticks = starts[:2].astype(np.int64)
        metadata[_ELAPSED] = json.dumps([int(ticks[0]), int(np.diff(ticks).sum())]).encode()
        del columns["start"]  # it has no instant
    arrays = [_array(columns.get(field.name), field.type, len(starts)) for field in schema]
    sink = pa.BufferOutputStream()
    texts = [field.name for field in schema if field.type == pa.string()]  # numbers hardly repeat
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema.with_metadata(metadata)), sink, use_dictionary=texts)
    return bytes(sink.getvalue())


def content_of(data: bytes) -> str:
    """Key of what the features in a file were computed of; empty if it does not say."""
    metadata = pq.read_metadata(pa.BufferReader(data)).metadata or {}
    return str(metadata.get(_CONTENT, b"").decode())


def read_part(data: bytes, where: object = "") -> xr.DataTree:
    """Give the features again that `part_bytes` made a file of."""
    table = pq.ParquetFile(pa.BufferReader(data)).read()
    elapsed = (table.schema.metadata or {}).get(_ELAPSED)
    if elapsed is not None:
        first, step = json.loads(elapsed)
        starts = first + step * np.arange(len(table))
        table = table.set_column(table.schema.get_field_index("start"), "start", pa.array(starts, pa.duration("ns")))
    return from_arrow(table, where)


def _array(values: Any, kind: pa.DataType, length: int) -> pa.Array:
    """Column of a type, NaN as null; all null if there are no values."""
    return pa.nulls(length, kind) if values is None else pa.array(values, from_pandas=True).cast(kind)
