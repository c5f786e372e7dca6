"""EDF+ files of annotations alone, as bytes.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8; without an ordinary signal the duration of a data record
is 0.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LARGEST_RECORD = 61_440  # bytes, as the specification asks for
_TIME_KEEPING = b"+0\x14\x14\x00"


def annotations_edf(start: np.datetime64, annotations: Iterable[tuple[int, int, str]]) -> bytes:
    """EDF+ file of annotations.

    Parameters
    ----------
    start
        Start in the header, whole seconds, 1985 to 2084.
    annotations
        Onset in ns after the start, duration in ns, text.
    """
    records = [bytearray(_TIME_KEEPING)]
    for onset, duration, text in annotations:
        tal = f"{decimal(onset, '+')}\x15{decimal(duration)}\x14{text}\x14\0".encode()
        if len(records[-1]) + len(tal) > _LARGEST_RECORD:
            records.append(bytearray(_TIME_KEEPING))
        records[-1] += tal
    width = max(map(len, records))
    width += width % 2
    return _header(start, len(records), width // 2) + b"".join(bytes(record).ljust(width, b"\0") for record in records)


def _header(start: np.datetime64, n_records: int, samples: int) -> bytes:
    moment = start.astype("datetime64[s]").item()
    month = _MONTHS[moment.month - 1]
    fields = [
        ("0", 8),
        ("X X X X", 80),
        (f"Startdate {moment.day:02}-{month}-{moment.year:04} X X X", 80),
        (f"{moment.day:02}.{moment.month:02}.{moment.year % 100:02}", 8),
        (f"{moment.hour:02}.{moment.minute:02}.{moment.second:02}", 8),
        ("512", 8),
        ("EDF+C", 44),
        (str(n_records), 8),
        ("0", 8),
        ("1", 4),
        ("EDF Annotations", 16),
        ("", 80),
        ("", 8),
        ("-1", 8),
        ("1", 8),
        ("-32768", 8),
        ("32767", 8),
        ("", 80),
        (str(samples), 8),
        ("", 32),
    ]
    return "".join(text.ljust(width) for text, width in fields).encode("ascii")


def decimal(ns: int, plus: str = "") -> str:
    """Seconds without a loss of digits."""
    whole, rest = divmod(abs(ns), 1_000_000_000)
    text = f"{whole}.{rest:09}".rstrip("0").rstrip(".")
    return f"{'-' if ns < 0 else plus}{text}"
