"""A file that is read here and there, on this machine or behind a URL, with what tells versions of it apart."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from typing import Protocol

from sleepdask.io.edf.recordfile import open_file
from sleepdask.io.remote.file import RemoteFile

_HEAD = 256  # bytes that the first request to a server asks for: the main part of an EDF header


class Source(Protocol):
    """An open file: its size in bytes, time of change (0 where a server tells versions apart), and that version."""

    size: int
    mtime_ns: int
    version: str

    def read(self, position: int, size: int) -> bytes:
        """Bytes from a position on; fewer than asked for only at the end of the file."""


class _Local:
    def __init__(self, file: FileIO) -> None:
        state = os.fstat(file.fileno())
        self._file = file
        self.size, self.mtime_ns, self.version = state.st_size, state.st_mtime_ns, ""

    def read(self, position: int, size: int) -> bytes:
        wanted = max(0, min(size, self.size - position))
        self._file.seek(position)
        raw = self._file.read(wanted)
        while len(raw) < wanted and (more := self._file.read(wanted - len(raw))):
            raw += more
        return raw


class _Remote:
    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._head, self._state = file.head(_HEAD)
        self.size, self.mtime_ns, self.version = self._state.size, 0, self._state.version

    def read(self, position: int, size: int) -> bytes:
        end = min(position + size, self.size)
        known = self._head[position:end]
        position += len(known)
        return known + (self._file.read([(position, end)], self._state)[0] if position < end else b"")


@contextmanager
def open_source(path: str | os.PathLike[str] | RemoteFile) -> Iterator[Source]:
    """Open a file to read parts of it.

    Raises
    ------
    ParameterError
        If there is no such file, it is a folder, or the system refuses to open it.
    RemoteFileError
        If a remote one cannot be reached, or not read in parts.
    """
    if isinstance(path, RemoteFile):
        yield _Remote(path)
        return
    with open_file(path) as file:
        yield _Local(file)
