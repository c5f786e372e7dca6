"""The report of a study: one page that says what became of every recording, and what they hold."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pandas as pd

from sleepdask.study.causes import Causes, causes
from sleepdask.study.files import StudyFiles
from sleepdask.study.outcome import FAILED, LOST, OK, PARTIAL, STATUSES, RecordingOutcome
from sleepdask.study.reporting.definitions import Definitions, definitions
from sleepdask.study.reporting.distributions import STAGE, Distributions, covariate_text, distributions
from sleepdask.study.reporting.effort import Effort, effort
from sleepdask.study.reporting.partial import Partial, partial
from sleepdask.study.reporting.quality import Quality, quality
from sleepdask.study.table import Entry
from sleepdask.viz.style import shortened

FILE_NAME = "report.html"
PENDING = "pending"
MOST_GROUPS = 30


@dataclass(frozen=True)
class ReportData:
    """Everything that the page says, as plain values: counted, cut to what matters, not yet written out.

    Parameters
    ----------
    title
        Name of the study.
    created, written
        When the study was begun, and when this was gathered, as texts.
    counts
        Recordings by status: ok, partial, failed, lost, and pending, which are not yet done.
    unlisted
        Outcomes of recordings that the table no longer lists; nothing else counts them.
    groups
        For each covariate that the summary is grouped by, counts by status for each of its values.
    failures, partial, quality, effort, distributions, definitions
        The parts of the page; `distributions` is None without features.
    go_on, retry
        What to type to go on, and to try again what failed.
    command
        Whether these are of a shell; else of Python.
    """

    title: str
    created: str
    written: str
    counts: dict[str, int]
    unlisted: int
    groups: dict[str, dict[str, dict[str, int]]]
    failures: Causes
    partial: Partial
    quality: Quality
    effort: Effort
    distributions: Distributions | None
    definitions: Definitions
    go_on: str
    retry: str
    command: bool

    @property
    def recordings(self) -> int:
        """Number of recordings of the table."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Number of recordings that were run, whatever became of them."""
        return self.recordings - self.counts[PENDING]

    @property
    def with_features(self) -> int:
        """Number of recordings that have a table of features."""
        return self.counts[OK] + self.counts[PARTIAL]

    @property
    def without_features(self) -> int:
        """Number of recordings that were run, and have no table of features."""
        return self.counts[FAILED] + self.counts[LOST]

    def document(self) -> dict[str, Any]:
        """Itself as JSON types; what is not a number is None."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


def report_data(
    outcomes: Sequence[RecordingOutcome],
    entries: Sequence[Entry],
    plan: Mapping[str, Any],
    summary: pd.DataFrame | None = None,
    *,
    location: str,
    written: datetime | None = None,
    coverage: Mapping[str, Mapping[str, float]] | None = None,
) -> ReportData:
    """Gather what the page says.

    Parameters
    ----------
    outcomes
        What became of the recordings that were run; the last one of a recording counts.
    entries
        All recordings of the study.
    plan
        The document ``study.json``; of its ``command``, if it has one, the page makes what to type to go on.
    summary
        Long table of the study: the names by which it is grouped, then column, recordings, epochs, mean, std,
        std_between, min, q05, q25, q50, q75, q95, max; None if there are no features yet.
    location
        Where the study is, as its user writes it.
    written
        When this is; now, unless told.
    coverage
        Mean coverage of each recording by node, if it is known.

    Examples
    --------
    >>> from sleepdask.study.table import Entry
    >>> entries = [Entry("a", ("a.edf",)), Entry("b", ("b.edf",))]
    >>> data = report_data([RecordingOutcome("a")], entries, {}, location="out")
    >>> data.title, data.counts["ok"], data.counts["pending"]
    ('out', 1, 1)
    """
    by_id = {each.recording_id: each for each in outcomes}
    run = [by_id[each.recording_id] for each in entries if each.recording_id in by_id]
    counts = Counter(each.status for each in run)
    empty = summary is None or summary.empty
    shown = None if summary is None or empty else distributions(summary, plan)
    go_on, retry, shell = _commands(plan, location)
    return ReportData(
        title=shortened(str(plan.get("title") or PurePath(location).name or location), 100),
        created=_moment(plan.get("created")),
        written=_moment(written or datetime.now(UTC)),
        counts={**{status: counts[status] for status in STATUSES}, PENDING: len(entries) - len(run)},
        unlisted=len(by_id) - len(run),
        groups=_groups(entries, by_id, [name for name in (shown.by if shown else ()) if name != STAGE]),
        failures=causes(each for each in run if each.status in (FAILED, LOST)),
        partial=partial(run),
        quality=quality(run, coverage),
        effort=effort(run),
        distributions=shown,
        definitions=definitions(plan),
        go_on=go_on,
        retry=retry,
        command=shell,
    )


def write_report(files: StudyFiles, data: ReportData) -> str:
    """Write the page into the study, whole or not at all; gives where it is.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    from sleepdask.study.reporting.page import render

    files.write(FILE_NAME, render(data).encode())
    return f"{files.location}/{FILE_NAME}"


def _groups(
    entries: Sequence[Entry], outcomes: Mapping[str, RecordingOutcome], names: Sequence[str]
) -> dict[str, dict[str, dict[str, int]]]:
    groups: dict[str, dict[str, dict[str, int]]] = {}
    for name in names:
        rows: dict[str, Counter[str]] = {}
        for entry in entries:
            value = entry.covariates.get(name)
            outcome = outcomes.get(entry.recording_id)
            rows.setdefault(covariate_text(value), Counter())[outcome.status if outcome else PENDING] += 1
        if len(rows) <= MOST_GROUPS:  # one of more values is no group, but something like an age
            groups[shortened(name, 60)] = {
                value: {status: rows[value][status] for status in (*STATUSES, PENDING)} for value in sorted(rows)
            }
    return groups


def _commands(plan: Mapping[str, Any], location: str) -> tuple[str, str, bool]:
    """What goes on and what tries again, and whether it is for a shell."""
    words = plan.get("command")
    if isinstance(words, list) and words:
        text = shlex.join(str(word) for word in words if word != "--retry-failed")
        if text.isprintable():
            return text, f"{text} --retry-failed", True
    # Of a path the last name only: folders above may be named after people, and a page is passed on.
    name = location if "://" in location else PurePath(location).name or location
    study = f"sleepdask.Study.open({name!r})"
    return f"{study}.run()", f"{study}.run(retry_failed=True)", False


def _moment(value: object) -> str:
    """Time as people read it; a text that is none stays what it is."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value or ""))
    except ValueError:
        return shortened(str(value or ""), 40)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M}" + (" UTC" if moment.tzinfo else "")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
