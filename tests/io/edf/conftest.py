"""Small EDF files made byte by byte, right or wrong as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest


@dataclass
class Signal:
    """Header texts of one signal, and its bytes in each record (random samples where none are given)."""

    label: str | bytes = "C3"
    samples: int | str = 4
    unit: str = "uV"
    pmin: str = "-100"
    pmax: str = "100"
    dmin: str = "-32768"
    dmax: str = "32767"
    records: Sequence[bytes] = field(default_factory=list)


def _pad(text: object, width: int) -> bytes:
    raw = text if isinstance(text, bytes) else str(text).encode()
    assert len(raw) <= width, text
    return raw.ljust(width)


def annotation_signal(*records: bytes, samples: int = 30) -> Signal:
    return Signal("EDF Annotations", samples, "", "-1", "1", records=records)


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
        columns: list[tuple[int, Callable[[Signal], object]]] = [
            (16, lambda s: s.label),
            (80, lambda s: "AgAgCl"),
            (8, lambda s: s.unit),
            (8, lambda s: s.pmin),
            (8, lambda s: s.pmax),
            (8, lambda s: s.dmin),
            (8, lambda s: s.dmax),
            (80, lambda s: "HP:0.1Hz"),
            (8, lambda s: s.samples),
            (32, lambda s: ""),
        ]
        head += [_pad(value(s), width) for width, value in columns for s in self.signals]
        rng = np.random.default_rng(7)
        body = []
        for record in range(self.n_records):
            for s in self.signals:
                size = self.sample_bytes * max(0, int(float(s.samples)))
                drawn = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
                body.append(s.records[record].ljust(size, b"\0") if s.records else drawn)
        raw = b"".join(head + body) + self.tail
        path.write_bytes(raw[: len(raw) - self.cut])
        return path


@pytest.fixture(scope="session")
def make_edf(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a file from a recipe: `make_edf(Signal(...), ..., duration="30")`."""
    folder = tmp_path_factory.mktemp("edf")

    def make(*signals: Signal, **recipe: object) -> Path:
        number = sum(1 for _ in folder.iterdir())
        chosen = {"signals": signals} if signals else {}
        return Recipe(**chosen, **recipe).write(folder / f"{number}.edf")

    return make


@pytest.fixture(scope="session")
def signal() -> type[Signal]:
    return Signal


@pytest.fixture(scope="session")
def annotations() -> Callable[..., Signal]:
    """Make an annotation signal from the bytes of each record."""
    return annotation_signal
