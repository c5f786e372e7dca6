"""Stored numbers to physical values, in one pass over a block of records."""

from __future__ import annotations

from typing import Any

from sleepdask.jit import INTEGER, NOTHING, REAL, SHORT, kernel, readable, writable


@kernel(
    lambda real: NOTHING(
        writable(real, 2),
        INTEGER,
        readable(SHORT, 2),
        readable(INTEGER, 1),
        INTEGER,
        readable(REAL, 1),
        readable(REAL, 1),
    )
)
def decode(out: Any, done: int, stored: Any, places: Any, width: int, gains: Any, offsets: Any) -> None:
    """Write ``gain * number + offset`` of each signal to its row of `out`, from column `done` on.

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
