"""Synthetic cohorts: many different nights with their table, some of them with faults that are known."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sleepdask.errors import OutputError, ParameterError
from sleepdask.io.atomic import check_outputs, staged_outputs
from sleepdask.parallel.config import check_count
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.settings import get_parallel_config
from sleepdask.simulate.faults import FAULTS, SoundFiles
from sleepdask.simulate.montage import PSG_MONTAGE, Channel
from sleepdask.simulate.night import simulate_night
from sleepdask.simulate.plan import Member, plan_cohort
from sleepdask.simulate.streams import stream

TABLE, FAULTS_TABLE, NIGHTS = "recordings.csv", "faults.csv", "nights"

_COLUMNS = ("recording_id", "path", "hypnogram", "group", "age", "sex")
_FAULTS_COLUMNS = ("recording_id", "fault", "file", "expected_status", "expected_message")
_NIGHT_FILE = re.compile(r"N\d{3,}-(PSG|Hypnogram)\.edf")


def simulate_cohort(
    folder: str | os.PathLike[str],
    nights: int = 100,
    faulty: int = 10,
    hours: float = 8.0,
    montage: Sequence[Channel] = PSG_MONTAGE,
    seed: int = 0,
    *,
    workers: int = 1,
    force: bool = False,
) -> Path:
    """Write many synthetic nights, the table of them, and what is wrong with some.

    Parameters
    ----------
    folder
        Gets ``recordings.csv`` (columns recording_id, path, hypnogram, group, age, sex), ``faults.csv`` (below) and the
        folder ``nights`` with ``N001-PSG.edf``, ``N001-Hypnogram.edf`` and so on. All of it appears, or nothing.
    nights
        How many. All differ in stages, signals and start; the signals do not depend on the covariates.
    faulty
        How many have damaged files. There are ten kinds, which come in turn; faults and nights are drawn.
    hours
        Length of each night, a whole number of 30 s epochs.
    montage
        Channels of each night; with faults at least two, so that one can lose its scale.
    seed
        The same seed gives the same bytes, for any number of workers; the first nights are also those of a larger
        cohort, their faults left aside.
    workers
        1 makes one night after the other in this process; more make as many at once, in processes of their own.
        Each needs the memory of one night.
    force
        Replace an earlier cohort. A folder with anything else in it is never written to.

    Returns
    -------
    Path
        The table of recordings.

    Raises
    ------
    ParameterError
        An argument is out of range.
    OutputError
        The folder holds something, or cannot be written, or has no room.

    Notes
    -----
    ``faults.csv`` has the columns recording_id, fault (its kind), file (which is damaged), expected_status ("failed" or
    "partial", of the night in a study) and expected_message (words that the error has in it, or the reason why values
    are missing).

    Examples
    --------
    >>> import sleepdask as sd
    >>> small = sd.simulate.SMALL_MONTAGE
    >>> table = sd.simulate.simulate_cohort("cohort", nights=3, faulty=1, hours=0.1, montage=small)
    >>> [line.split(",")[0] for line in table.read_text().splitlines()]
    ['recording_id', 'N001', 'N002', 'N003']
    """
    check_count("workers", workers, least=1)
    members = plan_cohort(nights, faulty, seed)
    example = simulate_night(hours, montage=montage)
    if faulty and len(example.montage) < 2:
        raise ParameterError("a montage of one channel has no room for faults", expected="two channels, or faulty=0")
    folder = Path(folder).absolute()
    _check_folder(folder, force=force)
    _check_room(folder, round(nights * hours * 3600) * sum(2 * channel.rate for channel in example.montage))
    with staged_outputs(folder, [NIGHTS, TABLE, FAULTS_TABLE], force=force) as paths:
        paths[NIGHTS].mkdir()
        make = partial(_make_night, folder=paths[NIGHTS], hours=hours, montage=example.montage)
        config = replace(get_parallel_config(), backend="processes", scheduler=None, max_workers_cpu=workers,
                         enabled=workers > 1, on_error="raise", timeout=None)  # fmt: skip
        for _ in ParallelExecutor(config).map_with_progress(make, members, use_processes=True, desc="nights"):
            pass
        _write_csv(paths[TABLE], _COLUMNS, map(_row, members))
        _write_csv(paths[FAULTS_TABLE], _FAULTS_COLUMNS, (_faults_row(m, m.fault) for m in members if m.fault))
    return folder / TABLE


def _make_night(member: Member, folder: Path, hours: float, montage: tuple[Channel, ...]) -> None:
    recording, hypnogram = (folder / f"{member.recording_id}-{kind}.edf" for kind in ("PSG", "Hypnogram"))
    night = simulate_night(hours, member.seed, montage, member.start)
    night.write_recording(recording)
    night.write_hypnogram(hypnogram)
    if member.fault:
        FAULTS[member.fault].plant(SoundFiles(night, recording, hypnogram, stream(night.seed, "fault")))


def _row(member: Member) -> tuple[object, ...]:
    files = (f"{NIGHTS}/{member.recording_id}-{kind}.edf" for kind in ("PSG", "Hypnogram"))
    return member.recording_id, *files, member.group, member.age, member.sex


def _faults_row(member: Member, name: str) -> tuple[object, ...]:
    fault = FAULTS[name]
    return member.recording_id, fault.name, fault.file, fault.status, fault.message


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a folder that holds anything but an earlier cohort; and that too, unless it may be replaced."""
    if folder.is_dir() and (foreign := _foreign(folder)):
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        found = ", ".join(str(path.relative_to(folder)) for path in foreign[:3]) + more
        raise OutputError(
            "the folder holds files that are not of a synthetic cohort",
            where=folder,
            expected="a new or empty folder, or an earlier cohort",
            found=found,
            fix="name another folder",
        )
    check_outputs(folder, [NIGHTS, TABLE, FAULTS_TABLE], force=force)


def _foreign(folder: Path) -> list[Path]:
    """What in a folder was not written here, sorted."""
    entries = sorted(folder.iterdir())
    if not (_begins(folder / TABLE, _COLUMNS) and _begins(folder / FAULTS_TABLE, _FAULTS_COLUMNS)):
        return entries
    nights = folder / NIGHTS
    parts = sorted(nights.iterdir()) if nights.is_dir() and not nights.is_symlink() else []
    others = [entry for entry in entries if entry.name not in (NIGHTS, TABLE, FAULTS_TABLE)]
    return others + [part for part in parts if not (_NIGHT_FILE.fullmatch(part.name) and part.is_file())]


def _begins(path: Path, columns: Sequence[str]) -> bool:
    wanted = ",".join(columns).encode() + b"\n"
    if not path.is_file() or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(len(wanted)) == wanted


def _check_room(folder: Path, needed: int) -> None:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise OutputError(
            "no room for the nights",
            where=folder,
            expected=f"{needed / 1e9:.1f} GB",
            found=f"{free / 1e9:.1f} GB free",
            fix="take fewer or shorter nights, or a smaller montage",
        )
