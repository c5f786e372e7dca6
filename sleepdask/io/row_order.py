"""Local times of rows in the order of a file: where the clock was changed, their order tells which hour is meant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.times import describe_time
from sleepdask.zones import Zone, offset_text

_DAY = 86_400_000_000_000
_TELLING = 60_000_000_000  # ns by which one reading must go back less than any other to be believed
_DISORDER = 600_000_000_000  # ns by which rows may go back in all and still be in order of time
_MOST = 10_800_000_000_000  # ns that one step back counts at most


def in_order(
    local: NDArray[np.int64], length: NDArray[np.int64], is_stage: NDArray[np.bool_], zone: Zone, findings: Findings
) -> tuple[NDArray[np.int64], str]:
    """Instants of rows in the order of the file, with local onsets and durations in ns; and a note on how, if needed.

    Where the clock was put back, the rows before one of them are taken as of the first of two equal hours, the others
    as of the second: that one for which no row goes back in time and no stage runs into the next one. If that holds
    for several, the order does not tell.
    """
    first, second = zone.utc(local)
    if (first == second).all():
        return first, ""
    if (never := first > second).any():
        return _unchanged(local, first, int(np.argmax(never)), zone, findings), ""
    utc = first.copy()
    stages = np.flatnonzero(is_stage)
    twice = np.flatnonzero(first < second)
    for part in np.split(twice, np.flatnonzero(np.diff(local[twice]) > _DAY) + 1):
        other = utc.copy()
        other[part] = second[part]
        cuts = np.append(part, part[-1] + 1)  # the row from which on it is the second hour
        costs = _steps_back(utc, other, np.zeros_like(length))[cuts]
        costs += _steps_back(utc[stages], other[stages], length[stages])[np.searchsorted(stages, cuts)]
        best = int(np.argmin(costs))
        if costs[best] > _DISORDER or np.partition(costs, 1)[1] - costs[best] < _TELLING:
            more = ", and the order of the rows does not tell which"
            return _unchanged(local, first, int(part[0]), zone, findings, more), ""
        utc[part[best:]] = second[part[best:]]
    return utc, "times in an hour that came twice, as the clock was put back, are told apart by the order of the rows"


def _steps_back(one: NDArray[np.int64], other: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """By how much rows begin before the last one ends if those before k are at `one`, others at `other`, for each k."""
    if not len(one):
        return np.zeros(1, np.int64)

    def back(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.asarray(np.clip(before[:-1] + length[:-1] - after[1:], 0, _MOST), np.int64)

    head = np.concatenate([[0, 0], np.cumsum(back(one, one))])
    tail = np.concatenate([np.cumsum(back(other, other)[::-1])[::-1], [0, 0]])
    step = np.concatenate([[0], back(one, other), [0]])
    return np.asarray(head + step + tail, np.int64)


def _unchanged(
    local: NDArray[np.int64], first: NDArray[np.int64], at: int, zone: Zone, findings: Findings, more: str = ""
) -> NDArray[np.int64]:
    """Instants by a clock that was not changed with the zone: a guess, made because of the row `at`."""
    time, offset = int(local[at]), int(local[0] - first[0])
    doubt = zone.doubt(time)
    what = doubt.what if doubt else ""
    refusal = FileFormatError(
        f"a time {what}{more}",
        where=findings.path,
        found=describe_time(time),
        fix=f"if the clock that wrote it was not changed, say so with timezone='{zone.name}{offset_text(offset)}'",
    )
    findings.guess("clock-change", refusal, f"its clock is taken to have stayed at {offset_text(offset)}")
    return local - offset
