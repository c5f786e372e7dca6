"""Reading hypnograms and events, whatever the format of their file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.io.remote.file import locate
from sleepdask.io.scores.base import START, Options, Scores
from sleepdask.io.scores.datasets import events_of, hypnogram_of
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY, LONGEST_EPOCH
from sleepdask.io.scores.registry import format_of
from sleepdask.io.scores.vocabularies import check_vocabulary
from sleepdask.io.scores.zoned import in_time
from sleepdask.placement import place, start_ns
from sleepdask.times import Duration, Instant, duration_ns, instant_ns
from sleepdask.zones import Zone, zone_of


def read_hypnogram(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    start: Instant | xr.DataTree | None = None,
    lights_off: Instant | None = None,
    vocabulary: str | None = None,
    epoch_length: Duration | None = None,
    policy: str = "warn",
    timezone: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Read the sleep stages that a file scores.

    Parameters
    ----------
    path
        EDF+ annotations, Compumedics Profusion XML, NSRR XML, RemLogic text, Noxturnal CSV, Visbrain text, BIDS events,
        a CSV or TSV table (onset, duration, stage), or a list of one stage an epoch (YASA, Elan), told by the content.
    format
        "edf", "profusion", "nsrr", "remlogic", "noxturnal", "visbrain", "bids", "table" or "list", whatever the
        content looks like.
    start
        Start of the recording, or the recording itself, for files without dates. Those that have dates keep them.
    lights_off
        The scores count from here, not from the start of the recording; a time of day needs `start`.
    vocabulary
        For integers in a list or table: "aasm" (4 is REM) or "r&k" (4 is a deep stage, 5 is REM).
    epoch_length
        For a list or table that states none; else 30 s are taken.
    policy
        "strict" refuses anything odd, "warn" makes it a finding, "repair" also lets a guess pass.
    timezone
        Zone of the local times in the file, such as "Europe/Berlin"; default that of `start`, if it is a recording that
        has one. "Europe/Berlin+02:00" is a clock that stayed there. In an hour that came twice the order of the rows
        tells which one is meant.
    storage_options
        For the file system of a URL, such as credentials. The path may be any URL that fsspec can read in parts.

    Returns
    -------
    hypnogram
        Dataset along `score`: ``onset`` (datetime64, clock time; UTC if the zone is known, which is in
        ``attrs["time_zone"]``), ``duration`` (timedelta64), ``stage`` (W, N1, N2,
        N3, R; empty where not scored) and ``label`` (as in the file). Stages 3 and 4 of Rechtschaffen & Kales are N3;
        movement time and unknown labels are not scored. Without dates and `start`, ``onset`` is timedelta64 and
        ``attrs["relative_to"]`` is "start" or "midnight"; `extract` then places it on its recording.
        ``attrs["findings"]`` tells what was odd.

    Raises
    ------
    FileFormatError
        The file is of no known format, is broken, holds no sleep stage, or has integers that could mean two stages.
    ParameterError
        There is no such file, or a parameter does not fit it.

    Examples
    --------
    >>> import sleepdask as sd
    >>> sd.read_hypnogram("hypnogram.edf")["stage"].values[:2].tolist()
    ['W', 'N1']
    """
    check_vocabulary(vocabulary)
    epoch = None if epoch_length is None else duration_ns(epoch_length, "epoch_length")
    if epoch is not None and not 0 < epoch <= LONGEST_EPOCH:
        raise ParameterError("epoch_length is none", expected="above 0, at most an hour", found=repr(epoch_length))
    file = _score_file(path, policy, timezone, start, storage_options)
    name, scores = _read(file, format, Options(vocabulary, epoch), start)
    return _placed(hypnogram_of(scores, file, name), scores, file.zone, start, lights_off)


def read_events(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    start: Instant | xr.DataTree | None = None,
    policy: str = "warn",
    timezone: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Read the events of a file that are no sleep stages, such as apneas and arousals.

    Parameters
    ----------
    path, format, start, policy, timezone, storage_options
        As in `read_hypnogram`.

    Returns
    -------
    events
        Dataset along `annotation`, like the node `/annotations` of a recording: ``onset``, ``duration`` (NaT where none
        is stated), ``text``, and ``channel`` (empty where the file names none); empty if there is no event. Without
        dates and `start`, ``onset`` is timedelta64, as in `read_hypnogram`.

    Raises
    ------
    FileFormatError
        The file is of no known format, or is broken.

    Examples
    --------
    >>> import sleepdask as sd
    >>> sd.read_events("night.edf")["text"].values.tolist()
    ['Lights off', 'Lights on']
    """
    file = _score_file(path, policy, timezone, start, storage_options)
    name, scores = _read(file, format, Options(), start)
    return _placed(events_of(scores, file, name), scores, file.zone, start, None)


def _score_file(
    path: str | os.PathLike[str],
    policy: str,
    timezone: str | None,
    start: Instant | xr.DataTree | None,
    storage_options: Mapping[str, Any] | None,
) -> ScoreFile:
    located = locate(path, storage_options)
    return ScoreFile(located, Findings(str(located), policy), _zone(timezone, start))


def _zone(timezone: str | None, start: Instant | xr.DataTree | None) -> Zone | None:
    if timezone is not None:
        return Zone.of(timezone)
    return zone_of(start.attrs) if isinstance(start, xr.DataTree) else None


def _read(
    file: ScoreFile, name: str | None, options: Options, start: Instant | xr.DataTree | None
) -> tuple[str, Scores]:
    found = format_of(file, name)
    given = {key for key, value in vars(options).items() if value is not None}
    if useless := sorted(given - found.options):
        expected = f"none, as {found.looks_for} need no such parameter"
        raise ParameterError(f"{useless[0]} is of no use", where=file.path, expected=expected)
    return found.name, in_time(found.read(file, options), file, None if start is None else start_ns(start, file.zone))


def _placed(
    dataset: xr.Dataset,
    scores: Scores,
    zone: Zone | None,
    start: Instant | xr.DataTree | None,
    lights_off: Instant | None,
) -> xr.Dataset:
    """Place what counts from the start of the recording, or from lights off, if the caller tells when that was."""
    zone = zone and zone.plain
    begin = None if start is None else start_ns(start, zone)
    if lights_off is not None:
        return place(
            dataset, _lights_off(lights_off, begin, scores, dataset, zone), counted_from="lights off", zone=zone
        )
    return dataset if begin is None else place(dataset, begin, zone=zone)


def _lights_off(lights_off: Instant, begin: int | None, scores: Scores, dataset: xr.Dataset, zone: Zone | None) -> int:
    where = dataset.attrs["source"]
    if scores.relative_to != START:
        raise ParameterError("lights_off is of no use for scores that have times", where=where, fix="leave it away")
    moment = instant_ns(lights_off, begin or 0, "lights_off", zone)
    if begin is None and moment < DAY:
        raise ParameterError("lights_off has no date", where=where, found=repr(lights_off), fix="say start= too")
    return moment
