"""Opening and reading EDF against other readers, with the most memory that each takes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import luna
from benchmarks.children import run_child
from benchmarks.nights import NightFile
from benchmarks.peak import peak_above_idle
from benchmarks.readers import DOUBLE, HOUR, OPEN, READERS, SINGLE, WORKS, seconds_of
from benchmarks.table import Aim, Row, row
from benchmarks.timing import Case, Ratio, Series, take_turns
from sleepdask.io.edf.header import read_header

BASE = f"the same by {DOUBLE}"
_LUNA = "Luna"
_HOUR = 3600
_OPEN_MS = 20


def reading_rows(night: NightFile, repeats: int, python: Path | None) -> list[Row]:
    """Time every work of every reader, in turns; then measure the memory of each in a process of its own."""
    rows: list[Row] = []
    for work in WORKS:
        cases = [Case(name, partial(seconds_of, name, *_task(night, work))) for name in READERS]
        if python:
            cases.append(Case(_LUNA, partial(_of_luna, python, night, work, "seconds"), most=2, warm=False))
        series = take_turns(cases, repeats)
        aims = {DOUBLE: _soon_open(series[DOUBLE]) if work == OPEN else _first(series)}
        rows += [_named(work, row(one, series[DOUBLE], aims.get(name))) for name, one in series.items()]
    for work in WORKS[1:]:
        cases = [Case(name, partial(_peak, name, *_task(night, work)), most=2, warm=False) for name in READERS]
        if python:
            cases.append(Case(_LUNA, partial(_of_luna, python, night, work, "peak_mb"), most=1, warm=False))
        series = take_turns(cases, repeats)
        rows += [_named(f"memory, {work}", row(one, series[DOUBLE], unit="MB")) for one in series.values()]
    return rows


def _named(work: str, one: Row) -> Row:
    return replace(one, work=f"{work}: {one.work}")


def _soon_open(series: Series) -> Aim | None:
    return Aim(f"≤ {_OPEN_MS} ms", 1e3 * series.middle, _OPEN_MS, at_most=True) if series.amounts else None


def _first(series: dict[str, Series]) -> Aim | None:
    """Aim to be first among all that give float64."""
    others = [one for name, one in series.items() if one.amounts and name not in (DOUBLE, SINGLE)]
    if not others:
        return None
    fastest = min(others, key=lambda one: one.middle)
    ratio = Ratio.of(series[DOUBLE], fastest)
    return Aim(f"ours / {fastest.case.name} ≤ 1", ratio.middle, 1, at_most=True) if ratio else None


def _task(night: NightFile, work: str) -> tuple[str, Path, int, int]:
    """Work, file, and the hour in the middle of the night."""
    header = read_header(night.path)
    whole = header.n_records * header.record_ns // 1_000_000_000
    length = min(_HOUR, whole)
    return work, night.path.absolute(), (whole - length) // 2, length


def _peak(name: str, work: str, path: Path, first: int, length: int) -> float:
    printed = run_child([sys.executable, "-m", "benchmarks.reading", name, work, path, str(first), str(length)])
    return float(json.loads(printed.strip().splitlines()[-1])["peak_mb"])


def _of_luna(python: Path, night: NightFile, work: str, wanted: str) -> float:
    _, path, first, length = _task(night, work)
    return luna.read(python, path, work, first, length)[wanted]


def _main(name: str, work: str, path: str, first: str, length: str) -> None:
    seconds_of(name, HOUR, Path(path), 0, 1)  # what is imported and compiled once is not of this work
    print(json.dumps(peak_above_idle(partial(seconds_of, name, work, Path(path), int(first), int(length)))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
