"""Hypnograms: scored sleep stages in time, and how they come onto an epoch grid.

A hypnogram is an `xarray.Dataset` along `score` with ``onset`` (datetime64), ``duration`` (timedelta64),
``stage`` (AASM: W, N1, N2, N3, R; empty where not scored) and ``label`` (what the scorer wrote). Scores whose file
has no date have timedelta64 onsets: ``attrs["relative_to"]`` says what they count from, "start" (of the recording) or
"midnight" (before the first of them), until `place` gives them their dates. ``attrs["epoch_seconds"]`` is there where
each score is one epoch of that length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.epochs import EpochGrid
from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.signals.texts import text_array
from sleepdask.times import Instant, describe_span, describe_time, time_dtype, to_ns

STAGES = ("W", "N1", "N2", "N3", "R")
UNSCORED = ""
_DAY = 86_400_000_000_000
_LATEST = int(np.datetime64("2200", "ns").astype(np.int64))
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
        attrs={"source": source} | ({} if dated else {"relative_to": "start"}),
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


def place(
    scores: xr.Dataset, start: Instant | xr.DataTree | int, *, counted_from: str = "the recording's start"
) -> xr.Dataset:
    """Give scores or events without a date their clock time.

    Parameters
    ----------
    scores
        As `read_hypnogram` or `read_events` gives them. Those that have dates are returned as they are.
    start
        Start of the recording: the recording itself, a local time, or ns since 1970. Onsets relative to "start" count
        from it; times of day get the dates with which the first of the file is nearest to it, at most 12 h before.
    counted_from
        What `start` is, for the note.

    Returns
    -------
    scores
        With datetime64 onsets; ``attrs["notes"]`` tells how they got them.

    Raises
    ------
    ParameterError
        `start` is no local time, or a recording that does not say when it starts; or the scores would lie beyond 2200.

    Examples
    --------
    >>> onset = ("score", np.array([0, 30_000_000_000], "timedelta64[ns]"))
    >>> placed = place(xr.Dataset({"onset": onset}, attrs={"relative_to": "start"}), "2024-03-11T22:47:30")
    >>> str(placed["onset"].values[1])
    '2024-03-11T22:48:00.000000000'
    """
    if "relative_to" not in scores.attrs:
        return scores
    begin = start_ns(start)
    attrs = dict(scores.attrs)
    if attrs.pop("relative_to") == "midnight":
        first = to_ns(f"1970-01-01T{attrs.pop('first_time')}")
        shift = (begin + _DAY // 2 - 1 - first) // _DAY * _DAY
        note = f"scores without a date begin at {describe_time(shift + first)}, nearest to {counted_from}"
    else:
        shift = begin
        note = f"scores without clock times count from {counted_from}, {describe_time(begin)}"
        attrs["counted_from"] = counted_from
    attrs["notes"] = [*attrs.get("notes", []), note]
    onset = scores["onset"].values.astype("timedelta64[ns]").astype(np.int64)
    if onset.size and shift + int(onset.max()) > _LATEST:
        raise ParameterError("scores would lie beyond the year 2200", found=f"a start at {describe_time(begin)}")
    onset = onset + shift
    placed = scores.assign(onset=(scores["onset"].dims, onset.astype("datetime64[ns]")))
    placed.attrs = attrs
    return placed


def start_ns(start: Instant | xr.DataTree | int) -> int:
    """Start of a recording, itself or as a local time or ns since 1970, as ns since 1970."""
    return to_ns(start.attrs.get("start") if isinstance(start, xr.DataTree) else start, "start of the recording")


def stages_on_grid(hypnogram: xr.Dataset, grid: EpochGrid) -> NDArray[np.str_]:
    """Stage of each epoch, dims (epoch,): the one that covers more than half of it, else empty."""
    low, high = (edge.astype(np.int64) for edge in grid.windows())
    onset, end, stage = intervals(hypnogram)
    stages = np.full(grid.count, UNSCORED, "<U2")
    for name in STAGES:
        chosen = stage == name
        if chosen.any():
            covered = _time_before(high, onset[chosen], end[chosen]) - _time_before(low, onset[chosen], end[chosen])
            stages[2 * covered > grid.window] = name
    return stages


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
