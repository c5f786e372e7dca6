"""Writing a recording into Zarr: samples shard by shard, the metadata of the root last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dask.array as da
import xarray as xr

from sleepdask.errors import OutputError, ParameterError
from sleepdask.io.atomic import staged_outputs
from sleepdask.io.provenance import describe_file, versions
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.store.metadata import METADATA, check_files, read_metadata
from sleepdask.io.store.nodes import PROVENANCE, stored_nodes

SUFFIX = ".zarr"
_PACKAGES = ("sleepdask", "numpy", "xarray", "dask", "zarr")


@contextmanager
def staged_store(
    recording: xr.DataTree, path: Path, *, source: Path | RemoteFile | None = None, force: bool = False
) -> Iterator[list[da.Array]]:
    """Lazy writes of all samples; the store is there once they were computed and the block has ended.

    Everything but samples is looked at before anything is written.

    Raises
    ------
    ParameterError
        The recording holds something that cannot be stored.
    OutputError
        The store is already there and `force` is False, or it cannot be written.
    """
    check_target(path)
    nodes = stored_nodes(recording)
    provenance = _provenance(recording, source)
    path = path.absolute()  # workers may have another working directory
    with staged_outputs(path.parent, [path.name], force=force) as paths:
        folder = paths[path.name]
        yield [write for node in nodes for write in node.create(folder)]
        for array in (array for node in nodes for array in node.arrays(folder)):
            check_files(array, read_metadata(array, "array"))  # workers may have another disk
        for node in reversed(nodes):  # the root last: what is not whole does not open
            told = node.attrs if node is not nodes[0] else node.attrs | {PROVENANCE: provenance}
            _create_group(folder / node.path, told)


def check_target(path: Path) -> None:
    """Refuse a name that is no name of a store, or that something else has; that is not replaced.

    Raises
    ------
    ParameterError, OutputError
        It is so.
    """
    if path.suffix != SUFFIX:
        fix = f"such as {path.stem or 'night'}{SUFFIX}"
        raise ParameterError(f"the name of a store ends in {SUFFIX}", found=repr(path.name), fix=fix)
    if path.exists() and not (path / METADATA).is_file():
        raise OutputError("something other than a store has this name", where=path, fix="move it away")


def _create_group(folder: Path, attrs: dict[str, Any]) -> None:
    import zarr

    zarr.create_group(zarr.storage.LocalStore(folder), attributes=attrs)


def _provenance(recording: xr.DataTree, source: Path | RemoteFile | None) -> dict[str, Any]:
    """When and by what it was stored, and from what; a recording out of a store keeps what is known of its source."""
    earlier = recording.attrs.get(PROVENANCE)
    known = earlier.get("source") if isinstance(earlier, Mapping) else None
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(_PACKAGES),
        "source": (describe_file(source) if isinstance(source, RemoteFile) or (source and source.is_file()) else known)
        or {"name": str(recording.attrs.get("source", ""))},
    }
