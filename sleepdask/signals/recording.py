"""A recording: an `xarray.DataTree` with one node per clock.

The root carries what holds for the whole recording in its attributes: `recording_id`, `source`, `start`,
`time_zone` (empty while unknown: times are then local and naive, else UTC), `findings` (what was odd about the file).
Each node of signals is named after its rate and holds ``signal (channel, time)`` with the per-channel coordinates
`unit` (in canonical spelling), `physical_dimension` (as the file spells it), `signal_type`, `sensor`; `time` is a lazy
clock. The node `/annotations` holds ``onset``, ``duration`` and ``text``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import xarray as xr
from dask.local import get_sync
from numpy.typing import ArrayLike

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.clock import Clock
from sleepdask.signals.index import clock_of, time_coordinate
from sleepdask.signals.texts import text_array
from sleepdask.signals.types import signal_type
from sleepdask.signals.units import normal_unit
from sleepdask.times import stored_time, time_dtype, to_ns
from sleepdask.zones import Zone

ANNOTATIONS = "annotations"
SIGNAL = "signal"
VERSION = "version"  # in the encoding of signals behind a URL: tells one state of the file from another
BESIDE = "beside"  # attribute of a node that another device recorded: by which, and from when to when the night was
FILTERS = "filters"  # attribute of a node: what was done to its samples, in order
FILTER_NOTES = "filter_notes"  # attribute of the root: what was left out, or left as it is, meanwhile
IDENTITY = "identity"  # attribute that tells who was recorded by whom and with what, if it is kept


def node_name(rate: Fraction, taken: Iterable[str] = ()) -> str:
    """Name of the node of all channels of one rate, such as ``"100Hz"``; repeats get `` #2``."""
    name = f"{float(rate):g}Hz"
    taken = set(taken)
    return (
        name
        if name not in taken
        else next(numbered for k in range(2, len(taken) + 3) if (numbered := f"{name} #{k}") not in taken)
    )


def channel_coordinates(
    labels: Sequence[str], physical_dimensions: Sequence[str], rate: float | Fraction
) -> dict[str, tuple[str, Any]]:
    """Coordinates `unit`, `physical_dimension` and `signal_type` of channels of one rate, dims (channel,)."""
    pairs = list(zip(labels, physical_dimensions, strict=True))
    types = [signal_type(label, unit, rate) for label, unit in pairs]
    units = [normal_unit(unit, kind) for (_, unit), kind in zip(pairs, types, strict=True)]
    texts = {"unit": units, "physical_dimension": list(physical_dimensions), "signal_type": types}
    return {name: ("channel", np.array(values, dtype=str)) for name, values in texts.items()}


def annotations_dataset(
    onsets: ArrayLike, durations: ArrayLike, texts: Sequence[str], *, dated: bool = True
) -> xr.Dataset:
    """Node of annotations, along `annotation`.

    Parameters
    ----------
    onsets
        Instants, or without a date lengths of time since the start of the recording.
    durations
        timedelta64, NaT where none is stated.
    texts
        What is said.
    dated
        Whether the recording says when it started.
    """
    return xr.Dataset(
        {
            "onset": ("annotation", np.asarray(onsets, time_dtype(dated=dated)), {"long_name": "start of the event"}),
            "duration": ("annotation", np.asarray(durations, "timedelta64[ns]"), {"long_name": "length of the event"}),
            "text": ("annotation", text_array(texts)),
        }
    )


def signal_nodes(recording: xr.DataTree) -> dict[str, xr.Dataset]:
    """Nodes that hold signals, by name, fastest rate first.

    Raises
    ------
    ParameterError
        There are none.
    """
    nodes: dict[str, xr.Dataset] = {}
    for node in recording.subtree:
        if SIGNAL in node.data_vars and node.sizes.get("time", 0):
            signals = with_labels(node.to_dataset())
            nodes[node.path.strip("/") or node_name(clock_of(signals).rate, nodes)] = signals
    if not nodes:
        annotated = ANNOTATIONS in recording.children
        raise ParameterError(
            "recording has no signals",
            where=recording_id(recording),
            found="annotations only" if annotated else None,
            fix="give the file of the signals too; a hypnogram goes into hypnogram= (--hypnogram)" if annotated else "",
        )
    return dict(sorted(nodes.items(), key=lambda item: -clock_of(item[1]).rate))


def on_signals(recording: xr.DataTree, change: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataTree:
    """Recording with its nodes of signals changed by a function, and all else as it is."""
    changed = recording.copy()
    for node in changed.subtree:
        if SIGNAL in node.data_vars:
            node.dataset = change(node.to_dataset(inherit=False))
    return changed


def with_labels(node: xr.Dataset) -> xr.Dataset:
    """Bring what ``chunk`` turned into Dask arrays without need, labels and annotations, back into memory.

    They were there before: no file is read, and no scheduler but the calling thread is asked.
    """
    small = {name: v for name, v in node.variables.items() if name != SIGNAL and v.chunks is not None}
    return node.assign({name: v.load(scheduler=get_sync) for name, v in small.items()}) if small else node


def recording_id(recording: xr.DataTree) -> str:
    """Identifier of the recording, for messages and tables."""
    return str(recording.attrs.get("recording_id", recording.name or "recording"))


def source_of(recording: xr.DataTree) -> str:
    """File or folder that a recording came from, for messages; its identifier if it came from none."""
    source = str(recording.attrs.get("source", ""))
    return recording_id(recording) if source in ("", "memory") else source


def span(nodes: Mapping[str, xr.Dataset]) -> tuple[int, int]:
    """Earliest start and latest end of the night, ns since 1970; what stands beside it may last longer."""
    ends = [
        (clock.start, clock.end) for node in nodes.values() if BESIDE not in node.attrs for clock in [clock_of(node)]
    ]
    # Where nothing of the night itself is left, it is remembered.
    ends = ends or [(node.attrs[BESIDE]["start"], node.attrs[BESIDE]["end"]) for node in nodes.values()]
    return min(start for start, _ in ends), max(end for _, end in ends)


def is_dated(nodes: Mapping[str, xr.Dataset]) -> bool:
    """Whether the recording says when it started; if not, all times count from there.

    Raises
    ------
    ParameterError
        Only some of the nodes do.
    """
    known = {clock_of(node).dated for node in nodes.values()}
    if len(known) > 1:
        raise ParameterError("some nodes have a date and some have none", found=", ".join(nodes))
    return known.pop()


def one_channel(recording: xr.DataTree, channel: str, what: str) -> tuple[str, xr.Dataset]:
    """Name of the one channel that is meant, and its node with nothing else, for what is made of one channel.

    Raises
    ------
    ParameterError
        No channel matches, or several do.
    """
    nodes = select_channels(signal_nodes(recording), [channel])
    found = [str(name) for node in nodes.values() for name in node["channel"].values]
    if len(found) > 1:
        raise ParameterError(f"a {what} is of one channel", expected="its name", found=", ".join(found))
    (node,) = nodes.values()
    return found[0], node


def select_channels(nodes: Mapping[str, xr.Dataset], patterns: Sequence[str]) -> dict[str, xr.Dataset]:
    """Keep the channels that match any of the names or globs, in file order; nodes left empty go.

    Raises
    ------
    ParameterError
        A pattern matches no channel; the nearest name is suggested.
    """
    names = [str(name) for node in nodes.values() for name in node["channel"].values]
    for pattern in patterns:
        if not any(matches(name, pattern) for name in names):
            raise ParameterError(
                f"no channel matches {pattern!r}",
                expected=f"one of {', '.join(names)}",
                fix=did_you_mean(pattern, names),
            )
    meant = names_meant(names, patterns)
    kept = {}
    for key, node in nodes.items():
        keep = [str(name) in meant for name in node["channel"].values]
        if any(keep):
            kept[key] = node.isel(channel=np.flatnonzero(keep))
    return kept


def only_channels(recording: xr.DataTree, patterns: Sequence[str]) -> xr.DataTree:
    """Recording with some of its channels, as `select_channels` takes them; nodes left without one go.

    Raises
    ------
    ParameterError
        A pattern matches no channel, or there are none.
    """
    signal_nodes(recording)  # raises if there are none
    nodes = {node.path: with_labels(node.to_dataset(inherit=False)) for node in recording.subtree if SIGNAL in node}
    kept = select_channels(nodes, patterns)
    everything = {node.path: node.to_dataset(inherit=False) for node in recording.subtree}
    left = {path: kept.get(path, node) for path, node in everything.items() if path in kept or path not in nodes}
    return xr.DataTree.from_dict(left, name=recording.name)


def names_meant(names: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """Names that any of the names or globs mean; one that is among the names as it is means no other."""
    names, patterns = set(names), set(patterns)
    globs = patterns - names
    return names & patterns | {name for name in names if any(matches(name, pattern) for pattern in globs)}


def matches(name: str, pattern: str) -> bool:
    """Whether a channel is meant by a name or a glob, upper and lower case alike."""
    return name == pattern or fnmatchcase(name.lower(), pattern.lower())


def recording_from_arrays(
    samples: Mapping[str, ArrayLike],
    rate: float | Fraction,
    *,
    start: object = "2000-01-01",
    unit: str = "uV",
    recording_id: str = "recording",
    timezone: str | None = None,
) -> xr.DataTree:
    """Recording of signals that are in memory.

    Parameters
    ----------
    samples
        Values in physical units by channel label, each of the same length.
    rate
        Sampling rate in Hz; a `Fraction` is exact.
    start
        Time of the first sample, local.
    unit
        Physical unit of all channels.
    recording_id
        Name of the recording.
    timezone
        Zone of `start`, as in `open_recording`.

    Returns
    -------
    recording
        As `open_recording` gives it; join several rates with ``recording.assign(...)``.

    Examples
    --------
    >>> import numpy as np
    >>> night = recording_from_arrays({"C3": np.zeros(3000), "C4": np.ones(3000)}, rate=100)
    >>> dict(night["100Hz"].sizes)
    {'channel': 2, 'time': 3000}
    """
    labels = list(samples)
    shapes = {label: np.shape(samples[label]) for label in labels}
    if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ParameterError(
            "channels must be one-dimensional and of one length",
            where=recording_id,
            found=", ".join(f"{label}: {shape}" for label, shape in shapes.items()) or "no channel",
        )
    if not 0 < rate < float("inf"):
        raise ParameterError("rate must be above 0", where=recording_id, found=f"{rate} Hz")
    values = np.stack([np.asarray(samples[label]) for label in labels])
    exact = rate if isinstance(rate, Fraction) else Fraction(str(rate))
    # The closest period that 64-bit arithmetic holds: off by less than a nanosecond in a year.
    period = 1_000_000_000 / exact
    period = period.limit_denominator(isqrt(int(2**61 / period)))
    zone = None if timezone is None else Zone.of(timezone)
    clock = Clock.regular(to_ns(start, "start", zone), values.shape[1], period.numerator, period.denominator)
    node = xr.Dataset(
        {SIGNAL: (("channel", "time"), values)},
        coords={
            "channel": ("channel", np.array(labels, dtype=str)),
            **channel_coordinates(labels, [unit] * len(labels), exact),
            "sensor": ("channel", np.array([""] * len(labels), dtype=str)),
        },
    ).assign_coords(time_coordinate(clock))
    attrs = {
        "recording_id": recording_id,
        "source": "memory",
        "start": stored_time(clock.start, zone),
        "time_zone": "" if zone is None else zone.name,
        "findings": [],
    }
    return recording_tree({node_name(exact): node}, attrs)


def recording_tree(nodes: Mapping[str, xr.Dataset], attrs: Mapping[str, Any]) -> xr.DataTree:
    """Put the nodes under a root that carries the attributes."""
    tree = xr.DataTree.from_dict(dict(nodes))
    tree.attrs.update(attrs)
    return tree
