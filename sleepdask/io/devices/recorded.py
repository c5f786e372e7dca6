"""What a reader found at a path, as a recording named after it."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.reader import How, Look
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.streams import Parts, recording_of


def recorded(parts: Parts, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
    """Recording of what a file, or a folder, holds; its name is that of the folder, or of the file without suffix."""
    return recording_of(
        parts,
        findings,
        recording_id=path.name if Look(path).is_folder else path.stem,
        source=path.name,
        timezone=how.timezone,
        dtype=how.dtype,
    )
