"""RemLogic text export: a head, then rows of stages and events with times of day, in the language of the program."""

from __future__ import annotations

import re

from sleepdask.io.scores.base import MIDNIGHT, Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY, day_ns, duration_ns, onsets_ns, orders_of
from sleepdask.io.scores.table import read_columns
from sleepdask.io.scores.vocabularies import REMLOGIC, vendor_stage

# Times and durations are told by their units, in any language; events and channels by name, in English and French.
_NAMES = {
    "event": "event",
    "evénement": "event",
    "événement": "event",
    "location": "channel",
    "localisation": "channel",
}
_RECORDING_DATE = re.compile(r"Recording Date:\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})\s*$")
_SCORING_DATE = re.compile(r"Scoring Time:\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})\b")


def _column(cell: str) -> str | None:
    name = cell.strip().lower()
    if "[hh:mm:ss" in name:
        return "onset"
    return "duration" if name.endswith("[s]") else _NAMES.get(name)


def _header(file: ScoreFile) -> int | None:
    """Line (from 0) of the column names."""
    return next((k for k, line in enumerate(file.lines[:200]) if "\t" in line and "[hh:mm:ss" in line.lower()), None)


def _read(file: ScoreFile, options: Options) -> Scores:
    first = _header(file)
    names = set() if first is None else {_column(cell) for cell in file.lines[first].split("\t")}
    if first is None or not {"onset", "duration", "event"} <= names:
        raise file.refusal("no line names the columns", expected="Time [hh:mm:ss], Event, Duration[s], parted by tabs")
    table = read_columns(file, first, "\t", _column)
    durations = [
        duration_ns(text, file, line) for text, line in zip(table.columns["duration"], table.lines, strict=True)
    ]
    relative_to, onsets = onsets_ns(table.columns["onset"], durations, table.lines, file)
    scores = Scores(relative_to)
    channels = table.columns.get("channel", [""] * len(durations))
    rows = zip(onsets.tolist(), durations, table.columns["event"], channels, strict=True)
    for row, (onset, duration, label, channel) in enumerate(rows):
        is_score, stage = vendor_stage(label, REMLOGIC)
        if is_score:
            scores.stages.add(onset, duration, label, stage=stage, row=row)
        else:
            scores.events.add(onset, duration, label, channel=channel, row=row)
    if relative_to == MIDNIGHT and int(onsets[0]) >= DAY // 2:
        scores.date = _date(file.lines[:first])
    return scores


def _date(head: list[str]) -> int | None:
    """Day of the recording, where the head proves which number is its month.

    It is used for scores that begin in the afternoon or evening only: after midnight they could be of the next day.
    """
    dates = [match[1] for line in head for match in [_RECORDING_DATE.match(line)] if match]
    orders = orders_of([*dates, *(match[1] for line in head for match in [_SCORING_DATE.match(line)] if match)])
    days = {day_ns(dates[0], order) for order in orders} if dates else set()
    return days.pop() if len(days) == 1 else None


FORMAT = ScoreFormat(
    "remlogic", "RemLogic text export (columns Time [hh:mm:ss], Event, Duration[s])",
    lambda file: not file.is_xml and _header(file) is not None, _read,
)  # fmt: skip
