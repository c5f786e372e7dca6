"""Writing hypnograms: CSV, BIDS events, EDF+ annotations."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.hypnogram import UNSCORED
from sleepdask.io.atomic import staged_outputs
from sleepdask.io.cells import escaped
from sleepdask.io.scores.edf_bytes import annotations_edf, decimal
from sleepdask.placement import start_ns
from sleepdask.times import Instant
from sleepdask.zones import offset_text, zone_of

_SIDECAR = {
    "onset": {"Description": "Start of the score after the start of the recording", "Units": "s"},
    "duration": {"Description": "Length of the score", "Units": "s"},
    "trial_type": {
        "LongName": "Sleep stage",
        "Description": "Sleep stage after the AASM manual",
        "Levels": {
            "W": "Wakefulness",
            "N1": "Non-REM sleep, stage N1",
            "N2": "Non-REM sleep, stage N2",
            "N3": "Non-REM sleep, stage N3 (stages 3 and 4 of Rechtschaffen & Kales)",
            "R": "REM sleep",
            "unscored": "No stage, such as movement time",
        },
    },
    "label": {"Description": "What the scorer wrote; an apostrophe stands before a leading = + - @"},
}
_YEARS = (1985, 2084)


def write_hypnogram(
    hypnogram: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    start: Instant | xr.DataTree | None = None,
    force: bool = False,
) -> None:
    """Write a hypnogram into a file of the kind that its name says, whole or not at all.

    Parameters
    ----------
    hypnogram
        As `read_hypnogram` gives it.
    path
        ``.csv``: onset, duration, stage, label; ``.tsv``: BIDS events, with a ``.json`` that explains the columns;
        ``.edf``: EDF+ annotations such as ``Sleep stage N2``, without what the scorer wrote.
    start
        Start of the recording, or the recording itself: BIDS counts from it. Without it only a hypnogram whose onsets
        are relative to the start can become BIDS.
    force
        Replace a file that is already there.

    Raises
    ------
    ParameterError
        The name says no kind, a BIDS file needs a `start`, or an EDF+ file needs dates (from 1985 to 2084).
    OutputError
        The file is already there and `force` is False, or cannot be written.

    Notes
    -----
    In CSV an onset is a date with time (and its offset from UTC, if the zone is known), or a time of day, or seconds
    after the start of the recording, whichever the hypnogram has, and read back the same. A label that a spreadsheet
    would run as a formula gets an apostrophe.

    Examples
    --------
    >>> import sleepdask as sd
    >>> hypnogram = sd.read_hypnogram("hypnogram.edf")
    >>> sd.write_hypnogram(hypnogram, "hypnogram.csv")
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".csv":
        contents = {path.name: _csv(hypnogram).encode()}
    elif kind == ".tsv":
        sidecar = json.dumps(_SIDECAR, indent=2)
        contents = {path.name: _bids(hypnogram, start).encode(), f"{path.stem}.json": sidecar.encode()}
    elif kind == ".edf":
        contents = {path.name: _edf(hypnogram)}
    else:
        raise ParameterError("the name says no kind of hypnogram", where=path, expected=".csv, .tsv or .edf")
    with staged_outputs(path.parent, list(contents), force=force) as paths:
        for name, content in contents.items():
            paths[name].write_bytes(content)


def _csv(hypnogram: xr.Dataset) -> str:
    relative_to = hypnogram.attrs.get("relative_to")
    onsets = _ns(hypnogram, "onset")
    if relative_to == "start":
        texts: Iterable[str] = map(decimal, onsets)
    else:
        local, offsets = _local(hypnogram, onsets)
        texts = np.datetime_as_string(np.array(local, "datetime64[ns]")).tolist()
        texts = (_short(text[11:] if relative_to == "midnight" else text) for text in texts)
        texts = map("".join, zip(texts, offsets, strict=True))
    return _delimited(",", ("onset", "duration", "stage", "label"), texts, hypnogram)


def _bids(hypnogram: xr.Dataset, start: Instant | xr.DataTree | None) -> str:
    relative = hypnogram.attrs.get("relative_to") == "start"
    if start is None and not relative:
        raise ParameterError("BIDS counts from the start of the recording, which is not known", fix="say start=")
    begin = 0 if start is None or relative else _start_of_recording(hypnogram, start)
    if hypnogram["onset"].dtype.kind == "m" and not relative:
        raise ParameterError("scores with times of day must be placed first", fix="read them with start=")
    onsets = (decimal(onset - begin) for onset in _ns(hypnogram, "onset"))
    return _delimited("\t", ("onset", "duration", "trial_type", "label"), onsets, hypnogram, "unscored", "n/a")


def _edf(hypnogram: xr.Dataset) -> bytes:
    if hypnogram["onset"].dtype.kind == "m":
        raise ParameterError("EDF+ needs dates, which the scores lack", fix="read them with start=")
    onsets = _ns(hypnogram, "onset")
    first = min(onsets) // 1_000_000_000 * 1_000_000_000
    begin = np.datetime64(_local(hypnogram, [first])[0][0], "ns").astype("datetime64[s]")
    year = int(str(begin)[:4])
    if not _YEARS[0] <= year <= _YEARS[1]:
        raise ParameterError("EDF has no such year", expected=f"{_YEARS[0]} to {_YEARS[1]}", found=year)
    texts = [f"Sleep stage {stage or '?'}" for stage in hypnogram["stage"].values.tolist()]
    since = [onset - first for onset in onsets]
    return annotations_edf(begin, zip(since, _ns(hypnogram, "duration"), texts, strict=True))


def _delimited(
    delimiter: str,
    names: tuple[str, ...],
    onsets: Iterable[str],
    hypnogram: xr.Dataset,
    unscored: str = UNSCORED,
    no_label: str = "",
) -> str:
    stages = [stage or unscored for stage in hypnogram["stage"].values.tolist()]
    labels = [escaped(label) or no_label for label in hypnogram["label"].values.tolist()]
    text = StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(onsets, map(decimal, _ns(hypnogram, "duration")), stages, labels, strict=True))
    return text.getvalue()


def _local(hypnogram: xr.Dataset, onsets: list[int]) -> tuple[list[int], list[str]]:
    """Local times of onsets, and their offsets from UTC as far as the zone is known."""
    zone = None if hypnogram["onset"].dtype.kind == "m" else zone_of(hypnogram.attrs)
    if zone is None:
        return onsets, [""] * len(onsets)
    local = zone.local(onsets)
    return local.tolist(), [offset_text(offset) for offset in (local - np.array(onsets)).tolist()]


def _start_of_recording(hypnogram: xr.Dataset, start: Instant | xr.DataTree) -> int:
    """Instant or local time, whichever the onsets are."""
    zone = zone_of(hypnogram.attrs)
    if zone is None and isinstance(start, xr.DataTree) and (found := zone_of(start.attrs)):
        raise ParameterError(
            "the scores have no time zone, but the recording has one", found=found.name, fix="read them with timezone="
        )
    return start_ns(start, zone)


def _ns(hypnogram: xr.Dataset, name: str) -> list[int]:
    kind = "timedelta64[ns]" if hypnogram[name].dtype.kind == "m" else "datetime64[ns]"
    values: list[int] = hypnogram[name].values.astype(kind).astype(np.int64).tolist()
    return values


def _short(time: str) -> str:
    """Time without decimals that are 0."""
    return time.rstrip("0").rstrip(".") if "." in time else time
