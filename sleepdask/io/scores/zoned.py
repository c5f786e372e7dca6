"""Local times of a file of scores: the day they are of, and the instants that they are in a time zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.io.local_start import start_utc
from sleepdask.io.scores.base import CLOCK, INSTANT, MIDNIGHT, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY
from sleepdask.placement import check_latest, dated_note, midnight_before
from sleepdask.times import describe_time
from sleepdask.zones import Zone, offset_text

_TELLING = 60_000_000_000  # ns by which one reading must go back less than any other to be believed
_DISORDER = 600_000_000_000  # ns by which rows may go back in all and still be in order of time
_MOST = 10_800_000_000_000  # ns that one step back counts at most


def in_time(scores: Scores, file: ScoreFile, begin: int | None) -> Scores:
    """Scores with their dates, and as instants if the zone of the file is known.

    Times of day get their day from `begin`, the start of the recording in ns since 1970, or else from the date that the
    file states; where neither is known, and where scores count from the start, they stay as they are.

    Raises
    ------
    FileFormatError
        Local times never were in the zone, or came twice and the order of the rows does not tell which is which; and
        the policy allows no guess.
    ParameterError
        There is a zone for times of day, but no date.
    """
    zone = file.zone
    if scores.relative_to == MIDNIGHT:
        scores = _on_its_day(scores, file, begin if begin is None or zone is None else int(zone.local(begin)))
        if scores.relative_to == MIDNIGHT and zone is not None:
            raise ParameterError(
                "times of day without a date cannot be put into a time zone", where=file.path, fix="say start= too"
            )
    if scores.relative_to == INSTANT:
        return replace(scores, relative_to=CLOCK, time_zone="UTC" if zone is None else zone.name)
    if scores.relative_to != CLOCK or zone is None:
        return scores
    if scores.since is not None:
        shift = start_utc(scores.since, zone, file.findings) - scores.since
        for rows in (scores.stages, scores.events):
            rows.onset = [onset + shift for onset in rows.onset]
    else:
        _convert_rows(scores, zone, file)
    return replace(scores, since=None, time_zone=zone.name)


def _on_its_day(scores: Scores, file: ScoreFile, begin: int | None) -> Scores:
    """Scores with times of day on the day on which the first is nearest to the start of the recording (local)."""
    onsets = [*scores.stages.onset, *scores.events.onset]
    first = min(onsets, default=0) % DAY
    midnight = scores.date if begin is None else midnight_before(first, begin)
    if midnight is None:
        return scores
    check_latest(midnight + max(onsets, default=0), midnight)
    if scores.date not in (None, midnight):
        said = "the recording date in the file is not that of the given start"
        file.findings.warn("date", said, "the start is taken")
    for rows in (scores.stages, scores.events):
        rows.onset = [midnight + onset for onset in rows.onset]
    source = "the recording date in the file" if begin is None else "the recording's start"
    return replace(scores, relative_to=CLOCK, notes=[*scores.notes, dated_note(midnight + first, source)])


def _convert_rows(scores: Scores, zone: Zone, file: ScoreFile) -> None:
    """Put each row into the zone; in an hour that came twice, their order in the file tells which is which."""
    kinds = (scores.stages, scores.events)
    order = np.argsort([row for rows in kinds for row in rows.row], kind="stable")
    local = np.array([onset for rows in kinds for onset in rows.onset], np.int64)
    length = np.array([duration for rows in kinds for duration in rows.duration], np.int64)
    utc = np.empty_like(local)
    is_stage = np.arange(len(local)) < len(scores.stages.onset)
    utc[order], told = in_order(local[order], np.maximum(length, 0)[order], is_stage[order], zone, file)
    scores.notes += [told] if told else []
    if scores.by_end:
        length = _lengths(local, utc, length, zone, file)
    at = 0
    for rows in kinds:
        part = slice(at, at + len(rows.onset))
        rows.onset, rows.duration = utc[part].tolist(), length[part].tolist()
        at = part.stop


def in_order(
    local: NDArray[np.int64], length: NDArray[np.int64], is_stage: NDArray[np.bool_], zone: Zone, file: ScoreFile
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
        return _unchanged(local, first, int(np.argmax(never)), zone, file), ""
    utc = first.copy()
    stages = np.flatnonzero(is_stage)
    twice = np.flatnonzero(first < second)
    for part in np.split(twice, np.flatnonzero(np.diff(local[twice]) > DAY) + 1):
        other = utc.copy()
        other[part] = second[part]
        cuts = np.append(part, part[-1] + 1)  # the row from which on it is the second hour
        costs = _steps_back(utc, other, np.zeros_like(length))[cuts]
        costs += _steps_back(utc[stages], other[stages], length[stages])[np.searchsorted(stages, cuts)]
        best = int(np.argmin(costs))
        if costs[best] > _DISORDER or np.partition(costs, 1)[1] - costs[best] < _TELLING:
            more = ", and the order of the rows does not tell which"
            return _unchanged(local, first, int(part[0]), zone, file, more), ""
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
    local: NDArray[np.int64], first: NDArray[np.int64], at: int, zone: Zone, file: ScoreFile, more: str = ""
) -> NDArray[np.int64]:
    """Instants by a clock that was not changed with the zone: a guess, made because of the row `at`."""
    time, offset = int(local[at]), int(local[0] - first[0])
    doubt = zone.doubt(time)
    what = doubt.what if doubt else ""
    refusal = file.refusal(
        f"a time {what}{more}",
        found=describe_time(time),
        fix=f"if the clock that wrote it was not changed, say so with timezone='{zone.name}{offset_text(offset)}'",
    )
    file.findings.guess("clock-change", refusal, f"its clock is taken to have stayed at {offset_text(offset)}")
    return local - offset


def _lengths(
    local: NDArray[np.int64], utc: NDArray[np.int64], length: NDArray[np.int64], zone: Zone, file: ScoreFile
) -> NDArray[np.int64]:
    """Durations of rows that state their local ends: to the first instant of these after the onset."""
    ends = zone.utc(local + length)
    lengths = np.where(ends[0] >= utc, ends[0], ends[1]) - utc
    if (lengths < 0).any():
        time = describe_time(int(local[np.argmax(lengths < 0)]))
        raise file.refusal("a score ends before it begins", found=f"one that begins at {time}")
    return lengths
