"""The plan of an extraction: which epochs, which features of which node, in which chunks. Nothing is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from dask.system import cpu_count
from numpy.typing import NDArray

from sleepdask.chunks import chunk_edges
from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature, Output
from sleepdask.features.registry import parse_features
from sleepdask.features.scores import fit, grid_findings, own_hypnogram
from sleepdask.features.selection import fitting
from sleepdask.features.task import NodeTask
from sleepdask.features.windows import windows_of
from sleepdask.hypnogram import UNSCORED, stages_on_grid
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import (
    FILTER_NOTES,
    SIGNAL,
    VERSION,
    is_dated,
    recording_id,
    select_channels,
    signal_nodes,
    span,
)
from sleepdask.signals.units import PLACEHOLDER
from sleepdask.times import Duration, Instant, describe_span, describe_time, duration_ns, instant_ns, stored_time
from sleepdask.zones import Zone, zone_of

_LARGEST_TABLE = 4 << 30  # bytes
RESERVED = {"coverage", "status", "reason", "epoch", "start", "stage", "channel", "unit"}  # variables of every node


@dataclass(frozen=True)
class NodePlan:
    """What is computed on one node: its signals, the task rule, and the outputs with their features."""

    signals: xr.Dataset
    task: NodeTask

    @property
    def outputs(self) -> list[tuple[Feature, Output]]:
        """Columns in the order of the task's values."""
        return [(feature, output) for feature in self.task.features for output in feature.outputs]

    @property
    def unit(self) -> str:
        """Unit of all channels; `PLACEHOLDER` where they differ (each channel's is in the coordinate `unit`)."""
        units = set(self.signals["unit"].values.tolist()) if "unit" in self.signals.coords else set()
        return units.pop() or PLACEHOLDER if len(units) == 1 else PLACEHOLDER

    @property
    def decoded_bytes(self) -> list[int]:
        """Bytes of samples of each chunk once decoded."""
        itemsize = len(self.task.channels) * self.signals[SIGNAL].dtype.itemsize
        spans = (self.task.chunk(k)[0] for k in range(self.task.n_chunks))
        return [(after - first) * itemsize for first, after in spans]


@dataclass(frozen=True)
class ExtractionPlan:
    """All of an extraction before it is built; `summary` is what a dry run shows."""

    grid: EpochGrid
    nodes: dict[str, NodePlan]
    stages: NDArray[np.str_]
    attrs: dict[str, Any]

    @property
    def zone(self) -> Zone | None:
        """Zone of the recording's clock; None if nobody knows it, or its date."""
        return zone_of(self.attrs) if self.grid.dated else None

    def summary(self) -> dict[str, Any]:
        """Epochs, and for each node channels, features, chunks and bytes, as plain JSON types."""
        return {
            "recording_id": self.attrs["recording_id"],
            "epochs": self.grid.count,
            "start": describe_time(self.grid.start, dated=self.grid.dated, unit="ms", zone=self.zone),
            "epoch_seconds": self.attrs["epoch_seconds"],
            "step_seconds": self.attrs["step_seconds"],
            "nodes": [
                {
                    "node": name,
                    "channels": list(node.task.channels),
                    "features": [feature.name for feature in node.task.features],
                    "columns": len(node.outputs) * len(node.task.channels),
                    "chunks": node.task.n_chunks,
                    "epochs_per_chunk": int(np.diff(node.task.edges).max()),
                    "decoded_bytes": sum(node.decoded_bytes),
                    "largest_chunk_bytes": max(node.decoded_bytes),
                }
                for name, node in self.nodes.items()
            ],
            "tasks": sum(node.task.n_chunks for node in self.nodes.values()),
            "notes": list(self.attrs["notes"]),
            "findings": list(self.attrs["findings"]),
        }


def plan_extraction(
    recording: xr.DataTree,
    features: Feature | Sequence[Feature] | str,
    *,
    epoch: Duration = "30s",
    step: Duration | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    origin: Instant = "recording",
    hypnogram: xr.Dataset | None = None,
    lights_off: Instant | None = None,
    lights_on: Instant | None = None,
    channels: str | Sequence[str] | None = None,
    min_coverage: float = 0.5,
    workers: int | None = None,
    chunk_size: int | None = None,
) -> ExtractionPlan:
    """Plan what `extract` builds, with the same parameters; `extract` explains them."""
    if isinstance(features, str):
        features = parse_features(features)
    features = (features,) if isinstance(features, Feature) else features
    if hypnogram is not None and not isinstance(hypnogram, xr.Dataset):
        raise ParameterError("not a hypnogram", expected="what read_hypnogram gives", found=repr(hypnogram))
    if not 0 <= min_coverage <= 1:
        raise ParameterError("min_coverage must lie between 0 and 1", found=repr(min_coverage))
    if workers is not None and workers < 1:
        raise ParameterError("workers must be at least 1", found=repr(workers))
    if chunk_size is not None and chunk_size < 1:
        raise ParameterError("chunk_size must be at least 1", found=repr(chunk_size))

    nodes = signal_nodes(recording)
    _check_labels(nodes)
    low, high = span(nodes)
    dated = is_dated(nodes)
    zone = zone_of(recording.attrs) if dated else None
    mark_ns = partial(instant_ns, zone=zone) if dated else _elapsed_ns
    if channels is not None:
        nodes = select_channels(nodes, [channels] if isinstance(channels, str) else channels)
    notes: list[str] = list(recording.attrs.get(FILTER_NOTES, []))
    findings = list(recording.attrs.get("findings", []))
    if hypnogram is None:
        hypnogram = own_hypnogram(recording)
    if hypnogram is not None:
        fitted = fit(hypnogram, recording, low, high, dated=dated)
        hypnogram = fitted.hypnogram
        notes += fitted.notes
        findings += [*hypnogram.attrs.get("findings", []), *fitted.findings]

    marks = {} if lights_off is None else {"lights_off": mark_ns(lights_off, low, "lights_off")}
    if lights_on is not None:
        marks["lights_on"] = mark_ns(lights_on, marks.get("lights_off", low), "lights_on")
    first = marks.get("lights_off", low) if start is None else mark_ns(start, low, "start")
    last = marks.get("lights_on", high) if end is None else mark_ns(end, first, "end")
    _check_span(first, last, low, high, partial(describe_time, dated=dated, zone=zone))
    grid = EpochGrid.spanning(
        first,
        last,
        window=duration_ns(epoch, "epoch"),
        step=duration_ns(epoch if step is None else step, "step"),
        origin=_origin(origin, low, hypnogram, mark_ns),
        dated=dated,
    )
    features, left_out = fitting(features, grid.window)
    notes += left_out
    check_features(features, grid.window)
    if (beyond := grid.end - high) > 0:
        notes.append(f"the span runs {describe_span(beyond)} past the end of the signals")
    if trailing := grid.trailing(last):
        notes.append(f"the last {describe_span(trailing)} make no whole epoch and are in no row")
    if (between := (grid.step - grid.window) * (grid.count - 1)) > 0:
        notes.append(f"the step is longer than the epoch: {describe_span(between)} between epochs are in no row")

    edges = partial(chunk_edges, grid.count, cpu_count() if workers is None else workers, least=chunk_size)
    planned = {}
    for name, signals in nodes.items():
        if grid.window * clock_of(signals).rate < 1_000_000_000:
            notes.append(f"{name}: left out, as an epoch is shorter than the time between two of its samples")
            continue
        node = _plan_node(signals, grid, features, min_coverage, edges)
        notes += [f"{name}: {_left_out(f, node, grid)}" for f in features if f not in node.task.features]
        if node.task.features:
            planned[name] = node
    if not planned:
        raise ParameterError(
            "no channel is sampled as any of the features needs it", found=notes[-1], fix=_fix(nodes, grid)
        )

    size = 8 * grid.count * sum(len(node.outputs) * len(node.task.channels) for node in planned.values())
    if size > _LARGEST_TABLE:
        raise ParameterError(
            f"the table of {grid.count} epochs would not fit",
            expected=f"at most {_LARGEST_TABLE / 2**30:g} GiB",
            found=f"{size / 2**30:.3g} GiB for {describe_span(grid.end - grid.start)}",
            fix="use longer epochs or steps, a shorter span, or fewer channels or features",
        )
    stages = np.full(grid.count, UNSCORED)
    if hypnogram is not None:
        stages = stages_on_grid(hypnogram, grid)
        findings += grid_findings(hypnogram, grid)
    attrs: dict[str, Any] = {
        "recording_id": recording_id(recording),
        "source": str(recording.attrs.get("source", "")),
        "time_zone": str(recording.attrs.get("time_zone", "")),
        "epoch_seconds": grid.window / 1e9,
        "step_seconds": grid.step / 1e9,
        "min_coverage": min_coverage,
        "hypnogram": "" if hypnogram is None else str(hypnogram.attrs.get("source", "")),
        "notes": notes,
        "findings": findings,
    } | {name: stored_time(mark, zone) if dated else describe_time(mark, dated=False) for name, mark in marks.items()}
    return ExtractionPlan(grid, planned, stages, attrs)


def _plan_node(
    signals: xr.Dataset,
    grid: EpochGrid,
    features: tuple[Feature, ...],
    min_coverage: float,
    edges: Callable[..., tuple[int, ...]],
) -> NodePlan:
    clock = clock_of(signals)
    signal = signals[SIGNAL]
    bytes_per_epoch = grid.advance(clock) * signal.sizes["channel"] * signal.dtype.itemsize
    task = NodeTask(
        windows=windows_of(clock, grid),
        edges=edges(bytes_per_epoch=bytes_per_epoch),
        features=tuple(feature for feature in features if not _lacking(feature, signals, grid)),
        channels=tuple(str(name) for name in signals["channel"].values),
        min_coverage=min_coverage,
        version=str(signal.encoding.get(VERSION, "")),
    )
    return NodePlan(signals, task)


def _lacking(feature: Feature, signals: xr.Dataset, grid: EpochGrid) -> str:
    clock = clock_of(signals)
    return feature.lacks(clock.rate, fixed=isinstance(clock, Clock), window=Fraction(grid.window, 1_000_000_000))


def _left_out(feature: Feature, node: NodePlan, grid: EpochGrid) -> str:
    lacking = _lacking(feature, node.signals, grid)
    return f"no {feature.name}, which needs {lacking} ({', '.join(node.task.channels)})"


def _fix(nodes: Mapping[str, xr.Dataset], grid: EpochGrid) -> str:
    """What to do where no channel has a feature: longer epochs if they hold no sample each."""
    fastest = max(clock_of(node).rate for node in nodes.values())
    if grid.window * fastest >= 1_000_000_000:
        return "ask for other features: statistics needs no more than some samples in an epoch"
    return f"use epochs of at least {describe_span(math.ceil(1_000_000_000 / fastest))}"


def _check_labels(nodes: Mapping[str, xr.Dataset]) -> None:
    home: dict[str, str] = {}
    for name, node in nodes.items():
        for label in node["channel"].values.tolist():
            if label in home:
                raise ParameterError(
                    f"two channels are called {label!r}",
                    found=f"in the nodes {home[label]} and {name}",
                    fix="rename one: columns are named after channels",
                )
            home[label] = name


def check_features(features: tuple[Feature, ...], window: int) -> None:
    """Refuse what is no feature, needs a longer epoch than one of so many ns, or gives a column that is there already.

    Raises
    ------
    ParameterError
        One is, or there is no feature.
    """
    if not features:
        raise ParameterError("no feature is given")
    seen: dict[str, str] = {}
    for feature in features:
        if not isinstance(feature, Feature):
            raise ParameterError(
                "not a feature", expected="such as sleepdask.features.Statistics()", found=repr(feature)
            )
        if window < feature.minimal_window * 1e9:
            raise ParameterError(
                f"epoch is too short for {feature.name}",
                expected=f"at least {feature.minimal_window:g} s",
                found=f"{window / 1e9:g} s",
            )
        for output in feature.outputs:
            if output.name in RESERVED or "/" in output.name:
                raise ParameterError(f"a feature cannot give a column {output.name!r}", where=feature.name)
            if output.name in seen:
                raise ParameterError(f"two features give the column {output.name!r}", where=feature.name)
            seen[output.name] = feature.name


def _check_span(first: int, last: int, low: int, high: int, text: Callable[[int], str]) -> None:
    if last <= first or last <= low or first >= high:
        raise ParameterError(
            "the time span holds no signal" if last > first or first >= high else "the time span ends before it starts",
            expected=f"within {text(low)} to {text(high)}",
            found=f"{text(first)} to {text(last)}",
        )


def _elapsed_ns(value: Any, _: int, name: str) -> int:
    """Time within a recording whose date nobody knows."""
    return duration_ns(value, f"the recording has no date, and {name}")


def _origin(origin: Instant, low: int, hypnogram: xr.Dataset | None, mark_ns: Callable[[Any, int, str], int]) -> int:
    if isinstance(origin, str) and origin == "recording":
        return low
    if isinstance(origin, str) and origin == "hypnogram":
        if hypnogram is None:
            raise ParameterError("origin is the hypnogram, but there is none", fix="give a hypnogram")
        return int(hypnogram["onset"].values.astype(np.int64).min())
    return mark_ns(origin, low, "origin")
