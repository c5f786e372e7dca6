"""What the work of a study took: time, memory, attempts, and where it ran."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.reporting.amounts import Amounts, Bins, amounts, bins
from sleepdask.viz.style import shortened

MOST_SLOW, MOST_WORKERS = 5, 12


@dataclass(frozen=True)
class Slow:
    """One of the slowest recordings."""

    recording_id: str
    seconds: float
    hours: float
    bytes_read: int
    peak_memory: int
    attempts: int
    worker: str


@dataclass(frozen=True)
class Worker:
    """Where recordings ran: how many, for how many seconds, and how long the median one took."""

    name: str
    recordings: int
    seconds: float
    median: float


@dataclass(frozen=True)
class Effort:
    """All of it. Times and memory are those of recordings with features; `seconds_in_all` is of all that were run."""

    seconds: Amounts
    seconds_bins: Bins | None
    seconds_in_all: float
    memory: Amounts
    bytes_read: int
    hours: float
    attempts: tuple[tuple[int, int], ...]
    slowest: tuple[Slow, ...]
    workers: tuple[Worker, ...]
    other_workers: int


def effort(outcomes: Sequence[RecordingOutcome]) -> Effort:
    """Gather it from outcomes.

    Examples
    --------
    >>> effort([RecordingOutcome("a", seconds=2.0, worker="one"), RecordingOutcome("b", seconds=4.0)]).seconds.median
    3.0
    """
    done = [each for each in outcomes if each.has_features]
    by_worker: dict[str, list[float]] = defaultdict(list)
    for each in outcomes:
        by_worker[shortened(each.worker, 60) or "not known"].append(each.seconds)
    workers = [Worker(name, len(times), sum(times), median(times)) for name, times in by_worker.items()]
    workers.sort(key=lambda worker: (-worker.recordings, worker.name))
    slowest = sorted(done, key=lambda each: (-each.seconds, each.recording_id))[:MOST_SLOW]
    return Effort(
        seconds=amounts([each.seconds for each in done]),
        seconds_bins=bins([each.seconds for each in done]),
        seconds_in_all=sum(each.seconds for each in outcomes),
        memory=amounts([each.peak_memory for each in done]),
        bytes_read=sum(each.bytes_read for each in done),
        hours=sum(each.hours for each in done),
        attempts=tuple(sorted(Counter(each.attempts for each in outcomes).items())),
        slowest=tuple(
            Slow(shortened(each.recording_id, 60), each.seconds, each.hours, each.bytes_read, each.peak_memory,
                 each.attempts, shortened(each.worker, 60))
            for each in slowest
        ),
        workers=tuple(workers[:MOST_WORKERS]),
        other_workers=len(workers[MOST_WORKERS:]),
    )  # fmt: skip
