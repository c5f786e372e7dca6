"""BIDS ``_events.tsv``: onset and duration in seconds after the start of the recording, and trial_type.

Source: https://bids-specification.readthedocs.io, "Task events". The sleep extension proposes ``_hypnogram.tsv`` with
onset, duration and stage, which the format "table" reads.
"""

from __future__ import annotations

from sleepdask.io.scores.base import ScoreFormat
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.table import read_table


def _fits(file: ScoreFile) -> bool:
    return (
        not file.is_xml
        and file.lines[0].lower().split("\t")[:2] == ["onset", "duration"]
        and ("trial_type" in file.lines[0].lower().split("\t"))
    )


FORMAT = ScoreFormat("bids", "BIDS events (onset, duration, trial_type, parted by tabs)", _fits, read_table)
