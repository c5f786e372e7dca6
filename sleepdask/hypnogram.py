"""Hypnograms: scored sleep stages in time, and how they come onto an epoch grid.

A hypnogram is an `xarray.Dataset` along `score` with ``onset`` (datetime64), ``duration`` (timedelta64),
``stage`` (AASM: W, N1, N2, N3, R; empty where not scored) and ``label`` (what the scorer wrote). Scores whose file
has no date have timedelta64 onsets: ``attrs["relative_to"]`` says what they count from, "start" (of the recording) or
"midnight" (before the first of them), until `place` gives them their dates. With ``attrs["time_zone"]`` onsets are UTC,
else local and naive; ``attrs["elapsed_since"]`` is there where local onsets count from that one local time.
``attrs["epoch_seconds"]`` is there where each score is one epoch of that length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.signals.texts import text_array
from sleepdask.times import describe_span, time_dtype

STAGES = ("W", "N1", "N2", "N3", "R")
UNSCORED = ""
_USUAL_EPOCH = 30_000_000_000
_MOST_LABELS, _LONGEST_LABEL = 10, 24  # that a message repeats: more is free text, which may speak of the patient

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


def hypnogram_from_annotations(
    annotations: xr.Dataset, source: str = "annotations", *, time_zone: str = ""
) -> xr.Dataset:
    """Hypnogram out of the sleep stage annotations of a recording, all other annotations left out.

    Parameters
    ----------
    annotations
        ``onset``, ``duration``, ``text`` along `annotation`, as in the node `/annotations`.
    source
        Where they come from, for messages.
    time_zone
        Zone of the recording, if its times are UTC.

    Returns
    -------
    hypnogram
        As `hypnogram_dataset` makes it.

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
    labels = [text for text, is_score in zip(texts, scored, strict=True) if is_score]
    duration = annotations["duration"].values[scored].astype("timedelta64[ns]")
    onset = annotations["onset"].values[scored]
    dated = onset.dtype.kind == "M"
    return hypnogram_dataset(
        onset.astype(time_dtype(dated=dated)).astype(np.int64),
        np.where(np.isnat(duration), 0, duration.astype(np.int64)),
        labels,
        [stage_of(label) for label in labels],
        Findings(source),
        attrs={"source": source}
        | ({} if dated else {"relative_to": "start"})
        | ({"time_zone": time_zone} if dated and time_zone else {}),
    )


def hypnogram_dataset(
    onset: NDArray[np.int64],
    duration: NDArray[np.int64],
    labels: Sequence[str],
    stages: Sequence[str | None],
    findings: Findings,
    *,
    attrs: Mapping[str, Any],
    epoch: int | None = None,
) -> xr.Dataset:
    """Hypnogram of scores in any order; what is odd about them becomes a finding.

    Parameters
    ----------
    onset, duration
        Nanoseconds, dims (score,). A duration of 0 is not stated: such a score lasts until the next one, and the last
        is left out.
    labels, stages
        What the scorer wrote, and the AASM stage that it is; None for a label that is none.
    findings
        Collects what is odd: scores that run into the next one (cut there), several that begin at one time (the
        longest is kept, unscored if they contradict each other), gaps (left as they are), labels that are no stage.
    attrs
        Attributes; with ``relative_to`` among them the onsets become timedelta64.
    epoch
        Length of an epoch in ns; None: that of the scores, if all have one length and some repeat the one before.
    """
    texts = text_array(labels)
    names = np.array([UNSCORED if stage is None else stage for stage in stages], "<U2")
    _note_labels({label for label, stage in zip(labels, stages, strict=True) if stage is None}, findings)
    if epoch is None and np.ptp(duration) == 0 < duration[0] and (texts[1:] == texts[:-1]).any():
        epoch = int(duration[0])
    if epoch not in (None, _USUAL_EPOCH):
        findings.note("epoch-length", f"epochs are {describe_span(epoch)} long, not 30 s", "they are taken as such")

    order = np.argsort(onset, kind="stable")
    onset, duration, texts, names = _one_each(onset[order], duration[order], texts[order], names[order], findings)
    following = np.append(onset[1:], np.iinfo(np.int64).max)
    stated = duration > 0
    if not stated[-1]:
        findings.warn("no-duration", "the last score has no duration", "it is left out")
    ends = np.where(stated, onset + duration, following)
    if (overrun := int(np.sum(ends > following))) > 0:
        findings.warn("overlap", f"{overrun} scores run into the next one", "they are cut there")
    ends = np.minimum(ends, following)
    kept = slice(None) if stated[-1] else slice(-1)
    onset, ends, texts, names = onset[kept], ends[kept], texts[kept], names[kept]
    gaps = onset[1:] - ends[:-1]
    if (count := int(np.sum(gaps > 0))) > 0:
        said = f"{count} gaps between scores, {describe_span(int(gaps.sum()))} in all"
        findings.warn("gap", said, "nothing is scored there")
    kind = "timedelta64[ns]" if "relative_to" in attrs else "datetime64[ns]"
    found = {"findings": [str(finding) for finding in findings.found]}
    return xr.Dataset(
        {
            "onset": ("score", onset.astype(kind)),
            "duration": ("score", (ends - onset).astype("timedelta64[ns]")),
            "stage": ("score", names),
            "label": ("score", texts),
        },
        attrs=dict(attrs) | found | ({} if epoch is None else {"epoch_seconds": epoch / 1e9}),
    )


def _note_labels(unknown: set[str], findings: Findings) -> None:
    if unknown:
        shown = [repr(label) for label in sorted(unknown) if len(label) <= _LONGEST_LABEL][:_MOST_LABELS]
        if more := len(unknown) - len(shown):
            shown.append(f"{more} more" if shown else f"{more} long ones")
        findings.warn("unknown-stage", f"labels that are no known stage: {', '.join(shown)}", "they are left unscored")


def _one_each(
    onset: NDArray[np.int64],
    duration: NDArray[np.int64],
    labels: NDArray[np.str_],
    stages: NDArray[np.str_],
    findings: Findings,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_], NDArray[np.str_]]:
    """Keep the longest of the scores of each onset, which must be in order; unscored if they are of several stages."""
    is_first = np.append(True, onset[1:] != onset[:-1])
    if is_first.all():
        return onset, duration, labels, stages
    first = np.flatnonzero(is_first)
    group = np.cumsum(is_first) - 1
    apart = np.unique(group[stages != stages[first][group]])
    said = f"{int(np.sum(~is_first))} scores begin at the same time as another one"
    findings.warn("duplicate", said, "the longest of each is kept")
    kept = np.lexsort((-duration, onset))[first]
    labels, stages = labels[kept], stages[kept]
    if apart.size:
        findings.warn("contradiction", f"{apart.size} times have scores of several stages", "they are left unscored")
        stages[apart] = UNSCORED
    return onset[first], duration[kept], labels, stages


def stages_on_grid(hypnogram: xr.Dataset, grid: EpochGrid) -> NDArray[np.str_]:
    """Stage of each epoch, dims (epoch,): the one that covers more than half of it, else empty."""
    stages = np.full(grid.count, UNSCORED, "<U2")
    for name, covered in lengths_on_grid(hypnogram, grid).items():
        stages[2 * covered > grid.window] = name
    return stages


def lengths_on_grid(hypnogram: xr.Dataset, grid: EpochGrid) -> dict[str, NDArray[np.int64]]:
    """How much of each epoch is scored as each stage that there is, in ns, dims (epoch,)."""
    low, high = (edge.astype(np.int64) for edge in grid.windows())
    onset, end, stage = intervals(hypnogram)
    lengths = {}
    for name in STAGES:
        chosen = stage == name
        if chosen.any():
            lengths[name] = _time_before(high, onset[chosen], end[chosen]) - _time_before(
                low, onset[chosen], end[chosen]
            )
    return lengths


def intervals(hypnogram: xr.Dataset) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
    """Onset and end of each score in ns since 1970, or since what they are relative to, and its stage."""
    onset = hypnogram["onset"].values
    onset = onset.astype(time_dtype(dated=onset.dtype.kind == "M")).astype(np.int64)
    duration = hypnogram["duration"].values.astype("timedelta64[ns]").astype(np.int64)
    return onset, onset + duration, hypnogram["stage"].values.astype("<U2")


def _time_before(t: NDArray[np.int64], onset: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Total length of the (ordered, disjoint) intervals before each time."""
    total = np.concatenate([[0], np.cumsum(end - onset)])
    k = np.searchsorted(onset, t, "right")
    last = np.maximum(k - 1, 0)
    overhang = np.where(k > 0, np.maximum(end[last] - t, 0), 0)
    return np.asarray(total[k] - overhang, np.int64)


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
