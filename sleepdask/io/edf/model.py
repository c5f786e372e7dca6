"""What the header of an EDF file says: its signals, its clock, its size, and what was odd about it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from math import nan
from pathlib import Path
from uuid import uuid4

from sleepdask.io.edf.recordfile import RecordFile
from sleepdask.io.remote.file import RemoteFile

_ANNOTATION_LABELS = ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True)
class SignalHeader:
    """One signal: physical value = gain * stored number + offset, or missing where these are unknown.

    Parameters
    ----------
    label, transducer, unit, prefilter
        Texts of the header without padding; the unit is the field "physical dimension".
    physical_min, physical_max
        Values that ``digital_min`` and ``digital_max`` stand for, in ``unit``; the order may be inverted.
    digital_min, digital_max
        Range of the stored numbers; the order may be inverted.
    samples_per_record
        Samples in each data record; none in a signal that is only announced.
    byte_offset
        Position of the first of them within the record, in bytes.
    uncalibrated
        Why stored numbers say nothing about physical values; empty as a rule. All values of such a signal are NaN.
    """

    label: str
    transducer: str
    unit: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    prefilter: str
    samples_per_record: int
    byte_offset: int
    uncalibrated: str = ""

    @property
    def gain(self) -> float:
        """Physical units a digital step; NaN if unknown."""
        if self.uncalibrated:
            return nan
        return (self.physical_max - self.physical_min) / (self.digital_max - self.digital_min)

    @property
    def offset(self) -> float:
        """Physical value of the stored number 0; NaN if unknown."""
        if self.uncalibrated:
            return nan
        low, high = self.physical_min * self.digital_max, self.physical_max * self.digital_min
        return (low - high) / (self.digital_max - self.digital_min)

    @property
    def is_annotation(self) -> bool:
        """Whether its bytes are text: annotations and the time of each record (EDF+)."""
        return self.label in _ANNOTATION_LABELS

    @property
    def is_checksum(self) -> bool:
        """Whether it is the checksum of each record that some breathing devices store as a signal."""
        return self.label == "Crc16"

    @property
    def is_ordinary(self) -> bool:
        """Whether it holds samples of something measured."""
        return self.samples_per_record > 0 and not (self.is_annotation or self.is_checksum)


@dataclass(frozen=True)
class Header:
    """What a file says of itself, without the fields that name the patient, the staff or the device.

    Parameters
    ----------
    kind
        "EDF", "EDF+C" (contiguous) or "EDF+D" (discontinuous), or the same of "BDF".
    origin_ns
        Start written in the header, whole seconds: nanoseconds since 1970 of the local wall clock, or of UTC once it
        was put into a time zone; 0 if nobody knows. Onsets of annotations count from here.
    dated
        Whether the header says when the recording started.
    sample_bytes
        Size of a stored number: 2 in EDF, 3 in BDF.
    header_bytes, record_bytes
        Size of the header and of each data record.
    record_ns
        Duration of a data record in nanoseconds, exact; 0 is possible where there are no ordinary signals.
    n_records
        Whole data records that are really in the file and belong to the recording.
    signals
        All signals in file order.
    file_size, mtime_ns
        Size and modification time of the file when it was read.
    version
        What a server tells versions of a remote file apart by; empty for files of this machine.
    """

    kind: str
    origin_ns: int
    dated: bool
    sample_bytes: int
    header_bytes: int
    record_bytes: int
    record_ns: int
    n_records: int
    signals: tuple[SignalHeader, ...]
    file_size: int
    mtime_ns: int
    version: str = ""

    @property
    def ordinary(self) -> tuple[int, ...]:
        """Numbers of the signals that hold samples, in file order."""
        return tuple(i for i, signal in enumerate(self.signals) if signal.is_ordinary)

    def record_file(self, path: str | os.PathLike[str] | RemoteFile) -> RecordFile:
        """Access to the data records of the file this header was read from."""
        remote = isinstance(path, RemoteFile)
        return RecordFile(
            path if isinstance(path, RemoteFile) else str(Path(path).absolute()),
            self.file_size,
            self.mtime_ns,
            self.header_bytes,
            self.record_bytes,
            self.n_records,
            self.version,
            uuid4().hex if remote and not self.version else "",
        )


def channel_names(header: Header) -> tuple[str, ...]:
    """Name of each ordinary signal, unique within the recording.

    A name is the label; the second signal of one label gets " #2", the third " #3", in file order.
    A signal without a label is called "unnamed".
    """
    names: dict[str, None] = {}
    for number in header.ordinary:
        label = header.signals[number].label or "unnamed"
        repeats = (f"{label} #{k}" for k in count(2))
        name = label
        while name in names:
            name = next(repeats)
        names[name] = None
    return tuple(names)
