"""Several recordings of one night become one, by the clock; lazy, as no sample is needed to put them in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.signals.index import clock_of
from sleepdask.signals.joined_channels import joined_nodes
from sleepdask.signals.joined_nodes import Part
from sleepdask.signals.recording import (
    ANNOTATIONS,
    IDENTITY,
    SIGNAL,
    node_name,
    recording_id,
    recording_tree,
    source_of,
    with_labels,
)
from sleepdask.signals.renaming import numbered
from sleepdask.times import describe_span, stored_time, to_ns
from sleepdask.zones import Zone, zone_of

_DAY = 86_400_000_000_000
_SLOW = 3_600_000_000_000  # ns between the samples of what is a summary of days, and no signal of a night
_FINDINGS = "findings"


@dataclass(frozen=True, eq=False)
class _Recording:
    """One of the recordings: its name in messages, when it starts and ends, and what it holds."""

    source: str
    tree: xr.DataTree
    start: int
    end: int
    parts: list[Part]
    annotations: xr.Dataset | None
    others: dict[str, xr.Dataset]

    @property
    def is_summary(self) -> bool:
        """Whether all it has is values of hours or days."""
        return bool(self.parts) and all(_slow(part) for part in self.parts)


def join_recordings(
    recordings: Sequence[xr.DataTree], *, recording_id: str | None = None, policy: str = "warn"
) -> xr.DataTree:
    """Join recordings of one night into one, by the clock; lazy, no sample is read.

    Parameters
    ----------
    recordings
        As `open_recording` gives them, in any order.
    recording_id
        Identifier of the result; default that of the earliest recording with signals.
    policy
        What may be odd about them together. ``"warn"`` and ``"repair"``: what has one sound reading; it is reported.
        ``"strict"``: nothing.

    Returns
    -------
    recording
        Channels of the same name and rate that follow each other become one, with a gap in their clock between two
        recordings; without one where a recording begins within 1 ms of the end of the last. A channel that one
        session lacks is NaN in it. Other channels and rates stand side by side: a node is shared by channels
        of one clock. Annotations are in order of time; the same one in two recordings is kept once. The attribute
        `start` is the earliest start of the signals, and ``findings`` tells what was odd about each recording and
        about all of them together. If identities were kept and differ, ``attrs["identity"]`` has each by its source.

    Raises
    ------
    ParameterError
        A channel is in two recordings at one time, or in two units; a recording has no date; the time zones
        differ; or a node is neither of signals nor of annotations, and in two of them.
    FileFormatError
        Something is odd, and the policy is ``"strict"``.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> evening, morning = (
    ...     sd.recording_from_arrays({"Flow": np.zeros(3000)}, rate=25, start=start, unit="L/s", recording_id=start)
    ...     for start in ("2026-03-10T23:00", "2026-03-11T01:30")
    ... )
    >>> night = join_recordings([morning, evening])
    >>> night["25Hz"]["time"].values[[2999, 3000]].astype("datetime64[s]").astype(str).tolist()
    ['2026-03-10T23:01:59', '2026-03-11T01:30:00']
    """
    if isinstance(recordings, xr.DataTree) or not all(isinstance(each, xr.DataTree) for each in recordings):
        raise ParameterError("not a list of recordings", expected="such as [open_recording(...), ...]")
    if not recordings:
        raise ParameterError("there is no recording to join")
    if len(recordings) == 1:
        (only,) = recordings
        joined = only.copy()
        joined.attrs = dict(only.attrs) | ({} if recording_id is None else {"recording_id": recording_id})
        return joined
    each = _in_order(recordings)
    findings = Findings(", ".join(one.source for one in each), policy)
    _tell_distances(each, findings)
    nodes = joined_nodes([part for one in each for part in one.parts], findings)
    _add_others(nodes, each)
    if annotations := [one.annotations for one in each if one.annotations is not None]:
        nodes[ANNOTATIONS] = _merged(annotations)
    return recording_tree(nodes, _attributes(each, recording_id, findings))


def _in_order(recordings: Sequence[xr.DataTree]) -> list[_Recording]:
    """The recordings by their start, each with a name of its own."""
    taken: set[str] = set()
    each = []
    for tree in sorted(recordings, key=source_of):
        source = next(name for name in numbered(source_of(tree)) if name not in taken)
        taken.add(source)
        each.append(_taken_apart(tree, source))
    zones = {str(one.tree.attrs.get("time_zone", "")): one.source for one in reversed(each)}
    if len(zones) > 1:
        told = ", ".join(f"{zone or 'unknown'} in {source}" for zone, source in zones.items())
        raise ParameterError("the recordings are of different time zones", found=told, fix="open all with the same one")
    return sorted(each, key=lambda one: one.start)


def _taken_apart(tree: xr.DataTree, source: str) -> _Recording:
    parts: list[Part] = []
    others: dict[str, xr.Dataset] = {}
    annotations = None
    zone = zone_of(tree.attrs)
    for node in tree.subtree:
        dataset, name = node.to_dataset(inherit=False), node.path.strip("/")
        if SIGNAL in dataset.data_vars:
            if dataset.sizes["time"]:
                parts.append(_part(dataset, name, source, zone))
        elif name == ANNOTATIONS:
            annotations = with_labels(dataset)
        elif dataset.variables:
            others[name] = dataset
    known = [part.clock.dated for part in parts]
    known += [annotations["onset"].dtype.kind == "M"] if annotations is not None else []
    stated = str(tree.attrs.get("start", "NaT"))
    if not all(known) or not (parts or stated != "NaT"):
        raise ParameterError(
            "recording has no date, so that nothing says where it belongs",
            where=source,
            expected="a date and time of its start",
            fix="leave it out, or put the date into its header",
        )
    start = min(part.clock.start for part in parts) if parts else to_ns(stated, zone=zone)
    end = max((part.clock.end for part in parts), default=_last_onset(annotations, start))
    return _Recording(source, tree, start, end, parts, annotations, others)


def _last_onset(annotations: xr.Dataset | None, start: int) -> int:
    if annotations is None or not annotations.sizes["annotation"]:
        return start
    return max(start, int(annotations["onset"].values.astype(np.int64).max()))


def _part(dataset: xr.Dataset, name: str, source: str, zone: Zone | None) -> Part:
    dataset = with_labels(dataset)
    odd = [str(v) for v in dataset.variables if v not in (SIGNAL, "time") and dataset[v].dims != ("channel",)]
    if odd or set(dataset[SIGNAL].dims) != {"channel", "time"}:
        raise ParameterError(
            "only nodes of signal (channel, time) are joined",
            where=f"{source}, {name}",
            found=f"also {', '.join(odd)}" if odd else f"signal {tuple(dataset[SIGNAL].dims)}",
            fix="select channels with lists, and take away what else is there with drop_vars",
        )
    clock = clock_of(dataset)
    return Part(source, name or node_name(clock.rate), dataset, clock, zone)


def _slow(part: Part) -> bool:
    return part.clock.rate * _SLOW <= 1_000_000_000


def _tell_distances(each: Sequence[_Recording], findings: Findings) -> None:
    """Tell of recordings that hardly belong to the same night."""
    before: _Recording | None = None
    for one in each:
        if one.is_summary:
            period = describe_span(int(1e9 / max(part.clock.rate for part in one.parts)))
            message = f"has one sample in {period}: a summary of days, no signal of a night"
            findings.warn("summary", message, "it stands beside the others; better leave it out", where=one.source)
            continue
        if before is not None and one.start - before.end > _DAY:
            message = f"begins {describe_span(one.start - before.end)} after the end of {before.source}"
            findings.warn("far-apart", message, "what lies between is a gap", where=one.source)
        if before is None or one.end > before.end:
            before = one


def _add_others(nodes: dict[str, xr.Dataset], each: Sequence[_Recording]) -> None:
    """Add nodes of any other kind, which cannot be put together."""
    for one in each:
        for name, node in one.others.items():
            if name in nodes:
                raise ParameterError(f"a node {name or '/'!r} is in two of them", where=one.source, fix="leave one out")
            nodes[name] = node


def _merged(each: Sequence[xr.Dataset]) -> xr.Dataset:
    """Annotations in order of time; the same one in a further recording is left out."""
    together = xr.concat(each, "annotation", data_vars="all", coords="minimal", compat="override", join="outer")
    columns = [v.values.tolist() for v in together.variables.values() if v.dims == ("annotation",)]
    rows = list(zip(*columns, strict=True))
    owners = np.repeat(np.arange(len(each)), [one.sizes["annotation"] for one in each]).tolist()
    first: dict[tuple[Any, ...], int] = {}
    keep = [n for n, row in enumerate(rows) if first.setdefault(row, owners[n]) == owners[n]]
    order = np.argsort(together["onset"].values[keep], kind="stable")
    return together.isel(annotation=np.array(keep, np.int64)[order])


def _attributes(each: Sequence[_Recording], name: str | None, findings: Findings) -> dict[str, Any]:
    with_signals = [one for one in each if one.parts] or list(each)
    first, *rest = [one.tree.attrs for one in each]
    shared = {key: value for key, value in first.items() if all(key in o and o[key] == value for o in rest)}
    formats = dict.fromkeys(str(one.tree.attrs["format"]) for one in each if "format" in one.tree.attrs)
    known = {one.source: one.tree.attrs[IDENTITY] for one in each if IDENTITY in one.tree.attrs}
    if known and IDENTITY not in shared:  # never lost: nothing that holds it is stored
        shared[IDENTITY] = known
    told = [f"{one.source}: {finding}" for one in each for finding in one.tree.attrs.get(_FINDINGS, [])]
    return {
        "recording_id": recording_id(with_signals[0].tree) if name is None else name,
        "source": ", ".join(one.source for one in each),
        **({"format": ", ".join(formats)} if formats else {}),
        "start": stored_time(with_signals[0].start, zone_of(first)),
        "time_zone": str(first.get("time_zone", "")),
        **{str(k): v for k, v in shared.items() if k not in ("recording_id", "source", "format", "start", "time_zone")},
        _FINDINGS: told + [str(finding) for finding in findings.found],
    }
