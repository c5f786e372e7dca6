"""EDF without what identifies people: header fields and annotations as bytes, every other byte as it is.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8, on items that are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from sleepdask.io.edf.identity import PATIENT, RECORDING, without_serials
from sleepdask.io.edf.model import Header
from sleepdask.io.edf.signals import BLOCK
from sleepdask.io.edf.startdate import MONTHS
from sleepdask.io.edf.tal import TalError, parse_tals

_DATE = slice(168, 176)
_REMOVED = b"01.01.85"
_LONG_DATE = re.compile(rb"Startdate (\d\d-[A-Za-z]{3}-\d{4})(?: |$)")
# Where the transducer types and the prefilters of all signals begin, and their width, for one signal.
_TRANSDUCER, _PREFILTER, _WIDTH = 16, 136, 80
_SHORTEST_WORD = 4
_WORDS = re.compile(rb"[^\s_,.;:/=()|+-]+")
_SEPARATOR = 0x14


def clean_header(
    raw: bytes, header: Header, *, code: str, remove_date: bool, remove_sensors: bool
) -> tuple[bytes, list[str]]:
    """Header of a clean copy, of the same length, and what to know of it.

    Parameters
    ----------
    raw, header
        All bytes of the header, and what they say.
    code
        Takes the place of the patient.
    remove_date
        The date becomes 1 January 1985, which stands for a removed one; the time of day stays.
    remove_sensors
        Transducer types are blanked; else only what looks like a serial number in them, and in the prefilters, goes.
    """
    plus = "+" in header.kind
    cleaned = bytearray(raw)
    cleaned[PATIENT] = f"{code} X X X".encode().ljust(80) if plus else code.encode().ljust(80)
    cleaned[RECORDING] = _recording(raw[RECORDING], header, remove_date=remove_date, plus=plus).ljust(80)
    if remove_date:
        cleaned[_DATE] = _REMOVED
    blank: Callable[[bytes], bytes] = lambda field: b" " * len(field)  # noqa: E731
    changed = 0
    for begin, change in ((_TRANSDUCER, blank if remove_sensors else _without_serials), (_PREFILTER, _without_serials)):
        for number in range(len(header.signals)):
            at = BLOCK + begin * len(header.signals) + number * _WIDTH
            field = bytes(cleaned[at : at + _WIDTH])
            cleaned[at : at + _WIDTH] = change(field)
            changed += change is _without_serials and bytes(cleaned[at : at + _WIDTH]) != field
    notes = [f"what looks like a serial number in {changed} texts of signals is now '#'"] if changed else []
    return bytes(cleaned), notes


def blank_annotations(blocks: Iterator[npt.NDArray[np.uint8]], header: Header) -> Iterator[npt.NDArray[np.uint8]]:
    """Data records, changed in place: of annotation signals only the time of each record is left."""
    size = header.sample_bytes
    places = [
        slice(signal.byte_offset, signal.byte_offset + size * signal.samples_per_record)
        for signal in header.signals
        if signal.is_annotation and signal.samples_per_record
    ]
    for block in blocks:
        for first, place in zip((True, *(False for _ in places)), places, strict=False):
            for row in block[:, place]:
                kept = _time_keeping(row.tobytes()) if first else b""
                row[: len(kept)] = np.frombuffer(kept, np.uint8)
                row[len(kept) :] = 0
        yield block


def identifying_words(raw: bytes) -> frozenset[bytes]:
    """Words of the patient and recording fields that may name somebody or something, in lower case."""
    words = _WORDS.findall(raw[PATIENT].lower() + b" " + raw[RECORDING].lower())
    usual = {b"startdate", b"male", b"female", *(month.lower().encode() for month in MONTHS)}
    return frozenset(word for word in words if len(word) >= _SHORTEST_WORD and word not in usual and not _is_year(word))


def _recording(field: bytes, header: Header, *, remove_date: bool, plus: bool) -> bytes:
    if remove_date:
        return b"Startdate X X X X"
    if long := _LONG_DATE.match(field):
        return b"Startdate " + long[1].upper() + b" X X X"
    if not header.dated:
        return b"Startdate X X X X"
    if not plus:
        return b"X"
    day = datetime.fromtimestamp(header.origin_ns // 1_000_000_000, UTC)
    return f"Startdate {day.day:02}-{MONTHS[day.month - 1]}-{day.year} X X X".encode()


def _without_serials(field: bytes) -> bytes:
    return without_serials(field.decode("latin-1")).encode("latin-1").ljust(len(field))


def _time_keeping(lists: bytes) -> bytes:
    """The list that keeps the time of a data record, without texts; nothing where there is none."""
    try:
        first = next(parse_tals(lists, 0, len(lists)), None)
    except TalError:
        first = None
    if first is None or not first.keeps_time:
        return b""
    lists = lists.lstrip(b"\0")
    return lists[: lists.index(_SEPARATOR)] + b"\x14\x14\0"


def _is_year(word: bytes) -> bool:
    return word.isdigit() and len(word) == _SHORTEST_WORD
