"""Opening a recording, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import xarray as xr
from dask.system import cpu_count

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.io.beside import Beside, Location, Sources, by_source, sources
from sleepdask.io.chunking import chunked, chunked_by_epochs
from sleepdask.io.edf.patients import tell_patients
from sleepdask.io.edf.reader import EdfReader
from sleepdask.io.reader import How
from sleepdask.io.readers import reader_of
from sleepdask.io.remote.file import RemoteFile, is_url, locate, named
from sleepdask.io.store.reading import is_store
from sleepdask.signals.combining import combined
from sleepdask.signals.joining import join_recordings


def open_recording(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    dtype: str | None = None,
    chunks: str | int | Mapping[str, Any] | None = "epochs",
    workers: int | None = None,
    policy: str = "warn",
    timezone: str | None = None,
    annotations: bool = True,
    keep_identity: bool = False,
    layout: Any = None,
    also: Sources | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.DataTree:
    """Open a recording lazily: the header is read, and in EDF+ the annotations; no sample is decoded.

    EDF+ keeps annotations in every data record; where these are small the file is read through once for them,
    which also proves that no record is missing. Of a file behind a URL nothing is read but the bytes that are needed.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file, or what a wearable or another device wrote: a path, or any URL that fsspec can
        read in parts (``https://``, ``s3://``); or a folder: what `save_recording` wrote, or one session of a device;
        or several of one night, in any order, which `join_recordings` joins.
    dtype
        ``"float32"`` or ``"float64"``, of the physical values; default float32, or what a stored recording has. That is
        not changed: another one is refused.
    chunks
        ``"epochs"``: Dask arrays in chunks of whole 30 s epochs. None: no Dask; `extract` then cuts the
        signals exactly where its epochs need it. Anything else is given to `xarray.Variable.chunk`. Of a stored
        recording, ``"epochs"`` cuts where stored chunks begin, so that none is read twice.
    workers
        Threads the chunk rule counts on; default the effective number of CPUs.
    policy
        What may be odd about the file. ``"warn"``: whatever has one sound reading; it is reported. ``"strict"``:
        nothing. ``"repair"``: also what has a likely one, such as data records that overlap. What was let pass when
        a recording was stored is let pass again, except by ``"strict"``.
    timezone
        Zone of the recorder's clock, such as ``"Europe/Berlin"``. All times are then instants (UTC), and nights in
        which clocks are changed have their true length; times that are typed in are local times of the zone. None:
        all times are local and naive, as in the file. ``"Europe/Berlin+02:00"`` is a clock that stayed there, which
        also tells which of two equal hours a recording starts in. A stored recording has the zone that it was stored
        with.
    annotations
        False leaves annotations out. Of a contiguous EDF+ file only the times of the first and the last data record
        are then read, which opens one behind a URL at once; if these leave room for a gap, all are.
    keep_identity
        True keeps what the header says of the patient, the staff and the device, in ``attrs["identity"]``, and serial
        numbers in `sensor` and `prefilter`, where they are "#" otherwise.
    layout
        What the columns of a table (CSV, Parquet) hold, where no reader knows it: a `TableLayout`, a mapping of its
        fields, or the path of a YAML file of them.
    also
        What other devices recorded at the same time: a path, a list of paths, or paths by name, ``{"watch": path}``,
        several in a list where a source has several files. They stand beside the recording, each on its own clock, as
        `combine_recordings` says, and are opened with the same options.
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
        coordinate ``uncalibrated``. A stored recording also has ``attrs["provenance"]``.

    Raises
    ------
    FileFormatError
        The file is no EDF, holds no data record, or cannot be read under the policy; its local start came twice in
        the zone, or never was; or the store is damaged, or holds no recording.
    RemoteFileError
        A file behind a URL cannot be reached, or its server cannot send parts of it.
    ParameterError
        There is no such file, or no such time zone; or several cannot be joined, or combined.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.open_recording("night.edf")
    >>> night["256Hz"]["signal"].sel(channel="C3-M2", time=slice("2024-03-11T22:48", "2024-03-11T22:48")).shape
    (15360,)
    """
    how = How(dtype, timezone, annotations, keep_identity, layout)
    paths = [path] if isinstance(path, str | os.PathLike | RemoteFile) else path
    files = [locate(each, storage_options) for each in paths]
    recording = _one(files, how, policy)
    if also is not None:
        recording = _with_others(recording, files, sources(also), how, policy, storage_options)
    if chunks is None:
        return recording
    if chunks == "epochs":
        return chunked_by_epochs(recording, cpu_count() if workers is None else workers)
    if isinstance(chunks, str) and chunks != "auto":
        raise ParameterError("unknown chunks", expected="'epochs', 'auto', a mapping or None", found=repr(chunks))
    return recording.map_over_datasets(chunked, chunks)


def _one(files: Sequence[Location], how: How, policy: str) -> xr.DataTree:
    """Recording of one file, or joined of several."""
    return _opened(files[0], how, policy) if len(files) == 1 else _joined(files, how, policy)


def _opened(path: Location, how: How, policy: str) -> xr.DataTree:
    file = named(path)
    return reader_of(file, how.layout).read(file, how, Findings(str(file), policy))


def _joined(paths: Sequence[Location], how: How, policy: str) -> xr.DataTree:
    recording = join_recordings([_opened(path, how, policy) for path in paths], policy=policy)
    return _told_of_patients(recording, paths, how, policy)


def _with_others(
    recording: xr.DataTree,
    files: Sequence[Location],
    also: Sequence[Beside],
    how: How,
    policy: str,
    storage_options: Mapping[str, Any] | None,
) -> xr.DataTree:
    """Recording with its other sources beside it."""
    others: list[tuple[str, xr.DataTree]] = []
    every = list(files)
    for name, paths in by_source(also):
        located = [locate(each, storage_options if is_url(str(each)) else None) for each in paths]
        stored = all(is_store(named(each)) for each in located)  # these have their zone, and no other one
        others.append((name, _one(located, replace(how, timezone=None) if stored else how, policy)))
        every += located
    return _told_of_patients(combined(recording, others, policy), every, how, policy)


def _told_of_patients(recording: xr.DataTree, paths: Sequence[Location], how: How, policy: str) -> xr.DataTree:
    """Recording that tells if the headers of its files name different people."""
    findings = Findings(str(recording.attrs["source"]), policy)
    tell_patients([path for path in paths if isinstance(reader_of(named(path), how.layout), EdfReader)], findings)
    told = [str(finding) for finding in findings.found]
    recording.attrs["findings"] = list(dict.fromkeys([*recording.attrs["findings"], *told]))
    return recording
