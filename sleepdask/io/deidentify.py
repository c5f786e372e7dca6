"""A copy of a recording without what identifies people: the samples are the same bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sleepdask.errors import OutputError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.atomic import staged_outputs
from sleepdask.io.edf.clean import blank_annotations, clean_header, identifying_words
from sleepdask.io.edf.header import Header, read_header
from sleepdask.io.remote.file import RemoteFile, locate, named
from sleepdask.io.source import open_source

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")


@dataclass(frozen=True)
class Deidentified:
    """A clean copy.

    Parameters
    ----------
    source, output
        Name of the recording, and path of the copy.
    size
        Of the copy, in bytes.
    sha256
        Of all that follows the header, which is the same in both files unless annotations were removed.
    notes
        What was left in the copy, or left out of it, that one should know of.
    findings
        What was odd about the recording.
    """

    source: str
    output: Path
    size: int
    sha256: str
    notes: tuple[str, ...]
    findings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return {
            "source": self.source,
            "output": str(self.output),
            "size": self.size,
            "sha256": self.sha256,
            "notes": list(self.notes),
            "findings": list(self.findings),
        }


def deidentify(
    path: str | os.PathLike[str] | RemoteFile,
    output: str | os.PathLike[str],
    *,
    code: str = "X",
    remove_date: bool = False,
    remove_annotations: bool = False,
    remove_sensors: bool = False,
    policy: str = "warn",
    force: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Deidentified:
    """Write a copy of a recording whose header names neither the patient nor the staff nor the device.

    The patient field becomes "CODE X X X" and the recording field "Startdate dd-MMM-yyyy X X X" (both shorter in plain
    EDF); what looks like a serial number in texts about sensors becomes "#". Every sample is the same byte for byte.
    The copy is read and compared with the recording before it gets its name.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file.
    output
        The copy, another file.
    code
        Takes the place of the patient: letters, digits and any of ``._+-``.
    remove_date
        The copy has no date, and is read as a recording without one; its header keeps the time of day.
    remove_annotations
        Blank all annotations; the time of each data record stays. Else they stay, and may hold names.
    remove_sensors
        Blank the transducer types.
    policy
        What may be odd about the recording, as in `open_recording`. Bytes after its last data record are left out.
    force
        Replace a file that is already there.
    storage_options
        As in `open_recording`.

    Returns
    -------
    Deidentified
        Where the copy is, and what to know of it.

    Raises
    ------
    FileFormatError
        The header cannot be read under the policy.
    ParameterError
        The code is none.
    OutputError
        The copy would replace the recording or another file, cannot be written, or is not read like the recording.

    Examples
    --------
    >>> import sleepdask as sd
    >>> copy = sd.deidentify("night.edf", "out/clean.edf", code="S017")
    >>> sd.open_recording(copy.output, keep_identity=True).attrs["identity"]["code"]
    'S017'
    """
    if not _CODE.fullmatch(code):
        raise ParameterError("the code is none", expected="up to 60 letters, digits and any of ._+-", found=repr(code))
    file, target = locate(path, storage_options), Path(output)
    findings = Findings(str(file), policy)
    header = read_header(file, findings)
    _check_target(file, target)
    with open_source(file) as source:
        raw = source.read(0, header.header_bytes)
    head, notes = clean_header(raw, header, code=code, remove_date=remove_date, remove_sensors=remove_sensors)
    words = identifying_words(raw)
    whole = header.header_bytes + header.n_records * header.record_bytes
    records = header.record_file(file).spans(0, header.n_records, 0, header.record_bytes)
    blocks: Iterator[npt.NDArray[np.uint8]] = (block for _, block, _ in records)
    if remove_annotations:
        blocks = blank_annotations(blocks, header)
    with staged_outputs(target.parent, [target.name], force=force) as paths:
        written = paths[target.name]
        digest, annotated = _write(written, head, blocks, header, words)
        _check_copy(header, written, target, policy, undated=remove_date)
    if header.file_size > whole:
        notes.append(f"{header.file_size - whole} bytes after the last data record are left out")
    if not remove_annotations and any(s.is_annotation and s.samples_per_record for s in header.signals):
        notes.append("annotations are kept: their free text may hold names")
    places = {"annotations": annotated, "other fields of the header": _hold(head, words)}
    places["the name of the copy"] = _hold(target.name.encode(), words)
    for place in (name for name, found in places.items() if found):
        notes.append(f"a word of the patient or recording field is also in {place}, and was left there")
    return Deidentified(
        named(file).name, target, whole, digest, tuple(notes), tuple(str(finding) for finding in findings.found)
    )


def _check_target(file: str | os.PathLike[str] | RemoteFile, target: Path) -> None:
    if target.is_dir():
        raise OutputError("is a folder", where=target, expected="the file to write", fix="name a file in it")
    if not isinstance(file, RemoteFile) and target.exists() and target.samefile(file):
        raise OutputError("the copy would replace the recording itself", where=target, fix="name another file")


def _write(
    path: Path, head: bytes, blocks: Iterator[npt.NDArray[np.uint8]], header: Header, words: frozenset[bytes]
) -> tuple[str, bool]:
    """Write header and data records; gives the digest of these, and whether annotations hold one of the words."""
    digest = hashlib.sha256()
    size = header.sample_bytes
    places = [(s.byte_offset, s.byte_offset + size * s.samples_per_record) for s in header.signals if s.is_annotation]
    found = False
    with path.open("xb") as file:
        file.write(head)
        for block in blocks:
            file.write(block.data)
            digest.update(block.data)
            found = found or any(_hold(block[:, begin:end].tobytes(), words) for begin, end in places)
    return digest.hexdigest(), found


def _hold(raw: bytes, words: frozenset[bytes]) -> bool:
    lower = raw.lower()
    return any(word in lower for word in words)


def _check_copy(header: Header, copy: Path, target: Path, policy: str, *, undated: bool) -> None:
    """See that the copy is read as the recording is, but for what was meant to differ."""
    read = read_header(copy, Findings(copy, policy if not undated or policy != "strict" else "warn"))
    same = [replace(signal, transducer="", prefilter="") for signal in header.signals]
    expected = replace(header, signals=tuple(same), file_size=read.file_size, mtime_ns=read.mtime_ns, version="")
    if undated:
        expected = replace(expected, origin_ns=0, dated=False)
    blanked = tuple(replace(signal, transducer="", prefilter="") for signal in read.signals)
    if replace(read, signals=blanked) != expected:
        raise OutputError("the copy is not read like the recording, and was not kept", where=target)
