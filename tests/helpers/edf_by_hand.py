"""EDF and BDF as their definitions have them, in a few plain lines: a reader for files that are in order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from edf_readings import Channel, Reading
from numpy.typing import NDArray

_FIELDS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_TAL = re.compile(rb"([+-][\d.]+)(?:\x15([\d.]*))?\x14(.*?)\x14\0", re.DOTALL)


class Stored(NamedTuple):
    """Numbers of a channel as they are stored, and its physical and digital range."""

    numbers: NDArray[np.int64]
    low: float
    high: float
    least: float
    most: float

    def physical(self) -> NDArray[np.float64]:
        """Values in the unit of the channel."""
        return self.low + (self.numbers - self.least) * (self.high - self.low) / (self.most - self.least)

    def back(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """From values to numbers."""
        return self.least + (values - self.low) * (self.most - self.least) / (self.high - self.low)


def by_hand(path: Path) -> tuple[Reading, dict[str, Stored]]:
    """All channels of a file in their order, annotations, and what is stored of each channel."""
    raw = path.read_bytes()
    width = 3 if raw[:1] == b"\xff" else 2
    n_signals, n_records, duration = int(raw[252:256]), int(raw[236:244]), float(raw[244:252])
    begins = np.cumsum([0, *_FIELDS]) * n_signals + 256
    columns = [
        [_text(raw[begin + k * size : begin + (k + 1) * size]) for k in range(n_signals)]
        for begin, size in zip(begins, _FIELDS, strict=False)
    ]
    sizes = [int(text) for text in columns[8]]
    record_bytes = sum(sizes) * width
    records = np.frombuffer(raw, np.uint8, n_records * record_bytes, 256 * (n_signals + 1)).reshape(n_records, -1)
    ends = np.cumsum(sizes) * width
    parts = [records[:, end - size * width : end] for end, size in zip(ends, sizes, strict=True)]

    annotated = [part for part, label in zip(parts, columns[0], strict=True) if label.endswith(" Annotations")]
    onsets, notes = np.arange(n_records) * duration, []
    if annotated:
        found = [[_TAL.findall(row.tobytes()) for row in part] for part in annotated]
        if duration:
            onsets = np.array([float(lists[0][0]) for lists in found[0]])
        notes = [
            (float(onset), float(length) if length else None, text.decode())
            for part in found
            for lists in part
            for onset, length, texts in lists
            for text in texts.split(b"\x14")
            if text
        ]

    first = onsets[0] if duration else 0.0
    day, month, year = (int(part) for part in raw[168:176].split(b"."))
    clock = raw[176:184].decode().replace(".", ":")
    start = np.datetime64(f"{year + (1900 if year >= 85 else 2000)}-{month:02}-{day:02}T{clock}", "ns")
    channels: list[Channel] = []
    stored: dict[str, Stored] = {}
    for k, (label, size) in enumerate(zip(columns[0], sizes, strict=True)):
        if label.endswith(" Annotations") or label == "Crc16":
            continue
        repeats = sum(other.split(" #")[0] == label for other in stored)
        name = f"{label} #{repeats + 1}" if repeats else label
        stored[name] = Stored(_numbers(parts[k], width), *(float(columns[c][k]) for c in (3, 4, 5, 6)))
        times = (onsets[:, None] - first + np.arange(size) * duration / size).ravel()
        channels.append(Channel(name, stored[name].physical(), times, columns[2][k]))
    relative = sorted(((onset - first, length, text) for onset, length, text in notes), key=lambda note: note[0])
    return Reading("", start + np.timedelta64(round(first * 1e9), "ns"), channels, relative), stored


def _text(raw: bytes) -> str:
    try:
        return raw.strip(b" \0").decode()
    except UnicodeDecodeError:
        return raw.strip(b" \0").decode("latin-1")


def _numbers(part: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    if width == 2:
        return np.ascontiguousarray(part).view("<i2").ravel().astype(np.int64)
    low, middle, high = np.moveaxis(part.reshape(len(part), -1, 3).astype(np.int64), 2, 0)
    number = low + 256 * middle + 65536 * high
    return np.where(number >= 1 << 23, number - (1 << 24), number).ravel()
