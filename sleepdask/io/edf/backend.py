"""EDF files as an xarray engine: ``xr.open_dataset("night.edf", engine="edf", rate=100)``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.io.edf.annotations import Track, read_track
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.identity import read_identity, without_serials
from sleepdask.io.edf.model import Header, channel_names
from sleepdask.io.edf.records import SignalReader
from sleepdask.io.remote.file import RemoteFile, locate, named
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import (
    ANNOTATIONS,
    SIGNAL,
    annotations_dataset,
    channel_coordinates,
    node_name,
    recording_tree,
)

SUFFIXES = (".edf", ".bdf")
_CHUNK_BYTES = 16 << 20
_NAT = np.iinfo(np.int64).min


class EdfArray(BackendArray):
    """Samples of one node, dims (channel, time), read when indexed."""

    def __init__(self, reader: SignalReader) -> None:
        self.reader = reader
        self.shape = reader.shape
        self.dtype = np.dtype(reader.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return self.reader.__dask_tokenize__()

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        channel, time = key
        if isinstance(time, slice):
            start, stop, step = time.indices(self.shape[1])
            samples = self.reader.read(_rows(channel), start, max(start, stop))[:, ::step]
        else:
            samples = self.reader.read(_rows(channel), int(time), int(time) + 1)[:, 0]
        return samples if isinstance(channel, slice) else samples[0]


class EdfBackendEntrypoint(BackendEntrypoint):
    """European Data Format: one node per sampling rate, lazy."""

    description = "Open European Data Format recordings (.edf, .bdf), one dataset per sampling rate"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell from the name, as EDF files have no magic number of their own."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        try:
            return named(locate(filename_or_obj)).suffix.lower() in SUFFIXES
        except ParameterError:
            return False  # file systems within each other

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        rate: float | None = None,
        dtype: str = "float32",
        policy: str = "warn",
        keep_identity: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Open the signals of one sampling rate; `rate` in Hz may be left out where there is only one."""
        file = locate(filename_or_obj, storage_options)
        findings = Findings(str(file), policy)
        header = read_header(file, findings)
        nodes = _nodes(header)
        if rate is not None:
            nodes = {name: node for name, node in nodes.items() if abs(float(node[0]) - rate) < 1e-6 * rate}
        if len(nodes) != 1:
            rates = ", ".join(f"{float(hz):g}" for hz, _ in _nodes(header).values())
            raise ParameterError(
                "the file has no signal of this rate" if rate is not None else "the file has several sampling rates",
                where=file,
                expected=f"rate= one of {rates or 'none: there are no signals'} (Hz)",
                found=rate,
                fix="or open all with open_recording",
            )
        ((_, signals),) = nodes.values()
        track = read_track(file, header, findings)
        dataset = _dataset(file, header, track, signals, dtype, keep_identity=keep_identity)
        if keep_identity:
            dataset.attrs["identity"] = read_identity(file, plus="+" in header.kind)
        if isinstance(file, RemoteFile):
            dataset.encoding["source"] = str(file)  # else the URL as it was given, with all that is secret in it
        return dataset.drop_vars(drop_variables) if drop_variables else dataset

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        dtype: str = "float32",
        policy: str = "warn",
        keep_identity: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> dict[str, xr.Dataset]:
        """Open every node, the root under ``"/"``."""
        tree = self.open_datatree(
            filename_or_obj,
            drop_variables=drop_variables,
            dtype=dtype,
            policy=policy,
            keep_identity=keep_identity,
            storage_options=storage_options,
        )
        return {node.path: node.to_dataset(inherit=False) for node in tree.subtree}

    def open_datatree(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        dtype: str = "float32",
        policy: str = "warn",
        keep_identity: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.DataTree:
        """Open the whole recording: reads the header and, in EDF+ files, the annotations; no sample."""
        file = locate(filename_or_obj, storage_options)
        tree = open_edf(file, dtype=dtype, policy=policy, keep_identity=keep_identity)
        if isinstance(file, RemoteFile):
            tree.encoding["source"] = str(file)
        if not drop_variables:
            return tree
        dropped: xr.DataTree = tree.map_over_datasets(lambda node: node.drop_vars(drop_variables, errors="ignore"))
        return dropped


def open_edf(
    path: str | os.PathLike[str] | RemoteFile,
    *,
    dtype: str = "float32",
    policy: str = "warn",
    keep_identity: bool = False,
    annotations: bool = True,
) -> xr.DataTree:
    """Open an EDF or BDF file as a recording whose signals are read when they are indexed.

    Reads the header and, in EDF+ files, the annotations, which tell the time of each data record; no sample.
    Nothing that names the patient, the staff or the device is kept, unless `keep_identity` asks for it.
    """
    findings = Findings(str(path), policy)
    header = read_header(path, findings)
    track = read_track(path, header, findings, annotations=annotations)
    nodes = {
        name: _dataset(path, header, track, signals, dtype, keep_identity=keep_identity)
        for name, (_, signals) in _nodes(header).items()
    }
    if annotations and any(signal.is_annotation for signal in header.signals):
        nodes[ANNOTATIONS] = _annotations(header, track)
    identity = {"identity": read_identity(path, plus="+" in header.kind)} if keep_identity else {}
    return recording_tree(
        nodes,
        {
            "recording_id": named(path).stem,
            "source": named(path).name,
            "format": header.kind,
            "start": str(np.datetime64(track.stretches[0].start_ns, "ns")) if header.dated else "NaT",
            "time_zone": "",
            "findings": [str(finding) for finding in findings.found],
            **identity,
        },
    )


def _annotations(header: Header, track: Track) -> xr.Dataset:
    found = track.annotations
    return annotations_dataset(
        np.array([header.origin_ns + note.onset_ns for note in found], np.int64),
        np.array([_NAT if note.duration_ns is None else note.duration_ns for note in found], np.int64),
        [note.text for note in found],
        dated=header.dated,
    )


def _nodes(header: Header) -> dict[str, tuple[Fraction, list[int]]]:
    """Rate in Hz and signal numbers of each node, in file order."""
    by_size: dict[int, list[int]] = {}
    for number in header.ordinary:
        by_size.setdefault(header.signals[number].samples_per_record, []).append(number)
    nodes: dict[str, tuple[Fraction, list[int]]] = {}
    for per_record, signals in by_size.items():
        rate = Fraction(per_record * 1_000_000_000, header.record_ns)
        nodes[node_name(rate, nodes)] = (rate, signals)
    return nodes


def _dataset(
    path: str | os.PathLike[str] | RemoteFile,
    header: Header,
    track: Track,
    signals: list[int],
    dtype: str,
    *,
    keep_identity: bool,
) -> xr.Dataset:
    array = EdfArray(SignalReader.of(path, header, signals, dtype))
    n_signals, n_samples = array.shape
    per_record = array.reader.samples_per_record
    records = max(1, _CHUNK_BYTES // (n_signals * per_record * array.dtype.itemsize))
    names = dict(zip(header.ordinary, channel_names(header), strict=True))
    heads = [header.signals[number] for number in signals]
    shown = str if keep_identity else without_serials

    def texts(values: list[str]) -> tuple[str, Any]:
        return "channel", np.array(values, dtype=str)

    dataset = xr.Dataset(
        {SIGNAL: (("channel", "time"), indexing.LazilyIndexedArray(array))},
        coords={
            "channel": texts([names[number] for number in signals]),
            **channel_coordinates(
                [head.label for head in heads],
                [head.unit for head in heads],
                Fraction(per_record * 1_000_000_000, header.record_ns),
            ),
            "sensor": texts([shown(head.transducer) for head in heads]),
            "prefilter": texts([shown(head.prefilter) for head in heads]),
        },
    ).assign_coords(time_coordinate(_clock(header, track, per_record)))
    if any(head.uncalibrated for head in heads):
        dataset = dataset.assign_coords(uncalibrated=texts([head.uncalibrated for head in heads]))
    dataset[SIGNAL].encoding["preferred_chunks"] = {
        "channel": n_signals,
        "time": min(n_samples, records * per_record),
    }
    return dataset


def _clock(header: Header, track: Track, per_record: int) -> Clock:
    ends = [*(stretch.first for stretch in track.stretches[1:]), header.n_records]
    runs = [
        (stretch.start_ns, (end - stretch.first) * per_record)
        for stretch, end in zip(track.stretches, ends, strict=True)
    ]
    return Clock.segmented(runs, header.record_ns, per_record, dated=header.dated)


def _rows(channel: slice | int | np.integer[Any]) -> slice | list[int]:
    return channel if isinstance(channel, slice) else [int(channel)]
