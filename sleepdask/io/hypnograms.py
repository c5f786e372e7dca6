"""Reading hypnograms and events, whatever the format of their file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.hypnogram import place, start_ns
from sleepdask.io.remote.file import locate
from sleepdask.io.scores.base import START, Options, Scores
from sleepdask.io.scores.datasets import events_of, hypnogram_of
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY, LONGEST_EPOCH
from sleepdask.io.scores.registry import format_of
from sleepdask.io.scores.vocabularies import check_vocabulary
from sleepdask.times import Duration, Instant, duration_ns, instant_ns, to_ns


def read_hypnogram(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    start: Instant | xr.DataTree | None = None,
    lights_off: Instant | None = None,
    vocabulary: str | None = None,
    epoch_length: Duration | None = None,
    policy: str = "warn",
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
        "strict" refuses anything odd, "warn" makes it a finding.
    storage_options
        For the file system of a URL, such as credentials. The path may be any URL that fsspec can read in parts.

    Returns
    -------
    hypnogram
        Dataset along `score`: ``onset`` (datetime64, clock time), ``duration`` (timedelta64), ``stage`` (W, N1, N2,
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
    file = _score_file(path, policy, storage_options)
    name, scores = _read(file, format, Options(vocabulary, epoch))
    return _in_time(hypnogram_of(scores, file, name), scores, file.findings, start, lights_off)


def read_events(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,  # noqa: A002
    start: Instant | xr.DataTree | None = None,
    policy: str = "warn",
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Read the events of a file that are no sleep stages, such as apneas and arousals.

    Parameters
    ----------
    path, format, start, policy, storage_options
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
    file = _score_file(path, policy, storage_options)
    name, scores = _read(file, format, Options())
    return _in_time(events_of(scores, file, name), scores, file.findings, start, None)


def _score_file(path: str | os.PathLike[str], policy: str, storage_options: Mapping[str, Any] | None) -> ScoreFile:
    located = locate(path, storage_options)
    return ScoreFile(located, Findings(str(located), policy))


def _read(file: ScoreFile, name: str | None, options: Options) -> tuple[str, Scores]:
    found = format_of(file, name)
    given = {key for key, value in vars(options).items() if value is not None}
    if useless := sorted(given - found.options):
        expected = f"none, as {found.looks_for} need no such parameter"
        raise ParameterError(f"{useless[0]} is of no use", where=file.path, expected=expected)
    return found.name, found.read(file, options)


def _in_time(
    dataset: xr.Dataset,
    scores: Scores,
    findings: Findings,
    start: Instant | xr.DataTree | None,
    lights_off: Instant | None,
) -> xr.Dataset:
    """Place what was read, as far as the file or the caller tells where."""
    begin = None if start is None else start_ns(start)
    if lights_off is not None:
        return place(dataset, _lights_off(lights_off, begin, scores, dataset), counted_from="lights off")
    if scores.date is None:
        return dataset if begin is None else place(dataset, begin)
    stated = scores.date + to_ns(f"1970-01-01T{dataset.attrs['first_time']}")
    by_date = place(dataset, stated, counted_from="the recording date in the file")
    if begin is None:
        return by_date
    placed = place(dataset, begin)
    if not placed["onset"].equals(by_date["onset"]):
        findings.warn("date", "the recording date in the file is not that of the given start", "the start is taken")
        placed.attrs["findings"] = [str(finding) for finding in findings.found]
    return placed


def _lights_off(lights_off: Instant, begin: int | None, scores: Scores, dataset: xr.Dataset) -> int:
    where = dataset.attrs["source"]
    if scores.relative_to != START:
        raise ParameterError("lights_off is of no use for scores that have times", where=where, fix="leave it away")
    moment = instant_ns(lights_off, begin or 0, "lights_off")
    if begin is None and moment < DAY:
        raise ParameterError("lights_off has no date", where=where, found=repr(lights_off), fix="say start= too")
    return moment
