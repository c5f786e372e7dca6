"""The log of an ActiGraph: records of a second, each with its time and a checksum, found in one pass."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError

ACTIVITY, ACTIVITY2, ACTIVITY3 = 0, 26, 27
"""Kinds of records of samples: 12 bits in the order y, x, z; 16 bits in that of x, y, z; 12 bits in that of x, y, z."""

_EVENT, _LUX, _METADATA, _PARAMETERS = 3, 5, 6, 21
_NOT_READ = (4, 11, 14, 17, 18, 22, 25)  # heart rates, and the sensors that only some devices have
_LAST = 30  # of the kinds there are
_ASLEEP, _AWAKE = b"\x08", b"\x09"
_SEPARATOR, _ZEROS = b"\x1e", re.compile(rb"\0*")
_HEAD = struct.Struct("<sBIH")
_PAIR = struct.Struct("<HHI")
_AROUND = _HEAD.size + 1  # bytes of a record but for what it holds
_RIGHT = 0xFF  # exclusive or of all bytes of a record, its checksum with them
_MOST, _MOST_SLEEPS = 1 << 25, 1 << 18  # records: of half a year, which no battery lasts
_TEXTS = 64  # that are kept
_CAUTIOUS = 16  # records that are looked at together, where the one before was not sound; then ever more

_Row = tuple[int, int, int, int]  # where a record begins, its kind, its time, and the bytes that it holds


@dataclass
class Log:
    """What a log holds; times are seconds since 1970.

    Parameters
    ----------
    kinds
        Of the records of samples.
    seconds, places
        When each second of samples begins, and where its samples are in the log; in order of time.
    lux_seconds, lux
        Of the light.
    slept
        When it went to sleep (True) or awoke.
    parameters
        By address space and identifier.
    texts
        Metadata.
    odd
        Seconds with another number of samples than the rate says.
    stray
        Seconds that come again, go back, or are not within the time of the recording.
    damaged
        Stretches that are no sound records.
    others
        Records of heart rates and of further sensors.
    partial
        Bytes of a last record that is cut off.
    """

    kinds: set[int] = field(default_factory=set)
    seconds: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    places: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    lux_seconds: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    lux: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    slept: list[tuple[int, bool]] = field(default_factory=list)
    parameters: dict[tuple[int, int], int] = field(default_factory=dict)
    texts: list[bytes] = field(default_factory=list)
    odd: int = 0
    stray: int = 0
    damaged: int = 0
    others: int = 0
    partial: int = 0


def read_log(pieces: Iterable[bytes], sizes: Mapping[int, int], bounds: tuple[int, int], where: object) -> Log:
    """Find all records.

    Parameters
    ----------
    pieces
        The log; no more than the longest record is kept of one piece for the next.
    sizes
        Bytes that a second of samples takes, by kind of record.
    bounds
        Between which seconds lie.
    where
        The recording, for errors.

    Raises
    ------
    FileFormatError
        It holds more seconds than any device records.
    """
    search = _Search(sizes, bounds, where)
    raw, base = b"", 0
    for piece in pieces:
        raw += piece
        used = search.take(raw, base)
        raw, base = raw[used:], base + used
    search.take(raw, base, last=True)
    return search.log()


class _Search:
    """Follows the chain of records; where it breaks, looks for the next sound one."""

    def __init__(self, sizes: Mapping[int, int], bounds: tuple[int, int], where: object) -> None:
        self._sizes = np.full(256, -1)
        self._sizes[list(sizes)] = list(sizes.values())
        self._earliest, self._latest = bounds
        self._where = where
        self._lost, self._ahead = False, _CAUTIOUS
        self._log = Log()
        self._samples: list[NDArray[np.int64]] = []
        self._lux: list[NDArray[np.int64]] = []
        self._count = 0

    def log(self) -> Log:
        """All that was found, with the seconds in order of time."""
        log = self._log
        log.seconds, log.places = np.concatenate([np.empty((2, 0), np.int64), *self._samples], axis=1)
        log.lux_seconds, log.lux = np.concatenate([np.empty((2, 0), np.int64), *self._lux], axis=1)
        inside = (log.seconds >= self._earliest) & (log.seconds <= self._latest)
        before = np.maximum.accumulate(np.where(inside, log.seconds, -1))
        inside[1:] &= log.seconds[1:] > before[:-1]
        log.stray = int((~inside).sum())
        log.seconds, log.places = log.seconds[inside], log.places[inside]
        inside = (log.lux_seconds >= self._earliest) & (log.lux_seconds <= self._latest)
        log.lux_seconds, log.lux = log.lux_seconds[inside], log.lux[inside]
        return log

    def take(self, raw: bytes, base: int, *, last: bool = False) -> int:
        """Keep the records of some bytes, which begin at `base`; how many bytes are done with."""
        at = 0
        while True:
            if self._lost:
                at, self._lost = self._next(raw, at, last=last)
                if self._lost:
                    return at
            rows, at, broken = _chain(raw, at, self._ahead)
            right = _right(raw, rows, at)
            if right < len(rows):
                rows, at, broken = rows[:right], rows[right][0] + 1, True
            self._keep(raw, rows, base)
            if broken:
                self._log.damaged += 1
                self._lost, self._ahead = True, _CAUTIOUS
                continue
            if len(rows) == self._ahead:
                self._ahead *= 2
                continue
            if not last or not raw[at:].strip(b"\0"):
                return at
            after, missing = self._next(raw, at + 1, last=True)
            if missing:
                self._log.partial = len(raw) - at
                return len(raw)
            self._log.damaged += 1
            at = after

    def _next(self, raw: bytes, at: int, *, last: bool) -> tuple[int, bool]:
        """Where the next sound record is, or might be as far as these bytes tell; and whether that is still open."""
        while (at := raw.find(_SEPARATOR, at)) >= 0:
            if at + _AROUND > len(raw):
                return at, True
            _, kind, time, size = _HEAD.unpack_from(raw, at)
            end = at + _AROUND + size
            fits = self._sizes[kind] in (-1, size)
            if fits and kind <= _LAST and self._earliest <= time <= self._latest:
                if end > len(raw) and not last:
                    return at, True
                if end <= len(raw) and _right(raw, [(at, kind, time, size)], end) and raw[end : end + 1] in b"\x1e\0":
                    return at, False
            at += 1
        return len(raw), True

    def _keep(self, raw: bytes, rows: list[_Row], base: int) -> None:
        if not rows:
            return
        place, kind, time, size = np.array(rows, np.int64).T
        place = place + _HEAD.size
        wanted = self._sizes[kind]
        full = size == wanted
        self._log.odd += int(((wanted >= 0) & ~full & (size > 1)).sum())  # one byte tells that a cable was put in
        self._log.kinds |= set(np.unique(kind[full]).tolist())
        self._samples.append(np.stack([time[full], place[full] + base]))
        lux = np.flatnonzero((kind == _LUX) & (size == 2))
        self._count += int(full.sum()) + len(lux)
        octets = np.frombuffer(raw, np.uint8)
        values = octets[place[lux]] + 256 * octets[place[lux] + 1].astype(np.int64)
        self._lux.append(np.stack([time[lux], values]))
        self._log.others += int(np.isin(kind, _NOT_READ).sum())
        for k in np.flatnonzero(np.isin(kind, (_EVENT, _METADATA, _PARAMETERS))).tolist():
            self._tell(int(kind[k]), int(time[k]), raw[place[k] : place[k] + size[k]])
        if self._count > _MOST or len(self._log.slept) > _MOST_SLEEPS:
            most = f"at most {_MOST:,} records"
            raise FileFormatError("it is longer than any recording", where=self._where, expected=most)

    def _tell(self, kind: int, time: int, held: bytes) -> None:
        if kind == _PARAMETERS:
            for space, identifier, value in _PAIR.iter_unpack(held[: len(held) // _PAIR.size * _PAIR.size]):
                self._log.parameters[space, identifier] = value
        elif kind == _METADATA:
            self._log.texts += [held] if len(self._log.texts) < _TEXTS else []
        elif held in (_ASLEEP, _AWAKE):
            self._log.slept.append((time, held == _ASLEEP))


def _chain(raw: bytes, at: int, most: int) -> tuple[list[_Row], int, bool]:
    """Records that follow each other from a place on, where they end, and whether what comes there is none."""
    rows: list[_Row] = []
    while at + _AROUND <= len(raw) and len(rows) < most:
        mark, kind, time, size = _HEAD.unpack_from(raw, at)
        if mark != _SEPARATOR:
            zeros = _ZEROS.match(raw, at)
            assert zeros is not None
            if zeros.end() == at:
                return rows, at, True
            at = zeros.end()  # a few may lie between records
            continue
        end = at + _AROUND + size
        if end > len(raw):
            break
        rows.append((at, kind, time, size))
        at = end
    return rows, at, False


def _right(raw: bytes, rows: list[_Row], end: int) -> int:
    """How many records, the last of which ends at `end`, have a right checksum before the first that has not."""
    if not rows:
        return 0
    first = rows[0][0]
    octets = np.frombuffer(raw, np.uint8, end - first, first)
    wrong = np.flatnonzero(np.bitwise_xor.reduceat(octets, [row[0] - first for row in rows]) != _RIGHT)
    return int(wrong[0]) if wrong.size else len(rows)
