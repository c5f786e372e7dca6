"""Where a study keeps its files: a folder, or a prefix of an object store; each file appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from sleepdask.errors import OutputError, ParameterError

UNFINISHED = ".unfinished"  # where files are until they are whole


class StudyFiles(ABC):
    """Files by name: relative, with ``/`` between folders."""

    location: str

    @abstractmethod
    def read(self, name: str) -> bytes:
        """All bytes of a file; `FileNotFoundError` if there is none."""

    @abstractmethod
    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        """Put a file there, in place of an earlier one, whole or not at all; `OutputError` if it cannot be.

        One that is not `lasting` need not outlive a loss of power.
        """

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Put a file there unless there is one; tell whether it was done. Of several who try at once one succeeds."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, or all of a folder; nothing happens if there is none."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Names of what is in a folder, sorted; none if there is no such folder."""

    @abstractmethod
    def arrow(self) -> tuple[Any, str]:
        """Arrow file system, and the path in it of the place where all names begin."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        path = PurePosixPath(name)
        return path.name in self.names("" if str(path.parent) == "." else str(path.parent))


class Folder(StudyFiles):
    """Files in a folder of this machine, or one that several machines share."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder).absolute()
        self.location = str(self._folder)

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        target = self._path(name)
        unfinished = self._folder / UNFINISHED / f"{uuid4().hex}-{target.name}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished.parent.mkdir(exist_ok=True)
            with unfinished.open("xb") as file:
                file.write(data)
                if lasting:
                    file.flush()
                    os.fsync(file.fileno())
            unfinished.replace(target)
        except OSError as error:
            raise _refused(error, target) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def create(self, name: str, data: bytes) -> bool:
        target = self._path(name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                file.write(data)
        except FileExistsError:
            return False
        except OSError as error:
            raise _refused(error, target) from error
        return True

    def remove(self, name: str) -> None:
        path = self._path(name)
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:  # another one removed it meanwhile
            return
        except OSError as error:
            raise _refused(error, path) from error

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(each.name for each in self._path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def arrow(self) -> tuple[Any, str]:
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), self.location

    def _path(self, name: str) -> Path:
        return self._folder / name


class ObjectStore(StudyFiles):
    """Files behind a URL that fsspec can write to: what is put there appears as a whole by itself."""

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        import fsspec

        self.location = url.rstrip("/")
        self._fs, path = fsspec.url_to_fs(self.location, **(options or {}))
        self._root = path.rstrip("/")

    def read(self, name: str) -> bytes:
        data: bytes = self._fs.cat_file(self._path(name))
        return data

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        try:
            self._fs.pipe_file(self._path(name), data)
        except OSError as error:
            raise _refused(error, f"{self.location}/{name}") from error

    def create(self, name: str, data: bytes) -> bool:
        try:
            self._fs.pipe_file(self._path(name), data, mode="create")
        except FileExistsError:
            return False
        except OSError as error:
            raise _refused(error, f"{self.location}/{name}") from error
        return True

    def remove(self, name: str) -> None:
        if self._fs.exists(self._path(name)):
            self._fs.rm(self._path(name), recursive=True)

    def names(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(name for each in found if (name := PurePosixPath(each.rstrip("/")).name))

    def arrow(self) -> tuple[Any, str]:
        from pyarrow.fs import FSSpecHandler, PyFileSystem

        return PyFileSystem(FSSpecHandler(self._fs)), self._root

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")


def study_files(location: str | os.PathLike[str], options: Mapping[str, Any] | None = None) -> StudyFiles:
    """Files at a path or URL.

    Raises
    ------
    ParameterError
        The path is that of a file, or fsspec knows no such kind of URL.
    """
    text = os.fspath(location)
    if "://" in text:
        try:
            return ObjectStore(text, options)
        except (ImportError, ValueError) as error:
            raise ParameterError("no study can be kept there", where=text, found=str(error)) from error
    if Path(text).is_file():
        raise ParameterError("is a file", where=text, expected="a folder, or the name of a new one")
    return Folder(text)


def _refused(error: OSError, where: object) -> OutputError:
    fix = "what is finished is kept: make room, or allow writing, and run the study again"
    return OutputError(f"cannot be written: {error.strerror or error}", where=where, fix=fix)
