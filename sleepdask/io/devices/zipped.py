"""Files within a ZIP, read here and there: what was packed is unpacked from the nearest of a few places on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sleepdask.errors import FileFormatError
from sleepdask.io.file_state import FileState
from sleepdask.io.remote.file import RemoteFile

LARGEST = (1 << 32) - 2  # bytes of a member: more than the memory of any device that writes such files
_LONGEST = 255  # bytes of a name
_SMALL = 1 << 24  # bytes of a member that is read as a whole
_DIRECTORY = 1 << 20  # bytes of a list of members
_TAIL = (1 << 16) + 22  # bytes in which the end of a list of members lies
_AT_A_TIME, _FED, _OUT = 1 << 20, 1 << 16, 1 << 20  # bytes that are read, fed to zlib, and taken from it
_CLOSEST, _PLACES = 2 << 20, 128  # bytes between two places to go on from, and how many of these there are at most
_KEPT = 8  # members whose places are kept; one takes some 6 MB at most
_MEMBERS = 1000  # that are looked for where no list tells them
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_BEHIND = 1, 8  # flags
_END = struct.Struct("<4s4H2IH")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")

_Place = tuple[int, int, Any]  # bytes that came out, bytes that went in, and what zlib knows there


@dataclass(frozen=True)
class Member:
    """A file within a ZIP, picklable, with no handle and no unpacked byte in it.

    Parameters
    ----------
    file
        The ZIP.
    name
        Of the member.
    place, packed
        Where its bytes are in the ZIP, and how many.
    size
        Bytes that it unpacks to; not more are read.
    deflated
        Whether it is packed at all.
    checksum
        CRC-32 of what it unpacks to; None if that is not known.
    """

    file: FileState
    name: str
    place: int
    packed: int
    size: int
    deflated: bool
    checksum: int | None

    def __dask_tokenize__(self) -> tuple[object, ...]:
        return self.name, *self.file.__dask_tokenize__()

    def read(self, position: int, size: int) -> bytes:
        """Bytes from a position on; fewer than asked for only at its end, or where it is damaged."""
        found = []
        for piece in self.pieces(position):
            found.append(piece[:size])
            size -= len(found[-1])
            if not size:
                break
        return b"".join(found)

    def pieces(self, position: int = 0) -> Iterator[bytes]:
        """Bytes from a position on, at most a megabyte at a time, up to its end or to where it is damaged."""
        return _unpacker(self).pieces(position) if self.deflated else self._stored(position)

    def _stored(self, position: int) -> Iterator[bytes]:
        end = min(self.packed, self.size)
        for at in range(position, end, _OUT):
            piece = self.file.read(self.place + at, min(_OUT, end - at))
            if not piece:
                return
            yield piece


class Checked:
    """Pieces of a member, once through, and whether they are what was packed.

    Parameters
    ----------
    member
        Whose.
    """

    def __init__(self, member: Member) -> None:
        self._member = member
        self._size = self._sum = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._member.pieces():
            self._size += len(piece)
            self._sum = zlib.crc32(piece, self._sum)
            yield piece

    @property
    def sound(self) -> bool | None:
        """Whether all was right, once they were all taken; None if the ZIP does not tell any more."""
        if self._member.checksum is None:
            return None
        return (self._size, self._sum) == (self._member.size, self._member.checksum)


def whole_member(member: Member) -> bytes:
    """All bytes of a small member.

    Raises
    ------
    FileFormatError
        It is too large, or not as it was packed.
    """
    checked = Checked(member)
    found, size = [], 0
    for piece in checked:
        found.append(piece)
        size += len(piece)
        if size > _SMALL:
            most = f"at most {_SMALL >> 20} MiB"
            raise FileFormatError(f"{member.name} in the ZIP is too large", where=member.file.path, expected=most)
    if checked.sound is False:
        fix = "copy it again from where it comes from"
        raise FileFormatError(f"{member.name} in the ZIP is damaged", where=member.file.path, fix=fix)
    return b"".join(found)


@dataclass(frozen=True)
class Archive:
    """What a ZIP holds.

    Parameters
    ----------
    members
        By name.
    cut
        Whether its end is missing, and with it the list of what it holds: these are then the members up to there, the
        last one perhaps in part.
    """

    members: dict[str, Member]
    cut: bool


def open_zip(path: Path | RemoteFile) -> Archive:
    """Look into a ZIP; nothing is unpacked.

    Raises
    ------
    FileFormatError
        It is no ZIP, or a member is encrypted, packed in another way, or larger than any of its kind.
    """
    file = FileState.now(path)
    if file.read(0, 4) != b"PK\3\4":
        raise FileFormatError("it is no ZIP", where=path, fix="copy it again from the maker's program")
    directory = _directory(file)
    return Archive(_listed(file, directory), cut=False) if directory else Archive(_found(file), cut=True)


def _directory(file: FileState) -> bytes:
    """List of members at the end of the file; empty if there is none that is whole."""
    start = max(0, file.size - _TAIL)
    tail = file.read(start, _TAIL)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        return b""
    *_, size, place, comment = _END.unpack_from(tail, at)
    if place + size > start + at or comment != len(tail) - at - _END.size:
        return b""
    if size > _DIRECTORY:
        raise FileFormatError("the ZIP holds too many files", where=file.path, found=f"a list of {size:,} bytes")
    return file.read(place, size)


def _listed(file: FileState, directory: bytes) -> dict[str, Member]:
    members = {}
    at = 0
    while at + _ENTRY.size <= len(directory):
        entry = _ENTRY.unpack_from(directory, at)
        mark, _, _, flags, method, _, _, checksum, packed, size, name_size, extra, comment, _, _, _, place = entry
        if mark != b"PK\1\2":
            break
        name = _name(directory[at + _ENTRY.size : at + _ENTRY.size + name_size])
        at += _ENTRY.size + name_size + extra + comment
        local = file.read(place, _LOCAL.size)
        if len(local) < _LOCAL.size or local[:4] != b"PK\3\4":
            raise FileFormatError("the ZIP is damaged", where=file.path, found="nothing where a file should be")
        data = place + _LOCAL.size + sum(_LOCAL.unpack(local)[-2:])
        members[name] = _member(file, name, data, packed, size, flags, method, checksum)
    return members


def _found(file: FileState) -> dict[str, Member]:
    """Members one after the other; one whose size is not said before it is the last."""
    members: dict[str, Member] = {}
    place = 0
    while len(members) < _MEMBERS:
        local = file.read(place, _LOCAL.size + _LONGEST)
        if len(local) < _LOCAL.size or local[:4] != b"PK\3\4":
            return members
        _, _, flags, method, _, _, checksum, packed, size, name_size, extra = _LOCAL.unpack_from(local)
        name = _name(local[_LOCAL.size : _LOCAL.size + name_size])
        place += _LOCAL.size + name_size + extra
        if flags & _SIZES_BEHIND:
            members[name] = _member(file, name, place, file.size - place, LARGEST, flags, method, None)
            return members
        known = checksum if place + packed <= file.size else None
        members[name] = _member(file, name, place, min(packed, file.size - place), size, flags, method, known)
        place += packed
    return members


def _name(raw: bytes) -> str:
    return raw[:_LONGEST].decode("utf-8", errors="replace")


def _member(
    file: FileState, name: str, place: int, packed: int, size: int, flags: int, method: int, checksum: int | None
) -> Member:
    if flags & _ENCRYPTED:
        raise FileFormatError("the ZIP is encrypted", where=file.path, fix="save it without a password")
    if method not in (_STORED, _DEFLATED):
        what = "the ZIP is packed in an unknown way"
        raise FileFormatError(what, where=file.path, expected="deflate", found=f"method {method}")
    if size > LARGEST:
        raise FileFormatError("a file in the ZIP is too large", where=file.path, found=f"{size:,} bytes")
    return Member(file, name, place, max(0, packed), size, method == _DEFLATED, checksum)


class _Unpacker:
    """Unpacks a member from any of a few places on, which it notes as it goes along; threads need no lock for it."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._step = _CLOSEST
        self._places: tuple[_Place, ...] = ((0, 0, zlib.decompressobj(-zlib.MAX_WBITS)),)

    def pieces(self, position: int) -> Iterator[bytes]:
        out, read, inflater = self._nearest(position)
        member = self._member
        with member.file.opened() as source:
            while read < member.packed and not inflater.eof and out < member.size:
                raw = source.read(member.place + read, min(_AT_A_TIME, member.packed - read))
                if not raw:
                    return
                for at in range(0, len(raw), _FED):
                    fed = raw[at : at + _FED]
                    read += len(fed)
                    for piece in _inflated(inflater, fed):
                        if kept := piece[max(0, position - out) : member.size - out]:
                            yield kept
                        out += len(piece)
                        if out >= member.size:
                            return
                    self._note(out, read, inflater)

    def _nearest(self, position: int) -> _Place:
        out, read, inflater = next(place for place in reversed(self._places) if place[0] <= position)
        return out, read, inflater.copy()

    def _note(self, out: int, read: int, inflater: Any) -> None:
        places = self._places
        if inflater.eof or out - places[-1][0] < self._step:
            return
        places = (*places, (out, read, inflater.copy()))
        if len(places) > _PLACES:
            places, self._step = places[::2], self._step * 2
        self._places = places


@lru_cache(_KEPT)
def _unpacker(member: Member) -> _Unpacker:
    """One for all that read a member in this process, as its places are dear to find."""
    return _Unpacker(member)


def _inflated(inflater: Any, fed: bytes) -> Iterator[bytes]:
    """All that comes of some bytes; nothing more does once there was damage."""
    try:
        while True:
            piece = inflater.decompress(fed, _OUT)
            fed = inflater.unconsumed_tail
            if piece:
                yield piece
            elif not fed:
                return
    except zlib.error:
        return
