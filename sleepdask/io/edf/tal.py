"""Time-stamped annotation lists (TAL) of EDF+: bytes to onsets, durations and texts.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

SECOND = 1_000_000_000

# onset [ \x15 duration ] \x14 text \x14 ... text \x14 \0; nine digits of seconds fit 64 bits of nanoseconds.
_TAL = re.compile(
    rb"([+-])([0-9]{1,9})(?:\.([0-9]*))?"
    rb"(?:\x15(?:([0-9]{1,9})(?:\.([0-9]*))?)?)?"
    rb"\x14([^\0]*)\x14\0+"
)
_BLANK = re.compile(rb"\0*")


class Tal(NamedTuple):
    """One list: onset and duration (None when not stated) in nanoseconds, and its texts still as bytes."""

    onset_ns: int
    duration_ns: int | None
    texts: list[bytes]

    @property
    def keeps_time(self) -> bool:
        """Whether it may be the time-keeping list that opens each data record."""
        return self.duration_ns is None and not self.texts[0]


class TalError(ValueError):
    """Bytes at a position that are no TAL."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def parse_tals(raw: bytes, begin: int, end: int) -> Iterator[Tal]:
    """Parse ``raw[begin:end]``, the bytes of one annotation signal in one data record.

    Raises
    ------
    TalError
        At the first byte that neither belongs to a list nor is padding.
    """
    position = _skip(raw, begin, end)
    while position < end:
        match = _TAL.match(raw, position, end)
        if match is None:
            raise TalError(position)
        sign, seconds, fraction, length, length_fraction, texts = match.groups()
        onset = _nanoseconds(seconds, fraction)
        duration = None if length is None else _nanoseconds(length, length_fraction)
        yield Tal(-onset if sign == b"-" else onset, duration, texts.split(b"\x14"))
        position = match.end()


def _skip(raw: bytes, begin: int, end: int) -> int:
    blank = _BLANK.match(raw, begin, end)
    return blank.end() if blank else begin


def _nanoseconds(seconds: bytes, fraction: bytes | None) -> int:
    """Exact to the nanosecond; digits beyond are rounded, a half upwards."""
    whole = int(seconds) * SECOND
    if not fraction:
        return whole
    tenths = int(fraction[:10].ljust(10, b"0"))
    return whole + (tenths + 5) // 10
