"""An EDF file that is open: its header, when its data records were taken, and its signals, read when indexed."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.findings import Findings
from sleepdask.io.edf.annotations import Track, read_track
from sleepdask.io.edf.header import read_header
from sleepdask.io.edf.identity import read_identity, without_serials
from sleepdask.io.edf.model import Header, channel_names
from sleepdask.io.edf.records import SignalReader
from sleepdask.io.local_start import start_utc
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.recording import (
    ANNOTATIONS,
    IDENTITY,
    SIGNAL,
    VERSION,
    annotations_dataset,
    channel_coordinates,
    node_name,
    recording_tree,
)
from sleepdask.times import stored_time
from sleepdask.zones import Zone

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


@dataclass(frozen=True)
class EdfFile:
    """What opening a file told, and how its samples are wanted."""

    path: str | os.PathLike[str] | RemoteFile
    header: Header
    track: Track
    zone: Zone | None
    findings: Findings
    dtype: str
    keep_identity: bool
    annotated: bool

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] | RemoteFile,
        findings: Findings,
        *,
        dtype: str | None = None,
        timezone: str | None = None,
        annotations: bool = True,
        keep_identity: bool = False,
    ) -> EdfFile:
        """Read the header and, in EDF+ files, the annotations, which tell the time of each data record; no sample.

        Nothing that names the patient, the staff or the device is kept, unless `keep_identity` asks for it. The
        parameters are those of `open_recording`.
        """
        zone = None if timezone is None else Zone.of(timezone)
        header = _in_zone(read_header(path, findings), zone, findings)
        track = read_track(path, header, findings, annotations=annotations)
        annotated = annotations and any(signal.is_annotation for signal in header.signals)
        return cls(path, header, track, zone, findings, dtype or "float32", keep_identity, annotated)

    @cached_property
    def nodes(self) -> dict[str, tuple[Fraction, list[int]]]:
        """Rate in Hz and signal numbers of each node, in file order."""
        by_size: dict[int, list[int]] = {}
        for number in self.header.ordinary:
            by_size.setdefault(self.header.signals[number].samples_per_record, []).append(number)
        nodes: dict[str, tuple[Fraction, list[int]]] = {}
        for per_record, signals in by_size.items():
            rate = self._rate(per_record)
            nodes[node_name(rate, nodes)] = (rate, signals)
        return nodes

    @property
    def identity(self) -> dict[str, Any]:
        """Attributes that say who was recorded by whom and with what; none unless they are wanted."""
        return {IDENTITY: read_identity(self.path, plus="+" in self.header.kind)} if self.keep_identity else {}

    def recording(self) -> xr.DataTree:
        """All of it, as `open_recording` gives it."""
        header = self.header
        nodes = {name: self.dataset(signals) for name, (_, signals) in self.nodes.items()}
        if self.annotated:
            nodes[ANNOTATIONS] = self._annotations()
        return recording_tree(
            nodes,
            {
                "recording_id": named(self.path).stem,
                "source": named(self.path).name,
                "format": header.kind,
                "start": stored_time(self.track.stretches[0].start_ns, self.zone) if header.dated else "NaT",
                "time_zone": "" if self.zone is None else self.zone.name,
                "findings": [str(finding) for finding in self.findings.found],
                **self.identity,
            },
        )

    def dataset(self, signals: list[int]) -> xr.Dataset:
        """Signals of one rate, by their numbers in the file."""
        array = EdfArray(SignalReader.of(self.path, self.header, signals, self.dtype))
        n_signals, n_samples = array.shape
        per_record = array.reader.samples_per_record
        records = max(1, _CHUNK_BYTES // (n_signals * per_record * array.dtype.itemsize))
        names = dict(zip(self.header.ordinary, channel_names(self.header), strict=True))
        heads = [self.header.signals[number] for number in signals]
        shown = str if self.keep_identity else without_serials

        def texts(values: list[str]) -> tuple[str, Any]:
            return "channel", np.array(values, dtype=str)

        labels, units = [head.label for head in heads], [head.unit for head in heads]
        dataset = xr.Dataset(
            {SIGNAL: (("channel", "time"), indexing.LazilyIndexedArray(array))},
            coords={
                "channel": texts([names[number] for number in signals]),
                **channel_coordinates(labels, units, self._rate(per_record)),
                "sensor": texts([shown(head.transducer) for head in heads]),
                "prefilter": texts([shown(head.prefilter) for head in heads]),
            },
        ).assign_coords(time_coordinate(self._clock(per_record)))
        if any(head.uncalibrated for head in heads):
            dataset = dataset.assign_coords(uncalibrated=texts([head.uncalibrated for head in heads]))
        if isinstance(self.path, RemoteFile):  # chunked by xarray, the names of its arrays tell the URL alone
            file = array.reader.file
            dataset[SIGNAL].encoding[VERSION] = f"{file.size} {file.version} {file.opening}"
        dataset[SIGNAL].encoding["preferred_chunks"] = {
            "channel": n_signals,
            "time": min(n_samples, records * per_record),
        }
        return dataset

    def _rate(self, per_record: int) -> Fraction:
        return Fraction(per_record * 1_000_000_000, self.header.record_ns)

    def _clock(self, per_record: int) -> Clock:
        stretches, header = self.track.stretches, self.header
        ends = [*(stretch.first for stretch in stretches[1:]), header.n_records]
        runs = [
            (stretch.start_ns, (end - stretch.first) * per_record) for stretch, end in zip(stretches, ends, strict=True)
        ]
        return Clock.segmented(runs, header.record_ns, per_record, dated=header.dated)

    def _annotations(self) -> xr.Dataset:
        found = self.track.annotations
        return annotations_dataset(
            np.array([self.header.origin_ns + note.onset_ns for note in found], np.int64),
            np.array([_NAT if note.duration_ns is None else note.duration_ns for note in found], np.int64),
            [note.text for note in found],
            dated=self.header.dated,
        )


def _in_zone(header: Header, zone: Zone | None, findings: Findings) -> Header:
    """Header whose origin is an instant, if the zone of its clock is known; all else counts from it."""
    if zone is None:
        return header
    if not header.dated:
        message = f"the recording has no date, so that its time zone {zone.name} says nothing"
        findings.note("zone-unused", message, "times count from its start")
        return header
    return replace(header, origin_ns=start_utc(header.origin_ns, zone, findings))


def _rows(channel: slice | int | np.integer[Any]) -> slice | list[int]:
    return channel if isinstance(channel, slice) else [int(channel)]
