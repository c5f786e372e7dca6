"""The recordings that are timed: a synthetic reference night, a longer one, and a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sleepdask.io.edf.header import read_header

ROOT = Path(__file__).parents[1]
TEST_DATA = "SLEEPDASK_TEST_DATA"
_REAL = Path("sleep-edf-sc4001", "SC4001E0-PSG.edf")
_RECORDS_FIELD = slice(236, 244)  # where an EDF header holds the number of data records


@dataclass(frozen=True)
class NightFile:
    """A recording in a file, and what it is called in the tables."""

    title: str
    path: Path


def reference_night(folder: Path, hours: float) -> NightFile:
    """Return the reference night (8 channels, 256 Hz), made on first use."""
    stem = f"reference-{hours:g}h"
    path = folder / f"{stem}-PSG.edf"
    if not path.exists():
        # In a process of its own: simulating allocates, and would change how this one's memory behaves.
        code = (
            "import sys; from sleepdask.simulate import REFERENCE_MONTAGE, simulate_night;"
            "simulate_night(float(sys.argv[1]), montage=REFERENCE_MONTAGE).write(sys.argv[2], sys.argv[3])"
        )
        subprocess.run([sys.executable, "-c", code, str(hours), str(folder), stem], check=True, cwd=ROOT)
    return NightFile(f"Reference night: synthetic, 8 channels, 256 Hz, {hours:g} h", path)


def longer_night(night: NightFile, times: int) -> NightFile:
    """Return a night whose data records are those of another one, several times over; made on first use."""
    path = night.path.with_name(f"{night.path.stem}-x{times}.edf")
    if not path.exists():
        written = path.with_suffix(".part")
        _repeat_records(night.path, written, times)
        written.replace(path)
    return NightFile(f"{night.title}, {times} times over", path)


def real_night() -> NightFile | None:
    """Return the real night, or None without the folder that holds it."""
    folder = os.environ.get(TEST_DATA)
    path = Path(folder) / _REAL if folder else None
    return NightFile(f"Real night: {path.stem}", path) if path and path.exists() else None


def _repeat_records(source: Path, target: Path, times: int) -> None:
    header = read_header(source)
    (keeper,) = [signal for signal in header.signals if signal.is_annotation]
    content = source.read_bytes()
    head = bytearray(content[: header.header_bytes])
    head[_RECORDS_FIELD] = str(header.n_records * times).ljust(8).encode()
    records = bytearray(content[header.header_bytes :])
    width = 2 * keeper.samples_per_record
    with target.open("wb") as file:
        file.write(head)
        file.write(records)
        for copy in range(1, times):
            # EDF+ keeps the time of each record in the record, and a reader checks it.
            for record in range(header.n_records):
                onset = (copy * header.n_records + record) * header.record_ns // 1_000_000_000
                place = record * header.record_bytes + keeper.byte_offset
                records[place : place + width] = f"+{onset}\x14\x14".encode().ljust(width, b"\0")
            file.write(records)
