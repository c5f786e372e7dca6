"""Where a hypnogram meets a recording: it is placed in time, and what does not fit is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import xarray as xr

from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.hypnogram import hypnogram_from_annotations, intervals, is_stage
from sleepdask.placement import in_zone, place
from sleepdask.signals.recording import ANNOTATIONS, with_labels
from sleepdask.times import describe_span, describe_time
from sleepdask.zones import zone_of


@dataclass
class Fit:
    """A hypnogram in time, what was done by rule (`notes`), and what is odd (`findings`)."""

    hypnogram: xr.Dataset
    notes: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def own_hypnogram(recording: xr.DataTree) -> xr.Dataset | None:
    """Scores among the recording's annotations, if there are any."""
    if ANNOTATIONS not in recording.children:
        return None
    annotations = with_labels(recording[ANNOTATIONS].to_dataset())
    if not any(is_stage(str(text)) for text in annotations["text"].values):
        return None
    source, zone = (str(recording.attrs.get(name, "")) for name in ("source", "time_zone"))
    own = hypnogram_from_annotations(annotations, source or ANNOTATIONS, time_zone=zone)
    return own if own.sizes["score"] else None


def fit(hypnogram: xr.Dataset, recording: xr.DataTree, low: int, high: int, *, dated: bool = True) -> Fit:
    """Place a hypnogram on a recording, and say how it lies against the signals.

    Parameters
    ----------
    hypnogram
        With or without dates. Local times are put into the zone of the recording, if it has one.
    recording
        Its ``attrs["start"]`` is where scores without clock times begin; that of the signals if it has none.
    low, high
        Where the signals begin and end, ns since 1970.
    dated
        Whether the recording says when it started. If not, only scores that count from its start can be placed.

    Raises
    ------
    ParameterError
        Scores and signals have no moment in common: the hypnogram is of another night, or its clock is wrong. Or it
        counts from the recording's start in epochs of a length that nobody stated, and their number does not fit.
        Or it has clock times, and the recording has no date; or a time zone, and the recording has none.
    """
    zone = zone_of(recording.attrs) if dated else None
    text = partial(describe_time, dated=dated, zone=zone)
    start = recording.attrs.get("start", low)
    placed = in_zone(place(hypnogram, start, zone=zone), zone) if dated else _elapsed(hypnogram)
    onset, end, _ = intervals(placed)
    first, last = int(onset.min()), int(end.max())
    source = str(placed.attrs.get("source", "hypnogram"))
    if last <= low or first >= high:
        raise ParameterError(
            "hypnogram and signals have no moment in common",
            where=source,
            expected=f"scores between {text(low)} and {text(high)}",
            found=f"{text(first)} to {text(last)}",
            fix="check that both belong to the same night",
        )
    fitted = Fit(placed, [f"hypnogram: {note}" for note in placed.attrs.get("notes", [])])
    epoch = round(placed.attrs.get("epoch_seconds", 30) * 1e9)
    for distance, least, said in (
        (low - first, 1, "begin {} before the signals"),
        (first - low, epoch, "begin {} after the start of the signals"),
        (last - high, 1, "run {} past the end of the signals"),
        (high - last, epoch, "end {} before the end of the signals"),
    ):
        if distance >= least:
            fitted.notes.append(f"hypnogram: scores {said.format(describe_span(distance))}")
    if placed.attrs.get("counted_from") == "the recording's start" and abs(high - last) >= epoch:
        _tell_count(fitted, epoch, (high - low) // epoch, source)
    return fitted


def _elapsed(hypnogram: xr.Dataset) -> xr.Dataset:
    """Hypnogram of a recording without a date: it must count from the recording's start."""
    if hypnogram.attrs.get("relative_to") != "start":
        raise ParameterError(
            "the scores have clock times, but the recording has no date",
            where=str(hypnogram.attrs.get("source", "hypnogram")),
            expected="scores that count from the start of the recording",
        )
    placed = hypnogram.copy()
    placed.attrs = {name: value for name, value in hypnogram.attrs.items() if name != "relative_to"}
    return placed


def _tell_count(fitted: Fit, epoch: int, whole: int, source: str) -> None:
    """Tell that scores which count from the recording's start do not end with it: they may begin elsewhere."""
    said = f"{fitted.hypnogram.sizes['score']} scores for {whole} epochs of {describe_span(epoch)} of the recording"
    if fitted.hypnogram.attrs.get("epoch_assumed"):
        raise ParameterError(
            said,
            where=source,
            expected="as many, as nothing states when the scores begin and how long an epoch is",
            fix="read it with epoch_length=, and with start= or lights_off= if it does not begin with the recording",
        )
    fitted.findings.append(f"hypnogram: {said}; they are taken to begin with it")


def grid_findings(hypnogram: xr.Dataset, grid: EpochGrid) -> list[str]:
    """Say where the epochs of the scorer are not those of the grid, so that an epoch gets the stage of most of it."""
    if "epoch_seconds" not in hypnogram.attrs:
        return []
    scored = round(hypnogram.attrs["epoch_seconds"] * 1e9)
    ours = f"epochs of {describe_span(grid.window)}"
    if scored % grid.window and grid.window % scored:
        return [f"hypnogram: scores of {describe_span(scored)} on {ours}: each gets the stage of more than half of it"]
    onset, _, _ = intervals(hypnogram)
    off = int((onset[0] - grid.start) % min(scored, grid.window))
    if off and grid.step == grid.window:
        return [f"hypnogram: scores begin {describe_span(off)} into the {ours}: each gets the stage of more than half"]
    return []
