"""The data records of a file as bytes: opened and closed per call, complete or an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.remote.file import RemoteFile, State

# Bytes decoded at a time: small enough to stay in cache between the read and the decoding.
_BLOCK = 1 << 20

# Skipping fewer bytes than this costs more, in system calls and lost read-ahead, than reading them: it pays
# from 30 KiB on where the file is in memory, from 128 KiB on where it comes from a local disk.
_WORTH_SKIPPING = 1 << 16

# A request to a server takes as long as this many bytes do, when several are on their way at a time.
_WORTH_A_REQUEST = 1 << 15
_REQUESTS = 1024  # of spans kept in memory at a time
_LARGEST_REQUEST = 1 << 23


def open_file(path: str | os.PathLike[str]) -> FileIO:
    """Open a file for unbuffered reading.

    Raises
    ------
    ParameterError
        If there is no such file, it is a folder, or the system refuses to open it.
    """
    try:
        return FileIO(os.fspath(path), "r")
    except FileNotFoundError as error:
        raise ParameterError("no such file", where=path, fix="check the path") from error
    except OSError as error:
        if Path(path).is_dir():
            raise ParameterError("is a folder", where=path, expected="one file", fix="name the file in it") from error
        raise ParameterError(f"cannot be opened: {error.strerror}", where=path) from error


def read_at(file: FileIO, position: int, buffer: memoryview) -> int:
    """Fill a buffer from a position on; return the bytes read, fewer than asked for only at the end."""
    file.seek(position)
    done = 0
    while done < len(buffer):
        got = file.readinto(buffer[done:])
        if not got:
            break
        done += got
    return done


@dataclass(frozen=True)
class RecordFile:
    """Where the data records of one file are, and what the file looked like when its header was read.

    Parameters
    ----------
    path
        Absolute path, or the file on another machine.
    size, mtime_ns
        Size in bytes and modification time; a file that differs is refused.
    header_bytes, record_bytes, n_records
        Position of the first record, size of each, and their number.
    version
        What a server tells versions of a remote file apart by, in place of a modification time.
    opening
        Made up for a remote file without a version, so that what was computed of it is never taken for another's.
    """

    path: str | RemoteFile
    size: int
    mtime_ns: int
    header_bytes: int
    record_bytes: int
    n_records: int
    version: str = ""
    opening: str = ""

    def __dask_tokenize__(self) -> tuple[object, ...]:
        if isinstance(self.path, RemoteFile):
            return str(self.path), self.size, self.version, self.opening
        return self.path, self.size, self.mtime_ns

    def spans(
        self, first: int, last: int, begin: int, end: int, *, sparse: bool = False
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8], int]]:
        """Bytes ``begin`` to ``end`` of each of the records ``first`` to ``last`` (half-open), in blocks.

        When the bytes between two such spans are many, they are not read; from a server, `sparse` reads none of them
        even where that takes longer, as it is meant for a little of each record of a whole night.

        Yields
        ------
        tuple of int, ndarray and int
            Number of the first record of a block, its bytes (records, bytes of each) in C order, valid until the
            next, and where in them ``begin`` is: 0, or ``begin`` where whole records are read.

        Raises
        ------
        FileFormatError
            If the file changed since its header was read, or ends too early.
        """
        if isinstance(self.path, RemoteFile):
            yield from self._remote_spans(self.path, first, last, begin, end, sparse=sparse)
            return
        skip = self.record_bytes - (end - begin) >= _WORTH_SKIPPING or last - first == 1
        width = end - begin if skip else self.record_bytes
        step = max(1, _BLOCK // width)
        buffer = np.empty((min(step, last - first), width), np.uint8)
        with open_file(self.path) as file:
            self._check_unchanged(file)
            for record in range(first, last, step):
                block = buffer[: min(step, last - record)]
                if skip:
                    for number, row in enumerate(block, record):
                        self._fill(file, number, begin, row.data)
                    yield record, block, 0
                else:
                    self._fill(file, record, 0, block.reshape(-1).data)
                    yield record, block, begin

    def _remote_spans(
        self, file: RemoteFile, first: int, last: int, begin: int, end: int, *, sparse: bool
    ) -> Iterator[tuple[int, npt.NDArray[np.uint8], int]]:
        """Read as `spans` does from a server: a request for each block of whole records, or for each span."""
        between = self.record_bytes - (end - begin)
        skip = between >= _WORTH_A_REQUEST or last - first == 1 or (sparse and between > 0)
        width = end - begin if skip else self.record_bytes
        step = max(1, min(_LARGEST_REQUEST // width, _REQUESTS if skip else last - first))
        state = State(self.size, self.version)
        for record in range(first, last, step):
            after = min(record + step, last)
            places = [self.header_bytes + number * self.record_bytes for number in (*range(record, after), after)]
            spans = [(at + begin, at + end) for at in places[:-1]] if skip else [(places[0], places[-1])]
            block = np.frombuffer(bytearray().join(file.read(spans, state)), np.uint8)
            yield record, block.reshape(after - record, width), 0 if skip else begin

    def _fill(self, file: FileIO, record: int, begin: int, buffer: memoryview) -> None:
        got = read_at(file, self.header_bytes + record * self.record_bytes + begin, buffer)
        if got != len(buffer):
            raise FileFormatError(
                f"the file ends in data record {record + got // self.record_bytes}",
                where=self.path,
                expected=f"{len(buffer)} bytes from record {record} on",
                found=f"{got} bytes",
                fix="wait until the file is completely written, or copy it again, then open it anew",
            )

    def _check_unchanged(self, file: FileIO) -> None:
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise FileFormatError(
                "the file changed since it was opened",
                where=self.path,
                expected=f"{self.size} bytes, modification time {self.mtime_ns} ns",
                found=f"{now.st_size} bytes, modification time {now.st_mtime_ns} ns",
                fix="open the recording again",
            )
