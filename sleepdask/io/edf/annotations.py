"""Annotations of an EDF+ file, and the time that each of its data records states.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from sleepdask.errors import FileFormatError
from sleepdask.io.edf.fields import decode_text
from sleepdask.io.edf.model import Header, SignalHeader
from sleepdask.io.edf.recordfile import RecordFile
from sleepdask.io.edf.tal import SECOND, Tal, TalError, malformed, parse_tals

# Writers round the time of a record to some decimals; a missing sample at up to 1 kHz is still seen.
_TOLERANCE_NS = 1_000_000
_POWERS_OF_TEN = 10 ** np.arange(1, 19)
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Annotation:
    """A text at a time.

    Parameters
    ----------
    onset_ns
        Nanoseconds after the start written in the header (`Header.time_origin`); in a recording that starts
        within a second this is not the time of its first sample.
    duration_ns
        Nanoseconds, or None when the file states none.
    text
        The text, never empty.
    """

    onset_ns: int
    duration_ns: int | None
    text: str


@dataclass(frozen=True)
class Stretch:
    """Data records that follow each other without a gap.

    Parameters
    ----------
    first
        Number of the first of them.
    start_ns
        Time of its first sample: nanoseconds since 1970 of the local wall clock.
    """

    first: int
    start_ns: int


@dataclass(frozen=True)
class Track:
    """What the annotation signals of a file say.

    Parameters
    ----------
    annotations
        One for each text, sorted by onset. The empty texts that keep the time of each data record are left out.
    stretches
        When the data records were taken, in order; a single one where there is no gap.
    """

    annotations: tuple[Annotation, ...]
    stretches: tuple[Stretch, ...]

    def findings(self, kind: str) -> tuple[str, ...]:
        """Say what contradicts the header."""
        if kind == "EDF+D" or len(self.stretches) == 1:
            return ()
        record = self.stretches[1].first
        gaps = f"{len(self.stretches) - 1} gaps, the first before data record {record}"
        return (f"says {kind} but its data records state {gaps}; they are read at the times they state",)


def read_track(path: str | os.PathLike[str], header: Header) -> Track:
    """Read all annotations of a file, and the times of its data records.

    Parameters
    ----------
    path, header
        The file and its header, as `read_header` gave it. Without an annotation signal nothing is read: the
        records follow each other from the start on.

    Raises
    ------
    FileFormatError
        If an annotation is malformed; if a data record begins before the one before it ends (by more than
        1 ms), or does not state its time in a discontinuous recording; or if the file changed since its header
        was read.
    """
    file = header.record_file(path)
    found: list[Annotation] = []
    times = _RecordTimes(file.path, header)
    keeps_time = any(s.is_ordinary for s in header.signals)
    for signal in header.signals:
        if signal.is_annotation:
            for tal in _lists(file, header, signal, times if keeps_time else None):
                found += [Annotation(tal.onset_ns, tal.duration_ns, decode_text(t)) for t in tal.texts if t]
            keeps_time = False  # only the first annotation signal does
    return Track(tuple(sorted(found, key=attrgetter("onset_ns"))), tuple(times.stretches))


class _RecordTimes:
    """Follows the time that each data record states, and begins a stretch where it is later than it would be."""

    def __init__(self, where: str, header: Header) -> None:
        self._where = where
        self._header = header
        self.stretches = [Stretch(0, header.start_ns)]

    def due(self, record: int) -> int:
        """Time of a record that follows the last stretch without a gap."""
        last = self.stretches[-1]
        return last.start_ns + (record - last.first) * self._header.record_ns

    def see(self, record: int, tals: list[Tal]) -> bool:
        """Take note of the time that the first list of a record states; tells whether a new stretch begins there."""
        due = self.due(record)
        if not (tals and tals[0].keeps_time):
            if self._header.kind == "EDF+D":
                raise self._refusal(record, "does not state its time", "an onset, as the recording is discontinuous")
            return False
        onset_ns = tals[0].onset_ns
        start = self._header.origin_ns + onset_ns
        if abs(start - due) <= _TOLERANCE_NS:
            return False
        if start < due:
            expected = f"{(due - self._header.origin_ns) / SECOND:.9g} s or more after the start in the header"
            reason = "begins before the one before it ends"
            raise self._refusal(record, reason, expected, f"{onset_ns / SECOND:.9g} s")
        if start + (self._header.n_records - record) * self._header.record_ns >= 2**63:
            raise self._refusal(record, "is beyond the year 2262", "an earlier onset", f"{onset_ns / SECOND:.9g} s")
        self.stretches.append(Stretch(record, start))
        return True

    def _refusal(self, record: int, why: str, expected: str, found: str = "none") -> FileFormatError:
        fix = "export each contiguous part as a file of its own"
        return FileFormatError(
            f"data record {record} {why}", where=self._where, expected=expected, found=found, fix=fix
        )


def _lists(file: RecordFile, header: Header, signal: SignalHeader, times: _RecordTimes | None) -> Iterator[Tal]:
    """Each list of a signal; on the way, `times` sees the time of each data record.

    A record that holds its own time alone, as nearly all do, is recognised as a whole and left out.
    """
    width = 2 * signal.samples_per_record
    for first, block, at in file.spans(0, file.n_records, signal.byte_offset, signal.byte_offset + width):
        lists = block[:, at : at + width]
        begin = 0
        while begin < len(lists):
            due = None if times is None else times.due(first + begin) - header.origin_ns
            unusual = begin + np.flatnonzero(~_hold_their_time(lists[begin:], due, header.record_ns))
            begin = len(lists)
            for number in unusual.tolist():
                tals = _parsed(file, header, signal, first + number, lists[number].tobytes())
                yield from tals
                if times is not None and times.see(first + number, tals):
                    begin = number + 1  # other times are due from here on
                    break


def _parsed(file: RecordFile, header: Header, signal: SignalHeader, record: int, raw: bytes) -> list[Tal]:
    try:
        return list(parse_tals(raw, 0, len(raw)))
    except TalError as error:
        position = header.header_bytes + record * header.record_bytes + signal.byte_offset + error.position
        raise malformed(file.path, record, position, raw[error.position :]) from error


def _hold_their_time(lists: npt.NDArray[np.uint8], due_ns: int | None, step_ns: int) -> npt.NDArray[np.bool_]:
    """Tell which records hold but ``+<seconds>``, two separators and zeros: the time due, and nothing else."""
    usual = np.zeros(len(lists), bool)
    if due_ns is None or due_ns < 0 or due_ns % SECOND or step_ns % SECOND:
        return usual
    due = (due_ns + step_ns * np.arange(len(lists))) // SECOND
    digits = np.searchsorted(_POWERS_OF_TEN, due, side="right") + 1
    for count in np.unique(digits).tolist():
        if count <= _MOST_DIGITS and count + 4 <= lists.shape[1]:  # as the grammar of a list has it
            chosen = slice(*np.searchsorted(digits, [count, count + 1]))  # times grow, and so do their digits
            text = np.zeros((chosen.stop - chosen.start, lists.shape[1]), np.uint8)
            text[:, 0] = ord("+")
            text[:, 1 : count + 1] = due[chosen, None] // 10 ** np.arange(count)[::-1] % 10 + ord("0")
            text[:, count + 1 : count + 3] = 20
            usual[chosen] = (lists[chosen] == text).all(axis=1)
    return usual
