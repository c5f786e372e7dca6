"""What `save_recording` wrote, as a reader of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.store.reading import is_store, open_store, tell_stored


class StoreReader(Reader):
    """Recordings in Zarr."""

    format: ClassVar[str] = "Zarr"

    def recognises(self, look: Look) -> bool:
        return is_store(look.path)

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        return open_store(
            path,
            dtype=how.dtype,
            policy=findings.policy,
            timezone=how.timezone,
            annotations=how.annotations,
            keep_identity=how.keep_identity,
        )

    def examine(self, path: Path | RemoteFile, findings: Findings) -> None:
        tell_stored(open_store(path), findings)
