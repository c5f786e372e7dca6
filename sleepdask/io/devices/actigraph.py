"""ActiGraph: raw files (gt3x), which are refused with advice."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile


class ActigraphReader(Reader):
    """Raw files of an ActiGraph: known by name, not read."""

    format: ClassVar[str] = "ActiGraph gt3x"

    def recognises(self, look: Look) -> bool:
        return look.name.endswith(".gt3x")

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        raise FileFormatError(
            "raw files of ActiGraph are not read",
            where=path,
            expected="a table of its samples",
            found="gt3x",
            fix="export it as CSV with the maker's program, and say with layout= (--layout) what its columns are",
        )
