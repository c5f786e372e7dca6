"""What a file holds, told by its content: signals, scores, other annotations, or nothing that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sleepdask.errors import SleepdaskError
from sleepdask.findings import Findings
from sleepdask.hypnogram import is_stage
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import Header, read_header
from sleepdask.io.scores.base import Options
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.registry import format_of
from sleepdask.io.store.reading import is_store, open_store

Kind = Literal["recording", "scores", "annotations", "summary", "empty", "unreadable", "other"]

_SLOWEST = 3_600_000_000_000  # ns between samples: what has a value an hour, or less, is a summary of days
_LARGEST = 64 << 20  # bytes of scores; a week of 1 s epochs with their times is less
_RECORDS = slice(236, 244)  # bytes of the number of data records in an EDF header


@dataclass(frozen=True)
class Look:
    """What a look at a file told.

    Parameters
    ----------
    kind
        "recording": signals. "scores": sleep stages, and no signals. "annotations": others, and no signals. "summary":
        values of hours or days. "empty": a sound header that announces no data. "unreadable": it looks like a
        recording, and cannot be opened. "other": anything else.
    format
        Of scores.
    trouble
        Why it cannot be read.
    """

    kind: Kind
    format: str = ""
    trouble: str = ""


def look_at_recording(path: Path) -> Look:
    """Look at a file or store that looks like a recording by its name or first bytes; its header is read."""
    try:
        if is_store(path):
            open_store(path)
            return Look("recording")
        header = read_header(path, Findings(path, "repair"))
    except Exception as error:  # whatever it is, the file is told, and the others are looked at
        return Look("empty" if _announces_nothing(path) else "unreadable", trouble=_said(error, path))
    ordinary = [signal for signal in header.signals if signal.is_ordinary]
    if ordinary:
        fastest = max(signal.samples_per_record for signal in ordinary)
        return Look("summary" if header.record_ns >= _SLOWEST * fastest else "recording")
    if not any(signal.is_annotation for signal in header.signals):
        return Look("unreadable", trouble="it holds neither signals nor annotations")
    return _look_at_annotations(path, header)


def look_at_scores(path: Path) -> Look:
    """Look at a file that may hold scores, by its content; all of it is read, unless it is larger than any."""
    try:
        if path.stat().st_size > _LARGEST:
            return Look("other", trouble=f"it is larger than {_LARGEST >> 20} MiB")
        file = ScoreFile(path, Findings(path, "repair"))
        found = format_of(file)
    except Exception as error:  # files of all kinds lie beside recordings
        return Look("other", trouble=_said(error, path))
    try:
        scores = found.read(file, Options())
    except Exception as error:
        return Look("scores", found.name, _said(error, path))
    return Look("scores" if scores.stages.onset else "annotations", found.name)


def _look_at_annotations(path: Path, header: Header) -> Look:
    try:
        annotations = read_track(path, header, Findings(path, "repair")).annotations
    except Exception as error:
        return Look("scores", "edf", _said(error, path))
    return Look("scores" if any(is_stage(each.text) for each in annotations) else "annotations", "edf")


def _announces_nothing(path: Path) -> bool:
    """Whether a file is a header that announces no data record, as of a device that was switched on and off."""
    try:
        with path.open("rb") as file:
            head = file.read(256)
        return path.stat().st_size == int(head[184:192]) > 0 and int(head[_RECORDS]) in (0, -1)
    except (OSError, ValueError):
        return False


def _said(error: Exception, path: Path) -> str:
    """Reason without the path, which is told beside it."""
    if not isinstance(error, SleepdaskError):
        return type(error).__name__
    said = [str(error.args[0])]
    said += [f"{name} {value}" for name, value in (("expected", error.expected), ("found", error.found)) if value]
    return "; ".join([*said, error.fix] if error.fix else said).replace(f"{path}", path.name)
