"""Opening a recording that is stored in Zarr: everything but samples is read, samples when they are indexed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.store.arrays import StoreArray, read_array
from sleepdask.io.store.metadata import METADATA, check_files, check_recording, chunk_shape, read_metadata
from sleepdask.io.store.nodes import DEEPEST, MOST_VALUES, is_safe
from sleepdask.io.store.variables import NUMBERS, OURS, decode
from sleepdask.io.store.writing import SUFFIX
from sleepdask.signals.clock_json import clock_from_document, is_stamped
from sleepdask.signals.index import DIM, time_coordinate
from sleepdask.signals.recording import ANNOTATIONS, SIGNAL

STORED_CHUNK = "stored_chunk"  # in the encoding of signals: samples that are read together


def is_store(path: Path | RemoteFile) -> bool:
    """Whether a path is a store, or means one by its name."""
    return path.suffix.lower() == SUFFIX or (isinstance(path, Path) and (path / METADATA).is_file())


def open_store(
    path: Path | RemoteFile,
    *,
    dtype: str | None = None,
    policy: str = "warn",
    timezone: str | None = None,
    annotations: bool = True,
    keep_identity: bool = False,
) -> xr.DataTree:
    """Open a stored recording; it is equal to the one that was stored, and has `provenance` among its attributes.

    Parameters
    ----------
    path
        Folder of the store.
    dtype
        None, or what the samples must be stored as.
    policy
        "strict" refuses a recording that has findings; otherwise what was let pass when it was stored is so now.
    timezone
        None, or the zone that it was stored with.
    annotations
        False leaves annotations out.
    keep_identity
        True is refused: what identifies people is never stored.

    Raises
    ------
    FileFormatError
        It is no recording that this version stored, it is not whole, or the policy refuses it.
    ParameterError
        There is nothing, or not what is asked for: another dtype, another zone, identity.
    """
    if isinstance(path, RemoteFile):
        raise ParameterError("stores behind URLs are not read", where=path, fix="copy it to a disk of this machine")
    if keep_identity:
        fix = "open the file that it was made of"
        raise ParameterError("a store holds nothing that identifies people", where=path, fix=fix)
    folder = path.absolute()
    findings = Findings(path, policy)
    if not folder.exists():
        raise ParameterError("no such file", where=path, fix="check the path")
    told = check_recording(read_metadata(folder, "group"), folder)
    nodes = dict(_nodes(folder, "/", DEEPEST))
    try:
        recording = xr.DataTree.from_dict(nodes, name=told.get("name"))
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"nodes do not fit together: {error}", where=path) from error
    for node in recording.subtree:
        if dtype is not None and SIGNAL in node.data_vars and node[SIGNAL].dtype != dtype:
            found = f"{node[SIGNAL].dtype} in {node.path}"
            fix = "leave dtype out, or convert the source again with that dtype"
            raise ParameterError(
                "samples are stored as another dtype", where=path, expected=dtype, found=found, fix=fix
            )
    zone = recording.attrs.get("time_zone", "")
    if timezone is not None and timezone != zone:
        fix = "leave timezone out, or convert the source again with it"
        raise ParameterError(
            "times are stored otherwise", where=path, expected=timezone, found=zone or "no zone", fix=fix
        )
    if not annotations:
        recording = recording.drop_nodes(ANNOTATIONS, errors="ignore")
    if policy == "strict":
        tell_stored(recording, findings)
    return recording


def tell_stored(recording: xr.DataTree, findings: Findings) -> None:
    """Tell again what was odd about the source of a stored recording."""
    told = recording.attrs.get("findings", [])
    for text in told if isinstance(told, list) else [told]:
        findings.warn("stored", str(text), "it was let pass when the recording was stored")


def _nodes(folder: Path, path: str, levels: int) -> list[tuple[str, xr.Dataset]]:
    document = read_metadata(folder, "group")
    attrs = dict(document.get("attributes", {}))
    told = attrs.pop(OURS, None)
    if not _is_sound(told):
        raise FileFormatError("a node does not say what it holds", where=folder)
    attrs.pop("coordinates", None)
    if told["children"] and not levels:
        raise FileFormatError("nodes are nested too deeply", where=folder, expected=f"at most {DEEPEST} levels")
    nodes = [(path, _dataset(folder, attrs, told))]
    for name in told["children"]:
        nodes += _nodes(folder / name, f"{path.rstrip('/')}/{name}", levels - 1)
    return nodes


def _is_sound(told: Any) -> bool:
    """Whether what a node says are lists of names that stay inside its folder."""
    lists = [told.get(key) for key in ("children", "variables", "coords")] if isinstance(told, dict) else [None]
    named = all(isinstance(names, list) and all(map(is_safe, names)) for names in lists)
    return named and isinstance(told.get("clock_attrs", {}), dict)


def _dataset(folder: Path, attrs: dict[str, Any], told: dict[str, Any]) -> xr.Dataset:
    clock = None
    if "clock" in told:
        try:
            stamps = _stamps(folder / DIM) if is_stamped(told["clock"]) else None
            clock = clock_from_document(told["clock"], stamps)
        except ParameterError as error:
            raise FileFormatError(str(error), where=folder) from error
    variables = {}
    for name in told["variables"]:
        if clock is not None and name == DIM:
            continue
        variables[name] = _variable(folder / name, large=clock is not None)
        size = variables[name].sizes.get(DIM)
        if clock is not None and size not in (None, clock.size):
            raise FileFormatError(
                "the clock has another number of samples", where=folder / name, expected=clock.size, found=size
            )
    try:
        dataset = xr.Dataset(variables, attrs=attrs)
        if clock is not None:
            dataset = dataset.assign_coords(time_coordinate(clock))
            dataset[DIM].attrs.update(told.get("clock_attrs", {}))
        return dataset.set_coords(told["coords"])
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"variables do not fit together: {error}", where=folder) from error


def _stamps(folder: Path) -> NDArray[np.int64]:
    """Times that follow no rule."""
    document = read_metadata(folder, "array")
    if (document["dimension_names"], document["data_type"]) != ([DIM], "int64"):
        raise FileFormatError("the times are no list of integers of 64 bits", where=folder)
    check_files(folder, document)
    if document["shape"][0] > MOST_VALUES:
        raise FileFormatError("an array is too large", where=folder, expected=f"at most {MOST_VALUES:,} values")
    return read_array(folder)


def _variable(folder: Path, *, large: bool) -> xr.Variable:
    document = read_metadata(folder, "array")
    check_files(folder, document)
    dims, attrs = document["dimension_names"], document.get("attributes", {})
    if large and DIM in dims:
        if document["data_type"] not in NUMBERS:
            raise FileFormatError("samples are no numbers", where=folder, found=document["data_type"])
        array = StoreArray(folder)
        variable = xr.Variable(dims, indexing.LazilyIndexedArray(array), attrs)
        sizes = dict(zip(dims, chunk_shape(document), strict=True))
        variable.encoding = {"preferred_chunks": sizes, STORED_CHUNK: sizes[DIM]}
        return variable
    if np.prod(document["shape"], dtype=object) > MOST_VALUES:
        raise FileFormatError("an array is too large", where=folder, expected=f"at most {MOST_VALUES:,} values")
    values, attrs = decode(read_array(folder), attrs, folder)
    return xr.Variable(dims, values, attrs)
