"""From a recording to its features: builds the graph, computes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import signature
from itertools import pairwise
from operator import getitem
from typing import Any, ParamSpec

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.features.base import Feature, Output, Values
from sleepdask.features.plan import ExtractionPlan, NodePlan, plan_extraction
from sleepdask.features.task import STATUS_DTYPE, STATUSES, ChunkResult, NodeTask, gather
from sleepdask.signals.recording import SIGNAL
from sleepdask.signals.units import with_unit

P = ParamSpec("P")


def _taking(plan: Callable[P, ExtractionPlan]) -> Callable[[Callable[..., xr.DataTree]], Callable[P, xr.DataTree]]:
    """Give a function the signature of another one, but keep its own name and text."""

    def decorate(function: Callable[..., xr.DataTree]) -> Callable[P, xr.DataTree]:
        function.__signature__ = signature(plan).replace(return_annotation="xr.DataTree")  # type: ignore[attr-defined]
        return function

    return decorate


@_taking(plan_extraction)
def extract(*args: Any, **kwargs: Any) -> xr.DataTree:
    """Describe the features of a recording, epoch by epoch; lazy, so that nothing is read or computed.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    features
        One or more features, or a text such as ``"statistics,bandpower:average=median"``.
        One whose minimal rate a node does not reach is left out there, with a note.
    epoch, step
        Length of an epoch and distance of two starts (default: the length), such as ``"30s"``; a plain
        number is in seconds.
    start, end
        Span to analyse: a date with time, or a time of day such as ``"23:05"``, which is the next one. Texts and
        datetimes are local times of the recording's zone, if it has one, unless they state their offset from UTC;
        NumPy's are what all its times are. Default: from lights off to lights on if given, else from the earliest
        start to the latest end of the signals.
    origin
        What epochs are in step with: ``"recording"`` (its start), ``"hypnogram"`` (its first score), or a
        time. They are the same epochs whatever the span.
    hypnogram
        As `read_hypnogram` gives it; default: the scores among the recording's own annotations, if any.
    lights_off, lights_on
        Times kept in the attributes, and the span unless `start` and `end` say otherwise.
    channels
        Names or globs of the channels to keep; default all.
    min_coverage
        A value needs at least this fraction of its epoch's samples, else it is NaN.
    workers
        Threads or processes the chunk rule counts on; default the effective number of CPUs. No value depends
        on it.
    chunk_size
        Epochs that a chunk should have at least; default 10.

    Returns
    -------
    features
        Tree on the shared coordinates ``epoch``, ``start`` (datetime64; UTC if the recording has a time zone) and
        ``stage`` (W N1 N2 N3 R, empty where not scored). Each node of signals has one variable a feature, dims (epoch,
        channel), float64, with `units`, `definition`, `reference` and `parameters` among its attributes; ``coverage``
        (fraction of the expected samples), ``status`` (ok, partial, missing, failed) and ``reason``, dims (epoch,).
        The root's ``notes`` tell what was left out, its ``findings`` what was odd about the input.

    Raises
    ------
    ParameterError
        A channel is unknown, no whole epoch fits, an epoch is too short for a feature, span or hypnogram
        do not meet the signals, or two features give the same column.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.sin(np.arange(30_000))}, rate=100)
    >>> features = sd.extract(night, sd.features.Statistics(), epoch="30s")
    >>> features.sizes["epoch"]
    10
    """
    plan = plan_extraction(*args, **kwargs)
    starts, _ = plan.grid.windows()
    root = xr.Dataset(
        coords={
            "epoch": ("epoch", np.arange(plan.grid.count)),
            "start": ("epoch", starts, {"long_name": "start of the epoch"}),
            "stage": ("epoch", plan.stages, {"long_name": "sleep stage (AASM), empty where not scored"}),
        },
        attrs=plan.attrs,
    )
    return xr.DataTree.from_dict({"/": root} | {name: _build(node) for name, node in plan.nodes.items()})


def _build(node: NodePlan) -> xr.Dataset:
    task = node.task
    values, status, reasons = _results(node)
    variables = {
        output.name: (("epoch", "channel"), values[i], _attributes(feature, output, node.unit))
        for i, (feature, output) in enumerate(node.outputs)
    } | {
        "coverage": (
            "epoch",
            task.windows.coverage(),
            {"units": "1", "definition": "recorded samples / expected samples"},
        ),
        "status": ("epoch", status, {"definition": ", ".join(STATUSES)}),
        "reason": ("epoch", reasons, {"definition": "why it is not ok"}),
    }
    channels = node.signals.drop_vars(["time", SIGNAL]).coords
    return xr.Dataset(variables, coords=channels, attrs={"sampling_frequency": task.windows.rate})


def node_values(node: NodePlan) -> da.Array:
    """All outputs of a node, lazy, dims (output, epoch, channel), in the chunks that they are computed in."""
    edges, channels = node.task.edges, len(node.task.channels)
    chunks = (len(node.outputs),), tuple(b - a for a, b in pairwise(edges)), (channels,)
    meta = np.empty((0, 0, 0))
    values: da.Array = da.map_blocks(_values_of, _boxes(node), dtype=np.float64, meta=meta, new_axis=2, chunks=chunks)
    return values


def _values_of(box: NDArray[Any]) -> Values:
    result: ChunkResult = box.item()
    return result.values


def _boxes(node: NodePlan) -> da.Array:
    """Results of all chunks, each in an array of one, dims (1, chunk)."""
    blocks = _blocks(node.signals[SIGNAL].variable.transpose("channel", "time"), node.task)
    each = ((1,), (1,) * node.task.n_chunks)
    boxes: da.Array = da.map_blocks(node.task, blocks, dtype=object, chunks=each, meta=np.empty((0, 0), object))
    return boxes


def _results(node: NodePlan) -> tuple[da.Array, da.Array, da.Array]:
    """Values (output, epoch, channel), status and reasons (epoch,) of all chunks, brought together by one task.

    What it gathers is kilobytes; all variables are views of its result.
    """
    task = node.task
    gathered = da.blockwise(gather, "", _boxes(node), "ij", dtype=object, meta=np.empty((), object), concatenate=False)
    epochs = task.windows.count
    return (
        _part(gathered, 0, (len(node.outputs), epochs, len(task.channels)), np.float64),
        _part(gathered, 1, (epochs,), STATUS_DTYPE),
        _part(gathered, 2, (epochs,), object),
    )


def _part(gathered: da.Array, index: int, shape: tuple[int, ...], dtype: Any) -> da.Array:
    meta = np.empty((0,) * len(shape), dtype)
    axes = list(range(len(shape)))
    part: da.Array = da.map_blocks(getitem, gathered, index, dtype=dtype, meta=meta, new_axis=axes, chunks=shape)
    return part


def _attributes(feature: Feature, output: Output, unit: str) -> dict[str, str | int]:
    return {
        "units": with_unit(output.units, unit),
        "definition": output.definition,
        "reference": output.reference,
        "feature": feature.name,
        "version": feature.version,
        "parameters": json.dumps(feature.parameters),
    }


def _blocks(signal: xr.Variable, task: NodeTask) -> da.Array:
    """Samples with block k = what chunk k needs; blocks may overlap (a step shorter than the epoch)."""
    spans = [task.chunk(k)[0] for k in range(task.n_chunks)]
    if all(after == first for (_, after), (first, _) in pairwise(spans)):
        sizes = tuple(after - first for first, after in spans)
        return _chunked(signal[:, spans[0][0] : spans[-1][1]], sizes)
    blocks: da.Array = da.concatenate([_chunked(signal[:, first:after]) for first, after in spans], axis=1)
    return blocks


def _chunked(signal: xr.Variable, sizes: int | tuple[int, ...] = -1) -> da.Array:
    if signal.chunks is None:
        array: da.Array = signal.chunk({"channel": -1, "time": sizes}, inline_array=True).data
    else:  # by tasks: left to itself, Dask imports distributed, and under a Client shuffles through it
        array = signal.data.rechunk({0: -1, 1: sizes}, method="tasks")
    return array
