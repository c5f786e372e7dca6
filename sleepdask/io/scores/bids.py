"""BIDS ``_events.tsv``: onset and duration in seconds after the start of the recording, and trial_type.

Source: https://bids-specification.readthedocs.io, "Task events". The sleep extension proposes ``_hypnogram.tsv`` with
onset, duration and stage, which the format "table" reads.
"""

from __future__ import annotations

from sleepdask.io.scores.base import ScoreFormat
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.table import read_table


def _fits(file: ScoreFile) -> bool:
    if file.is_xml:
        return False
    names = file.lines[0].lower().split("\t")
    return names[:2] == ["onset", "duration"] and "trial_type" in names


FORMAT = ScoreFormat("bids", "BIDS events (onset, duration, trial_type, parted by tabs)", _fits, read_table)
