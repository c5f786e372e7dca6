"""The files of a recording as they are now: what tells that they are as before, and the hash of their bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xxhash

from sleepdask.errors import ParameterError
from sleepdask.io.readers import files_of
from sleepdask.io.remote.file import RemoteFile, locate, named
from sleepdask.io.source import open_source

_PIECE = 1 << 20
_SEEN = ("where", "size", "changed")  # equal: the bytes are taken to be the same


def state_of(location: str) -> dict[str, Any]:
    """Name, size and time of change of a file or a folder that is one, or the version of a remote file.

    Folders may be named after people: where the file lies is kept as a hash.

    Raises
    ------
    ParameterError
        There is no such file.
    RemoteFileError
        It cannot be reached.
    """
    file = named(locate(location))
    if isinstance(file, RemoteFile):
        where = _marked(location)
        with open_source(file) as source:
            return {"name": file.name, "where": where, "size": source.size, "changed": source.version}
    try:
        where = _marked(os.path.realpath(file))  # a way that leads over other folders leads to the same file
        states = [part.stat() for _, part in _parts(file)] or [file.stat()]
    except (FileNotFoundError, NotADirectoryError):
        raise ParameterError("no such file", where=location, fix="correct its path in the table") from None
    except ValueError as error:  # a NUL byte
        raise ParameterError("no name of a file", where=repr(location), found=str(error)) from None
    changed = max(state.st_mtime_ns for state in states)
    return {"name": file.name, "where": where, "size": sum(s.st_size for s in states), "changed": str(changed)}


def hashed(location: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """State of a file with the hash of its bytes, which `known` remembers of a file that looks the same.

    XXH3 (128 bit) tells versions of a file apart at the speed of memory; it is no seal against forgery. Of a remote
    file its size, and the version that its server tells, stand for it, as a hash needs all of its bytes; where a
    server tells none, its address does.
    """
    state = state_of(location)
    if known and looks_the_same(state, known) and known.get("hash"):
        return state | {"hash": known["hash"]}
    file = named(locate(location))
    if isinstance(file, RemoteFile):
        return state | {"hash": f"version:{state['size']}:{state['changed'] or state['where']}"}
    parts = list(_parts(file))
    if file.is_dir():
        lines = "".join(f"{_digest(part)}  {name}\n" for name, part in parts)
        return state | {"hash": f"xxh3_128:{xxhash.xxh3_128_hexdigest(lines.encode())}"}
    return state | {"hash": f"xxh3_128:{_digest(file)}"}


def all_look_the_same(states: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether there are the same files by role, each as before."""
    return states.keys() == known.keys() and all(looks_the_same(state, known[role]) for role, state in states.items())


def looks_the_same(state: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether path, size and time of change are those of before."""
    return all(state[name] == known.get(name) for name in _SEEN)


def _marked(location: str) -> str:
    return hashlib.sha256(os.fsencode(location)).hexdigest()[:16]


def _parts(path: Path) -> Iterator[tuple[str, Path]]:
    """Files of a folder (a store, a session of a device) by their names in it, sorted; of a file the file itself."""
    is_folder = path.is_dir()
    for part in files_of(path):
        yield (part.relative_to(path).as_posix() if is_folder else ""), part


def _digest(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        buffer = memoryview(bytearray(_PIECE))
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()
