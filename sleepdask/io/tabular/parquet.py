"""A Parquet file: its footer is read when it is opened, its numbers row group by row group when they are needed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.io.file_state import FileState
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import Source, open_source
from sleepdask.io.streams import NAT
from sleepdask.io.tabular.array import TableArray
from sleepdask.io.tabular.checks import check_columns
from sleepdask.io.tabular.numbers import finite, numbers
from sleepdask.io.tabular.spec import CACHE, kept
from sleepdask.io.tabular.times import BlockTimes, TimeFormat, Times, joined_times, times_of_block

_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


@dataclass(frozen=True)
class ParquetBlocks:
    """Row groups of a Parquet file; picklable, with no handle in it.

    Parameters
    ----------
    state
        The file.
    sizes
        Rows of each row group.
    numbers
        Columns that are read as numbers.
    """

    state: FileState
    sizes: tuple[int, ...] = field(repr=False)
    numbers: tuple[str, ...] = ()

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return *self.state.__dask_tokenize__(), self.numbers

    def blocks(self, which: Iterable[int]) -> Iterator[NDArray[np.float64]]:
        """Numbers of some row groups, dims (column, row), NaN where missing; from the cache if they are there.

        Raises
        ------
        ChangedFileError
            The file is not as it was when it was opened.
        """
        with self.state.opened() as source:

            def parsed(number: int) -> NDArray[np.float64]:
                with _parquet(source, self.state.path) as file:
                    group = file.read_row_group(number, columns=list(self.numbers), use_threads=False)
                    return kept(np.stack([_floats(group[name])[0] for name in self.numbers]))

            for number in which:
                yield CACHE.get_or_compute((*self.__dask_tokenize__(), number), partial(parsed, number))


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, as `open` found it.

    Parameters
    ----------
    blocks
        Its row groups.
    names
        Of all columns.
    texts
        Columns that hold texts.
    times
        Of the rows, if columns of them were named.
    """

    blocks: ParquetBlocks
    names: tuple[str, ...]
    texts: frozenset[str] = frozenset()
    times: Times | None = None
    ragged: int = 0
    uncounted: int = 0

    @classmethod
    def open(
        cls,
        path: Path | RemoteFile,
        columns: Sequence[str] = (),
        *,
        time: Sequence[str] = (),
        time_format: TimeFormat | None = None,
    ) -> ParquetTable:
        """Read the footer and the times.

        Parameters
        ----------
        path
            The file.
        columns
            Names of those that are needed.
        time, time_format
            Columns of the times, and how they are written where they are texts or numbers.

        Raises
        ------
        FileFormatError
            It is no Parquet file, or has not these columns, or most times cannot be read.
        """
        with open_source(path) as source, _parquet(source, path) as file:
            schema, groups = file.schema_arrow, range(file.num_row_groups)
            check_columns(columns, schema.names, path)
            check_columns(time, schema.names, path)
            sizes = tuple(file.metadata.row_group(group).num_rows for group in groups)
            texts = frozenset(each.name for each in schema if _is_text(each.type))
            times = None
            if time:
                of_groups = (file.read_row_group(group, columns=list(time), use_threads=False) for group in groups)
                times = _times(of_groups, tuple(time), time_format or TimeFormat(), str(path))
            state = FileState.of(path, source)
            return cls(ParquetBlocks(state, sizes), tuple(schema.names), texts, times)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(self.blocks.sizes)

    def values(self, names: Sequence[str], dtype: str = "float32") -> TableArray:
        """Some columns as a lazy array of xarray's, dims (channel, row); NaN where missing."""
        check_columns(names, self.names, self.blocks.state.path)
        return TableArray(replace(self.blocks, numbers=tuple(names)), tuple(names), dtype)

    def cells_of(self, name: str) -> tuple[int, int]:
        """Number of cells of a column that are numbers (all, unless it holds texts), and of those that are bad."""
        if name not in self.texts:
            return self.rows, 0
        blocks, good, bad = self.blocks, 0, 0
        with blocks.state.opened() as source, _parquet(source, blocks.state.path) as file:
            for group in range(len(blocks.sizes)):
                found, odd = _floats(file.read_row_group(group, columns=[name], use_threads=False)[name])
                good, bad = good + len(found) - int(np.count_nonzero(np.isnan(found))), bad + odd
        return good, bad


class _File(io.RawIOBase):
    """A source as a file of Python's, which is what Parquet's reader wants."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(self._at, self._source.size - self._at if size is None or size < 0 else size)
        self._at += len(data)
        return data


@contextmanager
def _parquet(source: Source, where: object) -> Iterator[Any]:
    try:
        with pq.ParquetFile(pa.PythonFile(_File(source), "r")) as file:
            yield file
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowIOError) as error:
        found = " ".join(str(error).split())[:200]
        raise FileFormatError("it is no Parquet file, or damaged", where=where, found=found) from None


def _is_text(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _floats(column: Any) -> tuple[NDArray[np.float64], int]:
    """Numbers of a column, and how many of its texts are none."""
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if _is_text(column.type):
        return numbers(pc.cast(column, pa.string()), ("",))
    return finite(pc.cast(column, pa.float64()))


def _times(groups: Iterator[Any], names: tuple[str, ...], time_format: TimeFormat, where: str) -> Times:
    """Times of all rows: a column of instants or dates as it is, texts and numbers by their format."""
    found: list[BlockTimes] = []
    stamps: list[NDArray[np.int64]] = []
    unit, zoned = "ns", False
    for group in groups:
        columns = [group[name].combine_chunks() for name in names]
        kind = columns[0].type
        if len(names) == 1 and pa.types.is_timestamp(kind):
            unit, zoned = kind.unit, kind.tz is not None
            stamps.append(_nanoseconds(columns[0], unit, where))
        elif len(names) == 1 and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            whole = pa.types.is_integer(kind) and not columns[0].null_count
            numbers_of = columns[0].to_numpy(zero_copy_only=False) if whole else _decimals(columns[0], kind)
            found.append(times_of_block([numbers_of], time_format))
        else:
            found.append(times_of_block([pc.cast(column, pa.string()) for column in columns], time_format))
    if stamps:
        return Times(np.concatenate(stamps), zoned, _UNITS[unit])
    return joined_times(found, time_format, where)


def _decimals(column: Any, kind: Any) -> Any:
    """Numbers with nulls: integers as texts, which are exact, floating ones as they are."""
    return pc.cast(column, pa.string()) if pa.types.is_integer(kind) else finite(column)[0]


def _nanoseconds(column: Any, unit: str, where: str) -> NDArray[np.int64]:
    try:
        column = pc.cast(column, pa.timestamp("ns", column.type.tz))
    except pa.ArrowInvalid:
        expected, found = "years 1678 to 2261", f"times in {unit} beyond them"
        raise FileFormatError("its times are too far away", where=where, expected=expected, found=found) from None
    valid = np.asarray(pc.is_valid(column).to_numpy(zero_copy_only=False), bool)
    stamps = np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy(zero_copy_only=False), np.int64)
    return np.where(valid, stamps, NAT)
