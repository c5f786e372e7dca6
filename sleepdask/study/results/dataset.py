"""The features of all recordings as one table that is read when, and as far as, it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

import dask
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from sleepdask.study.files import StudyFiles
from sleepdask.study.parts import part_name
from sleepdask.study.results.columns import ROW, select_columns
from sleepdask.study.results.covariates import Covariates, check_names, covariate_names, covariate_table
from sleepdask.study.results.reading import PartReader

if TYPE_CHECKING:
    import dask.dataframe as dd

ID = "recording_id"
_PARTITION_BYTES = 16 << 20
_one_at_a_time = Lock()
_EPOCHS = 1200  # of a usual recording: ten hours of 30 s


def open_dataset(files: StudyFiles, ids: Sequence[str], schema: pa.Schema) -> ds.Dataset:
    """Open the tables of these recordings as one dataset of Arrow; nothing is read, and no folder is listed.

    Parameters
    ----------
    files
        Of the study.
    ids
        Recordings that have a table.
    schema
        Of each table.

    Returns
    -------
    dataset
        Columns of the tables, and ``recording_id``, a string: "007" stays "007". A table of an earlier plan, which
        lacks a column, gives nulls there.
    """
    filesystem, root = files.arrow()
    return ds.FileSystemDataset.from_paths(
        [f"{root}/{part_name(name)}" for name in ids],
        schema=schema.append(pa.field(ID, pa.string())),
        format=ds.ParquetFileFormat(),
        filesystem=filesystem,
        partitions=[ds.field(ID) == name for name in ids],
    )


def features(
    files: StudyFiles,
    ids: Sequence[str],
    schema: pa.Schema,
    *,
    columns: str | Sequence[str] | None = None,
    covariates: Covariates | None = None,
    recordings_per_partition: int | None = None,
) -> dd.DataFrame:
    """Table of all epochs of all recordings; lazy.

    Parameters
    ----------
    files
        Of the study.
    ids
        Recordings that have a table, in the order in which they are wanted.
    schema
        Of each table.
    columns
        Names or globs, such as ``"*/bandpower_delta"`` or ``"EEG*"``; default all.
    covariates
        By id, what becomes a column of its own; all that are in it.
    recordings_per_partition
        Default as many as make some 16 MiB.

    Returns
    -------
    frame
        Columns ``recording_id``, the covariates, ``epoch``, ``start``, ``stage`` (NaN where not scored), and those
        chosen, of pandas' types: NaN where there is no value. Operations on it read no other columns than they need,
        and no other partitions. The index counts the rows of a partition.

    Raises
    ------
    ParameterError
        A pattern means no column, or a covariate is called like a column.
    FileFormatError
        When computed: a table is missing, damaged, or of an earlier plan.
    """
    import dask.dataframe as dd

    chosen = [*ROW, *select_columns([name for name in schema.names if name not in ROW], columns)]
    names = covariate_names(covariates or {})
    check_names(names, [ID, *schema.names])
    known = covariate_table(covariates or {}, ids, names)
    read = _Read(PartReader(files, schema), (ID, *names, *chosen))
    meta = read(known.iloc[:0])
    if not ids:
        with _as_pandas_has_them():
            empty: dd.DataFrame = dd.from_pandas(meta, npartitions=1)
            return empty
    size = recordings_per_partition or max(1, _PARTITION_BYTES // (8 * _EPOCHS * len(chosen)))
    parts = [known.iloc[cut : cut + size] for cut in range(0, len(ids), size)]
    with _as_pandas_has_them():
        frame: dd.DataFrame = dd.from_map(read, parts, meta=meta, label="features")
        return frame


@contextmanager
def _as_pandas_has_them() -> Iterator[None]:
    """Texts keep the type ``str``, missing as NaN: Dask would make them another one, which has a missing of its own."""
    with _one_at_a_time, dask.config.set({"dataframe.convert-string": False}):
        yield


@dataclass(frozen=True)
class _Read:
    """Makes one partition; Dask names the columns that it needs of it."""

    reader: PartReader
    names: tuple[str, ...]
    token: str = field(default_factory=lambda: uuid4().hex)  # files change: no result of another view is taken for it

    def __call__(self, known: pd.DataFrame, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read the recordings that are the index of `known`."""
        wanted = list(self.names if columns is None else columns)
        schema = self.reader.schema
        own = [name for name in wanted if name in schema.names]
        tables = [self.reader.table(name, own) for name in known.index]
        none = pa.schema([schema.field(name) for name in own]).empty_table()
        frame = pa.concat_tables([none, *tables]).to_pandas()
        rows = [len(table) for table in tables]
        given = known.reset_index()
        values = {
            name: frame[name].array if name in own else given[name].repeat(rows).array for name in dict.fromkeys(wanted)
        }
        return pd.DataFrame(values, index=pd.RangeIndex(sum(rows)))[wanted]
