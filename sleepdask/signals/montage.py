"""Derived channels: one channel minus another, or minus the mean of several, as montages define them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Finding
from sleepdask.signals.conversion import described_channels
from sleepdask.signals.derived_array import Difference, with_differences
from sleepdask.signals.recording import SIGNAL, recording_id, with_labels
from sleepdask.signals.types import UNKNOWN
from sleepdask.signals.units import ratio

DERIVED = "derived"  # the coordinate that says from what
_OF_PARTS = ("sensor", "prefilter")  # texts that hold for a difference if they do for all its parts
Montage = Mapping[str, tuple[str, str | Sequence[str]]]
Parts = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Place:
    """A derived channel, the node that it goes to, and its rows there."""

    name: str
    parts: Parts
    path: str
    rows: Difference


def derive_channels(recording: xr.DataTree, montage: Montage) -> xr.DataTree:
    """Add differences of channels to a recording; lazy, no sample is read.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    montage
        For each name the active channel and its reference, or several references, whose mean is then taken away:
        ``{"C3-M2": ("C3", "M2"), "C3-LM": ("C3", ("M1", "M2"))}``. Parts may be derived channels themselves.

    Returns
    -------
    recording
        The same with the derived channels behind the others of their node: active minus reference, in the unit of the
        active channel, computed in float64 and kept in the floating dtype of the recording; NaN wherever a part is
        NaN. ``derived`` says of what each was made. Dask arrays keep their chunks along time; a recording without
        stays without, so that `extract` cuts it where its epochs need it.
        A name that the recording already has stays what it is there. A channel is not derived if a part is missing, if
        parts are on different nodes, or if no factor converts their units. ``attrs["findings"]`` tells of all this.

    Raises
    ------
    ParameterError
        The montage itself makes no sense.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": [5.0, 7.0], "M1": [1.0, 2.0], "M2": [3.0, 4.0]}, rate=100)
    >>> night = derive_channels(night, {"C3-M2": ("C3", "M2"), "C3-LM": ("C3", ("M1", "M2"))})
    >>> night["100Hz"]["channel"].values.tolist(), night["100Hz"]["derived"].values.tolist()
    (['C3', 'M1', 'M2', 'C3-M2', 'C3-LM'], ['', '', '', 'C3 - M2', 'C3 - (M1 + M2) / 2'])
    >>> night["100Hz"]["signal"].sel(channel=["C3-M2", "C3-LM"]).values.tolist()
    [[2.0, 3.0], [3.0, 4.0]]
    """
    made, findings = derived(recording, montage)
    made.attrs = {**made.attrs, "findings": [*recording.attrs.get("findings", []), *map(str, findings)]}
    return made


def derived(recording: xr.DataTree, montage: Montage) -> tuple[xr.DataTree, list[Finding]]:
    """Recording as `derive_channels` gives it, and what is to be told instead of within its attributes.

    Findings are notes for channels that are there already, and warnings for those that are not derived.
    """
    pending, findings = check_montage(montage), []
    present = {name for node in _nodes(recording).values() for name, _, _ in node}
    for name in present & pending.keys():
        del pending[name]
    for name in montage:
        if name in present:
            findings.append(_finding("note", name, "the recording has a channel of this name", "it stays what it is"))
    while pending:
        nodes = _nodes(recording)
        present = {name for node in nodes.values() for name, _, _ in node}
        ready = {name: parts for name, parts in pending.items() if present.issuperset((parts[0], *parts[1]))}
        if not ready:
            break
        pending = {name: parts for name, parts in pending.items() if name not in ready}
        places: list[_Place] = []
        for name, parts in ready.items():
            place = _place(name, parts, nodes)
            if isinstance(place, str):
                findings.append(_finding("warning", name, place))
            else:
                places.append(place)
        if places:
            recording = _with(recording, places)
    for name, (active, references) in pending.items():
        absent = ", ".join(part for part in (active, *references) if part not in present)
        findings.append(_finding("warning", name, f"there is no {absent}"))
    return recording, findings


def check_montage(montage: Montage) -> dict[str, Parts]:
    """Montage with its references as tuples.

    Raises
    ------
    ParameterError
        A name or a part is no text, a channel has no reference, one repeats, or a channel would be made of itself.
    """
    checked: dict[str, Parts] = {}
    for name, parts in montage.items():
        where = f"montage of {name!r}"
        if isinstance(parts, str) or not isinstance(parts, Sequence) or len(parts) != 2:
            expected = "an active channel and its reference, or a list of references"
            raise ParameterError("not a derivation", where=where, expected=expected, found=repr(parts))
        active, given = parts
        references = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Sequence) else ()
        texts = [name, active, *references]
        if not references or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ParameterError("names of channels are missing", where=where, expected="texts", found=repr(parts))
        if name in (active, *references):
            fix = "give the difference a name of its own, such as 'C3-M2'"
            raise ParameterError("a channel cannot be made of itself", where=where, fix=fix)
        if len({active, *references}) <= len(references):
            raise ParameterError("a part repeats", where=where, found=repr(parts), fix="name each part once")
        checked[name] = (active, references)
    return checked


def rereferenced(recording: xr.DataTree, references: Mapping[str, Sequence[str]]) -> tuple[xr.DataTree, list[Finding]]:
    """Recording with channels less the mean of others, each in its own place and under its own name; lazy.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    references
        Of each channel, on its own node; the channel itself may be among them.

    Returns
    -------
    recording
        In the unit of each channel, computed in float64; ``derived`` says what was taken away.
    findings
        Warnings for channels whose references are on another node, or in a unit that no factor converts; they stay as
        they are.
    """
    nodes, findings, places = _nodes(recording), list[Finding](), list[_Place]()
    for name, others in references.items():
        place = _place(name, (name, tuple(others)), nodes)
        if isinstance(place, str):
            findings.append(_finding("warning", name, place, "it stays as it is"))
        else:
            places.append(place)
    changed = recording.copy()
    for node in changed.subtree:
        here = {place.name: place for place in places if place.path == node.path}
        if here:
            dataset = with_labels(node.to_dataset(inherit=False))
            names = [str(name) for name in dataset["channel"].values]
            made = _extended(dataset, [here[name] for name in names if name in here])
            behind = iter(range(len(names), made.sizes["channel"]))
            made = made.isel(channel=[next(behind) if name in here else row for row, name in enumerate(names)])
            if "label" in dataset.coords:
                made = made.assign_coords(label=dataset["label"])
            node.dataset = made
    return changed, findings


def _nodes(recording: xr.DataTree) -> dict[str, list[tuple[str, str, str]]]:
    """Name, type and unit of the channels of each node of signals, by its path."""
    where = recording_id(recording)
    return {
        node.path: described_channels(node.to_dataset(inherit=False), where)
        for node in recording.subtree
        if SIGNAL in node.data_vars
    }


def _place(name: str, parts: Parts, nodes: Mapping[str, list[tuple[str, str, str]]]) -> _Place | str:
    """Where a channel is derived, all parts of which are there; or why it cannot be."""
    active, references = parts
    everywhere = [each for channels in nodes.values() for each, _, _ in channels]
    for part in (active, *references):
        if everywhere.count(part) > 1:
            return f"there is more than one {part}"
    homes = [path for path, channels in nodes.items() if {each for each, _, _ in channels} >= {active, *references}]
    if not homes:
        return f"{', '.join((active, *references))} are on different nodes, which have clocks of their own"
    rows = {channel: row for row, (channel, _, _) in enumerate(nodes[homes[0]])}
    units = {channel: unit for channel, _, unit in nodes[homes[0]]}
    unit, factors = units[active], list[Fraction]()
    for reference in references:
        other = units[reference]
        factor = Fraction(1) if other == unit else ratio(other, unit)
        if factor is None:
            return f"{reference} is in {other or 'no unit'}, {active} in {unit or 'no unit'}, which no factor converts"
        factors.append(factor)
    difference = Difference(rows[active], tuple(rows[each] for each in references), tuple(factors))
    return _Place(name, parts, homes[0], difference)


def _with(recording: xr.DataTree, places: Sequence[_Place]) -> xr.DataTree:
    """Recording with derived channels behind the others of their nodes."""
    changed = recording.copy()
    for node in changed.subtree:
        here = [place for place in places if place.path == node.path]
        if here:
            node.dataset = _extended(node.to_dataset(inherit=False), here)
    return changed


def _extended(node: xr.Dataset, places: Sequence[_Place]) -> xr.Dataset:
    """Node with derived channels: what else is said of a channel is that of the active one."""
    node = with_labels(node)
    signal = node[SIGNAL].variable
    rows = [*range(node.sizes["channel"]), *(place.rows.active for place in places)]
    old = {str(name): list(c.values) for name, c in node.coords.items() if c.dims == ("channel",)}
    made = node.drop_vars(SIGNAL).isel(channel=rows)
    told = {name: values + [_told(name, values, place) for place in places] for name, values in old.items()}
    told[DERIVED] = [*old.get(DERIVED, [""] * len(old["channel"])), *(_formula(place.parts) for place in places)]
    changed = {"channel", "label", "signal_type", "uncalibrated", DERIVED, *_OF_PARTS} & told.keys()
    made = made.assign_coords({name: ("channel", np.array(told[name], dtype=str)) for name in sorted(changed)})
    return made.assign({SIGNAL: with_differences(signal, tuple(place.rows for place in places))})


def _told(name: str, values: Sequence[object], place: _Place) -> object:
    """What a coordinate says of a derived channel."""
    active, references = place.parts
    said = dict(zip((active, *references), (str(values[row]) for row in place.rows.rows), strict=True))
    if name == "channel":
        return place.name
    if name == "label":
        return ""  # the file has none for it
    if name == "signal_type":
        kind, *others = said.values()
        return kind if set(others) <= {kind, "eeg", UNKNOWN, ""} else UNKNOWN  # mastoids and ears are EEG leads
    if name == "uncalibrated":
        return "; ".join(f"{part}: {reason}" for part, reason in said.items() if reason)
    if name in _OF_PARTS and len(set(said.values())) > 1:
        return "; ".join(f"{part}: {text or 'not stated'}" for part, text in said.items())
    return values[place.rows.active]


def _formula(parts: Parts) -> str:
    active, references = parts
    mean = references[0] if len(references) == 1 else f"({' + '.join(references)}) / {len(references)}"
    return f"{active} - {mean}"


def _finding(severity: str, name: str, message: str, reading: str = "it is not derived") -> Finding:
    return Finding(severity, "montage", message, reading, f"channel {name}")
