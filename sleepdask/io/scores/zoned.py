"""Local times of a file of scores: the day they are of, and the instants that they are in a time zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.io.local_start import start_utc
from sleepdask.io.row_order import in_order
from sleepdask.io.scores.base import CLOCK, INSTANT, MIDNIGHT, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY
from sleepdask.placement import check_latest, dated_note, midnight_before
from sleepdask.times import describe_time
from sleepdask.zones import Zone


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
    utc[order], told = in_order(local[order], np.maximum(length, 0)[order], is_stage[order], zone, file.findings)
    scores.notes += [told] if told else []
    if scores.by_end:
        length = _lengths(local, utc, length, zone, file)
    at = 0
    for rows in kinds:
        part = slice(at, at + len(rows.onset))
        rows.onset, rows.duration = utc[part].tolist(), length[part].tolist()
        at = part.stop


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
