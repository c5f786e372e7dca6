"""Noxturnal CSV export: stages and events with dates, column and event names in the language of the program."""

from __future__ import annotations

import re

from sleepdask.io.scores.base import Options, ScoreFormat, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import duration_ns, onsets_ns
from sleepdask.io.scores.table import read_columns
from sleepdask.io.scores.vocabularies import NOXTURNAL, vendor_stage

_NAMES = {
    "start time": "onset", "end time": "end", "event": "event", "duration": "duration",
    "heure de début": "onset", "heure de fin": "end", "événement": "event", "durée": "duration",
}  # fmt: skip
_UNITS = re.compile(r'("?\[[^\]]*\]"?[,;\t])+("?\[[^\]]*\]"?)?')  # the second line, in every language


def _column(cell: str) -> str | None:
    return _NAMES.get(cell.strip().strip('"').lower())


def _fits(file: ScoreFile) -> bool:
    return not file.is_xml and len(file.lines) > 1 and bool(_UNITS.fullmatch(file.lines[1].strip()))


def _read(file: ScoreFile, options: Options) -> Scores:
    delimiter = next((mark for mark in "\t;," if mark in file.lines[0]), ",")
    names = {_column(cell) for cell in file.lines[0].split(delimiter)}
    if not {"onset", "duration", "event"} <= names:
        expected = "start time, event and duration, in English or French"
        raise file.refusal("the columns have unknown names", line=1, expected=expected)
    table = read_columns(file, 0, delimiter, _column, skip=int(_fits(file)))
    columns = table.columns
    durations = [duration_ns(text, file, line) for text, line in zip(columns["duration"], table.lines, strict=True)]
    relative_to, onsets = onsets_ns(columns["onset"], durations, table.lines, file)
    scores = Scores(relative_to)
    rows = zip(onsets.tolist(), durations, columns["event"], strict=True)
    for row, (onset, duration, label) in enumerate(rows):
        is_score, stage = vendor_stage(label, NOXTURNAL)
        if is_score:
            scores.stages.add(onset, duration, label, stage=stage, row=row)
        else:
            scores.events.add(onset, duration, label, row=row)
    return scores


FORMAT = ScoreFormat("noxturnal", "Noxturnal CSV export (units in brackets in its second line)", _fits, _read)
