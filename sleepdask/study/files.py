"""Where a study keeps its files: a folder, or a prefix of an object store; each file appears whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sleepdask.errors import OutputError, ParameterError
from sleepdask.io.remote.file import is_url, locate

UNFINISHED = ".unfinished"  # where files are until they are whole
_TRIES = 10
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


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
    def write_folder(self, name: str, fill: Callable[[Path], None]) -> None:
        """Put a folder there, in place of an earlier one, once `fill` has put its files into one that it is given."""

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
    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of all files of a folder, and of the folders in it, by name; none if there is no such folder."""

    @abstractmethod
    def arrow(self) -> tuple[Any, str]:
        """Arrow file system, and the path in it of the place where all names begin."""

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Context for what takes no time, in which there is one process at a time, if the storage can see to that.

        True if it can.
        """
        yield False

    def of_run(self, token: str) -> StudyFiles:
        """Give the same files to a run, which can change none of them after `end_runs`, if storage can see to that."""
        return self

    def end_runs(self) -> None:
        """Remove what is unfinished, and keep the runs so far, which may go on elsewhere, from changing anything."""
        self.remove(UNFINISHED)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        path = PurePosixPath(name)
        return path.name in self.names("" if str(path.parent) == "." else str(path.parent))


class Folder(StudyFiles):
    """Files in a folder of this machine, or one that several machines share.

    Each change is a rename out of, or into, a folder for what is unfinished. A run has one of its own there: once that
    is gone, what the run left behind on some worker cannot change anything, however late it comes.
    """

    def __init__(self, folder: str | os.PathLike[str], token: str = "") -> None:
        self._folder = Path(folder).absolute()
        self._unfinished = self._folder / UNFINISHED / token
        self._of_run = bool(token)
        self.location = str(self._folder)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        with _refusing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            yield _flocked(descriptor)
        finally:
            os.close(descriptor)

    def of_run(self, token: str) -> Folder:
        files = Folder(self._folder, token)
        with _refusing(files._unfinished):
            files._unfinished.mkdir(parents=True, exist_ok=True)
        return files

    def end_runs(self) -> None:
        for name in self.names(""):
            if name.startswith(UNFINISHED):
                self.remove(name)

    def read(self, name: str) -> bytes:
        return self._path(name).read_bytes()

    def write(self, name: str, data: bytes, *, lasting: bool = True) -> None:
        target = self._path(name)
        with self._staged(target, data, lasting=lasting) as unfinished:
            unfinished.replace(target)

    def write_folder(self, name: str, fill: Callable[[Path], None]) -> None:
        target = self._path(name)
        unfinished = self._unfinished / f"{uuid4().hex}-{target.name}"
        try:
            with self._changing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                unfinished.mkdir(parents=not self._of_run)
                fill(unfinished)
                for file in unfinished.rglob("*"):
                    _sync(file)
                self.remove(name)
                unfinished.replace(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def create(self, name: str, data: bytes) -> bool:
        target = self._path(name)
        for attempt in range(_TRIES):
            try:
                with self._staged(target, data, lasting=False) as unfinished:
                    _link(unfinished, target)
            except OutputError as error:
                if isinstance(error.__cause__, FileExistsError):
                    return False
                if attempt == _TRIES - 1 or not isinstance(error.__cause__, FileNotFoundError):
                    raise  # else another run has just cleaned up
            else:
                return True
        raise AssertionError

    def remove(self, name: str) -> None:
        path = self._path(name)
        mark = uuid4().hex
        aside = self._unfinished / mark if self._of_run else self._folder / f"{UNFINISHED}-{mark}"
        with _refusing(path), suppress(FileNotFoundError):
            path.rename(aside)
            if aside.is_dir() and not aside.is_symlink():
                shutil.rmtree(aside)
            else:
                aside.unlink()

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(each.name for each in self._path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def sizes(self, folder: str) -> dict[str, int]:
        found = {}
        for parent, _, names in os.walk(self._path(folder)):
            for name in names:
                path = Path(parent, name)
                with suppress(FileNotFoundError):  # gone meanwhile
                    found[path.relative_to(self._folder).as_posix()] = path.stat().st_size
        return found

    def exists(self, name: str) -> bool:
        return self._path(name).exists()

    def arrow(self) -> tuple[Any, str]:
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), self.location

    @contextmanager
    def _changing(self, target: Path) -> Iterator[None]:
        """Context of a change, in which an error of the system becomes one of ours."""
        try:
            with _refusing(target):
                yield
        except OutputError:
            if self._of_run and not self._unfinished.exists():
                raise taken_over(self.location) from None
            raise

    @contextmanager
    def _staged(self, target: Path, data: bytes, *, lasting: bool) -> Iterator[Path]:
        """Context with a whole file that is to become the target."""
        unfinished = self._unfinished / f"{uuid4().hex}-{target.name}"
        try:
            with self._changing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if not self._of_run:
                    unfinished.parent.mkdir(exist_ok=True)
                with unfinished.open("xb") as file:
                    file.write(data)
                    if lasting:
                        file.flush()
                        os.fsync(file.fileno())
                yield unfinished
        finally:
            with suppress(OSError):  # one that could not be written cannot be removed either
                unfinished.unlink(missing_ok=True)

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
        with _refusing(f"{self.location}/{name}", Exception):
            self._fs.pipe_file(self._path(name), data)

    def write_folder(self, name: str, fill: Callable[[Path], None]) -> None:
        with TemporaryDirectory() as folder, _refusing(f"{self.location}/{name}"):
            fill(Path(folder))
            self.remove(name)
            self._fs.put(f"{folder}/", f"{self._path(name)}/", recursive=True)

    def create(self, name: str, data: bytes) -> bool:
        try:
            with _refusing(f"{self.location}/{name}", Exception):
                self._fs.pipe_file(self._path(name), data, mode="create")
        except OutputError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            raise
        return True

    def remove(self, name: str) -> None:
        with _refusing(f"{self.location}/{name}", Exception), suppress(FileNotFoundError):
            self._fs.rm(self._path(name), recursive=True)

    def names(self, folder: str) -> list[str]:
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._path(folder), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for each in found if (name := PurePosixPath(each.rstrip("/")).name))

    def sizes(self, folder: str) -> dict[str, int]:
        self._fs.invalidate_cache()
        found = self._fs.find(self._path(folder), detail=True)
        return {path.removeprefix(f"{self._root}/"): int(each["size"]) for path, each in found.items()}

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
    if is_url(text):
        try:
            return ObjectStore(text, options)
        except (ImportError, ValueError) as error:
            raise ParameterError("no study can be kept there", where=text, found=str(error)) from error
    folder = Path(str(locate(text)))  # without the file:// of a URL
    if folder.is_file():
        raise ParameterError("is a file", where=text, expected="a folder, or the name of a new one")
    return Folder(folder)


def taken_over(location: str) -> OutputError:
    """Say that what a run still does comes too late."""
    fix = "nothing is to be done: what is missing is computed by the other run, or the next"
    return OutputError("this run has ended, or another one has taken over", where=location, fix=fix)


def _sync(path: Path) -> None:
    """Bring a file onto the disk."""
    if path.is_file():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _flocked(descriptor: int) -> bool:
    """Lock a file or folder until it is closed, or its process ends; not every network drive can do it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _link(file: Path, target: Path) -> None:
    """Give a whole file its name, unless there is one of that name, which a rename would replace."""
    try:
        os.link(file, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        target.touch(exist_ok=False)  # whoever does so has the name
        file.replace(target)


@contextmanager
def _refusing(where: object, kind: type[Exception] = OSError) -> Iterator[None]:
    try:
        yield
    except kind as error:
        if isinstance(error, OutputError):
            raise
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        fix = "what is finished is kept: make room, or allow writing, and run the study again"
        raise OutputError(f"cannot be written: {why}", where=where, fix=fix) from error
