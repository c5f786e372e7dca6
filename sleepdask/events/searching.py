"""Description of a search for events: builds the graph, reads and searches nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from sleepdask.errors import BackendError, ParameterError
from sleepdask.events.kinds import Kind, kind_of
from sleepdask.events.parameters import fitted
from sleepdask.events.task import Detection
from sleepdask.features.scores import fit, own_hypnogram
from sleepdask.hypnogram import STAGES, intervals
from sleepdask.signals.channels import canonical_name
from sleepdask.signals.clock import Clock
from sleepdask.signals.conversion import in_units
from sleepdask.signals.index import clock_of, regular_clock_of
from sleepdask.signals.recording import (
    SIGNAL,
    is_dated,
    only_channels,
    recording_id,
    select_channels,
    signal_nodes,
    span,
)

EVENTS = "events"
_LEFT = {"EOG left", "E1-M2"}
_RIGHT = {"EOG right", "E2-M2", "E2-M1"}


def detect(
    recording: xr.DataTree,
    kind: str,
    *,
    channels: str | Sequence[str] | None = None,
    hypnogram: xr.Dataset | None = None,
    stages: str | Sequence[str] | None = None,
    **parameters: Any,
) -> xr.Dataset:
    """Describe the events of a night that YASA finds; lazy, `to_dataframe` gives their table.

    Each channel is one task, which holds all samples of it (both eyes for rapid eye movements), and what YASA makes of
    them: up to 36 times their size in float64.

    Parameters
    ----------
    recording
        As `open_recording` gives it. Samples are given to YASA in uV, converted by the unit of the channel.
    kind
        ``"spindles"``, ``"slow_waves"`` or ``"rem"``.
    channels
        Names or globs; default all of type ``eeg`` that are sampled fast enough. For ``"rem"`` the names of the left
        and the right eye, in this order; default those that the table of channel names knows.
    hypnogram
        As `read_hypnogram` gives it; default: the scores among the recording's own annotations.
    stages
        Those that are searched, some of W, N1, N2, N3, R; ``"all"``: everything, scored or not, for which no hypnogram
        is needed. Default N2 and N3, R for ``"rem"``.
    **parameters
        Those of `yasa.spindles_detect`, `yasa.sw_detect` or `yasa.rem_detect`, by its names and with its defaults of
        version 0.8. `multi_only` is none of them, as each channel is searched by itself.

    Returns
    -------
    events
        Dims (channel,): what was found in each, one object a channel, for `to_dataframe` and `densities`. Attributes
        hold the version of YASA and all parameters.

    Raises
    ------
    ParameterError
        Kind, channel or parameter are unknown; a unit is no voltage; samples do not come at a fixed rate, or too
        slowly for the filters; there is no hypnogram; or it does not meet the signals.
    BackendError
        YASA is not installed.

    Notes
    -----
    YASA never sees across a gap: each stretch of samples that has no gap in time and no missing (not finite) sample
    is searched by itself, with filters and thresholds of its own. Stretches of less than 30 s are not searched, nor
    those whose spread YASA takes for a wrong unit; the notes of the table tell it. Where there is no gap, the events
    are those that YASA finds in the channel as a whole.

    References
    ----------
    Vallat & Walker 2021, doi:10.7554/eLife.70092 (YASA).

    Examples
    --------
    >>> import sleepdask as sd
    >>> night, scores = sd.open_recording("night.edf"), sd.read_hypnogram("hypnogram.edf")
    >>> events = sd.events.detect(night, "spindles", hypnogram=scores)  # doctest: +SKIP
    >>> sd.to_dataframe(events)[["start", "duration", "channel"]]  # doctest: +SKIP
    """
    of = kind_of(kind)
    given = fitted(parameters, of.parameters, f"yasa.{of.function}")
    installed = _yasa_version()
    pairs = _pairs(recording, of, channels, 2 * of.highest(given))
    used = sorted({name for pair in pairs for name in pair})
    recording = in_units(only_channels(recording, used), dict.fromkeys(used, "uV"))
    nodes = signal_nodes(recording)
    looked_in = _stages(of, stages)
    if hypnogram is None:
        hypnogram = own_hypnogram(recording)
    notes: list[str] = []
    findings = list(recording.attrs.get("findings", []))
    scores = None
    if hypnogram is not None:
        low, high = span(nodes)
        placed = fit(hypnogram, recording, low, high, dated=is_dated(nodes))
        notes, scores = placed.notes, placed.hypnogram
        findings += [*scores.attrs.get("findings", []), *placed.findings]
    elif looked_in is not None:
        raise ParameterError(
            f"there is no hypnogram to tell {', '.join(looked_in)} from",
            where=recording_id(recording),
            fix="give hypnogram=, or stages='all' to search everything",
        )
    arrays = [_searched(nodes, pair, of, scores, looked_in, given) for pair in pairs]
    return xr.Dataset(
        {EVENTS: ("channel", da.concatenate(arrays))},
        coords={"channel": np.array([_label(pair) for pair in pairs], dtype=str)},
        attrs={
            "recording_id": recording_id(recording),
            "source": str(recording.attrs.get("source", "")),
            "time_zone": str(recording.attrs.get("time_zone", "")),
            "hypnogram": "" if scores is None else str(scores.attrs.get("source", "")),
            "kind": of.name,
            "stages": list(looked_in or ["all"]),
            "detector": f"yasa.{of.function}",
            "yasa": installed,
            "parameters": json.dumps(given),
            "sources": json.dumps({_label(pair): pair for pair in pairs}),
            "dated": int(is_dated(nodes)),
            "notes": notes,
            "findings": findings,
        },
    )


def _yasa_version() -> str:
    try:
        return version("yasa")
    except PackageNotFoundError as error:
        raise BackendError("events are found by yasa", fix="pip install 'sleepdask[events]'") from error


def _stages(kind: Kind, stages: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Stages to search; None for everything."""
    if isinstance(stages, str):
        if stages == "all":
            return None
        stages = (stages,)
    chosen = kind.stages if stages is None else tuple(stages)
    if not chosen or any(stage not in STAGES for stage in chosen):
        raise ParameterError("unknown stage", expected=f"some of {', '.join(STAGES)}, or 'all'", found=repr(stages))
    return chosen


def _label(pair: Sequence[str]) -> str:
    return "+".join(pair)


def _pairs(
    recording: xr.DataTree, kind: Kind, channels: str | Sequence[str] | None, slowest: float
) -> list[tuple[str, ...]]:
    """Names of the channels of each task: one, or left and right eye."""
    nodes = signal_nodes(recording)
    patterns = [channels] if isinstance(channels, str) else channels
    if kind.name == "rem":
        pairs: list[tuple[str, ...]] = [_eyes(nodes, patterns)]
    elif patterns is not None:
        kept = select_channels(nodes, patterns)
        pairs = [(str(name),) for node in kept.values() for name in node["channel"].values]
    else:
        pairs = [(name,) for name in _of_type(nodes, kind.signal_type, slowest)]
        if not pairs:
            raise ParameterError(
                f"no channel to search for {kind.name}",
                where=recording_id(recording),
                expected=f"one of type {kind.signal_type} at a fixed rate above {slowest:g} Hz",
                fix="name some with channels=",
            )
    for pair in pairs:
        places = {name for name, node in nodes.items() if {*pair} & {*node["channel"].values.tolist()}}
        if len(places) > 1:
            raise ParameterError(
                "both eyes must be sampled at the same times", found=f"{' and '.join(pair)} in {', '.join(places)}"
            )
        rate = regular_clock_of(nodes[places.pop()]).rate
        if rate <= slowest:
            raise ParameterError(
                f"{_label(pair)} is sampled too slowly for the filters",
                where=recording_id(recording),
                expected=f"above {slowest:g} Hz",
                found=f"{float(rate):g} Hz",
            )
    return pairs


def _of_type(nodes: Mapping[str, xr.Dataset], kind: str, slowest: float) -> list[str]:
    names = []
    for node in nodes.values():
        clock = clock_of(node)
        if isinstance(clock, Clock) and clock.rate > slowest and "signal_type" in node.coords:
            chosen = node["channel"].values[node["signal_type"].values == kind]
            names += [str(name) for name in chosen]
    return names


def _eyes(nodes: Mapping[str, xr.Dataset], patterns: Sequence[str] | None) -> tuple[str, str]:
    names = [str(name) for node in nodes.values() for name in node["channel"].values]
    if patterns is None:
        sides = [[name for name in names if canonical_name(name) in side] for side in (_LEFT, _RIGHT)]
    else:
        select_channels(nodes, patterns)
        sides = [[name] for name in patterns]
    if [len(side) for side in sides] != [1, 1] or sides[0] == sides[1] or not {sides[0][0], sides[1][0]} <= {*names}:
        raise ParameterError(
            "rapid eye movements need the channels of both eyes",
            expected="channels=(left, right)",
            found=", ".join(name for side in sides for name in side) or "neither",
            fix=f"choose among {', '.join(names)}",
        )
    return sides[0][0], sides[1][0]


def _searched(
    nodes: Mapping[str, xr.Dataset],
    pair: tuple[str, ...],
    kind: Kind,
    scores: xr.Dataset | None,
    stages: tuple[str, ...] | None,
    parameters: Mapping[str, Any],
) -> da.Array:
    """One channel as an array of one `Detected`."""
    node = next(node for node in nodes.values() if pair[0] in node["channel"].values)
    clock = regular_clock_of(node)
    bounds = None
    if scores is not None:
        onset, end, stage = intervals(scores)
        first, last = (clock.searchsorted(edge.view(clock.dtype)).tolist() for edge in (onset, end))
        bounds = tuple(zip(first, last, stage.tolist(), strict=True))
    task = Detection(kind.name, _label(pair), clock, bounds, stages, tuple(parameters.items()))
    rows = [node["channel"].values.tolist().index(name) for name in pair]
    signal = node[SIGNAL].variable.transpose("channel", "time")[rows]
    if signal.chunks is None:
        block = signal.chunk({"channel": -1, "time": -1}, inline_array=True).data
    else:  # by tasks: left to itself, Dask imports distributed, and under a Client shuffles through it
        block = signal.data.rechunk({0: -1, 1: -1}, method="tasks")
    found: da.Array = da.map_blocks(
        task, block, dtype=object, drop_axis=[0, 1], new_axis=[0], chunks=((1,),), meta=np.empty(0, object)
    )
    return found
