"""Where scores and events lie in time: how they get their dates, and into the time zone of a recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.times import Instant, describe_time, stored_time, to_ns
from sleepdask.zones import Doubt, Zone, zone_of

_DAY = 86_400_000_000_000
_LATEST = int(np.datetime64("2200", "ns").astype(np.int64))


def place(
    scores: xr.Dataset,
    start: Instant | xr.DataTree | int,
    *,
    counted_from: str = "the recording's start",
    zone: Zone | None = None,
) -> xr.Dataset:
    """Give scores or events without a date their clock time.

    Parameters
    ----------
    scores
        As `read_hypnogram` or `read_events` gives them. Those that have dates keep them; on a recording with a time
        zone they come into it (`in_zone`).
    start
        Start of the recording: the recording itself, a local time, or ns since 1970. Onsets relative to "start" count
        from it; times of day get the dates with which the first of the file is nearest to it, at most 12 h before.
    counted_from
        What `start` is, for the note.
    zone
        Time zone, where `start` is not a recording that has one.

    Returns
    -------
    scores
        With datetime64 onsets, UTC if there is a zone; ``attrs["notes"]`` tells how they got them.

    Raises
    ------
    ParameterError
        `start` is no local time, or a recording that does not say when it starts; or the scores would lie beyond 2200,
        or at times that the zone does not have, or has twice.

    Examples
    --------
    >>> onset = ("score", np.array([0, 30_000_000_000], "timedelta64[ns]"))
    >>> placed = place(xr.Dataset({"onset": onset}, attrs={"relative_to": "start"}), "2024-03-11T22:47:30")
    >>> str(placed["onset"].values[1])
    '2024-03-11T22:48:00.000000000'
    """
    if isinstance(start, xr.DataTree):
        zone = zone_of(start.attrs) or zone
    if "relative_to" not in scores.attrs:
        return scores if zone is None and not isinstance(start, xr.DataTree) else in_zone(scores, zone)
    begin = start_ns(start, zone)
    attrs = dict(scores.attrs)
    if attrs.pop("relative_to") == "midnight":
        first = to_ns(f"1970-01-01T{attrs.pop('first_time')}")
        shift = midnight_before(first, begin if zone is None else int(zone.local(begin)))
        note = dated_note(shift + first, counted_from)
        return in_zone(_shifted(scores, shift, attrs, note), zone)
    note = f"scores without clock times count from {counted_from}, {describe_time(begin, zone=zone)}"
    attrs["counted_from"] = counted_from
    attrs |= {"elapsed_since": stored_time(begin)} if zone is None else {"time_zone": zone.name}
    return _shifted(scores, begin, attrs, note)


def in_zone(scores: xr.Dataset, zone: Zone | None) -> xr.Dataset:
    """Put scores or events that have dates into the time zone of a recording.

    Parameters
    ----------
    scores
        Those that have a zone are instants already, and stay as they are. Others are local times of the zone: if all of
        them count from one (``attrs["elapsed_since"]``), that alone is put into it, else each.
    zone
        Of the recording; None if it has none.

    Raises
    ------
    ParameterError
        The scores have a zone and the recording has none; or a local time came twice in the zone, or never was.
    """
    named = scores.attrs.get("time_zone", "")
    source = str(scores.attrs.get("source", "scores"))
    if named and zone is None:
        raise ParameterError(
            "the scores have a time zone, but the recording has none",
            where=source,
            found=named,
            fix="open the recording with timezone=",
        )
    if named or zone is None:
        return scores
    attrs = dict(scores.attrs) | {"time_zone": zone.name}
    onset = _onsets(scores)
    if "elapsed_since" in attrs:
        since = to_ns(attrs.pop("elapsed_since"))
        _check(np.array([since]), zone, source)
        return _shifted(
            scores,
            int(zone.utc(since)[0]) - since,
            attrs,
            f"the local start, {describe_time(since)}, is taken as of {zone.name}",
        )
    _check(onset, zone, source)
    return _shifted(scores, zone.utc(onset)[0] - onset, attrs, f"local times are taken as of {zone.name}")


def start_ns(start: Instant | xr.DataTree | int, zone: Zone | None = None) -> int:
    """Start of a recording, itself or as a local time or ns since 1970, as ns since 1970 (UTC if there is a zone)."""
    if isinstance(start, xr.DataTree):
        zone = zone_of(start.attrs) or zone
        start = start.attrs.get("start")
    return to_ns(start, "start of the recording", zone and zone.plain)


def midnight_before(first: int, begin: int) -> int:
    """Midnight for which a time of day is nearest to the start of a recording, at most 12 h before; local ns."""
    return (begin + _DAY // 2 - 1 - first) // _DAY * _DAY


def dated_note(first: int, counted_from: str) -> str:
    """Say which date scores with times of day got."""
    return f"scores without a date begin at {describe_time(first)}, nearest to {counted_from}"


def check_latest(latest: int, begin: int) -> None:
    """Refuse scores that would lie beyond what time can hold.

    Raises
    ------
    ParameterError
        They do.
    """
    if latest > _LATEST:
        raise ParameterError("scores would lie beyond the year 2200", found=f"a start at {describe_time(begin)}")


def _check(local: NDArray[np.int64], zone: Zone, source: str) -> None:
    """Refuse local times that are no single instant."""
    first, second = zone.utc(local)
    if (first == second).all():
        return
    time = int(local[np.argmax(first != second)])
    doubt = zone.doubt(time) or Doubt("", "", "")
    raise ParameterError(
        f"a score {doubt.what}",
        where=source,
        found=describe_time(time),
        fix="read it with start= the recording, so that the order of its rows counts; or if its clock was not changed, "
        f"with timezone='{zone.name}{doubt.before}' or timezone='{zone.name}{doubt.after}'",
    )


def _onsets(scores: xr.Dataset) -> NDArray[np.int64]:
    kind = scores["onset"].dtype.kind
    return np.asarray(scores["onset"].values.astype(f"{kind}8[ns]").astype(np.int64))


def _shifted(scores: xr.Dataset, shift: int | NDArray[np.int64], attrs: dict[str, Any], note: str) -> xr.Dataset:
    """Scores moved in time; none of them runs into the next one after that."""
    onset = _onsets(scores)
    if onset.size:
        check_latest(int(np.max(onset)) + int(np.max(shift)), int(np.max(shift)))
    onset = onset + shift
    moved = scores.assign(onset=(scores["onset"].dims, onset.astype("datetime64[ns]")))
    if "stage" in scores and not np.isscalar(shift):
        length = scores["duration"].values.astype("timedelta64[ns]").astype(np.int64)
        length[:-1] = np.minimum(length[:-1], np.diff(onset))
        moved = moved.assign(duration=(scores["duration"].dims, length.astype("timedelta64[ns]")))
    moved.attrs = attrs | {"notes": [*attrs.get("notes", []), note]}
    return moved
