"""Damage to bytes of EDF files that were sound, in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sleepdask.io.edf.header import read_header

# Where fields of the main header begin, and their width in bytes (Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7).
RESERVED = (192, 44)
NUMBERS = ((236, 8), (244, 8), (252, 4))  # of data records, their duration, number of signals

_SIGNALS = 256
_PHYSICAL_MIN, _PHYSICAL_MAX, _SAMPLES = (104, 8), (112, 8), (216, 8)  # bytes a signal that other fields take before
_DIGIT_TO_LETTER = 0x40  # one bit more makes a letter from p to y of a digit
_TIME_END = b"\x14\x14"  # of the time that a data record states, in EDF+


def overwrite(path: Path, field: tuple[int, int], text: bytes) -> None:
    """Put a text, padded with blanks, in the place of a field."""
    begin, width = field
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(text.ljust(width))


def field_bytes(path: Path, field: tuple[int, int]) -> bytes:
    """Bytes of a field."""
    begin, width = field
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(width)


def cut(path: Path, size: int) -> None:
    """Leave the first bytes of a file only."""
    with path.open("r+b") as file:
        file.truncate(size)


def flip_digit(path: Path, rng: np.random.Generator) -> None:
    """Turn a bit of one digit in a header field that tells where in the file samples are."""
    fields = [*NUMBERS, *_of_signals(path, _SAMPLES)]
    field = fields[int(rng.integers(len(fields)))]
    text = bytearray(field_bytes(path, field))
    text[int(rng.integers(len(text.rstrip())))] |= _DIGIT_TO_LETTER
    overwrite(path, field, bytes(text))


def take_scale(path: Path, signal: int) -> None:
    """Make the physical maximum of a signal its minimum, so that nobody can tell its values."""
    low = field_bytes(path, _of_signals(path, _PHYSICAL_MIN)[signal])
    overwrite(path, _of_signals(path, _PHYSICAL_MAX)[signal], low)


def set_clock_back(path: Path, record: int, seconds: int) -> None:
    """Let the data records of a contiguous EDF+ file, from `record` on, state times that are earlier."""
    header = read_header(path)
    begin = next(signal.byte_offset for signal in header.signals if signal.is_annotation)
    shape = (header.n_records, header.record_bytes)
    records = np.memmap(path, np.uint8, "r+", header.header_bytes, shape)
    for each in records[record:, begin:]:  # annotations are the last signal
        time, _, rest = each.tobytes().partition(_TIME_END)
        earlier = f"+{int(time) - seconds}".encode() + _TIME_END + rest
        each[:] = np.frombuffer(earlier.ljust(each.size, b"\0"), np.uint8)
    records.flush()
    overwrite(path, RESERVED, b"EDF+D")


def _of_signals(path: Path, field: tuple[int, int]) -> list[tuple[int, int]]:
    """Place of a field of each signal: all signals' first fields come first, then all their second ones."""
    before, width = field
    number = len(read_header(path).signals)
    return [(_SIGNALS + number * before + k * width, width) for k in range(number)]
