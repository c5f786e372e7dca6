"""Small files that faults are made in, without any: two signals at 10 Hz for 6 s, plain or with annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edf_recipes import Recipe, Signal, annotation_signal

SECONDS = (0, 1, 2, 3, 4, 5)
_BDF = {"version": b"\xffBIOSEMI", "sample_bytes": 3}
WIDE = {"dmin": "-8388608", "dmax": "8388607"}
LIGHTS = b"+2\x14Lights off\x14\0"
APNEA = b"+3.25\x151.5\x14Apnea\x14\0"
NOTES = ((2.0, None, "Lights off"), (3.25, 1.5, "Apnea"))
GAP = (0, 1, 2, 303, 304, 305)


def signals(*changed: Signal, **changes: object) -> list[Signal]:
    """C3, and C4 with whatever is changed in it."""
    return [Signal("C3", 10), *(changed or [Signal("C4", 10, **changes)])]


def edf(*changed: Signal, **changes: object) -> Recipe:
    """Two signals at 10 Hz for 6 s."""
    return Recipe(**{"signals": signals(*changed), "n_records": 6, **changes})


def keeper(onsets: Sequence[float | None] = SECONDS, more: bytes = LIGHTS + APNEA) -> Signal:
    """Signal that states the onset of each record, and some annotations in the second."""
    lists = [b"" if onset is None else f"+{onset:g}\x14\x14\0".encode() for onset in onsets]
    return annotation_signal(lists[0], lists[1] + more, *lists[2:])


def plus(
    *changed: Signal, onsets: Sequence[float | None] = SECONDS, more: bytes = LIGHTS + APNEA, **changes: object
) -> Recipe:
    """The same as EDF+C, with annotations."""
    return edf(*changed or [Signal("C4", 10)], keeper(onsets, more), **{"reserved": "EDF+C", **changes})


def scale(**changes: str) -> Recipe:
    """Let C4 have another scale."""
    return edf(*signals(**changes)[1:])


def only(*lists: bytes, **changes: object) -> Recipe:
    """Annotations alone."""
    size = max(map(len, lists)) // 2 + 1
    return Recipe(
        [annotation_signal(*lists, samples=size)],
        **{"n_records": len(lists), "duration": "0", "reserved": "EDF+C", **changes},
    )


def bdf(**changes: object) -> Recipe:
    """Two signals of 24 bits."""
    return edf(
        **{"signals": [Signal("C3", 10, **WIDE), Signal("C4", 10, **WIDE)], **_BDF, "reserved": "24BIT", **changes}
    )


def bdf_plus(onsets: Sequence[float] = SECONDS, **changes: object) -> Recipe:
    """The same with annotations."""
    notes = replace(keeper(onsets), label="BDF Annotations", **WIDE)
    return bdf(
        **{"signals": [Signal("C3", 10, **WIDE), Signal("C4", 10, **WIDE), notes], "reserved": "BDF+C", **changes}
    )


PLAIN, PLUS = edf(), plus()
