"""Studies: a table of recordings, a plan, and a store that fills until every night is accounted for."""

from __future__ import annotations

from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.study import Study
from sleepdask.study.table import Entry, read_table

__all__ = ["Entry", "RecordingOutcome", "Study", "read_table"]
