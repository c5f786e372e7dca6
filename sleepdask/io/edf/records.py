"""Samples of signals of one rate as physical values: read and decoded per call, with no handle kept open."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sleepdask.errors import ParameterError
from sleepdask.io.edf.model import Header
from sleepdask.io.edf.recordfile import RecordFile
from sleepdask.io.remote.file import RemoteFile

DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class SignalReader:
    """Reads samples of some signals of one file; frozen, picklable, and safe to share between threads.

    Parameters
    ----------
    file
        Where the data records are.
    signals
        Numbers of the signals in the file, one a row.
    samples_per_record
        The same for all of them.
    sample_bytes
        Size of a stored number: 2, or 3 in BDF.
    byte_offsets, gains, offsets
        Of each signal: position within a record in bytes; physical value = gain * stored number + offset.
    dtype
        "float32" or "float64", of the values read and of the arithmetic.
    """

    file: RecordFile
    signals: tuple[int, ...]
    samples_per_record: int
    sample_bytes: int
    byte_offsets: tuple[int, ...]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    dtype: str = "float32"

    @classmethod
    def of(
        cls, path: str | os.PathLike[str] | RemoteFile, header: Header, signals: Sequence[int], dtype: str = "float32"
    ) -> SignalReader:
        """Reader for some signals of a file.

        Parameters
        ----------
        path, header
            The file and its header, as `read_header` gave it.
        signals
            Numbers of ordinary signals in ``header.signals``, all with as many samples in a record.
        dtype
            "float32" or "float64".

        Raises
        ------
        ParameterError
            If there are no signals, they differ in rate, one holds no samples, or the dtype is another one.
        """
        if dtype not in DTYPES:
            raise ParameterError("unknown dtype of samples", expected=" or ".join(DTYPES), found=dtype)
        outside = [i for i in signals if i not in header.ordinary]
        if outside or not signals:
            raise ParameterError(
                "no such ordinary signal",
                where=path,
                expected=f"some of {header.ordinary}",
                found=tuple(signals),
            )
        chosen = [header.signals[i] for i in signals]
        rates = {s.samples_per_record for s in chosen}
        if len(rates) > 1:
            raise ParameterError(
                "signals of different rates cannot share a reader",
                where=path,
                expected="one number of samples in a data record",
                found=sorted(rates),
                fix="make a reader for each rate",
            )
        return cls(
            file=header.record_file(path),
            signals=tuple(signals),
            samples_per_record=rates.pop(),
            sample_bytes=header.sample_bytes,
            byte_offsets=tuple(s.byte_offset for s in chosen),
            gains=tuple(s.gain for s in chosen),
            offsets=tuple(s.offset for s in chosen),
            dtype=dtype,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of signals and of samples of each."""
        return len(self.signals), self.file.n_records * self.samples_per_record

    def __dask_tokenize__(self) -> tuple[object, ...]:
        """Identify the samples by file, state of the file, signals and dtype."""
        return *self.file.__dask_tokenize__(), self.signals, self.dtype

    def read(
        self, signals: slice | Sequence[int] | npt.NDArray[np.integer[Any]], start: int, stop: int
    ) -> npt.NDArray[Any]:
        """Read samples as physical values.

        Parameters
        ----------
        signals
            Rows to read: a slice, or integers as for indexing an array.
        start, stop
            First sample, and the one after the last.

        Returns
        -------
        ndarray (signals, stop - start)
            Physical values, each row in the unit of its signal. Only data records that hold them are read.

        Raises
        ------
        ParameterError
            If the samples are not within the recording.
        FileFormatError
            If the file changed since its header was read, or ends too early.
        """
        if not 0 <= start <= stop <= self.shape[1]:
            raise ParameterError(
                "samples outside the recording",
                where=self.file.path,
                expected=f"0 <= start <= stop <= {self.shape[1]}",
                found=(start, stop),
            )
        rows = np.atleast_1d(np.arange(len(self.signals))[signals])
        out = np.empty((len(rows), stop - start), self.dtype)
        if out.size:
            places = np.array(self.byte_offsets)[rows]
            scales = np.array(self.gains)[rows], np.array(self.offsets)[rows]
            done = 0
            for first, last, low, high in _pieces(start, stop, self.samples_per_record):
                self._read_records(places + self.sample_bytes * low, scales, first, last, high - low, out, done)
                done += (last - first) * (high - low)
        return out

    def _read_records(
        self,
        starts: npt.NDArray[np.int64],
        scales: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
        first: int,
        last: int,
        width: int,
        out: npt.NDArray[Any],
        done: int,
    ) -> None:
        """Read `width` samples from `starts` on of the records ``first`` to ``last``, into ``out`` from ``done`` on."""
        from sleepdask.io.edf.decode import decode_16, decode_24  # their compiler is not needed to read headers

        size = self.sample_bytes
        begin, end = int(starts.min()), int(starts.max()) + size * width
        for _, block, at in self.file.spans(first, last, begin, end):
            places = starts - begin + at
            if size == 2:
                stored = block.view("<i2").astype(np.int16, copy=False)  # a copy on big-endian machines only
                decode_16(out, done, stored, places // 2, width, *scales)
            else:
                decode_24(out, done, block, places, width, *scales)
            done += len(block) * width


def _pieces(start: int, stop: int, per_record: int) -> list[tuple[int, int, int, int]]:
    """Cut samples into runs of records that share the part taken of each: (first, last, low, high)."""
    first, low = divmod(start, per_record)
    last, high = divmod(stop, per_record)
    if first == last:
        return [(first, first + 1, low, high)]
    pieces = [(first, first + 1, low, per_record)] if low else []
    whole = first + bool(low)
    if whole < last:
        pieces.append((whole, last, 0, per_record))
    if high:
        pieces.append((last, last + 1, 0, high))
    return pieces
