"""What text tables and Parquet files have in common, for those that read devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.tabular.array import TableArray
from sleepdask.io.tabular.file import TableFile, first_row
from sleepdask.io.tabular.layout import TableLayout
from sleepdask.io.tabular.parquet import ParquetTable
from sleepdask.io.tabular.times import Times
from sleepdask.zones import Zone

PARQUET = ".parquet"
SUFFIXES = (".csv", ".tsv", ".txt", PARQUET)
_DELIMITERS = (",", ";", "\t", "|")


class Table(Protocol):
    """A table whose numbers are lazy."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def ragged(self) -> int:
        """Rows that were left out, as they have fewer or more cells."""

    @property
    def uncounted(self) -> int:
        """Lines between rows that are none: a row that came after them has another number than its place says."""

    @property
    def times(self) -> Times | None:
        """Of the rows, if columns of them were named."""

    def values(self, names: Sequence[str], dtype: str = "float32") -> TableArray:
        """Some columns as a lazy array, dims (channel, row)."""

    def cells_of(self, name: str) -> tuple[int, int]:
        """Cells of a column that are numbers, and that are neither a number nor empty."""


def open_layout(path: Path | RemoteFile, layout: TableLayout, zone: Zone | None = None) -> Table:
    """Open a table of a layout, Parquet by its name, all others as text.

    Parameters
    ----------
    path
        The file.
    layout
        What its columns hold.
    zone
        Of the device's clock.

    Raises
    ------
    FileFormatError
        It is not of this layout.
    """
    time, times = layout.times, layout.times_format(zone)
    if path.name.lower().endswith(PARQUET):
        return ParquetTable.open(path, layout.needed, time=time, time_format=times)
    delimiter = layout.delimiter or _delimiter(path, layout)
    return TableFile.open(path, layout.text_format(delimiter), time=time, time_format=times)


def _delimiter(path: Path | RemoteFile, layout: TableLayout) -> str:
    """Delimiter that makes all columns that are needed; if none does, the one that makes most columns."""
    found = {
        delimiter: first_row(path, layout.text_format(delimiter))
        for delimiter in _DELIMITERS
        if delimiter != layout.decimal or layout.quoted
    }
    for delimiter, cells in found.items():
        if len(cells) == len(layout.names) if layout.names else set(layout.needed) <= set(cells):
            return delimiter
    return max(found, key=lambda delimiter: len(found[delimiter]))
