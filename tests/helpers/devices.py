"""What watches and other devices might write: recordings at any times, sessions of several files, and their reader."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io import readers
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Channel, Parts, Stream, recording_of

Rows = tuple[np.ndarray, np.ndarray]
MARKER = "session.txt"


def beats(start: str, seconds: float, pace: float = 1.0, seed: int = 0) -> Rows:
    """Times in ns that follow no rule, about `pace` seconds apart, and a value of each."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.6 * pace, 1.4 * pace, int(seconds / pace))
    stamps = np.datetime64(start, "ns").astype(np.int64) + np.round(np.cumsum(steps) * 1e9).astype(np.int64)
    return stamps, np.round(rng.normal(60, 5, len(steps)), 2)


def watch_recording(
    streams: Mapping[str, Rows], *, source: str = "watch.csv", timezone: str | None = None, instants: bool = False
) -> xr.DataTree:
    """Recording of streams of one channel each, named as the stream is."""
    parts = Parts(
        [
            Stream(name, (Channel(name, "bpm" if name == "hr" else "%"),), values[None], stamps, instants=instants)
            for name, (stamps, values) in streams.items()
        ]
    )
    findings = Findings(source, format="Session")
    name = source.partition(".")[0]
    return recording_of(parts, findings, recording_id=name, source=source, timezone=timezone, dtype="float64")


class SessionReader(Reader):
    """A folder with a marker and a file a stream: lines of ns and value."""

    format: ClassVar[str] = "Session"

    def recognises(self, look: Look) -> bool:
        return look.is_folder and any(file.name == MARKER for file in look.files)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        assert isinstance(path, Path)
        instants = (path / MARKER).read_text() == "UTC"
        streams = {}
        for file in sorted(path.glob("*.dat")):
            stamps, values = np.loadtxt(file, dtype=[("ns", np.int64), ("value", np.float64)], ndmin=1, unpack=True)
            streams[file.stem] = (stamps, values)
        return watch_recording(streams, source=path.name, timezone=how.timezone, instants=instants)


def write_session(folder: Path, streams: Mapping[str, Rows], *, instants: bool = False) -> Path:
    """Write what `SessionReader` reads."""
    folder.mkdir(parents=True)
    (folder / MARKER).write_text("UTC" if instants else "local")
    for name, rows in streams.items():
        (folder / f"{name}.dat").write_text(
            "".join(f"{ns} {value!r}\n" for ns, value in zip(*map(np.ndarray.tolist, rows), strict=True))
        )
    return folder


def know_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `SessionReader` be one of the readers there are."""
    monkeypatch.setattr(readers, "_brought", lambda: (SessionReader(),))
