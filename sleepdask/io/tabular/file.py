"""A text table: opened by one pass over its lines, its numbers lazy, its memory flat."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.io.file_state import FileState
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import Source, open_source
from sleepdask.io.tabular.array import TableArray
from sleepdask.io.tabular.cells import Cells, cells
from sleepdask.io.tabular.checks import check_columns
from sleepdask.io.tabular.format import TableFormat, unique_names
from sleepdask.io.tabular.lines import encoding_of, spans, utf8
from sleepdask.io.tabular.scan import Scan
from sleepdask.io.tabular.spec import TextBlocks
from sleepdask.io.tabular.times import TimeFormat, Times, joined_times, times_of_block

_HEAD_BYTES = 1 << 20


@dataclass(frozen=True)
class TableFile:
    """A text table, as `open` found it.

    Parameters
    ----------
    blocks
        Where its lines are, and how they are parsed.
    rows
        Number of rows with as many cells as there are columns; the others are left out.
    ragged, blank
        Number of rows with fewer or more cells, and of empty lines between rows.
    ragged_at_end
        How many of the former are at the end of the file, as in one that was cut off.
    good, bad
        Number of cells by column that are numbers, and that are neither a number nor empty, of the columns of numbers;
        the latter are NaN.
    times
        Of the rows, if columns of them were named.
    """

    blocks: TextBlocks
    rows: int
    ragged: int = 0
    blank: int = 0
    ragged_at_end: int = 0
    good: dict[str, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)
    times: Times | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | RemoteFile,
        format: TableFormat,  # noqa: A002
        *,
        time: str | Sequence[str] = (),
        time_format: TimeFormat | None = None,
    ) -> TableFile:
        r"""Read a file through, block by block; what is parsed is kept as far as there is room in the cache.

        Parameters
        ----------
        path
            The file, on this machine or another one.
        format
            How it is cut into columns.
        time, time_format
            Columns of the times (several are joined by a blank), and how they are written; they are parsed on the
            way, which saves a second pass and all memory but 8 bytes a row.

        Raises
        ------
        FileFormatError
            It is no such table: a column is missing, most rows have another number of cells, a cell holds a line
            break, the text is of another encoding, most times cannot be read.

        Examples
        --------
        >>> from pathlib import Path
        >>> file = Path("table.csv")
        >>> _ = file.write_text("Time,HR\n2024-03-11T23:00:00,60\n2024-03-11T23:00:01,61\n")
        >>> table = TableFile.open(file, TableFormat(columns=("Time", "HR")))
        >>> table.rows, table.names, table.numbers("HR").tolist()
        (2, ('Time', 'HR'), [60.0, 61.0])
        """
        with open_source(path) as source:
            encoding, begin = encoding_of(source, format.encoding)
            names, begin = _names(source, begin, encoding, format, path)
            check_columns(format.columns, names, path, format.delimiter)
            of_times = (time,) if isinstance(time, str) else tuple(time)
            check_columns(of_times, names, path)
            blocks = TextBlocks(FileState.of(path, source), format, encoding, names)
            blocks = replace(blocks, spans=tuple(spans(source, begin, encoding, path)))
        found = Scan(blocks, of_times, time_format or TimeFormat()).found()
        rows = sum(found.blocks.sizes)
        return cls(
            found.blocks, rows, found.ragged, found.blank, found.ragged_at_end, found.good, found.bad, found.times
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns."""
        return self.blocks.names

    def texts(self, name: str) -> Any:
        """Cells of a column as they are written: ``pyarrow.ChunkedArray`` of strings, all in memory.

        Raises
        ------
        FileFormatError
            There is no such column.
        ChangedFileError
            The file is not as it was when it was opened.
        """
        check_columns([name], self.names, self.blocks.state.path)
        return pa.chunked_array([block.texts[name] for block in self._read(texts=(name,))], pa.string())

    def parsed_times(self, names: str | Sequence[str], time_format: TimeFormat) -> Times:
        """Times of the rows in some columns, parsed block by block."""
        columns = (names,) if isinstance(names, str) else tuple(names)
        check_columns(columns, self.names, self.blocks.state.path)
        found = self._read(texts=columns)
        parts = [times_of_block([block.texts[name] for name in columns], time_format) for block in found]
        return joined_times(parts, time_format, str(self.blocks.state.path))

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Cells of a column as numbers, NaN where missing, all in memory."""
        values = TableArray(self._with((name,)).blocks, (name,), "float64")
        return np.asarray(values._rows(values.places, 0, self.rows)[0], np.float64)

    def values(self, names: Sequence[str], dtype: str = "float32") -> TableArray:
        """Some columns as a lazy array of xarray's, dims (channel, row); NaN where missing.

        It parses only the blocks that an index needs, and refuses a file that changed since.
        """
        return TableArray(self._with(tuple(names)).blocks, tuple(names), dtype)

    def cells_of(self, name: str) -> tuple[int, int]:
        """Number of cells of a column that are numbers, and of those that are neither a number nor empty."""
        table = self._with((name,))
        return table.good[name], table.bad[name]

    @property
    def uncounted(self) -> int:
        """Lines between rows that are none: a row that came after them has another number than its place says."""
        return self.blank + self.ragged - self.ragged_at_end

    def _with(self, names: tuple[str, ...]) -> TableFile:
        """Itself with some columns read as numbers."""
        check_columns(names, self.names, self.blocks.state.path)
        if set(names) <= set(self.blocks.numbers):
            return self
        blocks = replace(self.blocks, numbers=names)
        found = list(self._counts(names))
        good = {name: sum(block[0][name] for block in found) for name in names}
        bad = {name: sum(block[1][name] for block in found) for name in names}
        mixed = frozenset(name for name in names if bad[name])
        return replace(self, blocks=replace(blocks, mixed=mixed), good=good, bad=bad)

    def _counts(self, names: tuple[str, ...]) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
        return ((block.good, block.bad) for block in self._read(numbers=names))

    def _read(self, *, numbers: Sequence[str] = (), texts: Sequence[str] = ()) -> Iterator[Cells]:
        """Cells of some columns, block by block."""
        return (self.blocks.cells(number, numbers, texts) for number in range(len(self.blocks.spans)))


def first_row(path: str | os.PathLike[str] | RemoteFile, form: TableFormat) -> tuple[str, ...]:
    """Cells of the line after those that are skipped: names of the columns, or the first row where they are given."""
    with open_source(path) as source:
        encoding, begin = encoding_of(source, form.encoding)
        return _names(source, begin, encoding, replace(form, names=None), path)[0]


def _names(source: Source, begin: int, encoding: str, form: TableFormat, where: object) -> tuple[tuple[str, ...], int]:
    """Names of the columns, and where the first row begins."""
    wide, raw = encoding.startswith("utf-16-"), source.read(begin, _HEAD_BYTES)
    if not wide and b"\0" in raw:
        fix = "say encoding='utf-16'" if raw[:2].count(b"\0") == 1 else ""
        raise FileFormatError("it is no text", where=where, found="bytes that are 0", fix=fix)
    line, at = b"", 0
    for _ in range(form.skip + (form.names is None)):
        after = _line_end(raw, at, "\n".encode(encoding))
        line, at = raw[at:after], after
    if form.names is not None:
        return form.names, begin + at
    header = utf8(line, encoding, where).rstrip(b"\r\n")
    if not header.strip():
        expected = "names of the columns"
        raise FileFormatError("it has no columns", where=where, expected=expected, found="nothing in their line")
    columns = [str(number) for number in range(_width(header, form))]
    row = cells(header, columns, form, texts=columns, where=where)
    return unique_names([row.texts[column][0].as_py().strip() for column in columns]), begin + at


def _line_end(raw: bytes, begin: int, ending: bytes) -> int:
    """Where a line ends that begins somewhere."""
    end = raw.find(ending, begin)
    while end >= 0 and (end - begin) % len(ending):
        end = raw.find(ending, end + 1)
    return len(raw) if end < 0 else end + len(ending)


def _width(header: bytes, form: TableFormat) -> int:
    """Number of cells of a line."""
    delimiter, inside, width = ord(form.delimiter), False, 1
    for byte in header:
        inside ^= form.quoted and byte == ord('"')
        width += byte == delimiter and not inside
    return width
