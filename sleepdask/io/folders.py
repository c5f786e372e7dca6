"""Which files of a folder are recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sleepdask.errors import ParameterError
from sleepdask.io.edf.reader import SUFFIXES, EdfReader
from sleepdask.io.reader import Look
from sleepdask.io.readers import is_known, reader_of
from sleepdask.io.remote.file import RemoteFile, is_url, locate
from sleepdask.io.store.metadata import is_other
from sleepdask.io.store.reading import is_store


def recording_files(
    given: str | os.PathLike[str], options: Mapping[str, Any] | None = None, *, devices: bool = True
) -> Iterator[Path | RemoteFile]:
    """Give a file, or a folder that is a recording; of any other folder all that looks like one, sorted by path.

    Parameters
    ----------
    given
        A file, store, folder or URL.
    options
        For the file system of a URL.
    devices
        Whether of a folder also those files are given that are neither EDF nor BDF, but of another reader.

    Raises
    ------
    ParameterError
        There is no such file or folder.
    """
    located = locate(given, options if is_url(given) else None)
    if isinstance(located, RemoteFile):
        yield located
        return
    path = Path(located)
    if path.is_dir() and not is_store(path) and not (devices and _is_one(path)):
        yield from _recordings_in(path, devices=devices)
    elif path.exists():
        yield path
    else:
        raise ParameterError("no such file or folder", where=path, fix="check the path")


def _is_one(folder: Path) -> bool:
    """Whether a folder is one recording: a reader knows it, and reads each file in it that any reader knows."""
    if not is_known(folder):
        return False
    kind = type(reader_of(folder))
    return all(type(reader_of(part)) is kind for part in _recordings_in(folder, devices=True))


def _recordings_in(folder: Path, *, devices: bool) -> Iterator[Path]:
    try:
        parts = sorted(folder.iterdir())
    except PermissionError:
        return
    for part in parts:
        if part.is_dir() and is_store(part):
            yield from () if is_other(part) else (part,)
        elif part.is_dir() and not part.is_symlink():
            yield from _recordings_in(part, devices=devices)
        elif part.is_file() and _looks_like_a_recording(part, devices=devices):
            yield part


def _looks_like_a_recording(path: Path, *, devices: bool) -> bool:
    if path.name.lower().endswith(SUFFIXES):
        return True  # of thousands of EDF files none is opened to tell
    if devices:
        return is_known(path)
    try:
        return EdfReader().recognises(Look(path))
    except (OSError, ParameterError):
        return False
