"""What a format of scores is, and what reading one gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sleepdask.io.scores.file import ScoreFile

CLOCK, START, MIDNIGHT, INSTANT = "", "start", "midnight", "utc"


@dataclass
class Rows:
    """Rows of one kind in the order of the file; onsets and durations in ns, a duration of 0 is not stated."""

    onset: list[int] = field(default_factory=list)
    duration: list[int] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    stage: list[str | None] = field(default_factory=list)
    channel: list[str] = field(default_factory=list)
    row: list[int] = field(default_factory=list)

    def add(
        self, onset: int, duration: int, label: str, *, stage: str | None = None, channel: str = "", row: int = 0
    ) -> None:
        """Append a row; a stage of None is a label that no vocabulary knows.

        `row` is its number among all of the file, for clock times: their order tells equal hours apart.
        """
        self.onset.append(onset)
        self.duration.append(duration)
        self.label.append(label)
        self.stage.append(stage)
        self.channel.append(channel)
        self.row.append(row)


@dataclass
class Scores:
    """All that a file scores.

    Parameters
    ----------
    relative_to
        What onsets count from: `CLOCK` (1970, so they are dates), `INSTANT` (1970 in UTC, as the file states offsets),
        `START` (of the recording), or `MIDNIGHT` before the first row, where the file has times of day.
    stages, events
        Sleep stages, and everything else.
    epoch
        Length of an epoch in ns, where the file or the caller says it.
    epoch_assumed
        Neither does, and 30 s were taken.
    date
        Midnight before the first row, ns since 1970, where a file of times of day states it elsewhere.
    since
        Local start, ns since 1970, where dates are but what the file makes of it and of seconds after it.
    by_end
        Durations are the differences of local ends and onsets.
    time_zone
        Zone of the file, once its times are instants.
    notes
        What was done by rule.
    """

    relative_to: str
    stages: Rows = field(default_factory=Rows)
    events: Rows = field(default_factory=Rows)
    epoch: int | None = None
    epoch_assumed: bool = False
    date: int | None = None
    since: int | None = None
    by_end: bool = False
    time_zone: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """What the caller says about a file that does not say it: the meaning of integers, the length (ns) of an epoch."""

    vocabulary: str | None = None
    epoch_length: int | None = None


@dataclass(frozen=True)
class ScoreFormat:
    """One kind of file: its name, what tells it from others, and how it is read."""

    name: str
    looks_for: str
    fits: Callable[[ScoreFile], bool]
    read: Callable[[ScoreFile, Options], Scores]
    options: frozenset[str] = frozenset()
