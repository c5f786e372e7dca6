"""Studies: a table of recordings, a plan, and a store that fills until every night is accounted for."""

from __future__ import annotations

from sleepdask.study.outcome import RecordingOutcome

__all__ = ["RecordingOutcome"]
