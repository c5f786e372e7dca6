"""Many nights: different ones of which two are damaged, and very many that are small."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.nights import ROOT

CUT, GARBLED = "cut", "garbled"
_SMALL_HOURS = 1 / 12
_SMALL_NIGHTS = 10  # that differ
_CUT_BYTES = 700  # within the header
_SIGNALS_FIELD = slice(252, 256)  # where an EDF header holds the number of signals
_LARGEST_DIGITAL = 128  # bytes of each signal's fields before its largest digital value
_NONSENSE = b"##??!!  "
_SIMULATE = """
import sys
from sleepdask.simulate import REFERENCE_MONTAGE, simulate_night
hours, folder, *seeds = sys.argv[1:]
for seed in seeds:
    simulate_night(float(hours), seed=int(seed), montage=REFERENCE_MONTAGE).write(folder, f"night-{int(seed):03}")
"""


@dataclass(frozen=True)
class Cohort:
    """Recordings by id, and the tables of them."""

    title: str
    folder: Path
    recordings: dict[str, Path]
    damaged: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Path:
        """Table as a study takes it."""
        lines = ["recording_id,path", *(f"{name},{path}" for name, path in self.recordings.items())]
        return _written(self.folder / "recordings.csv", lines)

    @cached_property
    def sample_list(self) -> Path:
        """Table as Luna takes it."""
        return _written(self.folder / "sample.lst", [f"{name}\t{path}" for name, path in self.recordings.items()])


def damaged_cohort(folder: Path, nights: int, hours: float) -> Cohort:
    """Nights of the reference montage, the last two damaged: one cut in its header, one with nonsense for numbers."""
    folder = folder / f"study-{nights}x{hours:g}h"
    paths = _simulated(folder, nights, hours)
    recordings = {f"n{k:03}": path for k, path in enumerate(paths[:-2])}
    for name, path in ((CUT, paths[-2]), (GARBLED, paths[-1])):
        recordings[name] = path.with_name(f"{name}.edf")
        if not recordings[name].exists():
            recordings[name].write_bytes(_damaged(name, path.read_bytes()))
    return Cohort(f"{nights} nights of {hours:g} h, 2 of them damaged", folder, recordings, (CUT, GARBLED))


def small_cohort(folder: Path, nights: int) -> Cohort:
    """Very many nights of five minutes: names for ten files."""
    paths = _simulated(folder / "small", _SMALL_NIGHTS, _SMALL_HOURS)
    folder = folder / f"small-{nights}"
    folder.mkdir(exist_ok=True)
    recordings = {f"r{k:05}": folder / f"r{k:05}.edf" for k in range(nights)}
    for k, path in enumerate(recordings.values()):
        if not path.exists():
            os.link(paths[k % _SMALL_NIGHTS], path)
    return Cohort(f"{nights:,} nights of 5 min", folder, recordings)


def exchange(cohort: Cohort, name: str) -> None:
    """Give a small night the samples of another one."""
    path = cohort.recordings[name]
    paths = sorted(cohort.folder.with_name("small").glob("*-PSG.edf"))
    now = next(k for k, each in enumerate(paths) if each.samefile(path))
    path.unlink()
    os.link(paths[(now + 1) % len(paths)], path)


def _simulated(folder: Path, nights: int, hours: float) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"night-{seed:03}-PSG.edf" for seed in range(nights)]
    if absent := [str(seed) for seed, path in enumerate(paths) if not path.exists()]:
        # In a process of its own: simulating allocates, and would change how this one's memory behaves.
        subprocess.run([sys.executable, "-c", _SIMULATE, str(hours), str(folder), *absent], check=True, cwd=ROOT)
    return paths


def _damaged(how: str, content: bytes) -> bytes:
    if how == CUT:
        return content[:_CUT_BYTES]
    signals = int(content[_SIGNALS_FIELD])
    begin = 256 + _LARGEST_DIGITAL * signals
    return content[:begin] + _NONSENSE * signals + content[begin + len(_NONSENSE) * signals :]


def _written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
