"""Annotations of an EDF+ file, and the check that its records follow each other as its header says.

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


def read_annotations(path: str | os.PathLike[str], header: Header) -> tuple[Annotation, ...]:
    """Read all annotations of a file, sorted by onset.

    Parameters
    ----------
    path, header
        The file and its header, as `read_header` gave it.

    Returns
    -------
    tuple of Annotation
        One for each text. The empty texts that keep the time of each data record are left out.

    Raises
    ------
    FileFormatError
        If an annotation is malformed, if the data records of a recording that should be contiguous are not
        (to 1 ms), or if the file changed since its header was read.
    """
    file = header.record_file(path)
    found: list[Annotation] = []
    keeps_time = any(s.is_ordinary for s in header.signals)
    for signal in header.signals:
        if not signal.is_annotation:
            continue
        for record, index, tal in _lists(file, header, signal):
            if keeps_time and index == 0 and tal.keeps_time:
                _check_time(file.path, header, record, tal.onset_ns)
            found += [Annotation(tal.onset_ns, tal.duration_ns, decode_text(t)) for t in tal.texts if t]
        keeps_time = False  # only the first annotation signal does
    return tuple(sorted(found, key=attrgetter("onset_ns")))


def _lists(file: RecordFile, header: Header, signal: SignalHeader) -> Iterator[tuple[int, int, Tal]]:
    """Each list of a signal, with its data record and its number within that.

    A record that holds its own time alone, as nearly all do, is recognised as a whole and left out.
    """
    width = 2 * signal.samples_per_record
    for first, block, at in file.spans(0, file.n_records, signal.byte_offset, signal.byte_offset + width):
        lists = block[:, at : at + width]
        for number in np.flatnonzero(~_hold_their_time(lists, header, first)).tolist():
            record, raw = first + number, lists[number].tobytes()
            try:
                for index, tal in enumerate(parse_tals(raw, 0, width)):
                    yield record, index, tal
            except TalError as error:
                position = file.header_bytes + record * file.record_bytes + signal.byte_offset + error.position
                raise malformed(file.path, record, position, raw[error.position :]) from error


def _hold_their_time(lists: npt.NDArray[np.uint8], header: Header, first: int) -> npt.NDArray[np.bool_]:
    """Tell which of some records hold but ``+<whole seconds>``, two separators and zeros: what is due at their time."""
    usual = np.zeros(len(lists), bool)
    lead, lead_rest = divmod(header.start_ns - header.origin_ns, SECOND)
    step, step_rest = divmod(header.record_ns, SECOND)
    if lead_rest or step_rest or lead < 0:
        return usual
    due = lead + step * np.arange(first, first + len(lists))
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


def _check_time(where: str, header: Header, record: int, onset_ns: int) -> None:
    expected = header.start_ns - header.origin_ns + record * header.record_ns
    if abs(onset_ns - expected) > _TOLERANCE_NS:
        raise FileFormatError(
            f"the recording is discontinuous at data record {record} though its header says {header.kind}",
            where=where,
            expected=f"that record {expected / SECOND:.9g} s after the start written in the header",
            found=f"{onset_ns / SECOND:.9g} s",
            fix="export each contiguous part as a file of its own",
        )
