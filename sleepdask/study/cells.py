"""Delimited text as columns of texts, and columns as numbers where all of their cells are."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from typing import Any

from sleepdask.errors import FileFormatError
from sleepdask.io.cells import unescaped

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_CODE = re.compile(r"[+-]?(0\d+|\d{16,})", re.ASCII)  # a leading zero, or more digits than a float keeps


def read_columns(raw: bytes, where: object, *, delimiter: str = ",") -> dict[str, list[str]]:
    """Columns of a table by name, without blanks around a name, before a cell, and without rows that are empty.

    A cell that was kept from being a formula is as before (`unescaped`). A column without a name is left out if it is
    empty.

    Raises
    ------
    FileFormatError
        It is no UTF-8, has no line of names, a name repeats or lacks, or a row has another number of cells.
    """
    names, rows = _rows(raw, where, delimiter)
    columns = {name: [row[k] for row in rows] for k, name in enumerate(names) if name}
    if any(row[k].strip() for k, name in enumerate(names) if not name for row in rows):
        raise FileFormatError("a column has no name", where=where, found=", ".join(names), fix="give it one")
    return columns


def _rows(raw: bytes, where: object, delimiter: str) -> tuple[list[str], list[list[str]]]:
    fix = "save it as CSV UTF-8"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{raw[error.start]:02x} in line {line}"
        raise FileFormatError("the table is no UTF-8", where=where, found=found, fix=fix) from None
    if "\0" in text:
        raise FileFormatError("the table has NUL bytes", where=where, fix=fix)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    names: list[str] = []
    rows = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = [unescaped(cell.strip()) for cell in row]
                continue
            if len(row) != len(names):
                expected = f"{len(names)} cells, as in its first line"
                raise FileFormatError(
                    "a row has another number of cells",
                    where=f"{where}, line {reader.line_num}",
                    expected=expected,
                    found=len(row),
                    fix="quote cells that hold the delimiter",
                )
            rows.append([unescaped(cell) for cell in row])
    except csv.Error as error:
        raise FileFormatError(f"a row cannot be split: {error}", where=f"{where}, line {reader.line_num}") from error
    if not names:
        raise FileFormatError("the table is empty", where=where)
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise FileFormatError("two columns have one name", where=where, found=", ".join(twice))
    return names, rows


def typed(cells: Sequence[str]) -> list[Any]:
    """Numbers where all filled cells are (NaN if missing), else texts (None if missing).

    What begins with a needless zero, or has more digits than a float keeps, is a code, and stays a text.

    Examples
    --------
    >>> typed(["1", "-2"]), typed(["1", ""]), typed(["007", "010"]), typed(["a", ""])
    ([1, -2], [1.0, nan], ['007', '010'], ['a', None])
    """
    cells = [cell.strip() for cell in cells]
    filled = [cell for cell in cells if cell]
    if not filled or not all(_is_number(cell) for cell in filled):
        return [cell or None for cell in cells]
    if len(filled) == len(cells) and all(_WHOLE.fullmatch(cell) for cell in filled):
        return [int(cell) for cell in cells]
    return [float(cell) if cell else math.nan for cell in cells]


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and not _CODE.fullmatch(cell) and math.isfinite(float(cell))
