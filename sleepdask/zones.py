"""Time zones: local clock times to instants (UTC) and back, in whole nanoseconds.

The one place that converts. The rules are those of the IANA database in the package `tzdata`: neither the zone of the
machine nor its own copy of the database counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sleepdask.errors import ParameterError, did_you_mean

Times = NDArray[np.int64]

_SECOND = 1_000_000_000
_HOUR = 3_600  # s
_LIMIT = 2**63 - 2 * 86_400 * _SECOND
_START = datetime(1970, 1, 1)
_OFFSET = r"([+-])(0\d|1[0-5]):([0-5]\d)(?::([0-5]\d))?"
_OFFSET_TEXT = re.compile(_OFFSET, re.ASCII)
_WITH_OFFSET = re.compile(rf"(.+?)({_OFFSET})", re.ASCII)


def _nearest_zone(name: object) -> str:
    """Close an error about an unknown zone; an offset alone is near the wrong names, as Etc/GMT+1 is an hour west."""
    if _OFFSET_TEXT.fullmatch(str(name)):
        return f"write it behind the zone of the recorder, such as 'Europe/Berlin{name}'"
    return did_you_mean(str(name), sorted(_names()))


@dataclass(frozen=True)
class Doubt:
    """Why a local time is no single instant, and the offsets from UTC before and after the clock was changed."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Zone:
    """A time zone; `Zone.of` makes one from its name.

    Parameters
    ----------
    name
        Of the IANA database, or "UTC".
    offset
        Nanoseconds before UTC of a clock that was not changed with the zone, for local times to be read; None: it was.
    """

    name: str
    offset: int | None = None

    @property
    def plain(self) -> Zone:
        """The zone itself, whatever clock was not changed with it."""
        return Zone(self.name)

    @classmethod
    def of(cls, text: str) -> Zone:
        """Zone of a name such as ``"Europe/Berlin"``; ``"Europe/Berlin+02:00"`` for a clock that stayed there.

        Raises
        ------
        ParameterError
            There is no such zone.

        Examples
        --------
        >>> Zone.of("Europe/Berlin+02:00")
        Zone(name='Europe/Berlin', offset=7200000000000)
        """
        stayed = _WITH_OFFSET.fullmatch(text) if isinstance(text, str) else None
        name = stayed[1] if stayed else text
        if not isinstance(name, str) or name not in _names():
            raise ParameterError(
                "unknown time zone",
                expected="a name of the IANA database such as 'Europe/Berlin', or 'UTC'",
                found=repr(text),
                fix=_nearest_zone(name),
            )
        return cls(name, offset_ns(stayed[2]) if stayed else None)

    def utc(self, local: ArrayLike) -> tuple[Times, Times]:
        """Both instants of each local time: the same, but where the clock was changed.

        If it was put back, a time that came twice has the first one first. If it was put forward, a time that never
        was has first what it would be if the clock had not been, then what it would be if that had been done before.
        """
        local = _checked(local)
        if self.offset is not None:
            return local - self.offset, local - self.offset
        first, second = (local - _offsets(local, self._at_local(fold)) for fold in (0, 1))
        return first, second

    def local(self, utc: ArrayLike) -> Times:
        """Local time of each instant."""
        utc = _checked(utc)
        return utc + _offsets(utc, self._at_utc)

    def one(self, local: int, name: str = "time") -> int:
        """Instant of a local time.

        Raises
        ------
        ParameterError
            It came twice, or never was.
        """
        if doubt := self.doubt(local):
            text = _naive(local)
            raise ParameterError(
                f"{name} {doubt.what}",
                found=text,
                fix=f"write it with its offset: '{text}{doubt.before}' or '{text}{doubt.after}'",
            )
        return int(self.utc(local)[0])

    def doubt(self, local: int) -> Doubt | None:
        """Why a local time is no single instant; None if it is one."""
        first, second = (int(reading) for reading in self.utc(local))
        if first == second:
            return None
        what = "comes twice" if first < second else "never was"
        moved = "back" if first < second else "forward"
        offsets = (offset_text(local - instant) for instant in (first, second))
        return Doubt(f"{what} in {self.name}, where the clock was put {moved}", *offsets)

    def text(self, utc: int, unit: str = "s") -> str:
        """Local time with its offset, ISO 8601.

        Examples
        --------
        >>> Zone.of("Europe/Berlin").text(1_729_989_000_000_000_000)
        '2024-10-27T02:30:00+02:00'
        """
        local = int(self.local(utc))
        return _naive(local, unit) + offset_text(local - utc)

    def abbreviation(self, utc: int) -> str:
        """What people call its time at an instant, such as "CEST"."""
        return _moment(utc // _SECOND).astimezone(_rules(self.name)).tzname() or ""

    def stretches(self, low: int, high: int) -> list[tuple[int, int]]:
        """Begin and end of each stretch of a span of instants in which the clock was not changed."""
        hours = np.unique(np.append(np.arange(low, high, _HOUR * _SECOND), high))
        offset = self.local(hours) - hours
        edges = [low]
        for k in np.flatnonzero(np.diff(offset)).tolist():
            before, after = int(hours[k]) // _SECOND, -(-int(hours[k + 1]) // _SECOND)
            edges.append(_change(before, after, self._at_utc) * _SECOND)
        return list(zip(edges, [*edges[1:], high], strict=True))

    def _at_utc(self, second: int) -> int:
        return _seconds(_moment(second).astimezone(_rules(self.name)))

    def _at_local(self, fold: int) -> Callable[[int], int]:
        rules = _rules(self.name)
        return lambda second: _seconds((_START + timedelta(seconds=second)).replace(tzinfo=rules, fold=fold))


def zone_of(attrs: Mapping[Any, Any]) -> Zone | None:
    """Zone that the attributes of a recording, of scores or of features name; None if they name none.

    Raises
    ------
    ParameterError
        They name one, but say that the recording starts at a local time.
    """
    name = attrs.get("time_zone", "")
    if name and not str(attrs.get("start", "NaT")).endswith(("Z", "NaT")):
        raise ParameterError(
            "times are local, although a time zone is named",
            found=f"a start at {attrs['start']} and {name}",
            fix="open the recording with timezone=, which also puts its times into the zone",
        )
    return Zone.of(name) if name else None


def is_zone(text: str) -> bool:
    """Whether `Zone.of` knows a text."""
    try:
        return bool(Zone.of(text))
    except ParameterError:
        return False


def offset_text(offset: int) -> str:
    """Nanoseconds before UTC as ISO 8601 has them.

    Examples
    --------
    >>> offset_text(19_800_000_000_000)
    '+05:30'
    """
    minutes, seconds = divmod(abs(offset) // _SECOND, 60)
    text = f"{'-' if offset < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text


def offset_ns(text: str) -> int:
    """Nanoseconds before UTC of an offset such as ``+05:30`` or ``Z``."""
    match = _OFFSET_TEXT.fullmatch(text)
    if match is None:
        return 0
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4] or 0)
    return (-seconds if match[1] == "-" else seconds) * _SECOND


@cache
def _names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())


@cache
def _rules(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _offsets(times: Times, offset_at: Callable[[int], int]) -> Times:
    """Offset at each time, which is asked for at both ends of each hour; where they differ, the change is looked for.

    No zone was ever changed twice within an hour.
    """
    hours, which = np.unique(times // (_HOUR * _SECOND), return_inverse=True)
    rules = np.empty((len(hours), 3), np.int64)
    for k, hour in enumerate(hours.tolist()):
        begin, end = hour * _HOUR, (hour + 1) * _HOUR - 1
        first, last = offset_at(begin), offset_at(end)
        rules[k] = first, last, end if first == last else _change(begin, end, offset_at)
    first, last, change = rules[which.reshape(times.shape)].transpose(-1, *range(times.ndim))
    return np.asarray(np.where(times < change * _SECOND, first, last) * _SECOND, np.int64)


def _change(before: int, after: int, offset_at: Callable[[int], int]) -> int:
    """First second at which the offset is no longer that of `before`; at `after` it is not."""
    offset = offset_at(before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if offset_at(middle) == offset else (before, middle)
    return after


def _moment(second: int) -> datetime:
    return _START.replace(tzinfo=UTC) + timedelta(seconds=second)


def _seconds(moment: datetime) -> int:
    return (moment.utcoffset() or timedelta(0)) // timedelta(seconds=1)


def _checked(times: ArrayLike) -> Times:
    times = np.asarray(times, np.int64)
    if np.any((times < -_LIMIT) | (times > _LIMIT)):
        raise ParameterError("a time is too early or too late for a time zone", expected="from 1678 to 2261")
    return times


def _naive(nanoseconds: int, unit: str = "s") -> str:
    return str(np.datetime64(nanoseconds, "ns").astype(f"datetime64[{unit}]"))
