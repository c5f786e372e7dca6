"""What a file scores, as a hypnogram and as a dataset of events."""

from __future__ import annotations

import numpy as np
import xarray as xr

from sleepdask.hypnogram import hypnogram_dataset
from sleepdask.io.scores.base import CLOCK, MIDNIGHT, Rows, Scores
from sleepdask.io.scores.file import ScoreFile
from sleepdask.io.scores.numbers import DAY, LONGEST, SECOND
from sleepdask.signals.recording import annotations_dataset
from sleepdask.signals.texts import text_array
from sleepdask.times import stored_time


def hypnogram_of(scores: Scores, file: ScoreFile, format_name: str) -> xr.Dataset:
    """Hypnogram of the stages of a file.

    Raises
    ------
    FileFormatError
        It holds no stage, or only one without a duration.
    """
    rows = scores.stages
    if not rows.onset:
        found = f"{len(scores.events.onset)} other events"  # not their texts, which may speak of the patient
        raise file.refusal("the file holds no sleep stages", expected="scores of sleep stages", found=found)
    if scores.relative_to != CLOCK and max(rows.onset) > LONGEST * SECOND:
        raise file.refusal("scores lie beyond 30 years")
    onset = np.array(rows.onset, np.int64)
    if format_name != "edf" and (back := int(np.sum(np.diff(onset) < 0))):
        file.findings.warn("order", f"{back} scores stand behind a later one", "all are put in order of time")
    hypnogram = hypnogram_dataset(
        onset,
        np.array(rows.duration, np.int64),
        rows.label,
        rows.stage,
        file.findings,
        attrs=_attrs(scores, file, format_name),
        epoch=scores.epoch,
    )
    if not hypnogram.sizes["score"]:
        raise file.refusal("the only score has no duration")
    return hypnogram.assign_attrs(epoch_assumed=1) if scores.epoch_assumed else hypnogram


def events_of(scores: Scores, file: ScoreFile, format_name: str) -> xr.Dataset:
    """Events of a file that are no stages, in order of time: onset, duration (NaT if not stated), text, channel."""
    rows = _sorted(scores.events)
    attrs = _attrs(scores, file, format_name)
    onset = [np.datetime64(ns, "ns") for ns in rows.onset]
    duration = [np.timedelta64(ns or "NaT", "ns") for ns in rows.duration]
    events = annotations_dataset(onset, duration, rows.label)
    if "relative_to" in attrs:
        events["onset"] = events["onset"].astype(np.int64).astype("timedelta64[ns]")
    events["channel"] = ("annotation", text_array(rows.channel))
    return events.assign_attrs(attrs | {"findings": [str(finding) for finding in file.findings.found]})


def _sorted(rows: Rows) -> Rows:
    order = np.argsort(np.array(rows.onset, np.int64), kind="stable").tolist()
    return Rows(*([column[k] for k in order] if column else [] for column in vars(rows).values()))


def _attrs(scores: Scores, file: ScoreFile, format_name: str) -> dict[str, object]:
    attrs: dict[str, object] = {"source": file.path.name, "format": format_name}
    attrs |= {"notes": list(scores.notes)} if scores.notes else {}
    attrs |= {"time_zone": scores.time_zone} if scores.time_zone else {}
    attrs |= {"elapsed_since": stored_time(scores.since)} if scores.since is not None else {}
    if scores.relative_to == CLOCK:
        return attrs
    attrs["relative_to"] = scores.relative_to
    if scores.relative_to == MIDNIGHT:
        first = min([*scores.stages.onset, *scores.events.onset], default=0) % DAY
        attrs["first_time"] = str(np.datetime64(first, "ns"))[11:]
    return attrs
