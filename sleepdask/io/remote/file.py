"""A file behind a URL: what may be shown of it, and its bytes by range; nothing but what is asked for is read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sleepdask.errors import FileFormatError, ParameterError, RemoteFileError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_LOCAL = ("file", "local")
_HTTP = ("http", "https")
_CONCURRENT = 16  # requests at a time: enough to hide most of their delay, few enough for a small server
_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "updated", "mtime", "created")


@dataclass(frozen=True)
class State:
    """Size in bytes of a remote file, and what its server tells versions apart by; empty if by nothing."""

    size: int
    version: str


@dataclass(frozen=True, repr=False)
class RemoteFile:
    """A file behind a URL; frozen and picklable, with no connection kept in it.

    Its text is the URL without user, password, query and fragment, so that no error or table shows a credential.

    Parameters
    ----------
    url
        As fsspec takes it, such as ``https://host/night.edf`` or ``s3://bucket/night.edf``.
    storage_options
        Given to the file system of fsspec, such as credentials.
    """

    url: str
    storage_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"RemoteFile({str(self)!r})"

    def __dask_tokenize__(self) -> tuple[str, str]:
        return type(self).__name__, str(self)

    @property
    def name(self) -> str:
        """Last part of the path."""
        name = PurePosixPath(str(self).partition("://")[2]).name
        return unquote(name) if self._is_http else name

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, with its point."""
        return PurePosixPath(self.name).suffix

    @property
    def _is_http(self) -> bool:
        return urlsplit(self.url).scheme.lower() in _HTTP

    def head(self, size: int) -> tuple[bytes, State]:
        """First bytes, fewer if the file has no more, and the state of the file.

        Raises
        ------
        RemoteFileError
            If there is no such file, it cannot be reached, or its server cannot read a part of it.
        ParameterError
            If the package for this kind of URL is not installed, or knows no such option.
        """
        if self._is_http:
            (first,) = self._from_http([(0, size)])
            return first.data, State(first.size, first.version)
        system, path = self._system()
        with self._errors():
            state = _state(system.info(path))
            data = _cat(system, path, [(0, min(size, state.size))]) if state.size else [b""]
        return data[0], state

    def read(self, spans: Sequence[tuple[int, int]], state: State) -> list[bytes]:
        """Bytes of each of the spans (half-open), a request for each, several at a time.

        Raises
        ------
        FileFormatError
            If the file is no longer in that state, or has not all of the bytes.
        RemoteFileError, ParameterError
            As `head`.
        """
        spans = list(spans)
        if not spans:
            return []
        beyond = max(end for _, end in spans)
        if beyond > state.size:
            raise FileFormatError("the file ends too early", where=self, expected=f"{beyond} bytes", found=state.size)
        if self._is_http:
            answers = self._from_http(spans)
            for answer in answers:
                self.check(state, State(answer.size, answer.version))
            found = [answer.data for answer in answers]
        else:
            system, path = self._system()
            with self._errors():
                self.check(state, _state(system.info(path)))
                found = _cat(system, path, spans)
        for (begin, end), data in zip(spans, found, strict=True):
            if len(data) != end - begin:
                raise RemoteFileError(
                    "a part of the file came incomplete",
                    where=self,
                    expected=f"{end - begin} bytes from byte {begin} on",
                    found=f"{len(data)} bytes",
                    fix="try again",
                )
        return found

    def check(self, expected: State, found: State) -> None:
        """See that the file is the one that was opened.

        Raises
        ------
        FileFormatError
            If it is not.
        """
        if found != expected:
            raise FileFormatError(
                "the file changed since it was opened",
                where=self,
                expected=f"{expected.size} bytes, version {expected.version or 'not told'}",
                found=f"{found.size} bytes, version {found.version or 'not told'}",
                fix="open it again",
            )

    def _from_http(self, spans: Sequence[tuple[int, int]]) -> list[Any]:
        system, _ = self._system()
        from sleepdask.io.remote.http import get_ranges  # its library is an extra

        return get_ranges(system, self.url, spans, where=str(self), concurrent=_CONCURRENT)

    def _system(self) -> tuple[Any, str]:
        """File system of fsspec, and the path in it."""
        import fsspec

        protocol = urlsplit(self.url).scheme.lower()
        try:
            made = fsspec.get_filesystem_class(protocol)
        except ValueError:
            raise ParameterError(
                "unknown kind of URL", where=self, expected="one that fsspec knows, such as https:// or s3://"
            ) from None
        except ImportError as error:
            raise ParameterError(
                f"reading {protocol}:// needs a package that is not installed",
                where=self,
                found=f"no module {error.name}" if error.name else None,
                fix=f"pip install 'fsspec[{'http' if self._is_http else protocol}]', or 'sleepdask[remote]'",
            ) from None
        with self._errors():
            options = made._get_kwargs_from_urls(self.url) | dict(self.storage_options)
            return fsspec.filesystem(protocol, **options), str(made._strip_protocol(self.url))

    def _errors(self) -> RemoteErrors:
        return RemoteErrors(str(self))


class RemoteErrors:
    """Context in which whatever a file system raises becomes an error of ours.

    Only the kind of the cause is told: its text may hold the URL with its credentials.
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or not isinstance(error, Exception) or isinstance(error, FileFormatError | RemoteFileError):
            return
        if isinstance(error, FileNotFoundError):
            raise RemoteFileError("no such file", where=self.where, fix="check the address") from None
        if isinstance(error, IsADirectoryError):
            raise RemoteFileError("is a folder", where=self.where, fix="name the file in it") from None
        if isinstance(error, PermissionError):
            raise RemoteFileError(
                "the server lets nobody without the right credentials read it",
                where=self.where,
                fix="give them as storage_options=, or as the environment of its library has them",
            ) from None
        raise RemoteFileError(
            "the file cannot be read from its server",
            where=self.where,
            found=f"{type(error).__name__}{_number(error)}",
            fix="check the address, the network and the credentials, and try again",
        ) from None


def locate(
    path: str | os.PathLike[str] | RemoteFile, storage_options: Mapping[str, Any] | None = None
) -> str | os.PathLike[str] | RemoteFile:
    """Tell a URL from a local path; ``file://`` is one of those.

    Parameters
    ----------
    path
        Path, URL, or what this function gave for one.
    storage_options
        For the file system of the URL.

    Raises
    ------
    ParameterError
        If there are options for a local path, or the URL chains several file systems.

    Examples
    --------
    >>> locate("night.edf")
    'night.edf'
    >>> locate("https://user:secret@example.org/night.edf?signature=0123")
    RemoteFile('https://example.org/night.edf')
    """
    if isinstance(path, RemoteFile):
        return path
    if isinstance(path, str) and "::" in path and _URL.search(path):
        raise ParameterError(
            "file systems within each other are not read", expected="one URL", fix="copy or unpack the file first"
        )
    if isinstance(path, str) and is_url(path):
        return RemoteFile(path, dict(storage_options or {}))
    if isinstance(path, str) and _URL.match(path):
        path = path.partition("://")[2]
    if storage_options:
        raise ParameterError("storage_options are for URLs", where=path, fix="leave them away")
    return path


def is_url(path: object) -> bool:
    """Tell whether a text is the URL of a file on another machine."""
    return isinstance(path, str) and bool(_URL.match(path)) and path.partition("://")[0].lower() not in _LOCAL


def named(path: str | os.PathLike[str] | RemoteFile) -> Path | RemoteFile:
    """Give what has a `name`, a `stem` and a `suffix`."""
    return path if isinstance(path, RemoteFile) else Path(path)


def _state(info: Mapping[str, Any]) -> State:
    if info.get("type") == "directory":
        raise IsADirectoryError
    version = next((f"{key} {info[key]}" for key in _VERSIONS if info.get(key)), "")
    return State(int(info["size"]), version)


def _cat(system: Any, path: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
    """Bytes of spans from any file system of fsspec, without read-ahead."""
    if system.async_impl:
        begins, ends = zip(*spans, strict=True)
        found: list[bytes] = system.cat_ranges(
            [path] * len(spans), list(begins), list(ends), batch_size=_CONCURRENT, on_error="raise"
        )
        return found
    return [system.cat_file(path, begin, end, cache_type="none") for begin, end in spans]


def _number(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return f": {os.strerror(number)}" if number else ""
