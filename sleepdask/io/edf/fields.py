"""Fixed-width header fields: bytes to text and exact numbers, with errors that say where the field is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from sleepdask.errors import FileFormatError

_INTEGER = re.compile(rb"[+-]?[0-9]+")
_DECIMAL = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_SCIENTIFIC = re.compile(_DECIMAL.pattern + rb"(?:[eE][+-]?[0-9]{1,3})?")


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
    path
        File the field belongs to, for error messages.
    name
        Name in the EDF specification, for error messages.
    begin
        Position of its first byte in the file.
    raw
        Its bytes, padding included.
    """

    path: str
    name: str
    begin: int
    raw: bytes

    def refusal(self, why: str, expected: object, *, found: object = None, fix: str = "") -> FileFormatError:
        """Error for this field; what was found is its own text unless given."""
        return FileFormatError(
            f"header field '{self.name}' (bytes {self.begin} to {self.begin + len(self.raw) - 1}) {why}",
            where=self.path,
            expected=expected,
            found=repr(self.text()) if found is None else found,
            fix=fix or "correct the field in a copy of the file, or export the recording again",
        )

    def text(self) -> str:
        """Text without its padding: trailing blanks, and the zero bytes some writers use instead."""
        return decode_text(self.raw).rstrip(" \0")

    def integer(self) -> int:
        """Whole number written in ASCII digits.

        Raises
        ------
        FileFormatError
            If it is anything else.
        """
        return int(self._number(_INTEGER, "a whole number in ASCII digits"))

    def decimal(self) -> Decimal:
        """Exact decimal number such as ``30`` or ``.0078125``.

        Raises
        ------
        FileFormatError
            If it is anything else, an exponent included.
        """
        return Decimal(self._number(_DECIMAL, "a decimal number such as 0.5, with a point and no exponent"))

    def real(self) -> float:
        """Decimal number, an exponent allowed, as float64.

        Raises
        ------
        FileFormatError
            If it is anything else, or beyond float64.
        """
        wanted = "a decimal number such as -192 or 1.5E-3, with a point"
        number = float(self._number(_SCIENTIFIC, wanted))
        if abs(number) == float("inf"):
            raise self.refusal("is too large", wanted)
        return number

    def _number(self, pattern: re.Pattern[bytes], wanted: str) -> str:
        digits = self.raw.strip(b" ")
        if not pattern.fullmatch(digits):
            raise self.refusal("is not a number that can be read without guessing", wanted)
        return digits.decode("ascii")
