"""Read the header of an EDF or EDF+ file strictly: what cannot be read without guessing is refused.

Sources: EDF, Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7; EDF+, Kemp & Olivan 2003,
doi:10.1016/S1388-2457(03)00123-8.
"""

from __future__ import annotations

import os
from io import FileIO

from sleepdask.errors import FileFormatError
from sleepdask.io.edf.fields import Field
from sleepdask.io.edf.findings import signal_findings
from sleepdask.io.edf.model import MAX16, MIN16, Header, SignalHeader, channel_names
from sleepdask.io.edf.recordfile import open_file, read_at
from sleepdask.io.edf.startdate import start_ns
from sleepdask.io.edf.tal import SECOND, TalError, malformed, parse_tals

__all__ = ["Header", "SignalHeader", "channel_names", "read_header"]

# Field name and width in bytes, in file order.
_MAIN_FIELDS = (
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
_SIGNAL_FIELDS = (
    ("label", 16),
    ("transducer type", 80),
    ("physical dimension", 8),
    ("physical minimum", 8),
    ("physical maximum", 8),
    ("digital minimum", 8),
    ("digital maximum", 8),
    ("prefiltering", 80),
    ("samples in a data record", 8),
    ("reserved", 32),
)
_BLOCK = 256  # bytes of the main part of the header, and of each signal in it


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of an EDF or EDF+ file.

    Parameters
    ----------
    path
        The file. Only its header and the annotation bytes of its first data record are read.

    Returns
    -------
    Header
        Its findings tell what was odd: a truncated file, an unknown number of records, repeated labels.

    Raises
    ------
    FileFormatError
        If the file is no EDF, or a field cannot be read without guessing; the message names the field, its
        bytes, what was expected, what was found, and one way to fix it.
    ParameterError
        If there is no such file.
    """
    where = os.fspath(path)
    with open_file(path) as file:
        stat = os.fstat(file.fileno())
        main = _main_fields(where, _read(file, 0, _BLOCK))
        kind = _kind(main["reserved"])
        recording = None if kind == "EDF" else main["recording identification"]
        origin = start_ns(main["start date"], main["start time"], recording)
        header_bytes = _header_bytes(main)
        signals = _signals(where, _read(file, _BLOCK, header_bytes - _BLOCK), header_bytes)
        ordinary = any(s.is_ordinary for s in signals)
        if kind == "EDF+D" and ordinary and not any(s.is_annotation for s in signals):
            raise main["reserved"].refusal(
                "says that the recording is discontinuous, but nothing tells when its data records were taken",
                "an 'EDF Annotations' signal with the time of each",
                fix="export the recording again, with its annotations",
            )
        record_ns = _record_ns(main["duration of a data record"], ordinary=ordinary)
        record_bytes = sum(2 * s.samples_per_record for s in signals)
        n_records, findings = _n_records(main["number of data records"], stat.st_size - header_bytes, record_bytes)
        start = origin + _first_onset(where, file, header_bytes, signals)
    if max(start, origin) + n_records * record_ns >= 2**63:
        raise main["duration of a data record"].refusal("times their number goes beyond the year 2262", "a shorter one")
    if min(start, origin) < -(2**63) + SECOND:
        raise main["start date"].refusal("goes before the year 1678", "a later one")
    if not 0 <= start - origin < SECOND:
        findings += (f"the first data record is {(start - origin) / SECOND:g} s from the start written in the header",)
    return Header(
        kind=kind,
        origin_ns=origin,
        start_ns=start,
        header_bytes=header_bytes,
        record_bytes=record_bytes,
        record_ns=record_ns,
        n_records=n_records,
        signals=signals,
        findings=findings + signal_findings(kind, signals),
        file_size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
    )


def _read(file: FileIO, position: int, size: int) -> bytes:
    raw = bytearray(size)
    return bytes(raw[: read_at(file, position, memoryview(raw))])


def _main_fields(where: str, raw: bytes) -> dict[str, Field]:
    fields, begin = {}, 0
    for name, width in _MAIN_FIELDS:
        fields[name] = Field(where, name, begin, raw[begin : begin + width])
        begin += width
    if not raw:
        raise FileFormatError("the file is empty", where=where, expected="an EDF header", fix="copy the file again")
    if raw.startswith(b"\xffBIOSEMI"):
        raise fields["version"].refusal(
            "is that of BDF (24-bit), which is not supported yet",
            "'0' for EDF",
            fix="convert the file to EDF+",
        )
    if raw.startswith(b"\x1f\x8b"):
        raise fields["version"].refusal(
            "is that of a gzip archive",
            "'0' for EDF",
            found="a compressed file",
            fix="unpack it first, with gunzip",
        )
    if len(raw) < _BLOCK and b"0       ".startswith(raw[:8]):
        raise _short(where, _BLOCK, len(raw))
    if fields["version"].text() != "0":
        raise fields["version"].refusal(
            "is not that of EDF", "'0' and seven blanks", fix="check that it is an EDF file"
        )
    return fields


def _short(where: str, expected: int, found: int) -> FileFormatError:
    return FileFormatError(
        "the file is shorter than its header",
        where=where,
        expected=f"at least {expected} bytes",
        found=f"{found} bytes",
        fix="copy the file again from its source",
    )


def _kind(reserved: Field) -> str:
    text = reserved.text()
    if not text.startswith("EDF+"):
        return "EDF"
    if text[:5] not in ("EDF+C", "EDF+D"):
        raise reserved.refusal("does not say whether the recording is contiguous", "'EDF+C' or 'EDF+D'")
    return text[:5]


def _header_bytes(main: dict[str, Field]) -> int:
    number = main["number of signals"].integer()
    if number < 1:
        raise main["number of signals"].refusal("is not positive", "at least 1")
    declared, expected = main["number of header bytes"].integer(), _BLOCK * (number + 1)
    if declared != expected:
        raise main["number of header bytes"].refusal(
            "does not fit the number of signals", f"256 * ({number} signals + 1) = {expected}"
        )
    return expected


def _record_ns(field: Field, *, ordinary: bool) -> int:
    # Eight characters hold seven decimals at most, so that nanoseconds are exact.
    duration = int(field.decimal() * SECOND)
    if duration < 0 or (duration == 0 and ordinary):
        raise field.refusal("gives its signals no sampling rate", "more than 0 seconds")
    return duration


def _n_records(field: Field, data_bytes: int, record_bytes: int) -> tuple[int, tuple[str, ...]]:
    declared = field.integer()
    whole, rest = divmod(data_bytes, record_bytes)
    if declared == 0 or declared < -1:
        raise field.refusal("says that the file holds no data", "at least 1, or -1 for unknown")
    if whole == 0:
        raise FileFormatError(
            "the file holds no whole data record",
            where=field.path,
            expected=f"at least {record_bytes} bytes after the header",
            found=f"{data_bytes} bytes",
            fix="copy the file again from its source",
        )
    tail = f"; {rest} trailing bytes ignored" if rest else ""
    if declared == -1:
        return whole, (f"declares an unknown number of data records (-1), holds {whole} whole ones{tail}",)
    if declared > whole:
        return whole, (f"truncated: declares {declared} data records, holds {whole} whole ones{tail}",)
    excess = data_bytes - declared * record_bytes
    if excess:
        return declared, (f"declares {declared} data records, {excess} bytes follow them; ignored",)
    return declared, ()


def _signals(where: str, raw: bytes, header_bytes: int) -> tuple[SignalHeader, ...]:
    if len(raw) < header_bytes - _BLOCK:
        raise _short(where, header_bytes, _BLOCK + len(raw))
    number = len(raw) // _BLOCK
    columns, begin = [], 0
    for name, width in _SIGNAL_FIELDS:
        places = range(begin, begin + number * width, width)
        columns.append([(name, place, raw[place : place + width]) for place in places])
        begin += number * width
    signals: list[SignalHeader] = []
    offset = 0
    for index, row in enumerate(zip(*columns, strict=True), 1):
        fields = {name: Field(where, f"{name} of signal {index}", _BLOCK + place, part) for name, place, part in row}
        signals.append(_signal(fields, offset))
        offset += 2 * signals[-1].samples_per_record
    return tuple(signals)


def _signal(fields: dict[str, Field], offset: int) -> SignalHeader:
    label = fields["label"].text()
    samples = fields["samples in a data record"].integer()
    if samples < 1:
        raise fields["samples in a data record"].refusal("is not positive", "at least 1")
    physical, digital = (-1.0, 1.0), (MIN16, MAX16)
    # Annotations have no range and some writers leave it blank: this is the one EDF+ prescribes.
    if label != "EDF Annotations":
        physical = fields["physical minimum"].real(), fields["physical maximum"].real()
        digital = fields["digital minimum"].integer(), fields["digital maximum"].integer()
        if digital[0] >= digital[1]:
            raise fields["digital maximum"].refusal("is not above the digital minimum", f"more than {digital[0]}")
        if physical[0] == physical[1]:
            raise fields["physical maximum"].refusal("equals the physical minimum", f"other than {physical[0]:g}")
    return SignalHeader(
        label=label,
        transducer=fields["transducer type"].text().strip(),
        unit=fields["physical dimension"].text().strip(),
        physical_min=physical[0],
        physical_max=physical[1],
        digital_min=digital[0],
        digital_max=digital[1],
        prefilter=fields["prefiltering"].text().strip(),
        samples_per_record=samples,
        byte_offset=offset,
    )


def _first_onset(where: str, file: FileIO, header_bytes: int, signals: tuple[SignalHeader, ...]) -> int:
    """Nanoseconds from the start written in the header to the first data record."""
    signal = next((s for s in signals if s.is_annotation), None)
    if signal is None:
        return 0
    raw = _read(file, header_bytes + signal.byte_offset, 2 * signal.samples_per_record)
    try:
        first = next(parse_tals(raw, 0, len(raw)), None)
    except TalError as error:
        raise malformed(where, 0, header_bytes + signal.byte_offset + error.position, raw[error.position :]) from error
    return first.onset_ns if first and first.keeps_time else 0
