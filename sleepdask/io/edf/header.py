"""Read the header of an EDF or BDF file: what has one sound reading is read and reported, anything else refused.

Sources: EDF, Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7; EDF+, Kemp & Olivan 2003,
doi:10.1016/S1388-2457(03)00123-8; BDF, https://www.biosemi.com/faq/file_format.htm.
"""

from __future__ import annotations

import os

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.edf.fields import Field
from sleepdask.io.edf.model import Header, SignalHeader, channel_names
from sleepdask.io.edf.signals import BLOCK, note_units, read_signals
from sleepdask.io.edf.startdate import start_ns
from sleepdask.io.edf.tal import SECOND
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source

__all__ = ["Header", "SignalHeader", "channel_names", "read_header"]

# Field name and width in bytes, in file order.
_FIELDS = (
    ("version", 8),
    ("patient identification", 80),
    ("recording identification", 80),
    ("start date", 8),
    ("start time", 8),
    ("number of header bytes", 8),
    ("reserved", 44),
    ("number of data records", 8),
    ("duration of a data record", 8),
    ("number of signals", 4),
)
_BDF = b"\xffBIOSEMI"
_OLDEST = -(2**63) + SECOND


def read_header(path: str | os.PathLike[str] | RemoteFile, findings: Findings | None = None) -> Header:
    """Read the header of an EDF, EDF+, BDF or BDF+ file; nothing but the header is read.

    Parameters
    ----------
    path
        The file.
    findings
        Takes what was odd, and holds the policy; default: a new one of the policy "warn".

    Raises
    ------
    FileFormatError
        If the file is no EDF, or a field cannot be read under the policy; the message names the field, its bytes,
        what was expected, what was found, and one way to fix it.
    ParameterError
        If there is no such file.
    RemoteFileError
        If a remote file cannot be reached, or not read in parts.
    """
    findings = findings or Findings(str(path))
    with open_source(path) as file:
        main = _main_fields(findings, file.read(0, BLOCK))
        number = _number_of_signals(main["number of signals"])
        raw = file.read(BLOCK, BLOCK * number)  # whatever the number, no more than there is
    if isinstance(path, RemoteFile) and not file.version:
        message = "the server tells neither an ETag nor a time of change"
        findings.warn("no-version", message, "a change of the file is seen by its size alone")
    header_bytes = BLOCK * (number + 1)
    if len(raw) < BLOCK * number:
        raise _short(findings, header_bytes, BLOCK + len(raw))
    bdf = main["version"].raw == _BDF
    kind = _kind(main["reserved"], "BDF" if bdf else "EDF")
    origin = start_ns(
        main["start date"], main["start time"], main["recording identification"], plus=kind.endswith(("C", "D"))
    )
    sample_bytes = 3 if bdf else 2
    signals = read_signals(findings, raw, sample_bytes)
    _check_annotations(findings, kind, main["reserved"], signals)
    record_ns = _record_ns(main["duration of a data record"], ordinary=any(s.is_ordinary for s in signals))
    if record_ns:
        note_units(findings, signals, record_ns)
    record_bytes = sum(sample_bytes * s.samples_per_record for s in signals)
    data_bytes = file.size - header_bytes
    records = main["number of data records"]
    n_records = _n_records(findings, records, data_bytes, record_bytes)
    fits = records.text() == str(n_records) and data_bytes == n_records * record_bytes
    _check_header_bytes(main["number of header bytes"], header_bytes, fits=fits)
    start = origin or 0
    if start + n_records * record_ns >= 2**63:
        raise main["duration of a data record"].refusal("times their number goes beyond the year 2262", "a shorter one")
    if start < _OLDEST:
        raise main["start date"].refusal("goes before the year 1678", "a later one")
    return Header(
        kind=kind,
        origin_ns=start,
        dated=origin is not None,
        sample_bytes=sample_bytes,
        header_bytes=header_bytes,
        record_bytes=record_bytes,
        record_ns=record_ns,
        n_records=n_records,
        signals=signals,
        file_size=file.size,
        mtime_ns=file.mtime_ns,
        version=file.version,
    )


def _main_fields(findings: Findings, raw: bytes) -> dict[str, Field]:
    fields, begin = {}, 0
    for name, width in _FIELDS:
        fields[name] = Field(findings, name, begin, raw[begin : begin + width])
        begin += width
    version = fields["version"]
    if not raw:
        raise FileFormatError(
            "the file is empty", where=os.fspath(findings.path), expected="an EDF header", fix="copy the file again"
        )
    if raw.startswith(b"\x1f\x8b"):
        raise version.refusal(
            "is that of a gzip archive", "'0' for EDF", found="a compressed file", fix="unpack it first, with gunzip"
        )
    if len(raw) < BLOCK and (b"0       ".startswith(raw[:8]) or _BDF.startswith(raw[:8])):
        raise _short(findings, BLOCK, len(raw))
    if version.raw != _BDF and version.text() != "0":
        fix = "check that it is an EDF file"
        raise version.refusal("is not that of EDF or BDF", "'0' and seven blanks", found=version.shape(), fix=fix)
    return fields


def _short(findings: Findings, expected: int, found: int) -> FileFormatError:
    return FileFormatError(
        "the file is shorter than its header",
        where=os.fspath(findings.path),
        expected=f"at least {expected} bytes",
        found=f"{found} bytes",
        fix="copy the file again from its source",
    )


def _kind(reserved: Field, container: str) -> str:
    text = reserved.text()
    if not text.startswith(("EDF+", "BDF+")):
        return container
    if text[4:5] in ("C", "D"):
        return f"{container}+{text[4]}"
    found = repr(text[:4])  # what follows is free text
    refusal = reserved.refusal("does not say whether the recording is contiguous", "'EDF+C' or 'EDF+D'", found=found)
    reserved.findings.guess("no-continuity", refusal, "it is contiguous", where=reserved.where)
    return f"{container}+C"


def _number_of_signals(field: Field) -> int:
    number = field.integer()
    if number < 1:
        raise field.refusal("is not positive", "at least 1")
    return number


def _check_header_bytes(field: Field, expected: int, *, fits: bool) -> None:
    """See that the header is as long as it says; if not, the size of the file may still prove where the data begin."""
    if field.text() == str(expected):
        return
    message = "does not fit the number of signals"
    reading = f"the data begin at byte {expected}"
    if fits:
        field.note("header-bytes", f"{message}: {field.quoted()}", f"the size of the file proves that {reading}")
    else:
        refusal = field.refusal(message, f"256 * ({expected // BLOCK - 1} signals + 1) = {expected}")
        field.findings.guess("header-bytes", refusal, reading, where=field.where)


def _check_annotations(findings: Findings, kind: str, reserved: Field, signals: tuple[SignalHeader, ...]) -> None:
    """Compare what the header says of annotations with the signals that hold them."""
    annotated = any(s.is_annotation and s.samples_per_record for s in signals)
    if "+" not in kind and annotated:
        message = f"has a signal of annotations but does not say {kind}+"
        findings.note("annotations-in-edf", message, "it is read as annotations")
    elif kind.endswith("+D") and not annotated and any(s.is_ordinary for s in signals):
        refusal = reserved.refusal(
            "says that the recording is discontinuous, but nothing tells when its data records were taken",
            "an 'EDF Annotations' signal with the time of each",
            found="none",
            fix="export the recording again, with its annotations",
        )
        findings.guess("no-record-times", refusal, "its data records follow each other", where=reserved.where)
    elif "+" in kind and not annotated:
        message = f"says {kind} but has no 'EDF Annotations' signal"
        findings.note("no-annotations", message, "its data records follow each other")


def _record_ns(field: Field, *, ordinary: bool) -> int:
    duration = field.decimal() * SECOND
    if duration < 0 or (duration == 0 and ordinary):
        raise field.refusal("gives its signals no sampling rate", "more than 0 seconds")
    if duration != int(duration):
        raise field.refusal("is finer than a nanosecond", "at most nine decimals")
    return int(duration)


def _n_records(findings: Findings, field: Field, data_bytes: int, record_bytes: int) -> int:
    """Whole data records that belong to the recording and are there."""
    whole, rest = divmod(data_bytes, record_bytes) if record_bytes else (0, data_bytes)
    if whole == 0:
        raise FileFormatError(
            "the file holds no whole data record",
            where=os.fspath(findings.path),
            expected=f"at least {record_bytes} bytes after the header",
            found=f"{data_bytes} bytes",
            fix="copy the file again from its source",
        )
    declared = field.integer() if field.text() else -1
    found = f"it holds {whole} whole ones{f' and {rest} bytes more' if rest else ''}"
    if declared == 0 or declared < -1:
        refusal = field.refusal(f"says that the file holds no data, but {found}", "at least 1, or -1 for unknown")
        findings.guess("records-denied", refusal, f"all {whole} are read", where=field.where)
        return whole
    if declared == -1:
        field.note("records-unknown", f"does not tell the number; {found}", "the whole ones are read")
        return whole
    if declared > whole:
        message = f"truncated: declares {declared} data records, {found}"
        findings.warn("truncated", message, "the whole ones are read", where=field.where)
        return whole
    if excess := data_bytes - declared * record_bytes:
        message = f"declares {declared} data records, but {excess} bytes follow them"
        findings.warn("trailing-bytes", message, "these are ignored", where=field.where)
    return declared
