"""Many nights, two of them damaged: a study, Luna's process pool, and a plain loop on one core and two."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.children import run_watched
from benchmarks.cohorts import Cohort
from benchmarks.study_child import BOTH, LOOP, LOOPS, ONE, PSD, TWO, WARM
from benchmarks.table import Aim, Row, at_least, at_most, row, skipped
from benchmarks.timing import Case, Ratio, Series, take_turns

BASE = LOOP
WORKS = (PSD, BOTH)
LUNA = "Luna: proc_parallel, 2 workers"
_CHILD = Path(__file__).with_name("luna_study_child.py")
_CORES = 2
_LONGEST = 110  # characters of what is said of a damaged night
_NOTES = {
    LOOP: "open, extract, compute in one process; nothing is written",
    LOOPS: "the ideal: both are started and warm, nothing is written",
    ONE: "in one warm process",
    TWO: "the start of the processes included",
    WARM: "the same, once they are started",
    LUNA: "the start of its processes included; results in memory",
}


def study_rows(cohort: Cohort, work: str, repeats: int, python: Path | None) -> list[Row]:
    """Time one work in every way, each in a process of its own, in turns on the same two cores."""
    trials = {
        name: _Trial([sys.executable, "-m", "benchmarks.study_child", name, work, cohort.table])
        for name in (LOOP, ONE, WARM, LOOPS, TWO)
    }
    if python:
        trials[LUNA] = _Trial([python, _CHILD, cohort.sample_list, work])
    most = {LUNA: 1 if work == BOTH else 2}
    cases = [
        Case(name, trial, most=most.get(name, repeats), warm=False, note=_NOTES[name]) for name, trial in trials.items()
    ]
    with _cores(_CORES):
        series = take_turns(cases, repeats)
    rows = [row(one, series[LOOP], _aim(name, work, series)) for name, one in series.items()]
    rows += [row(_peaks(name, trial), _peaks(LOOP, trials[LOOP]), unit="MB") for name, trial in trials.items()]
    rows += [_survived(name, trial, cohort) for name, trial in trials.items()]
    return rows if python else [*rows, *skipped([LUNA], "skipped: no interpreter is named by --lunapi")]


@dataclass
class _Trial:
    """Runs a command, and keeps what it said and how much memory it took."""

    command: Sequence[str | Path]
    said: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self) -> float:
        printed, peak = run_watched(self.command)
        self.said.append(json.loads(printed.strip().splitlines()[-1]) | {"mb": peak.mb, "by": peak.by})
        return float(self.said[-1]["seconds"])


def _aim(name: str, work: str, series: Mapping[str, Series]) -> Aim | None:
    if name == ONE:
        return at_most("1 worker / loop", Ratio.of(series[ONE], series[LOOP]), 1.1)
    if name == WARM and (ratio := Ratio.of(series[LOOP], series[WARM])):
        return Aim(f"rate / {_CORES} loops ≥ 0.85", ratio.middle / _CORES, 0.85, at_most=False)
    if name == LUNA and work == PSD:
        return at_least("Luna / study", Ratio.of(series[LUNA], series[TWO]), 10)
    return None


def _peaks(name: str, trial: _Trial) -> Series:
    by = {each["by"] for each in trial.said}
    note = f"{' or '.join(sorted(by))} of all its processes together"
    return Series(Case(f"peak memory: {name}", trial, note=note), [each["mb"] for each in trial.said])


def _survived(name: str, trial: _Trial, cohort: Cohort) -> Row:
    """How many of the nights that can be read have results, and what is said of the others."""
    good = cohort.recordings.keys() - set(cohort.damaged)
    counts = [sum(not each["said"][recording] for recording in good) for each in trial.said]
    if not counts:
        return Row(f"results: {name}", note="not run")
    said = trial.said[-1]["said"]
    words = "; ".join(f"{each}: {_short(said[each]) or 'taken for good'}" for each in cohort.damaged)
    return Row(f"results: {name}", tuple(counts), min(counts), f"of {len(good)} nights", note=words)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


@contextmanager
def _cores(count: int) -> Iterator[None]:
    """Context in which this process, and all that it starts, have so many cores, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
