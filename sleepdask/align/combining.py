"""All channels of a recording whose nodes share a clock as one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.align.signals import ALIGNMENT
from sleepdask.errors import ParameterError
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.joined_array import Piece, Source, joined_signal
from sleepdask.signals.recording import SIGNAL, recording_id, signal_nodes, with_labels

NODE = "node"  # the coordinate that says where a channel was


def combine_signals(recording: xr.DataTree) -> xr.Dataset:
    """Make one node of all channels of a recording that is on one clock; lazy, no sample is read.

    Parameters
    ----------
    recording
        As `align_signals` gives it: the clocks of all nodes are equal.

    Returns
    -------
    node
        ``signal (channel, time)`` of all nodes, in order of these, with the coordinates of their channels, and `node`,
        which says where each was. A text that one node has not is empty for its channels, a number NaN. Samples have
        the dtype that holds those of all. Attributes are those of the recording; ``"alignment"`` has that of each node.

    Raises
    ------
    ParameterError
        Clocks differ, a channel is there twice, or there are no signals.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": [1.0, 2.0, 3.0]}, rate=2)
    >>> pulse = sd.recording_from_arrays({"HR": [60.0, 62.0]}, rate=1)
    >>> both = sd.align.align_signals(night.assign({"watch": pulse["1Hz"]}), method="linear")
    >>> combine_signals(both)["signal"].sel(channel="HR").values.tolist()
    [60.0, 61.0, 62.0]
    """
    nodes = {name: with_labels(node) for name, node in signal_nodes(recording).items()}
    where = recording_id(recording)
    first, *others = nodes
    clock = clock_of(nodes[first])
    for name in others:
        if clock_of(nodes[name]) != clock:
            raise ParameterError(
                "signals on different clocks cannot be in one node",
                where=where,
                found=f"{first}: {clock}, {name}: {clock_of(nodes[name])}",
                fix="use align_signals first",
            )
    names = [str(name) for node in nodes.values() for name in node["channel"].values]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        fix = "rename one of them with rename_channels"
        raise ParameterError("a channel is there twice", where=where, found=", ".join(twice), fix=fix)
    sources, begin = list[Source](), 0
    for node in nodes.values():
        count = node.sizes["channel"]
        sources.append(Source(node[SIGNAL].variable, tuple(range(count)), tuple(range(begin, begin + count))))
        begin += count
    signal = joined_signal([Piece(tuple(sources), 0, clock.size)], len(names))
    made = xr.Dataset({SIGNAL: signal}, coords=_coordinates(nodes)).assign_coords(time_coordinate(clock))
    told = {name: node.attrs[ALIGNMENT] for name, node in nodes.items() if ALIGNMENT in node.attrs}
    made.attrs = {**recording.attrs, **({ALIGNMENT: told} if told else {})}
    return made


def _coordinates(nodes: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """What is said of each channel, over all nodes."""
    every = dict.fromkeys(str(n) for node in nodes.values() for n, c in node.coords.items() if c.dims == ("channel",))
    made: dict[str, Any] = {}
    for name in every:
        known = [node[name].values for node in nodes.values() if name in node.coords]
        text = any(values.dtype.kind in "UO" or values.dtype.kind == "T" for values in known)
        blank: Any = "" if text else np.nan
        parts = [
            node[name].values if name in node.coords else np.full(node.sizes["channel"], blank)
            for node in nodes.values()
        ]
        made[name] = ("channel", np.concatenate([part.astype(str) for part in parts] if text else parts))
    where = [name for name, node in nodes.items() for _ in range(node.sizes["channel"])]
    return {**made, NODE: ("channel", np.array(where, dtype=str))}
