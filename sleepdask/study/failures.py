"""How many recordings may fail before a study is ended."""

from __future__ import annotations

from dataclasses import dataclass

from sleepdask.errors import StudyStoppedError
from sleepdask.study.outcome import FAILED, LOST, RecordingOutcome


@dataclass
class Limit:
    """Counts failures, and says when there are too many.

    Parameters
    ----------
    most
        Failures that may be; None for any number.
    """

    most: int | None = None
    failed: int = 0

    def count(self, outcome: RecordingOutcome) -> None:
        """Take note of an outcome."""
        self.failed += outcome.status in (FAILED, LOST)

    def check(self) -> None:
        """Raise `StudyStoppedError` if too many failed."""
        if self.most is not None and self.failed > self.most:
            raise StudyStoppedError(
                "too many recordings failed",
                expected=f"at most {self.most}",
                found=str(self.failed),
                fix="look at why, correct it or allow more, and run again: what is done is kept",
            )
