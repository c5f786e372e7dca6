"""Operations that make features of the epochs of signals: lazy, on half-open epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr

from sleepdask.collection.words import STAGE
from sleepdask.epochs import EpochGrid
from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature
from sleepdask.features.extract import extract
from sleepdask.features.registry import parse_features
from sleepdask.features.statistics import Statistics
from sleepdask.hypnogram import lengths_on_grid
from sleepdask.signals.recording import ANNOTATIONS, signal_nodes
from sleepdask.times import Duration, duration_ns

MODE = "sleep_stage_mode"


def feature_statistics(
    signals: xr.DataTree,
    grid: EpochGrid,
    *,
    aggregations: Sequence[str] = ("mean", "std"),
    window_length: Duration | None = None,
    min_coverage: float = 0.5,
) -> xr.DataTree:
    """Statistics of the samples ``[start, start + window)`` of each epoch, one column for each channel and aggregation.

    NaN is skipped; std and var have ddof 1. An epoch with less than `min_coverage` of its samples is NaN.
    """
    statistics = Statistics(tuple([aggregations] if isinstance(aggregations, str) else aggregations))
    return features_of(signals, _with_window(grid, window_length), statistics, min_coverage)


def compute_features(
    signals: xr.DataTree,
    grid: EpochGrid,
    *,
    features: str,
    window_length: Duration | None = None,
    min_coverage: float = 0.5,
) -> xr.DataTree:
    """Any features of the package, or of your own, by a text as `extract` takes it.

    What a signal cannot have is left out there, with a note; a signal that can have none is refused.
    """
    if not isinstance(features, str):
        expected = "a text such as 'hjorth,bandpower:relative=no'"
        raise ParameterError("features are named by a text", where="compute_features", expected=expected)
    return features_of(signals, _with_window(grid, window_length), parse_features(features), min_coverage)


def compute_sleep_stage_mode(
    signals: xr.DataTree, grid: EpochGrid, *, window_length: Duration | None = None
) -> xr.DataTree:
    """Sleep stage that most of each epoch is scored as; of several that come to the same, the first by the alphabet.

    ``coverage`` is the part of the epoch that is scored; an epoch without a score has none.
    """
    grid = _with_window(grid, window_length)
    nodes = {name: node.to_dataset(inherit=False) for name, node in signals.children.items() if name != ANNOTATIONS}
    for name, node in nodes.items():
        if "stage" not in node:
            raise ParameterError("these are no sleep stages", where=name, fix="add what read_hypnogram gives")
    made = {name: _modes(node, grid) for name, node in nodes.items()}
    starts, _ = grid.windows()
    coords = {"epoch": ("epoch", np.arange(grid.count)), "start": ("epoch", starts)}
    attrs = dict(signals.attrs) | {"epoch_seconds": grid.window / 1e9, "step_seconds": grid.step / 1e9}
    return xr.DataTree.from_dict({"/": xr.Dataset(coords=coords, attrs=attrs)} | made)


def features_of(
    signals: xr.DataTree, grid: EpochGrid, features: Feature | Sequence[Feature], min_coverage: float = 0.5
) -> xr.DataTree:
    """Features of all signals on a grid, under the labels of their channels, which need not be unique among signals.

    Raises
    ------
    ParameterError
        A signal cannot have any of them.
    """
    nodes = signal_nodes(signals)
    unique = {
        name: node.assign_coords(channel=[f"{name}/{label}" for label in node["channel"].values])
        for name, node in nodes.items()
    }
    scores = {name: node.to_dataset(inherit=False) for name, node in signals.children.items() if name == ANNOTATIONS}
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs=signals.attrs)} | unique | scores)
    (first, *_), (*_, last) = grid.windows()
    made = extract(
        tree,
        features,
        epoch=np.timedelta64(grid.window, "ns"),
        step=np.timedelta64(grid.step, "ns"),
        start=first,
        end=last,
        origin=first,
        min_coverage=min_coverage,
    )
    if lacking := [name for name in signals.children if name not in made.children and name != ANNOTATIONS]:
        notes = [note for note in made.attrs["notes"] if note.startswith(tuple(f"{name}:" for name in lacking))]
        names = ", ".join(each.name for each in ([features] if isinstance(features, Feature) else features))
        raise ParameterError(f"no {names} of {', '.join(lacking)}", fix="; ".join(notes))
    for name, node in nodes.items():
        found = made.children[name]
        found.dataset = found.to_dataset(inherit=False).assign_coords(channel=node["channel"].values)
    return made


def _with_window(grid: EpochGrid, window: Duration | None) -> EpochGrid:
    if window is None:
        return grid
    length = duration_ns(window, "window_length")
    if length <= 0:
        raise ParameterError("window_length must be longer than zero", found=repr(window))
    return replace(grid, window=length)


def _modes(scores: xr.Dataset, grid: EpochGrid) -> xr.Dataset:
    of_stage = lengths_on_grid(scores, grid)
    names = sorted(of_stage)
    lengths = np.stack([np.zeros(grid.count, np.int64), *(of_stage[name] for name in names)], axis=1)
    scored = lengths.sum(axis=1)
    mode = np.array(["", *names])[lengths.argmax(axis=1)]
    coverage = scored / grid.window
    status = np.where(scored == 0, "missing", np.where(coverage < 1, "partial", "ok"))
    reason = np.where(scored == 0, "not scored", np.where(coverage < 1, "scored in part", "")).astype(object)
    return xr.Dataset(
        {
            MODE: (("epoch", "channel"), mode[:, None], {"definition": "stage that most of the epoch is scored as"}),
            "coverage": ("epoch", coverage, {"units": "1", "definition": "part of the epoch that is scored"}),
            "status": ("epoch", status),
            "reason": ("epoch", reason),
        },
        coords={"channel": [STAGE]},
    )
