"""Times of rows as they are written, turned into exact nanoseconds; a date that could mean two days is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.streams import NAT
from sleepdask.io.tabular.epochs import epoch_numbers, epoch_texts
from sleepdask.io.tabular.iso import iso_times
from sleepdask.io.tabular.pattern import pattern_times, regex_of
from sleepdask.io.tabular.stamps import Stamps

UNITS = {"seconds": 1_000_000_000, "milliseconds": 1_000_000, "microseconds": 1_000, "nanoseconds": 1}
KINDS = ("iso", *UNITS, "strptime")
_TWO_WAYS = re.compile(r"\s*\d{1,2}([/.-])\d{1,2}\1\d{2,4}\b")
_MOST = 0.5  # of the times


@dataclass(frozen=True)
class TimeFormat:
    """How times are written.

    Parameters
    ----------
    kind
        "iso" (ISO 8601: a date with or without a time of day and an offset from UTC), "seconds", "milliseconds",
        "microseconds" or "nanoseconds" since `origin`, or "strptime".
    pattern
        Of "strptime", with the directives of Python's that are read in English everywhere, such as
        ``"%d.%m.%Y %H:%M:%S"``; ``%f`` takes 1 to 9 digits.
    origin
        ns since 1970 that numbers count from.
    aware
        Whether times are instants (UTC). None: as the texts say, and numbers since 1970 are.

    Raises
    ------
    ParameterError
        They do not go together, or the pattern does not tell a time.

    Examples
    --------
    >>> TimeFormat("strptime", "%H:%M:%S %b %d %Y").kind
    'strptime'
    """

    kind: str = "iso"
    pattern: str = ""
    origin: int = 0
    aware: bool | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ParameterError("unknown kind of times", expected=" or ".join(KINDS), found=repr(self.kind))
        if (self.kind == "strptime") != bool(self.pattern):
            raise ParameterError("a pattern belongs to the kind 'strptime' and to no other", found=repr(self.pattern))
        if self.pattern:
            regex_of(self.pattern)
        if self.origin and self.kind not in UNITS:
            raise ParameterError("an origin belongs to numbers", found=repr(self.kind))

    def parsed(self, values: Any) -> Stamps:
        """Stamps of Arrow strings or numbers, each by itself."""
        if self.kind in UNITS:
            if isinstance(values, np.ndarray):
                return epoch_numbers(values, UNITS[self.kind], self.origin)
            return epoch_texts(values, UNITS[self.kind], self.origin)
        return iso_times(values) if self.kind == "iso" else pattern_times(values, regex_of(self.pattern))


class Times(NamedTuple):
    """Times of rows.

    Parameters
    ----------
    stamps
        ns since 1970 (int64), `NAT` where a time is missing or cannot be read.
    instants
        Whether they are UTC; else local.
    resolution
        Of the finest of them as it is written, in ns.
    """

    stamps: NDArray[np.int64]
    instants: bool
    resolution: int


def parse_times(values: Any, time_format: TimeFormat, *, where: str = "") -> Times:
    """Parse the times of all rows.

    Parameters
    ----------
    values
        Texts (Arrow strings, or a sequence of texts), or a NumPy array of numbers.
    time_format
        How they are written.
    where
        The file, for errors.

    Returns
    -------
    times
        Stamps in ns since 1970, `NAT` where a time is missing or cannot be read; whether they are instants; and what
        they are rounded to, told from their digits.

    Raises
    ------
    FileFormatError
        Most times cannot be read, or some have an offset from UTC and others have none.

    Examples
    --------
    >>> times = parse_times(["2024-03-11T23:00:00.5", "2024-03-11T23:00:01.0"], TimeFormat())
    >>> times.stamps.astype("datetime64[ns]").astype(str).tolist()[0], times.instants, times.resolution
    ('2024-03-11T23:00:00.500000000', False, 100000000)
    """
    found = TimesOfBlocks(time_format, where)
    found.add([values])
    return found.result()


class TimesOfBlocks:
    """Times of a table that is read block by block."""

    def __init__(self, time_format: TimeFormat, where: str) -> None:
        self.format, self.where = time_format, where
        self._blocks: list[NDArray[np.int64]] = []
        self._resolution = 0
        self._aware = self._naive = self._lost = 0
        self._odd = ""

    def add(self, columns: Sequence[Any]) -> None:
        """Parse the cells of a block: of one column, or of several that make a time together."""
        values = columns[0] if len(columns) == 1 else _joined(columns)
        if not isinstance(values, np.ndarray):
            values = _texts(values)
        stamps = self.format.parsed(values)
        self._blocks.append(stamps.stamps)
        lost = (stamps.stamps == NAT) & ~_missing(values)
        if lost.any():
            self._lost += int(lost.sum())
            first = int(np.argmax(lost))
            self._odd = self._odd or str(values[first])
        self._aware += stamps.aware
        self._naive += stamps.naive
        if stamps.resolution:
            self._resolution = min(self._resolution or stamps.resolution, stamps.resolution)

    def result(self) -> Times:
        """All times, in their order."""
        stamps = np.concatenate(self._blocks) if self._blocks else np.empty(0, np.int64)
        if self._lost > _MOST * (self._aware + self._naive + self._lost):
            raise self._refusal()
        if self._aware and self._naive:
            raise FileFormatError(
                "some of its times have an offset from UTC, others have none",
                where=self.where,
                expected="all with one, or all without",
                found=f"{self._aware:,} with one, {self._naive:,} without",
            )
        instants = self._aware > 0
        if self.format.kind in UNITS:
            instants = self.format.origin == 0 if self.format.aware is None else self.format.aware
        elif self.format.aware is not None and self._aware + self._naive and self.format.aware != instants:
            expected = f"times {'with' if self.format.aware else 'without'} an offset from UTC"
            raise FileFormatError("its times are of another kind", where=self.where, expected=expected)
        return Times(stamps, instants, self._resolution or 1)

    def _refusal(self) -> FileFormatError:
        fix = "say how they are written (time_format=)"
        if self.format.kind == "iso" and _TWO_WAYS.match(self._odd):
            fix = (
                "say whether the day or the month comes first, such as time_format='%d/%m/%Y %H:%M:%S' for the day"
                " or '%m/%d/%Y %H:%M:%S' for the month"
            )
        expected = {"iso": "ISO 8601, such as 2024-03-11T23:05:30", "strptime": self.format.pattern}
        return FileFormatError(
            "most of its times cannot be read",
            where=self.where,
            expected=expected.get(self.format.kind, f"{self.format.kind} as numbers"),
            found=repr(self._odd),
            fix=fix,
        )


def _texts(values: Any) -> Any:
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    return values if isinstance(values, pa.Array) else pa.array(list(values), pa.string())


def _joined(columns: Sequence[Any]) -> Any:
    """Cells of several columns with a blank between; missing where one of them is."""
    each = [pc.utf8_trim_whitespace(_texts(column)) for column in columns]
    empty = [pc.equal(column, "") for column in each]
    joined = pc.binary_join_element_wise(*each, " ")
    for blank in empty:
        joined = pc.if_else(blank, "", joined)
    return joined


def _missing(values: Any) -> NDArray[np.bool_]:
    """Where nothing is written."""
    if isinstance(values, np.ndarray):
        return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), bool)
    blank = pc.equal(pc.utf8_trim_whitespace(values), "")
    return np.asarray(pc.fill_null(blank, True).to_numpy(zero_copy_only=False), bool)  # noqa: FBT003
