"""Recordings and scores of a few bytes, to fill folders with."""

from __future__ import annotations

from pathlib import Path

PROFUSION = (
    "<CMPStudyConfig><EpochLength>30</EpochLength><SleepStages><SleepStage>0</SleepStage>"
    "<SleepStage>1</SleepStage></SleepStages></CMPStudyConfig>"
)
NSRR = (
    "<PSGAnnotation><EpochLength>30</EpochLength><ScoredEvents><ScoredEvent><EventType>Stages|Stages</EventType>"
    "<EventConcept>Wake|0</EventConcept><Start>0</Start><Duration>60</Duration></ScoredEvent></ScoredEvents>"
    "</PSGAnnotation>"
)
STAGES = "onset,duration,stage\n0,30,W\n30,30,N1\n"
BIDS = "onset\tduration\ttrial_type\n0\t30\tSleep stage W\n30\t30\tSleep stage N1\n"


def edf(path: Path, *, records: int = 2, seconds: float = 30, declared: int | None = None) -> Path:
    """EDF file of one signal, a value a second, or one a record if that is longer."""
    samples = int(seconds) if seconds <= 30 else 1
    announced = records if declared is None else declared
    head = _main(512, "", announced, f"{seconds:g}", 1)
    fields = ("C3", 16), ("", 80), ("uV", 8), ("-100", 8), ("100", 8), ("-100", 8), ("100", 8), ("", 80), (samples, 8)
    head += "".join(f"{value:<{width}}" for value, width in (*fields, ("", 32)))
    return _write(path, head.encode() + bytes(2 * samples * records))


def annotations(path: Path, texts: tuple[str, ...] = ("Sleep stage W", "Sleep stage 2")) -> Path:
    """EDF+ file of annotations alone, 30 s each."""
    notes = "".join(f"+{30 * k}\x1530\x14{text}\x14\0" for k, text in enumerate(texts))
    record = f"+0\x14\x14\0{notes}".encode()
    record += bytes(len(record) % 2)
    head = _main(512, "EDF+C", 1, "0", 1)
    label = ("EDF Annotations", 16), ("", 80), ("", 8), ("-1", 8), ("1", 8), ("-32768", 8), ("32767", 8), ("", 80)
    head += "".join(f"{value:<{width}}" for value, width in (*label, (len(record) // 2, 8), ("", 32)))
    return _write(path, head.encode() + record)


def text(path: Path, content: str = STAGES) -> Path:
    """Any text file."""
    return _write(path, content.encode())


def _main(size: int, kind: str, records: int, seconds: str, signals: int) -> str:
    start = "Startdate 11-MAR-2024 X X X" if kind else ""
    fields = ("0", 8), ("X X X X" if kind else "", 80), (start, 80), ("11.03.24", 8), ("22.00.00", 8), (size, 8)
    more = (kind, 44), (records, 8), (seconds, 8), (signals, 4)
    return "".join(f"{value:<{width}}" for value, width in (*fields, *more))


def _write(path: Path, raw: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path
