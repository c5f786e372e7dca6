"""Opening a recording, whatever its format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import xarray as xr
from dask.system import cpu_count

from sleepdask.chunks import chunk_edges
from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.edf.backend import open_edf
from sleepdask.io.store.reading import STORED_CHUNK, is_store, open_store
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import SIGNAL
from sleepdask.times import duration_ns

_WINDOW = duration_ns("30s")


def open_recording(
    path: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    chunks: str | int | Mapping[str, Any] | None = "epochs",
    workers: int | None = None,
    policy: str = "warn",
) -> xr.DataTree:
    """Open a recording lazily: the header is read, and in EDF+ the annotations; no sample is decoded.

    EDF+ keeps annotations in every data record; where these are small the file is read through once for them,
    which also proves that no record is missing.

    Parameters
    ----------
    path
        An EDF, EDF+, BDF or BDF+ file, or the folder that `save_recording` wrote.
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

    Returns
    -------
    recording
        Tree with one node a sampling rate, such as ``/100Hz``: ``signal (channel, time)`` in physical units
        with the coordinates ``unit``, ``physical_dimension`` (the unit as the file spells it), ``signal_type``,
        ``sensor``, ``prefilter``; and ``/annotations`` where the file has them. `time` is a lazy coordinate; lengths
        of time since the start, where the file has no date, and then ``attrs["start"]`` is NaT.
        ``attrs["findings"]`` tells what was odd. A channel whose scale is unknown is all NaN, with the reason in the
        coordinate ``uncalibrated``. A stored recording also has ``attrs["provenance"]``.

    Raises
    ------
    FileFormatError
        The file is no EDF, holds no data record, or cannot be read under the policy; the store is damaged, or holds
        no recording.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.open_recording("night.edf")
    >>> night["256Hz"]["signal"].sel(channel="C3-M2", time=slice("2024-03-11T22:48", "2024-03-11T22:48")).shape
    (15360,)
    """
    if Path(path).suffix.lower() == ".csv":
        raise FileFormatError("this kind of recording is not read", where=path, expected="an EDF or BDF file")
    if is_store(Path(path)):
        recording = open_store(path, dtype=dtype, policy=policy)
    else:
        recording = open_edf(path, dtype=dtype or "float32", policy=policy)
    if chunks is None:
        return recording
    if chunks == "epochs":
        return recording.map_over_datasets(_chunk_by_epochs, cpu_count() if workers is None else workers)
    if isinstance(chunks, str) and chunks != "auto":
        raise ParameterError("unknown chunks", expected="'epochs', 'auto', a mapping or None", found=repr(chunks))
    return recording.map_over_datasets(_chunk, chunks)


def _chunk(node: xr.Dataset, chunks: Mapping[str, Any]) -> xr.Dataset:
    """Chunk the samples alone: labels and annotations stay in memory."""
    return node.assign({SIGNAL: node[SIGNAL].variable.chunk(chunks, inline_array=True)}) if SIGNAL in node else node


def _chunk_by_epochs(node: xr.Dataset, workers: int) -> xr.Dataset:
    if SIGNAL not in node or not node.sizes["time"]:
        return node
    clock = clock_of(node)
    count = max(1, (clock.end - clock.start) // _WINDOW)
    grid = EpochGrid(clock.start, _WINDOW, _WINDOW, count)
    bytes_per_epoch = node.sizes["channel"] * node[SIGNAL].dtype.itemsize * grid.expected(clock)
    edges = chunk_edges(count, workers, bytes_per_epoch)
    cuts = [0, *(int(grid.bounds(clock, e, e + 1)[0][0]) for e in edges[1:-1]), clock.size]
    stored = node[SIGNAL].encoding.get(STORED_CHUNK)
    if stored:  # a chunk cut in two would be read and decompressed twice
        cuts = sorted({0, clock.size, *(min(round(cut / stored) * stored, clock.size) for cut in cuts)})
    sizes = tuple(after - first for first, after in pairwise(cuts))
    return _chunk(node, {"channel": -1, "time": sizes})
