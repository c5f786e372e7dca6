"""Tables written piece by piece, as CSV or Parquet."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sleepdask.errors import ParameterError
from sleepdask.io.cells import escaped

SUFFIXES = (".csv", ".parquet")
_ROW_GROUP_BYTES = 16 << 20


class TableFile(ABC):
    """A table that is being written; ``rows`` counts what has been."""

    rows = 0

    def write(self, rows: pa.Table) -> None:
        """Put rows behind those that are there."""
        self._write(rows)
        self.rows += len(rows)

    @abstractmethod
    def _write(self, rows: pa.Table) -> None: ...


@contextmanager
def table_file(path: Path, schema: pa.Schema) -> Iterator[TableFile]:
    """Context in which a table of these columns is written, in the format that the suffix names.

    CSV (UTF-8) has floats with all their digits, nothing where there is no value, and an apostrophe before texts that a
    spreadsheet would take for formulas.
    """
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            yield _Csv(csv.writer(file, lineterminator="\n"), schema)
    else:
        with pq.ParquetWriter(path, schema) as writer:
            table = _Parquet(writer)
            yield table
            table.flush()


def check_suffix(path: Path) -> None:
    """Refuse formats that cannot be written."""
    if path.suffix not in SUFFIXES:
        raise ParameterError("unknown format", where=path, expected=f"a name that ends in {' or '.join(SUFFIXES)}")


class _Csv(TableFile):
    def __init__(self, writer: Any, schema: pa.Schema) -> None:
        self._writer = writer
        writer.writerow([escaped(name) for name in schema.names])

    def _write(self, rows: pa.Table) -> None:
        self._writer.writerows(zip(*map(_cells, rows.columns), strict=True))


class _Parquet(TableFile):
    """Gathers pieces into row groups worth reading."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._waiting: list[pa.Table] = []
        self._bytes = 0

    def _write(self, rows: pa.Table) -> None:
        self._waiting.append(rows)
        self._bytes += rows.nbytes
        if self._bytes >= _ROW_GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting))
        self._waiting, self._bytes = [], 0


def _cells(column: pa.ChunkedArray) -> list[str]:
    text = escaped if pa.types.is_string(column.type) else repr
    return ["" if value is None else text(value) for value in column.to_pylist()]
