"""Studies: a table of recordings, a plan, and a store that fills until every night is accounted for."""

from __future__ import annotations

from sleepdask.study.config import StudyConfig, load_study_config
from sleepdask.study.finding.find import find_recordings
from sleepdask.study.harmonise import Harmonisation
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.study import Study
from sleepdask.study.table import Entry, read_table

__all__ = [
    "Entry",
    "Harmonisation",
    "RecordingOutcome",
    "Study",
    "StudyConfig",
    "find_recordings",
    "load_study_config",
    "read_table",
]
