"""The time that each data record of a file states: where the recording starts, where it stops and goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.edf.model import Header
from sleepdask.io.edf.tal import SECOND, Tal

# Writers round the time of a record to some decimals; a missing sample at up to 1 kHz is still seen.
TOLERANCE_NS = 1_000_000


@dataclass(frozen=True)
class Stretch:
    """Data records that follow each other without a gap.

    Parameters
    ----------
    first
        Number of the first of them.
    start_ns
        Time of its first sample: nanoseconds since 1970 of the local wall clock, or since the start if nobody knows it.
    """

    first: int
    start_ns: int


class RecordTimes:
    """Follows the time that each data record states, and begins a stretch where it is later than it would be.

    Parameters
    ----------
    findings
        Takes what was odd, and holds the policy.
    header
        Of the file.
    """

    def __init__(self, findings: Findings, header: Header) -> None:
        self._findings = findings
        self._header = header
        self._back_ns = 0  # by how much records that overlap were moved
        self._last = -1
        self._guesses: list[int] = []
        self.stretches = [Stretch(0, header.origin_ns)]

    def due(self, record: int) -> int:
        """Time of a record that follows the last stretch without a gap."""
        last = self.stretches[-1]
        return last.start_ns + (record - last.first) * self._header.record_ns

    def see(self, record: int, stated: Tal | None) -> bool:
        """Take note of the first list of a record; tells whether from there on other times are due.

        Records left out since the last call state the time that is due.
        """
        if record > self._last + 1:
            self._back_ns = 0
        self._last = record
        if stated is None or not stated.keeps_time:
            if self._header.kind.endswith("+D"):
                refusal = self._refusal(record, "does not state its time", "an onset: the recording is discontinuous")
                self._guess("no-record-time", refusal, record)
            return False
        start = self._header.origin_ns + stated.onset_ns
        due = self.due(record)
        if abs(start - due) <= TOLERANCE_NS:
            self._back_ns = 0
        start += self._back_ns
        if record == 0:
            if start != due:
                self._begin(start)
            return start != due
        if abs(start - due) <= TOLERANCE_NS:
            return False
        if start < due:
            refusal = self._refusal(
                record,
                "begins before the one before it ends",
                f"{self._seconds(due)} or more after the start in the header",
                self._seconds(start),
            )
            self._guess("overlap", refusal, record)
            self._back_ns += due - start
            return False
        if start + (self._header.n_records - record) * self._header.record_ns >= 2**63:
            raise self._refusal(record, "is beyond the year 2262", "an earlier onset", self._seconds(start))
        self.stretches.append(Stretch(record, start))
        return True

    def report(self) -> None:
        """Say what contradicts the header, and how often it was guessed."""
        kind = self._header.kind
        if len(self.stretches) > 1 and not kind.endswith("+D"):
            message = f"says {kind} but its data records state {len(self.stretches) - 1} gaps"
            where = f"data record {self.stretches[1].first}"
            self._findings.note("gaps", message, "they are read at the times they state", where=where)
        if len(self._guesses) > 1:
            message = f"the times of {len(self._guesses)} data records are guessed, up to that of {self._guesses[-1]}"
            self._findings.note("guesses", message, "as for the first")

    def _begin(self, start: int) -> None:
        """Let the recording start where its first data record does, as a rule within the second of the header."""
        offset = start - self._header.origin_ns
        if not -(2**63) + SECOND <= start < 2**63 - self._header.n_records * self._header.record_ns:
            raise self._refusal(0, "is before the year 1678 or beyond 2262", "another onset", self._seconds(start))
        if not 0 <= offset < SECOND:
            message = f"the first data record is {offset / SECOND:g} s from the start written in the header"
            self._findings.note("first-record", message, "it is read at the time it states", where="data record 0")
        self.stretches[0] = Stretch(0, start)

    def _guess(self, code: str, refusal: FileFormatError, record: int) -> None:
        if not self._guesses:
            self._findings.guess(code, refusal, "it follows the one before it", where=f"data record {record}")
        self._guesses.append(record)

    def _seconds(self, time: int) -> str:
        return f"{(time - self._header.origin_ns) / SECOND:.9g} s"

    def _refusal(self, record: int, why: str, expected: str, found: str = "none") -> FileFormatError:
        return FileFormatError(
            f"data record {record} {why}",
            where=os.fspath(self._findings.path),
            expected=expected,
            found=found,
            fix="export each contiguous part as a file of its own",
        )
