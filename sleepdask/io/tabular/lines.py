"""Blocks of whole lines of a text file, of any encoding, as UTF-8."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

import numpy as np

from sleepdask.errors import FileFormatError
from sleepdask.io.source import Source

BLOCK_BYTES = 1 << 21
"""Bytes of a block: much longer than its start takes, small beside the memory that a worker has."""

_TAIL_BYTES = 1 << 14  # read to find the end of a line
_LONGEST_LINE = 32 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = {"utf-16-le": "<u2", "utf-16-be": ">u2"}
_UTF8 = ("utf-8", "utf8", "ascii", "us-ascii")


@dataclass(frozen=True)
class Span:
    """Bytes ``begin`` to ``end`` of the file: whole lines."""

    begin: int
    end: int


def encoding_of(source: Source, stated: str) -> tuple[str, int]:
    """Encoding of the text, and where it begins after a mark of it."""
    head = source.read(0, 4)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    try:
        name = codecs.lookup(stated).name
    except LookupError:
        raise FileFormatError("unknown encoding", expected="such as utf-8 or latin-1", found=repr(stated)) from None
    return ("utf-16-le" if name == "utf-16" else name), 0


def spans(source: Source, begin: int, encoding: str, where: object) -> list[Span]:
    """Bytes of blocks of whole lines from a position on; little of the file is read for it.

    Raises
    ------
    FileFormatError
        A line is longer than 32 MiB.
    """
    found: list[Span] = []
    while begin < source.size:
        end = begin + BLOCK_BYTES
        found.append(Span(begin, source.size if end >= source.size else _line_end(source, begin, end, encoding, where)))
        begin = found[-1].end
    return found


def _line_end(source: Source, begin: int, end: int, encoding: str, where: object) -> int:
    """Where the last line ends that does so between two positions; if none does, one of the next that do."""
    tail = max(begin, end - _TAIL_BYTES)
    for low, high in ((tail, end), (begin, tail)):
        if whole := _whole_lines(source.read(low, high - low), encoding):
            return low + whole
    while end < source.size and end - begin < _LONGEST_LINE:
        raw = source.read(end, BLOCK_BYTES)
        if whole := _whole_lines(raw, encoding):
            return end + whole
        end += len(raw)
    if end < source.size:
        expected = "lines that end with LF or CR LF"
        raise FileFormatError("a line is too long for a table", where=where, expected=expected)
    return source.size


def utf8(raw: bytes, encoding: str, where: object) -> bytes:
    """Text of a block as UTF-8; refused if it is not of the encoding."""
    if raw.isascii() and encoding not in _WIDE:
        return raw
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"its text is not {encoding.upper()}",
            where=where,
            found=f"byte {error.object[error.start]:#04x}",
            fix="say encoding='latin-1', or whatever the program that wrote it uses",
        ) from None
    return raw if encoding in _UTF8 else text.encode("utf-8")


def _whole_lines(raw: bytes, encoding: str) -> int:
    """Bytes up to the end of the last whole line."""
    if encoding not in _WIDE:
        return raw.rfind(b"\n") + 1
    units = np.frombuffer(raw, _WIDE[encoding], len(raw) // 2)
    ends = np.flatnonzero(units == ord("\n"))
    return 2 * (int(ends[-1]) + 1) if ends.size else 0
