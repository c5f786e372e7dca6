"""A look at every recording before any is computed: its header alone, remembered until its files change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sleepdask.errors import SleepdaskError
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.outcome import Outcome
from sleepdask.signals.recording import signal_nodes, span
from sleepdask.study.files import StudyFiles
from sleepdask.study.inputs import all_look_the_same, state_of
from sleepdask.study.layout import Layout
from sleepdask.study.opening import opened
from sleepdask.study.plan import FORMAT, StudyPlan, digest
from sleepdask.study.saying import message_of, without_places
from sleepdask.study.table import Entry
from sleepdask.study.workers import runs_in_processes

SCANS = "scans.json"


@dataclass(frozen=True)
class Scan:
    """What one recording looks like.

    Parameters
    ----------
    states
        Of its files by role; of none if one of them is not there.
    layout
        None if the recording cannot be opened.
    seconds
        Length of its signals.
    findings
        What is odd about it.
    error
        Why it cannot be opened.
    """

    states: Mapping[str, Mapping[str, Any]]
    layout: Layout | None
    seconds: float = 0.0
    findings: tuple[str, ...] = ()
    error: str = ""


def scan(plan: StudyPlan, entry: Entry) -> Scan:
    """Look at one recording."""
    try:
        states = states_of(entry)
        recording, _, _ = opened(plan, entry, annotations=False)
        low, high = span(signal_nodes(recording))
        findings = tuple(map(str, recording.attrs.get("findings", [])))
        return Scan(states, Layout.of(recording), (high - low) / 1e9, findings)
    except Exception as error:  # told again, in full, when it is run
        return _failed(entry, error, lasting=not isinstance(error, OSError | MemoryError))


def scan_all(
    plan: StudyPlan, entries: Sequence[Entry], files: StudyFiles, executor: ParallelExecutor, *, remember: bool
) -> dict[str, Scan]:
    """Look at all recordings, in parallel at those that are new or changed; by id."""
    known = _remembered(plan, files)
    states = {entry.recording_id: states_of(entry) for entry in entries}
    scans = {
        name: known[name]
        for name, each in states.items()
        if each and name in known and all_look_the_same(each, known[name].states)
    }
    todo = [entry for entry in entries if entry.recording_id not in scans]
    if todo:
        use_processes = len(todo) > _FEW and runs_in_processes(executor.config)
        found: Outcome[Scan]
        for index, found in executor.map_with_progress(_Scanner(plan), todo, use_processes, desc="scan"):
            entry = todo[index]
            scans[entry.recording_id] = found.value or _failed(entry, found.error, lasting=True)
        if remember:
            _remember(plan, scans, files)
    return {entry.recording_id: scans[entry.recording_id] for entry in entries}


def _failed(entry: Entry, error: BaseException | None, *, lasting: bool) -> Scan:
    """Stand for a look that failed, that its worker did not survive, or that took too long.

    One that does not last is forgotten: the next run looks again, even if the files are as before.
    """
    text = without_places(f"{type(error).__name__}: {message_of(error)}", entry)
    return Scan(states_of(entry) if lasting else {}, None, error=text)


def states_of(entry: Entry) -> dict[str, dict[str, Any]]:
    """State of each file of a recording by role; empty if one cannot be looked at."""
    try:
        return {role: state_of(path) for role, path in entry.inputs.items()}
    except (SleepdaskError, OSError):
        return {}


@dataclass(frozen=True)
class _Scanner:
    plan: StudyPlan

    def __call__(self, entry: Entry) -> Scan:
        return scan(self.plan, entry)


_FEW = 50  # that are looked at before a cluster has started


def _view(plan: StudyPlan) -> str:
    """Hash of all of a plan that a layout depends on."""
    document = plan.document()
    seen = ("policy", "timezone", "dtype", "harmonisation", "preprocessing")
    return digest([FORMAT, *(document[name] for name in seen if name in document)])


def _remembered(plan: StudyPlan, files: StudyFiles) -> dict[str, Scan]:
    try:
        document = json.loads(files.read(SCANS))
        if document["view"] != _view(plan):
            return {}
        layouts = [Layout.from_document(each) for each in document["layouts"]]
        return {
            name: Scan(states, None if at is None else layouts[at], seconds, tuple(findings), error)
            for name, (states, at, seconds, findings, error) in document["recordings"].items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError):
        return {}


def _remember(plan: StudyPlan, scans: Mapping[str, Scan], files: StudyFiles) -> None:
    layouts = _distinct(scan.layout for scan in scans.values())
    recordings = {
        name: [each.states, layouts.get(each.layout), each.seconds, each.findings, each.error]
        for name, each in scans.items()
    }
    document = {"view": _view(plan), "layouts": [each.document() for each in layouts if each], "recordings": recordings}
    files.write(SCANS, json.dumps(document, ensure_ascii=False).encode())


def _distinct(layouts: Iterable[Layout | None]) -> dict[Layout | None, int]:
    """Number each layout once: most recordings of a study have the same few."""
    numbers: dict[Layout | None, int] = {}
    for layout in layouts:
        if layout is not None:
            numbers.setdefault(layout, len(numbers))
    return numbers
