"""All signals of a recording on one clock; lazy, no sample is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.align.arrays import aligned_signal
from sleepdask.align.grid import alignment_clock
from sleepdask.align.methods import Alignment, check_method
from sleepdask.chunks import MAX_BYTES
from sleepdask.errors import ParameterError
from sleepdask.findings import Finding
from sleepdask.signals.clock import Clock
from sleepdask.signals.clock_json import clock_document
from sleepdask.signals.conversion import described_channels, floating
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.recording import SIGNAL, only_channels, recording_id, signal_nodes, with_labels
from sleepdask.times import Duration, stored_time
from sleepdask.zones import zone_of

ALIGNMENT = "alignment"  # attribute of a node: how it came onto its clock


def align_signals(
    recording: xr.DataTree,
    onto: float | Fraction | Clock | None = None,
    *,
    method: str = "nearest",
    tolerance: Duration | None = None,
    limit: Duration | None = None,
    channels: Sequence[str] | None = None,
    on_error: str = "raise",
) -> xr.DataTree:
    """Put all signals of a recording onto one clock; lazy, no sample is read.

    Parameters
    ----------
    recording
        As `open_recording` gives it. It stays as it is.
    onto
        A rate in Hz, or a clock. Default: the clock of the fastest node at a fixed rate, as `alignment_clock` gives it.
    method
        ``"nearest"``: the nearest sample, the earlier of two. ``"ffill"``, ``"bfill"``: the last sample until, the
        first one from a time on. ``"linear"``: the straight line between the samples around a time. ``"mean"``, of
        samples at a fixed rate: the low-pass filter of `scipy.signal.resample_poly`, at the exact times of both clocks,
        its weights divided by their sum; half of them must fall on samples that have a value. ``"mean"``, of samples at
        any times: the mean over one period of the target around each time, each sample weighted by how long it is the
        nearest one; half of the period must be known.
    tolerance
        Longest distance of the ``"nearest"`` sample; default half a period of the target.
    limit
        How long ``"ffill"`` and ``"bfill"`` hold a sample, and how far apart the two samples of ``"linear"`` may be, at
        most. Default: a sample holds until the next one, or for one period where a gap begins (the same backwards), and
        no line goes over a gap; timestamps say themselves which distance is one.
    channels
        Names or globs of those that are wanted; default all.
    on_error
        ``"raise"``, or ``"return"``: a node that cannot be aligned is left out, which ``attrs["findings"]`` tells.

    Returns
    -------
    recording
        The same nodes with ``signal (channel, time)``, all on the one clock, and the coordinates of their channels;
        ``attrs["alignment"]`` of a node says how it came there. Floating samples keep their dtype, others become
        float64. A value that would have to be made of a missing sample, or from before the first or after the last one,
        or over a gap, is NaN. Dask arrays stay such, cut where those of the fastest node are, but to at most 16 MiB;
        others are read when indexed. Values have the same bits for every chunking. Annotations stay.

    Raises
    ------
    ParameterError
        The method or an option is not known, the mean is asked for of a signal that is slower than the target, a signal
        is nowhere near the target, has a date where the target has none, or there are no signals.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"Resp": [0.0, 1.0, 2.0]}, rate=1)
    >>> sd.align.align_signals(night, onto=2, method="linear")["1Hz/signal"].values.tolist()
    [[0.0, 0.5, 1.0, 1.5, 2.0]]
    """
    check_method(method, tolerance, limit)
    if on_error not in ("raise", "return"):
        raise ParameterError("unknown value of on_error", expected="'raise' or 'return'", found=repr(on_error))
    chosen = recording if channels is None else only_channels(recording, channels)
    nodes = signal_nodes(chosen)
    clock = onto if isinstance(onto, Clock) else alignment_clock(chosen, _rate(onto))
    rules, failed = dict[str, Alignment](), list[Finding]()
    for name, node in nodes.items():
        try:
            rules[name] = _rule(node, Alignment.of(method, clock_of(node), clock, tolerance, limit), name)
        except ParameterError as error:
            error.where = name if on_error == "raise" else ""  # a finding says where by itself
            if on_error == "raise":
                raise
            failed.append(Finding("warning", "not-aligned", str(error), "it is left out", name))
    if not rules:
        raise ParameterError("no signal can be aligned", where=recording_id(recording), found=str(failed[0]))
    edges = _edges({name: nodes[name] for name in rules}, clock)
    made = {name: _aligned(nodes[name], rule, edges) for name, rule in rules.items()}
    others = {
        node.path: node.to_dataset(inherit=False)
        for node in chosen.subtree
        if SIGNAL not in node.data_vars and node.variables
    }
    tree = xr.DataTree.from_dict({**others, **made}, name=recording.name)
    tree.attrs = {**recording.attrs, "findings": [*recording.attrs.get("findings", []), *map(str, failed)]}
    if clock.dated:
        tree.attrs["start"] = stored_time(clock.start, zone_of(recording.attrs))
    return tree


def _rate(onto: Any) -> float | Fraction | None:
    if onto is None or (isinstance(onto, int | float | Fraction) and not isinstance(onto, bool)):
        return onto
    raise ParameterError("this is nothing to align to", expected="a rate in Hz, or a Clock", found=repr(onto))


def _rule(node: xr.Dataset, rule: Alignment, name: str) -> Alignment:
    """The rule itself, if the node is one that it can be used on."""
    described_channels(node, name)
    odd = [str(v) for v in node.variables if v not in (SIGNAL, "time") and "time" in node[v].dims]
    if odd:
        raise ParameterError("only signals can be aligned", where=name, found=", ".join(odd), fix="drop these first")
    source, target = rule.source, rule.target
    if not target.size or source.start >= target.end + rule.period or target.start >= source.end + rule.period:
        raise ParameterError(
            "no sample is near the clock to align to",
            where=name,
            expected=f"some from {target.moment(target.start)} to {target.moment(target.end)}",
            found=f"{source.moment(source.start)} to {source.moment(source.end)}",
        )
    return rule


def _edges(nodes: Mapping[str, xr.Dataset], clock: Clock) -> list[int]:
    """Chunks of all nodes on the one clock: those of the fastest one with Dask arrays, none of them too large."""
    chunked = [(clock_of(node), node[SIGNAL].chunks) for node in nodes.values()]
    fastest = next(((source, chunks[1]) for source, chunks in chunked if chunks is not None), None)
    if fastest is None:
        return [0, clock.size]
    source, sizes = fastest
    inner = np.cumsum(sizes[:-1], dtype=np.int64)
    cuts = clock.searchsorted(source.times(inner)) if len(inner) else inner
    edges = np.unique(np.concatenate([[0], cuts, [clock.size]])).tolist()
    most = max(1, int(MAX_BYTES / max(_bytes(node, clock) for node in nodes.values())))
    split = [np.linspace(a, b, -(-(b - a) // most) + 1).astype(int)[:-1].tolist() for a, b in pairwise(edges)]
    return [*(edge for part in split for edge in part), clock.size]


def _bytes(node: xr.Dataset, clock: Clock) -> float:
    """Of a node, to one value of the target: those that are read, or those that come of it."""
    return (
        node.sizes["channel"]
        * floating(node[SIGNAL].dtype).itemsize
        * max(1.0, float(clock_of(node).rate / clock.rate))
    )


def _aligned(node: xr.Dataset, rule: Alignment, edges: Sequence[int]) -> xr.Dataset:
    node = with_labels(node)
    signal = aligned_signal(node[SIGNAL].variable, rule, edges)
    made = node.drop_vars([SIGNAL, "time"]).assign({SIGNAL: signal}).assign_coords(time_coordinate(rule.target))
    made.attrs = {**node.attrs, ALIGNMENT: _provenance(rule)}
    return made


def _provenance(rule: Alignment) -> dict[str, Any]:
    """How a node came onto its clock, in types that JSON has."""
    name = "tolerance_seconds" if rule.method == "nearest" else "limit_seconds"
    limit = {} if rule.limit is None else {name: rule.limit / 1e9}
    source = rule.source
    said = {"rate": float(source.rate), "samples": source.size, "start": str(source.moment(source.start))}
    return {"method": rule.method, **limit, "source": said, "source_clock": clock_document(source)}
