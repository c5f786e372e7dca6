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
from sleepdask.io.tabular.iso import iso_times, iso_type
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

    def native(self, found: Stamps) -> Any:
        """Arrow type of timestamps that more texts written as those of these stamps can be parsed as; None if none."""
        return iso_type(found) if self.kind == "iso" else None


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
    return joined_times([times_of_block([values], time_format)], time_format, where)


class BlockTimes(NamedTuple):
    """Times of one block: its stamps, how many cells that are not empty cannot be read, and the first of these."""

    stamps: Stamps
    lost: int
    odd: str


def times_of_block(columns: Sequence[Any], time_format: TimeFormat) -> BlockTimes:
    """Parse the cells of a block: of one column, or of several that make a time together."""
    values = columns[0] if len(columns) == 1 else _joined(columns)
    if not isinstance(values, np.ndarray):
        values = _texts(values)
    stamps = time_format.parsed(values)
    unread = stamps.stamps == NAT
    if not unread.any():
        return BlockTimes(stamps, 0, "")
    lost = np.flatnonzero(unread & ~_missing(values))
    return BlockTimes(stamps, lost.size, str(values[int(lost[0])]) if lost.size else "")


def joined_times(blocks: Sequence[BlockTimes], time_format: TimeFormat, where: str) -> Times:
    """Times of all blocks, in their order; refused where they do not go together, or most cannot be read."""
    aware, naive = sum(block.stamps.aware for block in blocks), sum(block.stamps.naive for block in blocks)
    lost = sum(block.lost for block in blocks)
    if lost > _MOST * (aware + naive + lost):
        raise _refusal(next(block.odd for block in blocks if block.lost), time_format, where)
    if aware and naive and time_format.kind not in UNITS:
        raise FileFormatError(
            "some of its times have an offset from UTC, others have none",
            where=where,
            expected="all with one, or all without",
            found=f"{aware:,} with one, {naive:,} without",
        )
    instants = aware > 0
    if time_format.kind in UNITS:
        instants = time_format.origin == 0 if time_format.aware is None else time_format.aware
    elif time_format.aware is not None and aware + naive and time_format.aware != instants:
        expected = f"times {'with' if time_format.aware else 'without'} an offset from UTC"
        raise FileFormatError("its times are of another kind", where=where, expected=expected)
    stamps = np.concatenate([block.stamps.stamps for block in blocks]) if blocks else np.empty(0, np.int64)
    return Times(stamps, instants, min((b.stamps.resolution for b in blocks if b.stamps.resolution), default=1))


def _refusal(odd: str, time_format: TimeFormat, where: str) -> FileFormatError:
    fix = "say how they are written (time_format=)"
    if time_format.kind == "iso" and _TWO_WAYS.match(odd):
        fix = (
            "say whether the day or the month comes first, such as time_format='%d/%m/%Y %H:%M:%S' for the day"
            " or '%m/%d/%Y %H:%M:%S' for the month"
        )
    expected = {"iso": "ISO 8601, such as 2024-03-11T23:05:30", "strptime": time_format.pattern}
    return FileFormatError(
        "most of its times cannot be read",
        where=where,
        expected=expected.get(time_format.kind, f"{time_format.kind} as numbers"),
        found=repr(odd),
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
