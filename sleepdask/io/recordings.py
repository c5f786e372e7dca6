"""Opening a recording, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import xarray as xr
from dask.system import cpu_count

from sleepdask.chunks import chunk_edges
from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.edf.opening import EdfFile
from sleepdask.io.edf.patients import tell_patients
from sleepdask.io.remote.file import RemoteFile, locate, named
from sleepdask.signals.index import clock_of
from sleepdask.signals.joining import join_recordings
from sleepdask.signals.recording import SIGNAL, is_dated, on_signals, span
from sleepdask.times import duration_ns

Location = str | os.PathLike[str] | RemoteFile

_WINDOW = duration_ns("30s")


def open_recording(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    dtype: str = "float32",
    chunks: str | int | Mapping[str, Any] | None = "epochs",
    workers: int | None = None,
    policy: str = "warn",
    timezone: str | None = None,
    annotations: bool = True,
    keep_identity: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.DataTree:
    """Open a recording lazily: the header is read, and in EDF+ the annotations; no sample is decoded.

    EDF+ keeps annotations in every data record; where these are small the file is read through once for them,
    which also proves that no record is missing. Of a file behind a URL nothing is read but the bytes that are needed.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file: a path, or any URL that fsspec can read in parts (``https://``, ``s3://``); or
        several of one night, in any order, which `join_recordings` joins.
    dtype
        ``"float32"`` or ``"float64"``, of the physical values.
    chunks
        ``"epochs"``: Dask arrays in chunks of whole 30 s epochs. None: no Dask; `extract` then cuts the
        signals exactly where its epochs need it. Anything else is given to `xarray.Variable.chunk`.
    workers
        Threads the chunk rule counts on; default the effective number of CPUs.
    policy
        What may be odd about the file. ``"warn"``: whatever has one sound reading; it is reported. ``"strict"``:
        nothing. ``"repair"``: also what has a likely one, such as data records that overlap.
    timezone
        Zone of the recorder's clock, such as ``"Europe/Berlin"``. All times are then instants (UTC), and nights in
        which clocks are changed have their true length; times that are typed in are local times of the zone. None:
        all times are local and naive, as in the file. ``"Europe/Berlin+02:00"`` is a clock that stayed there, which
        also tells which of two equal hours a recording starts in.
    annotations
        False leaves annotations out. Of a contiguous EDF+ file only the times of the first and the last data record
        are then read, which opens one behind a URL at once; if these leave room for a gap, all are.
    keep_identity
        True keeps what the header says of the patient, the staff and the device, in ``attrs["identity"]``, and serial
        numbers in `sensor` and `prefilter`, where they are "#" otherwise.
    storage_options
        For the file system of a URL, such as credentials; never shown in what comes of it.

    Returns
    -------
    recording
        Tree with one node a sampling rate, such as ``/100Hz``: ``signal (channel, time)`` in physical units
        with the coordinates ``unit``, ``physical_dimension`` (the unit as the file spells it), ``signal_type``,
        ``sensor``, ``prefilter``; and ``/annotations`` where the file has them. `time` is a lazy coordinate; lengths
        of time since the start, where the file has no date, and then ``attrs["start"]`` is NaT. With a zone they are
        UTC, ``attrs["start"]`` ends in Z, and ``attrs["time_zone"]`` has its name.
        ``attrs["findings"]`` tells what was odd. A channel whose scale is unknown is all NaN, with the reason in the
        coordinate ``uncalibrated``.

    Raises
    ------
    FileFormatError
        The file is no EDF, holds no data record, or cannot be read under the policy; or its local start came twice in
        the zone, or never was.
    RemoteFileError
        A file behind a URL cannot be reached, or its server cannot send parts of it.
    ParameterError
        There is no such file, or no such time zone; or several cannot be joined.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.open_recording("night.edf")
    >>> night["256Hz"]["signal"].sel(channel="C3-M2", time=slice("2024-03-11T22:48", "2024-03-11T22:48")).shape
    (15360,)
    """
    how: dict[str, Any] = {
        "dtype": dtype,
        "policy": policy,
        "timezone": timezone,
        "annotations": annotations,
        "keep_identity": keep_identity,
    }
    if isinstance(path, str | os.PathLike | RemoteFile):
        recording = _opened(locate(path, storage_options), how)
    else:
        recording = _joined([locate(each, storage_options) for each in path], how)
    if chunks is None:
        return recording
    if chunks == "epochs":
        return _chunked_by_epochs(recording, cpu_count() if workers is None else workers)
    if isinstance(chunks, str) and chunks != "auto":
        raise ParameterError("unknown chunks", expected="'epochs', 'auto', a mapping or None", found=repr(chunks))
    return recording.map_over_datasets(_chunk, chunks)


def _opened(path: Location, how: Mapping[str, Any]) -> xr.DataTree:
    if named(path).suffix.lower() in {".csv", ".zarr"}:
        raise FileFormatError("this kind of recording is not read", where=path, expected="an EDF or BDF file")
    return EdfFile.open(path, **how).recording()


def _joined(paths: Sequence[Location], how: Mapping[str, Any]) -> xr.DataTree:
    recording = join_recordings([_opened(path, how) for path in paths], policy=how["policy"])
    findings = Findings(str(recording.attrs["source"]), how["policy"])
    tell_patients(paths, findings)
    recording.attrs["findings"] = [*recording.attrs["findings"], *map(str, findings.found)]
    return recording


def _chunk(node: xr.Dataset, chunks: Mapping[str, Any]) -> xr.Dataset:
    """Chunk the samples alone: labels and annotations stay in memory."""
    return node.assign({SIGNAL: node[SIGNAL].variable.chunk(chunks, inline_array=True)}) if SIGNAL in node else node


def _chunked_by_epochs(recording: xr.DataTree, workers: int) -> xr.DataTree:
    """Chunk all nodes on the epochs that `extract` has by default: they begin where the earliest signal does."""
    children = recording.children.items()
    nodes = {name: node.to_dataset() for name, node in children if SIGNAL in node and node.sizes["time"]}
    if not nodes:
        return recording
    low, high = span(nodes)
    grid = EpochGrid(low, _WINDOW, _WINDOW, max(1, (high - low) // _WINDOW), dated=is_dated(nodes))
    return on_signals(recording, lambda node: _chunk_on(grid, node, workers))


def _chunk_on(grid: EpochGrid, node: xr.Dataset, workers: int) -> xr.Dataset:
    if not node.sizes["time"]:
        return node
    clock = clock_of(node)
    bytes_per_epoch = node.sizes["channel"] * node[SIGNAL].dtype.itemsize * grid.expected(clock)
    edges = chunk_edges(grid.count, workers, bytes_per_epoch)
    inner = (int(grid.bounds(clock, e, e + 1)[0][0]) for e in edges[1:-1])
    cuts = sorted({0, *inner, clock.size})  # none twice: there may be no sample for hours
    return _chunk(node, {"channel": -1, "time": tuple(after - first for first, after in pairwise(cuts))})
