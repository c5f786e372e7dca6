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

from sleepdask.findings import Findings
from sleepdask.io.edf.fields import decode_text
from sleepdask.io.edf.model import Header, SignalHeader
from sleepdask.io.edf.recordfile import RecordFile
from sleepdask.io.edf.recordtimes import TOLERANCE_NS, RecordTimes, Stretch
from sleepdask.io.edf.tal import SECOND, Tal, TalError, parse_tals
from sleepdask.io.remote.file import RemoteFile

_MOST_DIGITS = 9
_BATCH = 1 << 20  # bytes of lists that are looked at together: a block of records may hold few of them


@dataclass(frozen=True, slots=True)
class Annotation:
    """A text at a time.

    Parameters
    ----------
    onset_ns
        Nanoseconds after the start written in the header (`Header.origin_ns`); in a recording that starts
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


def read_track(
    path: str | os.PathLike[str] | RemoteFile,
    header: Header,
    findings: Findings | None = None,
    *,
    annotations: bool = True,
) -> Track:
    """Read all annotations of a file, and the times of its data records.

    Parameters
    ----------
    path, header
        The file and its header, as `read_header` gave it. Without an annotation signal nothing is read: the
        records follow each other from the start on.
    findings
        Takes what was odd, and holds the policy; default: a new one of the policy "warn".
    annotations
        False leaves them out, and reads only the times that the first and the last data record of a contiguous
        recording state; all the others as well if these two leave room for a gap.

    Raises
    ------
    FileFormatError
        If a data record begins before the one before it ends (by more than 1 ms), or does not state its time in a
        discontinuous recording; or if the file changed since its header was read.
    """
    findings = findings or Findings(str(path))
    file = header.record_file(path)
    times = RecordTimes(findings, header)
    lists = _Lists(file, header, findings)
    found: list[Annotation] = []
    keeps_time = any(s.is_ordinary for s in header.signals)
    if not annotations and keeps_time and lists.show_no_gap(times):
        times.report()
        return Track((), tuple(times.stretches))
    for signal in header.signals:
        if signal.is_annotation and signal.samples_per_record:
            for tal in lists.read(signal, times if keeps_time else None):
                found += [Annotation(tal.onset_ns, tal.duration_ns, decode_text(t)) for t in tal.texts if t]
            keeps_time = False  # only the first annotation signal does
    lists.report()
    times.report()
    kept = sorted(found, key=attrgetter("onset_ns")) if annotations else ()
    return Track(tuple(kept), tuple(times.stretches))


class _Lists:
    """Reads the lists of annotation signals; what cannot be read is left out and told."""

    def __init__(self, file: RecordFile, header: Header, findings: Findings) -> None:
        self._file = file
        self._header = header
        self._findings = findings
        self._malformed: list[tuple[int, int]] = []

    def read(self, signal: SignalHeader, times: RecordTimes | None) -> Iterator[Tal]:
        """Each list of a signal; on the way, `times` sees the time of each data record.

        A record that holds its own time alone, as nearly all do, is recognised as a whole and left out.
        """
        for first, lists in self._batches(signal):
            done = 0
            while done < len(lists):
                due = None if times is None else times.due(first + done) - self._header.origin_ns
                unusual = done + np.flatnonzero(~_hold_their_time(lists[done:], due, self._header.record_ns))
                done = len(lists)
                for number in unusual.tolist():
                    tals = self._parsed(signal, first + number, lists[number].tobytes())
                    yield from tals
                    if times is not None and times.see(first + number, tals[0] if tals else None):
                        done = number + 1  # other times are due from here on
                        break

    def _batches(self, signal: SignalHeader) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        """Lists of many records at a time, and the number of the first of these."""
        begin, end = self._place(signal)
        at_once = max(1, _BATCH // (end - begin))
        first, held, parts = 0, 0, []
        for _, block, at in self._file.spans(0, self._file.n_records, begin, end, sparse=True):
            parts.append(block[:, at : at + end - begin].copy())
            held += len(block)
            if held >= at_once:
                yield first, np.concatenate(parts)
                first, held, parts = first + held, 0, []
        if parts:
            yield first, np.concatenate(parts)

    def show_no_gap(self, times: RecordTimes) -> bool:
        """Tell whether the times of the first and the last data record leave no room for a gap; `times` sees them."""
        keeper = next((s for s in self._header.signals if s.is_annotation and s.samples_per_record), None)
        if keeper is None or self._header.kind.endswith("+D"):
            return False
        stated = []
        for record in (0, self._file.n_records - 1):
            for _, block, _ in self._file.spans(record, record + 1, *self._place(keeper)):
                try:
                    stated.append(next(parse_tals(block.tobytes(), 0, block.size), None))
                except TalError:
                    return False
        first, last = stated
        if first is None or last is None or not (first.keeps_time and last.keeps_time):
            return False
        length = (self._file.n_records - 1) * self._header.record_ns
        if abs(last.onset_ns - first.onset_ns - length) > TOLERANCE_NS:
            return False
        times.see(0, first)
        return True

    def _place(self, signal: SignalHeader) -> tuple[int, int]:
        """First byte of a signal within a data record, and the one after its last."""
        return signal.byte_offset, signal.byte_offset + self._header.sample_bytes * signal.samples_per_record

    def _parsed(self, signal: SignalHeader, record: int, raw: bytes) -> list[Tal]:
        tals: list[Tal] = []
        try:
            tals.extend(parse_tals(raw, 0, len(raw)))
        except TalError as error:
            header = self._header
            position = header.header_bytes + record * header.record_bytes + signal.byte_offset + error.position
            self._malformed.append((record, position))
        return tals

    def report(self) -> None:
        """Say what could not be read."""
        if self._malformed:
            record, position = self._malformed[0]
            more = f", and of {len(self._malformed) - 1} more data records" if self._malformed[1:] else ""
            self._findings.warn(
                "malformed-annotations",
                f"annotations are not written as EDF+ has them (TAL){more}",
                "what follows in the data record is left out",
                where=f"data record {record}, byte {position}",
            )


def _hold_their_time(lists: npt.NDArray[np.uint8], due_ns: int | None, step_ns: int) -> npt.NDArray[np.bool_]:
    """Tell which records hold but ``+<seconds>``, two separators and zeros: the time due, and nothing else."""
    usual = np.zeros(len(lists), bool)
    if due_ns is None or due_ns < 0 or due_ns % SECOND or step_ns % SECOND:
        return usual
    due = due_ns // SECOND + step_ns // SECOND * np.arange(len(lists))
    width = lists.shape[1]
    for count in range(len(str(due[0])), min(len(str(due[-1])), _MOST_DIGITS, width - 4) + 1):  # as a list is written
        first, last = np.searchsorted(due, [10 ** (count - 1) * (count > 1), 10**count])
        text = np.zeros((last - first, width), np.uint8)
        text[:, 0] = ord("+")
        text[:, count + 1 : count + 3] = 20
        rest = due[first:last].astype(np.uint32)
        for place in range(count, 0, -1):
            text[:, place] = rest % 10 + ord("0")
            rest //= 10
        found = np.ascontiguousarray(lists[first:last])
        usual[first:last] = (found.view(f"S{width}") == text.view(f"S{width}"))[:, 0]  # zeros at the end are the same
    return usual
