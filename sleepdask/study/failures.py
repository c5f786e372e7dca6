"""How many recordings may fail before a study is ended."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sleepdask.errors import ParameterError, StudyStoppedError
from sleepdask.study.outcome import FAILED, LOST, RecordingOutcome

_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")


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

    @classmethod
    def of(cls, most: int | str | None, recordings: int) -> Limit:
        """Limit as a number of recordings, or as a share of all of them such as ``"5%"``.

        Examples
        --------
        >>> Limit.of("5%", recordings=200).most, Limit.of(3, recordings=200).most
        (10, 3)
        """
        text = str(most).strip()
        if most is None:
            return cls()
        if share := _SHARE.fullmatch(text):
            return cls(int(float(share[1]) / 100 * recordings + 1e-9))
        if text.isascii() and text.isdigit():
            return cls(int(text))
        raise ParameterError("max_failures is a number or a share", expected="such as 10 or '5%'", found=repr(most))

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
