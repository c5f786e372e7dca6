"""Where a result comes from: versions, parameters, definitions, input, command."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sleepdask.io.readers import files_of
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source
from sleepdask.signals.units import of_channel

PACKAGES = ("sleepdask", "numpy", "numba", "xarray", "dask", "pandas", "pyarrow", "tzdata")


def provenance(
    *,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any],
    table: Mapping[str, Any],
    command: Sequence[str],
) -> dict[str, Any]:
    """Everything needed to know how a table came to be, as plain JSON types.

    Parameters
    ----------
    inputs
        Files by their role, such as ``{"recording": ..., "hypnogram": ...}``, as `describe_file` gives them.
    parameters
        What was asked for.
    table
        Description of the computed features (`sleepdask.io.tables.describe`).
    command
        Words of the command line.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "versions": versions(PACKAGES),
        "platform": f"{platform.system()} {platform.machine()}",
        "inputs": dict(inputs),
        "parameters": dict(parameters),
        "columns": _columns(table),
        "table": dict(table),
    }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of some packages."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in packages}


def describe_file(path: Path | RemoteFile) -> dict[str, Any]:
    """Name, size, time of change and SHA-256 of a file, or of a folder that is one: a store, a session of a device.

    The SHA-256 of a folder is that of a text: one line a file, sorted by name, each with the file's SHA-256, two blanks
    and its name within the folder, as the program sha256sum prints them. Of a remote file the version that its server
    tells takes the place of time and digest, which needs all of its bytes.
    """
    if isinstance(path, RemoteFile):
        with open_source(path) as source:
            return {"name": path.name, "size": source.size, "version": source.version}
    files = files_of(path)
    states = [part.stat() for part in files]
    digests = {part.relative_to(path).as_posix(): _sha256(part) for part in files}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return {
        "name": path.name,
        "size": sum(state.st_size for state in states),
        "mtime": str(np.datetime64(max(state.st_mtime_ns for state in states), "ns")),
        "sha256": hashlib.sha256(lines.encode()).hexdigest() if path.is_dir() else digests["."],
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _columns(table: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Unit, definition and reference of every feature column, units resolved per channel."""
    return {
        f"{channel['name']}/{name}": {
            "units": of_channel(feature["units"], channel.get("unit", "")),
            "definition": feature["definition"],
            "reference": feature["reference"],
        }
        for node in table["nodes"].values()
        for channel in node["channels"]
        for name, feature in node["features"].items()
    }
