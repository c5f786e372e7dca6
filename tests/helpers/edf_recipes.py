"""Small EDF and BDF files made byte by byte, right or wrong as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass
class Signal:
    """Header texts of one signal, and its bytes in each record (random samples where none are given)."""

    label: str | bytes = "C3"
    samples: int | str = 4
    unit: str | bytes = "uV"
    pmin: str = "-100"
    pmax: str = "100"
    dmin: str = "-32768"
    dmax: str = "32767"
    records: Sequence[bytes] = field(default_factory=list)
    transducer: str = "AgAgCl"
    prefilter: str = "HP:0.1Hz"


def annotation_signal(*records: bytes, samples: int = 30) -> Signal:
    """Signal of annotations, from the bytes of each record."""
    return Signal("EDF Annotations", samples, "", "-1", "1", records=records, transducer="", prefilter="")


def _pad(text: object, width: int) -> bytes:
    raw = text if isinstance(text, bytes) else str(text).encode()
    assert len(raw) <= width, text
    return raw.ljust(width)


# Width and content of the fields of a signal, in file order.
_COLUMNS: list[tuple[int, Callable[[Signal], object]]] = [
    (16, lambda s: s.label),
    (80, lambda s: s.transducer),
    (8, lambda s: s.unit),
    (8, lambda s: s.pmin),
    (8, lambda s: s.pmax),
    (8, lambda s: s.dmin),
    (8, lambda s: s.dmax),
    (80, lambda s: s.prefilter),
    (8, lambda s: s.samples),
    (32, lambda s: ""),
]


@dataclass
class Recipe:
    """Everything in a file; `write` turns it into bytes."""

    signals: Sequence[Signal] = field(default_factory=lambda: [Signal()])
    n_records: int = 3
    duration: str = "1"
    version: bytes = b"0"
    sample_bytes: int = 2
    patient: str = "MCH-0234567 F 16-SEP-1987 Haagse_Harry"
    recording: str = "Startdate 24-APR-1989 EMG561 BK/JOP Sony.MNC.R"
    date: str = "24.04.89"
    time: str = "23.05.00"
    reserved: str = ""
    declared: object = None
    header_bytes: object = None
    n_signals: object = None
    tail: bytes = b""
    cut: int = 0

    def write(self, path: Path) -> Path:
        """Write the file."""
        path.write_bytes(self.content())
        return path

    def content(self) -> bytes:
        """Bytes of the file."""
        raw = self._header() + b"".join(part for record in self.records() for part in record) + self.tail
        return raw[: len(raw) - self.cut]

    def records(self) -> list[list[bytes]]:
        """Bytes of each signal in each record."""
        rng = np.random.default_rng(7)
        return [[self._part(rng, record, signal) for signal in self.signals] for record in range(self.n_records)]

    def numbers(self, signal: int) -> NDArray[np.int64]:
        """Stored numbers of a signal, as the formats define them."""
        raw = np.frombuffer(b"".join(record[signal] for record in self.records()), np.uint8)
        parts = raw.reshape(-1, self.sample_bytes).astype(np.int64)
        unsigned = (parts << 8 * np.arange(self.sample_bytes)).sum(axis=1)
        limit = 1 << (8 * self.sample_bytes - 1)
        return (unsigned + limit) % (2 * limit) - limit

    def _header(self) -> bytes:
        n = len(self.signals)
        head = [
            _pad(self.version, 8),
            _pad(self.patient, 80),
            _pad(self.recording, 80),
            _pad(self.date, 8),
            _pad(self.time, 8),
            _pad(256 * (n + 1) if self.header_bytes is None else self.header_bytes, 8),
            _pad(self.reserved, 44),
            _pad(self.n_records if self.declared is None else self.declared, 8),
            _pad(self.duration, 8),
            _pad(n if self.n_signals is None else self.n_signals, 4),
        ]
        return b"".join(head + [_pad(value(s), width) for width, value in _COLUMNS for s in self.signals])

    def _part(self, rng: np.random.Generator, record: int, signal: Signal) -> bytes:
        size = self.sample_bytes * max(0, int(float(signal.samples)))
        drawn = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        return signal.records[record].ljust(size, b"\0") if signal.records else drawn
