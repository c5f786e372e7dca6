"""What other devices recorded at the same time stands beside a recording; nothing of it is joined or resampled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.signals.index import clock_of
from sleepdask.signals.recording import (
    ANNOTATIONS,
    BESIDE,
    IDENTITY,
    SIGNAL,
    is_dated,
    node_name,
    recording_tree,
    signal_nodes,
    source_of,
    span,
    with_labels,
)
from sleepdask.signals.renaming import numbered
from sleepdask.times import describe_time
from sleepdask.zones import zone_of

NAME = r"[A-Za-z][A-Za-z0-9_-]{0,31}"
"""What a source may be called, as a regular expression."""

_FINDINGS = "findings"


def combine_recordings(
    recording: xr.DataTree,
    also: Mapping[str, xr.DataTree] | Sequence[xr.DataTree] | xr.DataTree,
    *,
    policy: str = "warn",
) -> xr.DataTree:
    """Put beside a recording what other devices recorded at the same time; lazy, no sample is read.

    Files of one device that follow each other are joined with `join_recordings`; here nothing becomes one, whatever
    names and rates are.

    Parameters
    ----------
    recording
        The main one, as `open_recording` gives it.
    also
        The others. By name: all their channels and nodes begin with it, as in ``"watch SpO2"``, so that they are called
        so in every recording of a study. In a list: names stay, and where one is taken it gets `` #2``, `` #3``.
    policy
        What may be odd about them together. ``"warn"`` and ``"repair"``: what has one sound reading; it is reported.
        ``"strict"``: nothing.

    Returns
    -------
    recording
        The main one with further nodes, each on its own clock. Their attribute ``beside`` says that they are no part of
        the night, but stand beside it: epochs are those of the main recording, and of two weeks of a watch only that
        night is read. Annotations of the others are in nodes of their own, such as ``/annotations #2``, and never taken
        for scores of the night. All attributes are those of the main recording, but ``source`` and ``format``, which
        name all, and ``findings``, which also tell of channels that share a name and of sources that have no moment
        in common with the main one: there, all values are missing.

    Raises
    ------
    ParameterError
        One has no signals, or no date; times of some are local and of others UTC; or a name is no name.
    FileFormatError
        Something is odd, and the policy is ``"strict"``.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"SpO2": np.full(3600, 96.0)}, rate=1, start="2026-03-10T23:00", unit="%")
    >>> watch = sd.recording_from_arrays({"SpO2": np.full(7200, 95.0)}, rate=1, start="2026-03-10T22:00", unit="%")
    >>> both = combine_recordings(night, {"watch": watch})
    >>> {name: node["channel"].values.tolist() for name, node in both.children.items()}
    {'1Hz': ['SpO2'], 'watch 1Hz': ['watch SpO2']}
    >>> sd.extract(both, "statistics").sizes["epoch"]
    120
    """
    others = [also] if isinstance(also, xr.DataTree) else also
    if isinstance(others, Mapping):
        return combined(recording, list(others.items()), policy)
    return combined(recording, [("", other) for other in others], policy)


def combined(recording: xr.DataTree, others: Sequence[tuple[str, xr.DataTree]], policy: str = "warn") -> xr.DataTree:
    """Recording with others beside it, each with its name, or none; as `combine_recordings`."""
    every = [recording, *(other for _, other in others)]
    for each in every:
        if not isinstance(each, xr.DataTree):
            raise ParameterError("not a recording", expected="what open_recording gives", found=type(each).__name__)
    sources = _sources(every)
    _check_times(dict(zip(sources, every, strict=True)))
    findings = Findings(sources[0], policy)
    night = span(signal_nodes(recording))
    nodes = {node.path: node.to_dataset(inherit=False) for node in recording.subtree}
    told = list(recording.attrs.get(_FINDINGS, []))
    for (name, other), source in zip(others, sources[1:], strict=True):
        told += [f"{source}: {finding}" for finding in other.attrs.get(_FINDINGS, [])]
        _tell_apart(night, span(signal_nodes(other)), recording, source, findings)
        _add(nodes, other, {"source": source, "name": check_name(name), "start": night[0], "end": night[1]}, findings)
    attrs = _attributes(dict(zip(sources, every, strict=True)))
    combination = recording_tree(nodes, attrs | {_FINDINGS: [*told, *map(str, findings.found)]})
    combination.name = recording.name
    return combination


def check_name(name: str) -> str:
    """Name of a source, or none; `ParameterError` if it could not stand at the beginning of those of its channels."""
    if name and not re.fullmatch(NAME, name):
        expected = "at most 32 letters, digits, _ and -, a letter first"
        raise ParameterError("a source cannot be called so", expected=expected, found=repr(name))
    return name


def _sources(recordings: Sequence[xr.DataTree]) -> list[str]:
    """Name of each recording in messages, none twice."""
    sources: list[str] = []
    for tree in recordings:
        sources.append(next(name for name in numbered(source_of(tree)) if name not in sources))
    return sources


def _check_times(each: Mapping[str, xr.DataTree]) -> None:
    """Refuse what has no place in time, or times that are not of one kind."""
    for source, tree in each.items():
        if not is_dated(signal_nodes(tree)):
            raise ParameterError(
                "recording has no date, so that nothing says what was recorded at the same time",
                where=source,
                expected="a date and time of its start",
                fix="leave it out, or put the date into its header",
            )
    zones = {source: str(tree.attrs.get("time_zone", "")) for source, tree in each.items()}
    if len({bool(zone) for zone in zones.values()}) > 1:
        raise ParameterError(
            "some times are local and some are UTC",
            where=", ".join(zones),
            expected="a time zone of each, or of none",
            found=", ".join(f"{zone or 'no zone'} in {source}" for source, zone in zones.items()),
            fix="say in which zone the clocks were that have none, with timezone= (--timezone) when they are opened",
        )


def _tell_apart(
    night: tuple[int, int], theirs: tuple[int, int], recording: xr.DataTree, source: str, findings: Findings
) -> None:
    if theirs[0] < night[1] and theirs[1] > night[0]:
        return
    text = partial(describe_time, zone=zone_of(recording.attrs))
    spans = (f"{text(low)} to {text(high)}" for low, high in (theirs, night))
    message = "holds nothing of the night: {}, and that is {}".format(*spans)
    findings.warn("apart", message, "all its values are missing; check its clock, and whose it is", where=source)


def _add(nodes: dict[str, xr.Dataset], other: xr.DataTree, about: Mapping[str, Any], findings: Findings) -> None:
    """Add the nodes of another recording under names that are free."""
    prefix = f"{about['name']} " if about["name"] else ""
    taken = set(_labels(nodes.values()))
    theirs = [node.to_dataset(inherit=False) for node in other.subtree]
    wanted = {prefix + label for label in _labels(theirs)}
    renamed: dict[str, str] = {}
    for node, dataset in zip(other.subtree, theirs, strict=True):
        path = node.path.strip("/")
        if SIGNAL in dataset:
            path = path or node_name(clock_of(dataset).rate)
            dataset = _named(dataset, prefix, taken, wanted, renamed).assign_attrs({BESIDE: dict(about)})
        elif not dataset.variables:
            continue
        reserved = {*nodes, f"/{ANNOTATIONS}"}  # that is the place of the scores of the night
        nodes[next(free for free in numbered(f"/{prefix}{path}") if free not in reserved)] = dataset
    if renamed:
        message = f"{', '.join(map(repr, renamed))} {'is' if len(renamed) == 1 else 'are'} recorded by two devices"
        reading = f"here called {', '.join(map(repr, renamed.values()))}; a name for this source would tell them apart"
        findings.note("same-name", message, reading, where=str(about["source"]))


def _labels(nodes: Iterable[xr.Dataset]) -> list[str]:
    return [str(label) for node in nodes if SIGNAL in node for label in with_labels(node)["channel"].values]


def _named(node: xr.Dataset, prefix: str, taken: set[str], wanted: set[str], renamed: dict[str, str]) -> xr.Dataset:
    """Node with names of channels that are free, and with what they were called before."""
    labels = [str(label) for label in node["channel"].values]
    names = []
    for label in labels:
        name = prefix + label
        free = name if name not in taken else next(n for n in numbered(name) if n not in taken | wanted)
        if free != name:
            renamed[name] = free
        taken.add(free)
        names.append(free)
    if names == labels:
        return node
    new = {"channel": names} | ({} if "label" in node.coords else {"label": labels})
    return node.assign_coords({key: ("channel", np.array(values, dtype=str)) for key, values in new.items()})


def _attributes(each: Mapping[str, xr.DataTree]) -> dict[str, Any]:
    """Those of the first, with the names and formats of all, and whom any of them names."""
    attrs = {str(key): value for key, value in next(iter(each.values())).attrs.items()}
    formats = dict.fromkeys(str(tree.attrs["format"]) for tree in each.values() if tree.attrs.get("format"))
    known = {source: tree.attrs[IDENTITY] for source, tree in each.items() if IDENTITY in tree.attrs}
    if known:  # never lost: nothing that holds it is stored
        attrs[IDENTITY] = known
    return attrs | {"source": ", ".join(each)} | ({"format": ", ".join(formats)} if formats else {})
