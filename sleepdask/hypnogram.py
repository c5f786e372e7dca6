"""Hypnograms: scored sleep stages in time, and how they come onto an epoch grid.

A hypnogram is an `xarray.Dataset` along `score` with ``onset`` (datetime64), ``duration`` (timedelta64),
``stage`` (AASM: W, N1, N2, N3, R; empty where not scored) and ``label`` (what the scorer wrote).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.times import describe_span

STAGES = ("W", "N1", "N2", "N3", "R")
UNSCORED = ""

# Rechtschaffen & Kales 1968 to AASM 2007: stages 3 and 4 are N3; movement time has no AASM stage.
_STAGE_OF = {
    "w": "W", "wake": "W", "0": "W",
    "n1": "N1", "1": "N1",
    "n2": "N2", "2": "N2",
    "n3": "N3", "3": "N3", "4": "N3", "n4": "N3",
    "r": "R", "rem": "R",
    "?": UNSCORED, "n": UNSCORED,
}  # fmt: skip
_SLEEP_STAGE = re.compile(r"sleep stage\s+(\S+)\s*$", re.IGNORECASE)
_MOVEMENT = re.compile(r"movement( time)?\s*$", re.IGNORECASE)


def is_stage(text: str) -> bool:
    """Whether an EDF+ annotation is a sleep stage score."""
    return bool(_SLEEP_STAGE.match(text) or _MOVEMENT.match(text))


def stage_of(text: str) -> str | None:
    """AASM stage of an EDF+ standard annotation; empty if not scored, None if the label is unknown.

    Examples
    --------
    >>> [stage_of(text) for text in ("Sleep stage 4", "Sleep stage R", "Movement time", "Sleep stage X")]
    ['N3', 'R', '', None]
    """
    if _MOVEMENT.match(text):
        return UNSCORED
    match = _SLEEP_STAGE.match(text)
    return _STAGE_OF.get(match.group(1).lower()) if match else None


def hypnogram_from_annotations(annotations: xr.Dataset, source: str = "annotations") -> xr.Dataset:
    """Hypnogram out of the sleep stage annotations of a recording, all other annotations left out.

    Parameters
    ----------
    annotations
        ``onset``, ``duration``, ``text`` along `annotation`, as in the node `/annotations`.
    source
        Where they come from, for messages.

    Returns
    -------
    hypnogram
        In order of time. A score without a duration, or with one of 0, lasts until the next one; the last
        is then dropped. One that runs into the next is cut there. Both, and labels that are no stage, are in
        ``attrs["findings"]``.

    Raises
    ------
    FileFormatError
        No annotation is a sleep stage.
    """
    texts = [str(text) for text in annotations["text"].values]
    scored = np.array([is_stage(text) for text in texts], bool)
    if not scored.any():
        raise FileFormatError(
            "no sleep stages among the annotations",
            where=source,
            expected="texts such as 'Sleep stage N2'",
            found=f"{len(texts)} others",  # not their texts, which may speak of the patient
        )
    onset = annotations["onset"].values[scored].astype("datetime64[ns]").astype(np.int64)
    duration = annotations["duration"].values[scored].astype("timedelta64[ns]")
    labels = np.array(texts)[scored]
    order = np.argsort(onset, kind="stable")
    onset, duration, labels = onset[order], duration[order], labels[order]

    findings = []
    following = np.append(onset[1:], np.iinfo(np.int64).max)
    stated = duration > np.timedelta64(0, "ns")  # NaT is not
    ends = np.where(stated, onset + duration.astype(np.int64), following)
    if not stated[-1]:
        findings.append(f"the last score ({str(labels[-1])!r}) has no duration and is left out")
    if (overrun := int(np.sum(ends > following))) > 0:
        findings.append(f"{overrun} scores run into the next one and are cut there")
    ends = np.minimum(ends, following)
    stages = [stage_of(label) for label in labels]
    if unknown := sorted({str(label) for label, stage in zip(labels, stages, strict=True) if stage is None}):
        findings.append(f"labels that are no known stage are left unscored: {', '.join(map(repr, unknown))}")

    keep = stated | (np.arange(len(onset)) < len(onset) - 1)
    return xr.Dataset(
        {
            "onset": ("score", onset[keep].astype("datetime64[ns]")),
            "duration": ("score", (ends - onset)[keep].astype("timedelta64[ns]")),
            "stage": ("score", np.array([stage or UNSCORED for stage in stages], "<U2")[keep]),
            "label": ("score", labels[keep]),
        },
        attrs={"source": source, "findings": findings},
    )


def stages_on_grid(hypnogram: xr.Dataset, grid: EpochGrid) -> NDArray[np.str_]:
    """Stage of each epoch, dims (epoch,): the one that covers more than half of it, else empty."""
    low, high = (edge.astype(np.int64) for edge in grid.windows())
    onset, end, stage = _intervals(hypnogram)
    stages = np.full(grid.count, UNSCORED, "<U2")
    for name in STAGES:
        chosen = stage == name
        if chosen.any():
            covered = _time_before(high, onset[chosen], end[chosen]) - _time_before(low, onset[chosen], end[chosen])
            stages[2 * covered > grid.window] = name
    return stages


def fit_notes(hypnogram: xr.Dataset, low: int, high: int) -> list[str]:
    """Say how the scores lie against the signals, which run from `low` to `high` (ns since 1970).

    Raises
    ------
    ParameterError
        They have no moment in common: the hypnogram is of another night, or its clock is wrong.
    """
    onset, end, _ = _intervals(hypnogram)
    if end.max() <= low or onset.min() >= high:
        raise ParameterError(
            "hypnogram and signals have no moment in common",
            where=str(hypnogram.attrs.get("source", "hypnogram")),
            expected=f"scores between {_clock_text(low)} and {_clock_text(high)}",
            found=f"{_clock_text(onset.min())} to {_clock_text(end.max())}",
            fix="check that both belong to the same night",
        )
    notes = []
    if (before := low - int(onset.min())) > 0:
        notes.append(f"hypnogram: scores begin {describe_span(before)} before the signals")
    if (after := int(end.max()) - high) > 0:
        notes.append(f"hypnogram: scores run {describe_span(after)} past the end of the signals")
    return notes


def _intervals(hypnogram: xr.Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
    onset = hypnogram["onset"].values.astype("datetime64[ns]").astype(np.int64)
    duration = hypnogram["duration"].values.astype("timedelta64[ns]").astype(np.int64)
    return onset, onset + duration, hypnogram["stage"].values.astype("<U2")


def _time_before(t: NDArray[np.int64], onset: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Total length of the (ordered, disjoint) intervals before each time."""
    total = np.concatenate([[0], np.cumsum(end - onset)])
    k = np.searchsorted(onset, t, "right")
    last = np.maximum(k - 1, 0)
    overhang = np.where(k > 0, np.maximum(end[last] - t, 0), 0)
    return np.asarray(total[k] - overhang, np.int64)


def _clock_text(ns: int) -> str:
    return str(np.datetime64(int(ns), "ns").astype("datetime64[s]"))


def stage_counts(stages: Any) -> dict[str, int]:
    """Epochs of each stage in an array of stages; those without one are not counted.

    Examples
    --------
    >>> stage_counts(["W", "N2", "N2", ""])
    {'W': 1, 'N1': 0, 'N2': 2, 'N3': 0, 'R': 0}
    """
    values, counts = np.unique(np.asarray(stages, dtype=str), return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return {stage: found.get(stage, 0) for stage in STAGES}
