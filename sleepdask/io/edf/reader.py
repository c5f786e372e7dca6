"""European Data Format, as a reader of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.edf.annotations import read_track
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.opening import EdfFile
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile

SUFFIXES = (".edf", ".bdf", ".rec", ".edf.gz", ".bdf.gz")  # the last two are refused, with advice
_BEGINNINGS = (b"0       ", b"\xffBIOSEMI")


class EdfReader(Reader):
    """EDF, EDF+, BDF and BDF+."""

    format: ClassVar[str] = "EDF"

    def recognises(self, look: Look) -> bool:
        return not look.is_folder and (look.name.endswith(SUFFIXES) or look.head[:8] in _BEGINNINGS)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        return EdfFile.open(
            path,
            findings,
            dtype=how.dtype,
            timezone=how.timezone,
            annotations=how.annotations,
            keep_identity=how.keep_identity,
        ).recording()

    def examine(self, path: Path | RemoteFile, findings: Findings) -> None:
        header = read_header(path, findings)
        findings.format = header.kind
        read_track(path, header, findings)
