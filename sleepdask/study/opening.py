"""A recording of a study as its features are computed from it: opened, harmonised, with its scores and marks."""

from __future__ import annotations

from typing import Any

import xarray as xr

from sleepdask.io.hypnograms import read_hypnogram
from sleepdask.io.recordings import open_recording
from sleepdask.study.harmonise import Harmonised
from sleepdask.study.plan import StudyPlan
from sleepdask.study.table import Entry


def opened(plan: StudyPlan, entry: Entry, *, annotations: bool = True) -> Harmonised:
    """Recording of a row, harmonised, not cut into chunks; with the channels it lacks, and notes."""
    paths = entry.paths if len(entry.paths) > 1 else entry.paths[0]
    recording = open_recording(
        paths,
        also=entry.also or None,
        chunks=None,
        policy=plan.policy,
        timezone=plan.timezone,
        dtype=plan.dtype,
        annotations=annotations,
        layout=plan.layout,
    )
    return plan.harmonisation.apply(recording, plan.preprocessing)


def extraction_options(plan: StudyPlan, entry: Entry, recording: xr.DataTree) -> dict[str, Any]:
    """Options of `extract` for a row: those of the plan, its own marks, its scores."""
    hypnogram = None
    if entry.hypnogram is not None:
        zoned = recording.attrs["time_zone"] and recording.attrs["start"] != "NaT"
        start, zone = (recording, plan.timezone) if zoned else (None, None)  # rows in order tell equal hours apart
        hypnogram = read_hypnogram(entry.hypnogram, start=start, timezone=zone, policy=plan.policy)
    return {**plan.options, **entry.marks, "hypnogram": hypnogram, "workers": 1}
