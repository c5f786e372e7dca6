"""Runs the benchmarks and prints their tables: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    aligning,
    backends,
    families,
    filtering,
    luna,
    overhead,
    peers,
    reading,
    scale,
    start,
    study,
    tables,
)
from benchmarks.cohorts import damaged_cohort
from benchmarks.environment import describe_environment
from benchmarks.memory import memory_rows
from benchmarks.nights import TEST_DATA, NightFile, real_night, reference_night
from benchmarks.pipeline import pipeline_rows
from benchmarks.table import Row, Section, at_least, report, row, skipped
from benchmarks.timing import Case, Ratio, explain, take_turns
from benchmarks.work import OURS, compute_every_time, file_to_table

_PEER_REPEATS = 3
_NIGHTS, _FEW_NIGHTS = 20, 4  # of the study
_NO_LUNA = "skipped: no interpreter is named by --lunapi"
_AIMS = {peers.SCIPY: 12, luna.case_name(luna.PSD): 10}
NAMES = (
    *("reading", "pipeline", "scipy", "mne", "yasa", "lunapi"),
    *("families", "filters", "align", "tables", "memory"),
    *("imports", "kernels", "cli", "overhead", "backends", "study", "scale"),
)
_BY_NIGHT = {"reading", "pipeline", "scipy", "mne", "yasa", "lunapi", "backends"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, print the tables, give the exit code."""
    options = _options(arguments)
    if options.make_lunapi:
        print(luna.make_environment(options.make_lunapi))
        return 0
    compute_every_time()
    environment = describe_environment()
    with TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sections = _sections(options, reference_night(folder.absolute(), options.hours))
    print(report(environment, sections))
    if options.json:
        document = {"environment": environment, "sections": [section.document() for section in sections]}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a night of 1 h, 1 repeat, fewer tasks")
    parser.add_argument("--repeats", type=int, help="repeats of what is fast (default 7; peers at most 3)")
    parser.add_argument("--hours", type=float, help="length of the reference night (default 8)")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything, with each repeat")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the nights are kept (default: temporary)")
    parser.add_argument("--lunapi", type=Path, metavar="PYTHON", help="interpreter that has lunapi")
    parser.add_argument("--make-lunapi", type=Path, metavar="DIR", help="make such an environment, and stop")
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (1 if options.quick else 7)
    options.hours = options.hours or (1.0 if options.quick else 8.0)
    return options


def _sections(options: argparse.Namespace, reference: NightFile) -> list[Section]:
    real = real_night()
    sections = _reading_sections(options, [reference, real] if real else [reference])
    sections.append(Section(reference.title, OURS, tuple(_night_rows(options, reference))))
    if real:
        sections.append(Section(real.title, OURS, tuple(_night_rows(options, real))))
    elif _BY_NIGHT & set(options.only):
        sections.append(Section("Real night", OURS, tuple(skipped(["all"], f"skipped: {TEST_DATA} names no folder"))))
    short = min(options.repeats, _PEER_REPEATS)
    processes: dict[str, Callable[[], list[Row]]] = {
        "imports": partial(start.start_rows, options.repeats),
        "kernels": partial(start.kernel_rows, min(options.repeats, 2)),
        "cli": partial(start.extract_rows, reference, short),
    }
    rows = [line for name, make in processes.items() if name in options.only for line in _rows_or_reason(name, make)]
    sections.append(Section("Processes", start.BASE, tuple(rows)))
    if "memory" in options.only:
        rows = _rows_or_reason("memory", partial(memory_rows, reference, short))
        sections.append(Section("Memory above the warm, idle process", "the shorter night", tuple(rows)))
    if "families" in options.only:
        for night in filter(None, (reference, real)):
            rows = _rows_or_reason("families", partial(families.family_rows, night.path, short))
            sections.append(Section(f"Families, one channel: {night.title}", "sleepdask", tuple(rows)))
    if "filters" in options.only:
        rows = _rows_or_reason("filters", partial(filtering.filter_rows, options.hours, short))
        title = f"Filters: 0.3 to 35 Hz, 6 channels at 100 Hz, {options.hours:g} h in memory"
        sections.append(Section(title, "sleepdask", tuple(rows)))
    if "align" in options.only:
        rows = _rows_or_reason("align", partial(aligning.aligning_rows, options.hours, short))
        title = f"Alignment: 20 signals at 25 and 100 Hz onto 100 Hz, {options.hours:g} h"
        sections.append(Section(title, "sleepdask", tuple(rows)))
    if "tables" in options.only:
        rows = _rows_or_reason(
            "tables", partial(tables.table_rows, reference.path.parent, options.hours, options.repeats)
        )
        title = f"A text table of {options.hours * 187_200:,.0f} rows: times and three columns, opened and loaded"
        sections.append(Section(title, tables.BASE, tuple(rows)))
    sections += _parallel_sections(options, [reference, real] if real else [reference])
    sections += _study_sections(options, reference.path.parent)
    return [section for section in sections if section.rows]


def _reading_sections(options: argparse.Namespace, nights: Sequence[NightFile]) -> list[Section]:
    if "reading" not in options.only:
        return []
    sections = []
    for night in nights:
        rows = _rows_or_reason("reading", partial(reading.reading_rows, night, options.repeats, options.lunapi))
        rows += [] if options.lunapi else skipped(["Luna"], _NO_LUNA)
        sections.append(Section(f"Reading: {night.title}", reading.BASE, tuple(rows)))
    return sections


def _parallel_sections(options: argparse.Namespace, nights: Sequence[NightFile]) -> list[Section]:
    """Come last: the processes of other backends must not disturb what else is timed."""
    sections = []
    if "overhead" in options.only:
        rows = _rows_or_reason("overhead", partial(overhead.overhead_rows, options.repeats, quick=options.quick))
        sections.append(Section("Overhead of a task", overhead.BASE, tuple(rows)))
    if "backends" in options.only:
        for night in nights:
            rows = _rows_or_reason("backends", partial(backends.backend_rows, night, options.repeats))
            sections.append(Section(f"Backends: {night.title}", backends.ONE, tuple(rows)))
        rows = _rows_or_reason("start", partial(backends.first_result_rows, options.repeats))
        sections.append(Section("Start of a backend", backends.NEW_THREADS, tuple(rows)))
    return sections


def _study_sections(options: argparse.Namespace, folder: Path) -> list[Section]:
    sections = []
    if "study" in options.only:
        cohort = damaged_cohort(folder, _FEW_NIGHTS if options.quick else _NIGHTS, options.hours)
        repeats = min(options.repeats, _PEER_REPEATS)
        for work in study.WORKS:
            rows = _rows_or_reason("study", partial(study.study_rows, cohort, work, repeats, options.lunapi))
            sections.append(Section(f"Study, {work}: {cohort.title}", study.BASE, tuple(rows)))
    if "scale" in options.only:
        for title, base, make in scale.PARTS:
            rows = _rows_or_reason("scale", partial(make, folder, options.repeats, quick=options.quick))
            sections.append(Section(title, base, tuple(rows)))
    return sections


def _night_rows(options: argparse.Namespace, night: NightFile) -> list[Row]:
    rows: list[Row] = []
    if "pipeline" in options.only:
        rows += _rows_or_reason("pipeline", partial(pipeline_rows, night, options.repeats))
    makers: dict[str, Callable[[], list[Case]]] = {
        "scipy": partial(peers.scipy_cases, night.path),
        "mne": partial(peers.mne_cases, night.path),
        "yasa": partial(peers.yasa_cases, night.path),
    }
    if options.lunapi:
        makers["lunapi"] = partial(luna.luna_cases, options.lunapi, night.path)
    elif "lunapi" in options.only:
        rows += skipped(["Luna"], _NO_LUNA)
    for name in makers:
        if name in options.only:
            rows += _rows_or_reason(name, partial(_peer_rows, night, makers[name], options.repeats))
    return rows


def _peer_rows(night: NightFile, make: Callable[[], list[Case]], repeats: int) -> list[Row]:
    def ours() -> None:
        file_to_table(night.path)

    series = take_turns([Case(OURS, ours), *make()], min(repeats, _PEER_REPEATS))
    base = series.pop(OURS)
    return [
        row(one, base, at_least("peer / ours", Ratio.of(one, base), _AIMS[name]) if name in _AIMS else None)
        for name, one in series.items()
    ]


def _rows_or_reason(name: str, make: Callable[[], list[Row]]) -> list[Row]:
    """Make rows; a group that cannot even begin becomes one row that says why."""
    try:
        return make()
    except Exception as error:
        return skipped([name], explain(error))


if __name__ == "__main__":
    sys.exit(main())
