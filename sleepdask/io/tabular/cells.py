"""Cells of a block of lines: columns of numbers and of texts, and what is odd about the rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from sleepdask.errors import FileFormatError
from sleepdask.io.tabular.format import TableFormat
from sleepdask.io.tabular.numbers import finite, numbers

_BAD_CELL = re.compile(r"In CSV column #(\d+): .*conversion error to (?:double|timestamp)")


@dataclass
class Cells:
    """Columns of one block.

    Parameters
    ----------
    rows
        Number of rows with as many cells as there are columns; only these are in the columns.
    ragged
        Number of rows with fewer or more.
    ragged_at_end
        How many of them come after all other rows.
    cells_of_ragged
        Number of cells of the first of them.
    blank
        Number of lines between rows that are empty.
    numbers
        Columns of numbers, float64, dims (column, row), NaN where missing.
    texts
        Arrow strings by column; Arrow timestamps where these were asked for and all cells are some.
    good, bad
        Number of cells by column that are numbers, and of those that are neither a number nor empty.
    """

    rows: int = 0
    ragged: int = 0
    ragged_at_end: int = 0
    cells_of_ragged: int = 0
    blank: int = 0
    numbers: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    texts: dict[str, Any] = field(default_factory=dict)
    good: dict[str, int] = field(default_factory=dict)
    bad: dict[str, int] = field(default_factory=dict)


def cells(
    block: bytes,
    names: Sequence[str],
    format: TableFormat,  # noqa: A002
    *,
    wanted: Sequence[str] = (),
    texts: Collection[str] = (),
    mixed: Collection[str] = (),
    stamps: Mapping[str, Any] | None = None,
    last: bool = True,
    where: object = "",
) -> Cells:
    """Cut lines (UTF-8) into cells.

    Parameters
    ----------
    block
        Whole lines.
    names
        Of all columns.
    format
        How it is cut.
    wanted, texts
        Columns of numbers, and of texts.
    mixed
        Columns of numbers that are known to have other texts too, which saves trying.
    stamps
        Arrow types of the timestamps that some of the texts are likely to be.
    last
        Whether the file ends with them: empty lines at the end are then none.
    where
        The file, for errors.

    Raises
    ------
    FileFormatError
        A quoted cell holds a line break, or lines end in different ways.
    """
    if last:
        block = block.rstrip(b"\r\n")
    if not block:
        return Cells(
            numbers=np.empty((len(wanted), 0)),
            texts={name: pa.array([], pa.string()) for name in texts},
            good=dict.fromkeys(wanted, 0),
            bad=dict.fromkeys(wanted, 0),
        )
    if format.quoted:
        _check_quotes(block, where)
    mixed = (set(mixed) | set(texts)) & set(wanted)
    times = {name: kind for name, kind in (stamps or {}).items() if name not in mixed}
    while True:
        odd: list[tuple[int, int]] = []  # numbers of rows, the first being 1, and of their cells
        types = {name: pa.float64() for name in wanted if name not in mixed}
        types |= {name: times.get(name, pa.string()) for name in (*texts, *mixed)}
        types = types or {names[0]: pa.string()}
        try:
            table = csv.read_csv(
                pa.BufferReader(block),
                csv.ReadOptions(column_names=list(names), use_threads=False, block_size=len(block) + 1),
                csv.ParseOptions(
                    delimiter=format.delimiter,
                    quote_char='"' if format.quoted else False,
                    ignore_empty_lines=len(names) > 1,
                    invalid_row_handler=lambda row: odd.append((row.number, row.actual_columns)) or "skip",  # type: ignore[func-returns-value]  # noqa: B023
                ),
                csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types),
                    null_values=[*format.nulls, ""],
                    strings_can_be_null=False,
                    decimal_point=format.decimal,
                ),
            )
        except pa.ArrowInvalid as error:
            message = str(error)
            column = _BAD_CELL.search(message)
            bad = names[int(column[1])] if column else ""
            if bad in times:
                del times[bad]
            elif bad and bad not in mixed:
                mixed.add(bad)
            else:
                raise FileFormatError("it is no table", where=where, found=message) from None
            continue
        if not (empty := [name for name in times if table[name].null_count]):
            break
        for name in empty:  # what is missing, and what cannot be read, is told from its text
            del times[name]
    at_end = sum(number > table.num_rows for number, _ in odd)
    found = Cells(table.num_rows, len(odd), at_end, odd[0][1] if odd else 0)
    lines = int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n"))) + (not block.endswith(b"\n"))
    found.blank = lines - found.rows - found.ragged
    if found.blank < 0:
        raise FileFormatError("its lines end in different ways", where=where, expected="LF or CR LF after each line")
    found.numbers = np.empty((len(wanted), found.rows))
    for row, name in zip(found.numbers, wanted, strict=True):
        if name in mixed:
            row[:], found.bad[name] = numbers(table[name].combine_chunks(), format.nulls, format.decimal)
        else:
            row[:], found.bad[name] = finite(table[name])
        found.good[name] = found.rows - int(np.count_nonzero(np.isnan(row)))
    found.texts = {name: table[name].combine_chunks() for name in texts}
    return found


def _check_quotes(block: bytes, where: object) -> None:
    """Refuse a line that leaves a quotation mark open: a line break is in the cell, or the mark is a plain sign."""
    if b'"' not in block:
        return
    bytes_of = np.frombuffer(block, np.uint8)
    marks = np.flatnonzero(bytes_of == ord('"'))
    line = np.searchsorted(np.flatnonzero(bytes_of == ord("\n")), marks)
    counts = np.bincount(line)
    if np.any(counts % 2):
        text = block.split(b"\n")[int(np.argmax(counts % 2))][:80].decode("utf-8", "replace")
        raise FileFormatError(
            "a quotation mark is not closed on its line",
            where=where,
            expected="no line break within a cell",
            found=repr(text),
            fix="write each row on one line; or say quoted=False if the mark is a plain sign",
        )
