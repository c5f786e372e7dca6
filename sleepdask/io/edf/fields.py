"""Fixed-width header fields: bytes to text and exact numbers, with findings and errors that say where the field is."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import Decimal

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings

_INTEGER = re.compile(rb"[+-]?[0-9]+")
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")

_WORD = re.compile(r"[^\W\d_]{3,}|[0-9]{6,}|(?=\w*[0-9])(?=\w*[^\W\d_])\w{4,}")
_NO_NUMBERS = ("nan", "NaN", "NAN", "inf", "Inf", "INF")
_LETTER = re.compile(r"[^\W\d_]")


def decode_text(raw: bytes) -> str:
    """Decode bytes that should be ASCII: as UTF-8 when they are, else as Latin-1.

    EDF asks for ASCII, EDF+ for UTF-8 in annotations; recorders write all three in either.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@dataclass(frozen=True)
class Field:
    """One field of the header of one file.

    Parameters
    ----------
    findings
        Of the file, for what is odd about the field.
    name
        Name in the EDF specification, with the signal it belongs to.
    begin
        Position of its first byte in the file.
    raw
        Its bytes, padding included.
    """

    findings: Findings
    name: str
    begin: int
    raw: bytes

    @property
    def where(self) -> str:
        """Name and bytes."""
        return f"header field '{self.name}' (bytes {self.begin} to {self.begin + len(self.raw) - 1})"

    def refusal(self, why: str, expected: object, *, found: object = None, fix: str = "") -> FileFormatError:
        """Error for this field; what was found is its own text unless given."""
        return FileFormatError(
            f"{self.where} {why}",
            where=os.fspath(self.findings.path),
            expected=expected,
            found=self.quoted() if found is None else found,
            fix=fix or "correct the field in a copy of the file, or export the recording again",
        )

    def note(self, code: str, message: str, reading: str) -> None:
        """Say what is odd about the field, but means one thing only."""
        self.findings.note(code, message, reading, where=self.where)

    def text(self) -> str:
        """Text without its padding: blanks, and the zero bytes some writers use instead."""
        return decode_text(self.raw).strip(" \0")

    def quoted(self) -> str:
        """Text for messages; what may be a piece of a name or serial number, in a shifted header, by its shape only."""
        text = self.text()
        words = _WORD.findall(text)
        if not any(len(set(word)) > 1 and word not in _NO_NUMBERS for word in words):  # yyy, 000000 are nobody's
            return repr(text)
        return self.shape()

    def shape(self) -> str:
        """Text for messages, by the kind of its characters where it is long enough to name somebody."""
        text = self.text()
        if len(text) < 4:
            return repr(text)
        return f"{len(text)} characters like {_LETTER.sub('a', re.sub('[0-9]', '9', text))!r}"

    def integer(self) -> int:
        """Whole number written in ASCII digits.

        Raises
        ------
        FileFormatError
            If it is anything else.
        """
        digits = self.raw.strip(b" \0")
        if not _INTEGER.fullmatch(digits):
            raise self._no_number("a whole number in ASCII digits")
        return int(digits)

    def decimal(self) -> Decimal:
        """Exact decimal number such as ``30``, ``.0078125`` or ``1.5E-3``; a comma is read as the point, and noted.

        Raises
        ------
        FileFormatError
            If it is anything else, or beyond float64.
        """
        digits = self.raw.strip(b" \0")
        pointed = digits.replace(b",", b".")
        if not _DECIMAL.fullmatch(pointed) or abs(float(pointed)) == float("inf"):
            raise self._no_number("a decimal number such as -192, 0.5 or 1.5E-3")
        if pointed != digits:
            self.note("decimal-comma", f"has a comma as decimal sign: {digits.decode()!r}", "it is read as the point")
        return Decimal(pointed.decode())

    def _no_number(self, wanted: str) -> FileFormatError:
        return self.refusal("is not a number that can be read without guessing", wanted)
