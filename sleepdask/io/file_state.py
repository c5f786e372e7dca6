"""A file as it was when it was opened; a later read of another one is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from sleepdask.errors import ChangedFileError
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import Source, open_source


@dataclass(frozen=True)
class FileState:
    """Where a file is, and what it looked like when it was opened; picklable, with no handle in it.

    Parameters
    ----------
    path
        Absolute path, or the file on another machine.
    size, mtime_ns, version
        Size in bytes, time of change, and what a server tells versions apart by.
    opening
        Made up for a remote file without a version, so that what was read of it is never taken for another's.
    """

    path: str | RemoteFile
    size: int
    mtime_ns: int
    version: str = ""
    opening: str = ""

    @classmethod
    def of(cls, path: str | os.PathLike[str] | RemoteFile, source: Source) -> FileState:
        """State of an open file."""
        if isinstance(path, RemoteFile):
            return cls(path, source.size, 0, source.version, "" if source.version else uuid4().hex)
        return cls(str(Path(path).absolute()), source.size, source.mtime_ns)

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return str(self.path), self.size, self.mtime_ns, self.version, self.opening

    @classmethod
    def now(cls, path: str | os.PathLike[str] | RemoteFile) -> FileState:
        """State of a file as it is."""
        with open_source(path) as source:
            return cls.of(path, source)

    def read(self, position: int, size: int) -> bytes:
        """Bytes of the file, which is opened again; `ChangedFileError` if it is not as it was."""
        with self.opened() as source:
            return source.read(position, size)

    @contextmanager
    def opened(self) -> Iterator[Source]:
        """Open the file again.

        Raises
        ------
        ChangedFileError
            It is not as it was.
        """
        with open_source(self.path) as source:
            now = source.size, source.mtime_ns, source.version
            if now != (self.size, self.mtime_ns, self.version):
                raise ChangedFileError(
                    "the file changed since it was opened",
                    where=self.path,
                    expected=f"{self.size} bytes{_when(self.mtime_ns, self.version)}",
                    found=f"{now[0]} bytes{_when(*now[1:])}",
                    fix="open the recording again",
                )
            yield source


def _when(mtime_ns: int, version: str) -> str:
    return f", version {version}" if version else f", modification time {mtime_ns} ns" if mtime_ns else ""
