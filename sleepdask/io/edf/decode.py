"""Stored numbers to physical values, in one pass over a block of records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sleepdask.jit import BYTE, INTEGER, NOTHING, REAL, SHORT, kernel, readable, writable


def _numbers(stored: Any) -> Callable[[Any], Any]:
    return lambda real: NOTHING(
        writable(real, 2),
        INTEGER,
        readable(stored, 2),
        readable(INTEGER, 1),
        INTEGER,
        readable(REAL, 1),
        readable(REAL, 1),
    )


@kernel(_numbers(SHORT))
def decode_16(out: Any, done: int, stored: Any, places: Any, width: int, gains: Any, offsets: Any) -> None:
    """Write ``gain * number + offset`` of each signal to its row of `out`, from column `done` on: 16 bits (EDF).

    `stored` holds a record a row; of it, a signal takes `width` numbers from its place on. The arithmetic is
    that of `out`. One call for a block: threads would lose more by handing the GIL to each other than they gain.
    """
    real = out.dtype.type
    for signal in range(places.size):
        gain = real(gains[signal])
        offset = real(offsets[signal])
        place = places[signal]
        for record in range(stored.shape[0]):
            source = stored[record, place : place + width]
            begin = done + record * width
            target = out[signal, begin : begin + width]
            for i in range(width):
                target[i] = real(source[i]) * gain + offset


@kernel(_numbers(BYTE))
def decode_24(out: Any, done: int, stored: Any, places: Any, width: int, gains: Any, offsets: Any) -> None:
    """Do the same for 24 bits (BDF): `stored` holds bytes, the lowest first; places are in bytes, too."""
    real = out.dtype.type
    for signal in range(places.size):
        gain = real(gains[signal])
        offset = real(offsets[signal])
        place = places[signal]
        for record in range(stored.shape[0]):
            source = stored[record, place : place + 3 * width]
            begin = done + record * width
            target = out[signal, begin : begin + width]
            for i in range(width):
                number = source[3 * i] | source[3 * i + 1] << 8 | (source[3 * i + 2] ^ 128) << 16
                target[i] = real(number - 8388608) * gain + offset
