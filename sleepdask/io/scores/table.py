"""Rows of delimited text under a line of column names, and CSV or TSV tables of onset, duration and stage."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sleepdask.errors import ParameterError
from sleepdask.io.cells import unescaped
from sleepdask.io.scores.base import CLOCK, MIDNIGHT, START, Options, Rows, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import USUAL_EPOCH, duration_ns, onsets_ns
from sleepdask.io.scores.vocabularies import NOTHING, column_stages, event_stage

# Names of columns, upper and lower case alike, blanks as underscores; a unit of seconds behind them is left away.
ALIASES = {
    "onset": ("onset", "start", "start_time", "begin", "time"),
    "duration": ("duration", "dur", "length"),
    "end": ("end", "end_time", "stop"),
    "stage": ("stage", "stages", "sleep_stage", "hypnogram", "hypno"),
    "event": ("trial_type", "event", "description", "annotation", "text"),
    "epoch": ("epoch",),
    "label": ("label",),
    "channel": ("channel", "location"),
}
_UNIT = re.compile(r"[ _]*(\(s(ec(onds)?)?\)|\[s(ec(onds)?)?\]|_sec(onds)?)$")


@dataclass(frozen=True)
class Table:
    """Columns of text by what they hold, with the number of the line of each row."""

    columns: dict[str, list[str]]
    lines: list[int]


def split_rows(lines: Sequence[str], first: int, delimiter: str, file: ScoreFile) -> tuple[list[list[str]], list[int]]:
    """Cells of all lines from `first` on that are not empty, and the numbers of these lines, from 1."""
    reader = csv.reader(lines[first:], delimiter=delimiter, strict=True)
    rows, numbers = [], []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                numbers.append(first + reader.line_num)
    except csv.Error as error:
        raise file.refusal(f"a row cannot be split: {error}", line=first + reader.line_num) from error
    return rows, numbers


def read_columns(
    file: ScoreFile, first: int, delimiter: str, name_of: Callable[[str], str | None], *, skip: int = 0
) -> Table:
    """Columns below the line of names at `first` (from 0), without the `skip` lines that follow it.

    Raises
    ------
    FileFormatError
        There is no row, one is shorter than its needed columns, or two columns hold the same.
    """
    rows, lines = split_rows(file.lines, first, delimiter, file)
    names = [name_of(cell) for cell in rows[0]]
    known = [name for name in names if name]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise file.refusal("two columns hold the same", line=lines[0], found=", ".join(twice))
    rows, lines = rows[1 + skip :], lines[1 + skip :]
    if not rows:
        raise file.refusal("the table has no rows")
    places = {name: k for k, name in enumerate(names) if name}
    width = 1 + max(place for name, place in places.items() if name not in {"label", "channel"})
    for row, line in zip(rows, lines, strict=True):
        if len(row) < width:
            raise file.refusal("a row is too short", line=line, expected=f"{width} cells", found=len(row))
    columns = {name: [row[k] if k < len(row) else "" for row in rows] for name, k in places.items()}
    return Table(columns, lines)


def column_name(cell: str) -> str | None:
    """What a column holds by its name; None if that is not of interest."""
    name = _UNIT.sub("", cell.strip().strip('"').lower())
    name = "_".join(name.replace("_", " ").split())
    return next((column for column, names in ALIASES.items() if name in names), None)


def header(file: ScoreFile) -> tuple[int, str, list[str]]:
    """Line (from 0) of the column names, the delimiter, and what the columns hold."""
    first = next((k for k, line in enumerate(file.lines) if line.strip() and not line.startswith("#")), 0)
    delimiter = next((mark for mark in "\t;," if mark in file.lines[first]), ",")
    return first, delimiter, [name for cell in file.lines[first].split(delimiter) if (name := column_name(cell))]


def read_table(file: ScoreFile, options: Options) -> Scores:
    """Scores of a table; a column of stages holds nothing else, one of events those that no vocabulary knows too."""
    first, delimiter, found = header(file)
    if not _has_scores(found):
        expected = "onset and stage; epoch and stage; or onset, duration and trial_type"
        raise file.refusal(
            "the table lacks columns", line=first + 1, expected=expected, found=", ".join(found) or "none"
        )
    table = read_columns(file, first, delimiter, column_name)
    columns = table.columns
    if options.epoch_length is not None and {"duration", "end"} & set(columns):
        raise ParameterError("epoch_length is of no use", where=file.path, expected="none, as the table has durations")
    if "onset" in columns:
        relative_to, onsets, durations = _times(table, file, options.epoch_length or 0)
        scores = Scores(relative_to, epoch=options.epoch_length, by_end=_by_end(columns))
    else:
        epoch = options.epoch_length or USUAL_EPOCH
        onsets, durations = _numbered(table, file, epoch)
        scores = Scores(START, epoch=epoch, epoch_assumed=options.epoch_length is None)
    channels = columns.get("channel", [""] * len(onsets))
    if "stage" in columns:
        said = "\n".join(file.lines[:first])
        stage_of = column_stages(set(columns["stage"]), file, options.vocabulary, said)
        labels = [unescaped(label) for label in columns.get("label", columns["stage"])]
        stages = [stage_of[text] for text in columns["stage"]]
        scores.stages = Rows(onsets, durations, labels, stages, channels, list(range(len(onsets))))
        return scores
    known = {text: event_stage(text) for text in set(columns["event"])}
    rows = zip(onsets, durations, columns["event"], channels, strict=True)
    for row, (onset, duration, text, channel) in enumerate(rows):
        if known[text] is not None:
            scores.stages.add(onset, duration, text, stage=known[text], row=row)
        elif text.lower() not in NOTHING:
            named = "" if channel == "n/a" else channel
            scores.events.add(onset, duration, unescaped(text), channel=named, row=row)
    return scores


def _times(table: Table, file: ScoreFile, length: int) -> tuple[str, list[int], list[int]]:
    """Onsets and durations; without a column of them all have the same `length`, or last until the next (0)."""
    columns, lines = table.columns, table.lines
    if "duration" in columns:
        durations = [duration_ns(text, file, line) for text, line in zip(columns["duration"], lines, strict=True)]
        relative_to, onsets = onsets_ns(columns["onset"], durations, lines, file)
        return relative_to, onsets.tolist(), durations
    if not _by_end(columns):
        relative_to, onsets = onsets_ns(columns["onset"], [length] * len(lines), lines, file)
        return relative_to, onsets.tolist(), [length] * len(lines)
    both = [text for pair in zip(columns["onset"], columns["end"], strict=True) for text in pair]
    relative_to, times = onsets_ns(both, [0] * len(both), [line for line in lines for _ in range(2)], file)
    durations = (times[1::2] - times[::2]).tolist()
    in_zone = file.zone is not None and relative_to in (CLOCK, MIDNIGHT)  # where the clock may have been put back
    if (least := min(durations)) < 0 and not in_zone:
        raise file.refusal("a score ends before it begins", line=lines[durations.index(least)])
    return relative_to, times[::2].tolist(), durations


def _by_end(columns: Mapping[str, list[str]]) -> bool:
    return "end" in columns and "duration" not in columns


def _numbered(table: Table, file: ScoreFile, length: int) -> tuple[list[int], list[int]]:
    """Onsets and durations of epochs that have numbers, from 0 or 1 on."""
    if {"duration", "end"} & set(table.columns):
        raise file.refusal("the table has durations but no onsets")
    numbers = []
    for text, line in zip(table.columns["epoch"], table.lines, strict=True):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise file.refusal("the number of an epoch is none", line=line, found=repr(text[:20]))
        numbers.append(int(text))
    if numbers[0] not in (0, 1) or any(after <= before for before, after in pairwise(numbers)):
        raise file.refusal("epochs are not numbered from 0 or 1 on", found=f"{numbers[0]}, ...")
    return [(number - numbers[0]) * length for number in numbers], [length] * len(numbers)


def _has_scores(found: Sequence[str]) -> bool:
    needed = ({"onset", "stage"}, {"epoch", "stage"}, {"onset", "duration", "event"})
    return any(columns <= set(found) for columns in needed)


FORMAT = ScoreFormat(
    "table",
    "a CSV or TSV table with columns such as onset, duration, stage",
    lambda file: not file.is_xml and _has_scores(header(file)[2]),
    read_table,
    frozenset({"vocabulary", "epoch_length"}),
)
