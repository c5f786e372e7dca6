"""Rows that a device wrote, put in order of time, each time once."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings

NAT = int(np.iinfo(np.int64).min)
"""Stamp of a row whose time cannot be read."""

_COMPARED = 1 << 16  # rows whose values are read at a time to be compared
_A_FEW = 10  # rows that may have the time of another one, as may a hundredth of all
_HOUR = 3_600_000_000_000
_NEARLY_AN_HOUR = 3_000_000_000_000  # the last time before a clock is put back, and the first after, are less apart


def ordered_rows(
    stamps: NDArray[np.int64], values: xr.Variable, findings: Findings, name: str, *, local: bool = False
) -> NDArray[np.int64]:
    """Numbers of the rows to keep, in order of time: those without a time go, and all but the first of one time.

    What was put in order, left out for want of a time, or was there twice, is counted and told. Two rows of one time
    with different values are told apart from repeated ones; more than a few of them are refused, and so are `local`
    times that go back by an hour, unless the policy allows a guess.
    """
    if stamps.size and stamps[0] != NAT and np.all(stamps[1:] > stamps[:-1]):
        return np.arange(len(stamps))
    rows = np.flatnonzero(stamps != NAT)
    if lost := len(stamps) - rows.size:
        findings.warn("no-time", f"{_rows(lost)} without a time that can be read", "left out", where=name)
    times = stamps[rows]
    steps = np.diff(times)
    put_back = local and bool(np.any((steps <= -_NEARLY_AN_HOUR) & (steps >= -_HOUR)))
    if np.any(steps < 0):
        late = int((times < np.maximum.accumulate(times)).sum())
        order = np.argsort(times, kind="stable")
        rows, times = rows[order], times[order]
        findings.warn("out-of-order", f"{_rows(late)} earlier than one before", "put in order of time", where=name)
    again = np.flatnonzero(times[1:] == times[:-1]) + 1
    if again.size > len(times) // 2:
        raise FileFormatError(
            "most rows have the time of the row before",
            where=name,
            expected="times as fine as the samples",
            found=f"{_rows(again.size)} of {len(times):,} at a time that came before",
            fix="say at what rate the rows come, if the device states one",
        )
    new = np.ones(len(times), bool)
    new[again] = False
    first = np.maximum.accumulate(np.where(new, np.arange(len(times)), 0))
    other = _different(values, rows[again], rows[first[again]])
    _tell_twice(again.size - other, other, len(times), findings, name, put_back=put_back)
    return rows[new]


def _different(values: xr.Variable, rows: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """How many of the rows do not have the values of those they are compared with; read in blocks."""
    count = 0
    for k in range(0, len(rows), _COMPARED):
        one, other = (values.isel(time=each[k : k + _COMPARED]).values for each in (rows, others))
        count += int(np.any((one != other) & ~(np.isnan(one) & np.isnan(other)), axis=0).sum())
    return count


def _tell_twice(same: int, other: int, count: int, findings: Findings, name: str, *, put_back: bool) -> None:
    """Tell of rows that came twice; refuse what cannot be told from hours that came twice, or from too coarse times."""
    if put_back and (other or not same):
        refusal = FileFormatError(
            "its times go back by an hour, as where a clock is put back",
            where=name,
            expected="times in order, or a zone that tells which hour is which",
            fix="say in which zone the clock was (timezone=, --timezone)",
        )
        findings.guess("clock-change", refusal, "put in order of time", where=name)
    if other > max(_A_FEW, count // 100):
        refusal = FileFormatError(
            "many rows have the time of another one, but other values",
            where=name,
            expected="times as fine as the samples",
            found=f"{_rows(other)} of {count:,}",
            fix="say at what rate the rows come, if the device states one",
        )
        findings.guess("same-time", refusal, "the first of each is kept", where=name)
    elif other:
        message = f"{_rows(other)} at the time of another one, with other values"
        findings.warn("same-time", message, "the first of each is kept", where=name)
    if same:
        findings.note("repeated", f"{_rows(same)} twice", "kept once", where=name)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
