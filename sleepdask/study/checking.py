"""A study before it is run: each recording is opened and put together with its scores, nothing is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from sleepdask.errors import ParameterError, SleepdaskError
from sleepdask.features.plan import plan_extraction
from sleepdask.findings import Finding
from sleepdask.io.diagnose import diagnose_file
from sleepdask.io.folders import recording_files
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.signals.recording import signal_nodes, span
from sleepdask.study.causes import causes
from sleepdask.study.layout import Layout, common_zone
from sleepdask.study.opening import extraction_options, opened
from sleepdask.study.outcome import FAILED, RecordingOutcome
from sleepdask.study.plan import StudyPlan
from sleepdask.study.saying import message_of, without_places
from sleepdask.study.table import Entry


@dataclass(frozen=True)
class Checked:
    """What one recording is like.

    Parameters
    ----------
    recording_id
        As in the table.
    problem
        How it would fail: its outcome then; None if it would not.
    findings
        What is odd about its files.
    missing
        Channels that the study asks for and it lacks.
    layout
        Its nodes and channels, None if it cannot be opened.
    seconds
        Length of its signals.
    epochs
        That would be computed.
    hypnogram
        Whether it has scores.
    """

    recording_id: str
    problem: RecordingOutcome | None = None
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    layout: Layout | None = None
    seconds: float = 0.0
    epochs: int = 0
    hypnogram: bool = False

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return {
            "recording_id": self.recording_id,
            "problem": "" if self.problem is None else self.problem.message,
            "findings": [finding.document() for finding in self.findings],
            "missing_channels": list(self.missing),
            "channels": [] if self.layout is None else list(self.layout.channels),
            "hours": round(self.seconds / 3600, 4),
            "epochs": self.epochs,
            "hypnogram": self.hypnogram,
        }


def check_all(plan: StudyPlan, entries: Sequence[Entry], executor: ParallelExecutor) -> list[Checked]:
    """Look at all recordings, in parallel, in the order of the table."""
    return [each.unwrap() for each in executor.map_threaded(_Checker(plan), entries, desc="check")]


@dataclass(frozen=True)
class _Checker:
    plan: StudyPlan

    def __call__(self, entry: Entry) -> Checked:
        findings = _findings(entry)
        try:
            recording, missing, _ = opened(self.plan, entry)
            low, high = span(signal_nodes(recording))
            options = extraction_options(self.plan, entry, recording)
            planned = plan_extraction(recording, self.plan.features, **options)
        except Exception as error:
            message = without_places(message_of(error), entry)
            failed = RecordingOutcome(entry.recording_id, FAILED, type(error).__name__, message)
            return Checked(entry.recording_id, failed, findings)
        return Checked(
            entry.recording_id,
            findings=findings,
            missing=missing,
            layout=Layout.of(recording),
            seconds=(high - low) / 1e9,
            epochs=planned.grid.count,
            hypnogram=bool((planned.stages != "").any()),
        )


def _findings(entry: Entry) -> tuple[Finding, ...]:
    try:
        paths = (*entry.paths, *(str(one.path) for one in entry.also))
        files = [file for path in paths for file in recording_files(path)]
        return tuple(finding for file in files for finding in diagnose_file(file).findings)
    except (SleepdaskError, OSError, ValueError):  # opening it says why
        return ()


def _refusal(layouts: Sequence[Layout]) -> str:
    """Why these recordings could not be in one study; empty if they could."""
    try:
        common_zone(layouts)
    except ParameterError as error:
        return str(error)
    return ""


def cohort(checked: Sequence[Checked]) -> dict[str, Any]:
    """Tell what all recordings together are like, as JSON types."""
    sound = [each for each in checked if each.problem is None]
    failed = [each.problem for each in checked if each.problem is not None]
    hours = [each.seconds / 3600 for each in sound]
    channels: dict[str, dict[str, Counter[str]]] = {}
    counts: Counter[str] = Counter()
    for each in sound:
        for node in each.layout.nodes if each.layout else ():
            for channel in node.channels:
                counts[channel.name] += 1
                about = channels.setdefault(channel.name, {key: Counter() for key in ("types", "units", "rates")})
                about["types"][channel.signal_type] += 1
                about["units"][channel.unit] += 1
                about["rates"][f"{node.rate:g}"] += 1
    return {
        "recordings": len(checked),
        "ready": len(sound),
        "hypnograms": sum(each.hypnogram for each in sound),
        "hours": {"total": sum(hours), "shortest": min(hours), "median": median(hours), "longest": max(hours)}
        if hours
        else {},
        "epochs": sum(each.epochs for each in sound),
        "refusal": _refusal([each.layout for each in sound if each.layout]),
        "channels": {
            name: {"recordings": counts[name]} | {key: dict(values) for key, values in about.items()}
            for name, about in sorted(channels.items(), key=lambda item: -counts[item[0]])
        },
        "problems": [asdict(cause) for cause in causes(failed, len(failed)).listed],
        "findings": dict(
            Counter(code for each in checked for code in {finding.code for finding in each.findings}).most_common()
        ),
    }
