"""Where a result comes from: versions, parameters, definitions, input, command."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source
from sleepdask.signals.units import of_channel

_PACKAGES = ("sleepdask", "numpy", "numba", "xarray", "dask", "pandas", "pyarrow", "tzdata")


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
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in _PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "inputs": dict(inputs),
        "parameters": dict(parameters),
        "columns": _columns(table),
        "table": dict(table),
    }


def describe_file(path: Path | RemoteFile) -> dict[str, Any]:
    """Name, size, time of change and SHA-256 of a file.

    Of a remote one the version that its server tells takes the place of both: a digest needs all of its bytes.
    """
    if isinstance(path, RemoteFile):
        with open_source(path) as source:
            return {"name": path.name, "size": source.size, "version": source.version}
    state = path.stat()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "name": path.name,
        "size": state.st_size,
        "mtime": str(np.datetime64(state.st_mtime_ns, "ns")),
        "sha256": digest,
    }


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
