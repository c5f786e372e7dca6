"""What is said of the channels of joined nodes: their names, their details, and where recordings disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.findings import Findings
from sleepdask.signals.index import time_coordinate
from sleepdask.signals.joined_array import joined_signal
from sleepdask.signals.joined_nodes import Lane, Part, lanes
from sleepdask.signals.recording import SIGNAL
from sleepdask.signals.renaming import numbered


def joined_nodes(parts: Sequence[Part], findings: Findings) -> dict[str, xr.Dataset]:
    """Nodes of signals by name, from those of all recordings in order of time.

    Raises
    ------
    ParameterError
        A channel is in two recordings at one time, or in two units.
    """
    nodes: dict[str, xr.Dataset] = {}
    homes: dict[str, str] = {}
    found = lanes(parts)
    labels = {channel for lane in found for channel in lane.channels}
    for lane in found:
        name = next(name for name in numbered(lane.name) if name not in nodes)
        names = {}
        for label in lane.channels:
            used = homes.keys() | (labels - {label})
            names[label] = label if label not in homes else next(n for n in numbered(label) if n not in used)
            homes[names[label]] = name
        _tell_names(names, homes, name, findings)
        nodes[name] = _node(lane, list(names.values()), findings)
    return nodes


def _tell_names(names: Mapping[str, str], homes: Mapping[str, str], node: str, findings: Findings) -> None:
    again = [label for label, name in names.items() if name != label]
    if again:
        message = f"{_quoted(again)} are recorded on another node too, {homes[again[0]]}"
        reading = f"what is not resampled cannot be one: here they are called {_quoted([names[n] for n in again])}"
        findings.warn("two-rates", message.replace(" are ", " is ", not again[1:]), reading, where=node)


def _node(lane: Lane, names: Sequence[str], findings: Findings) -> xr.Dataset:
    _tell_missing(lane, findings)
    pieces, clock = lane.pieces
    signals = next(iter(lane.parts.values())).signals
    return xr.Dataset(
        {SIGNAL: joined_signal(pieces, len(names))},
        coords={"channel": ("channel", np.array(names, dtype=str)), **_details(lane, findings)},
        attrs=signals.attrs,
    ).assign_coords(time_coordinate(clock))


def _tell_missing(lane: Lane, findings: Findings) -> None:
    lacking: dict[tuple[str, ...], list[str]] = {}
    for channel in lane.channels:
        having = lane.holders(channel)
        clocks = {part.clock for part in having}
        without = tuple(part.source for part in lane.parts.values() if part.clock not in clocks)
        if without:
            lacking.setdefault(without, []).append(channel)
    for without, channels in lacking.items():
        message = f"no {_quoted(channels)} in {_few(without)}"
        findings.warn("channel-missing", message, "all values are missing there", where=lane.name)


def _details(lane: Lane, findings: Findings) -> dict[str, tuple[str, Any]]:
    """What is said of each channel; where recordings differ, what the first says."""
    details: dict[str, tuple[str, Any]] = {}
    for name in dict.fromkeys(name for part in lane.parts.values() for name in part.details):
        values: list[Any] = []
        for channel in lane.channels:
            holders = lane.holders(channel)
            said = {p.source: p.details[name][p.rows[channel]] for p in holders if name in p.details}
            values.append(_agreed(name, channel, said, len(holders), findings))
        known = [value for value in values if value is not None]
        blank = "" if any(isinstance(value, str) for value in known) else np.nan
        array = np.array([blank if value is None else value for value in values])
        details[name] = ("channel", array)
    return details


def _agreed(name: str, channel: str, said: Mapping[str, Any], holders: int, findings: Findings) -> Any:
    """The one value that all recordings give for a channel, or the first."""
    different: dict[Any, str] = {}
    for source, each in said.items():
        if each == each:  # NaN says nothing
            different.setdefault(each, source)
    if name == "uncalibrated":  # the reason why all is missing: of the channel only if it is so everywhere
        return next(iter(said.values())) if all(said.values()) and len(said) == holders else ""
    if name == "unit" and len(different) > 1:
        told = ", ".join(f"{unit or 'no unit'} in {source}" for unit, source in different.items())
        raise ParameterError(
            f"channel {channel!r} has two units",
            found=told,
            fix="open each, convert with to_unit, then join_recordings",
        )
    value = next(
        (value for value in said.values() if value in different and value != ""), "" if "" in different else None
    )
    others = [(each, source) for each, source in different.items() if each not in (value, "")]
    if others and name != "physical_dimension":  # a spelling; the unit is the same
        message = f"{name} is {value!r} in {different[value]}, {others[0][0]!r} in {others[0][1]}"
        findings.note("channel-differs", message, "the first is kept", where=f"channel {channel}")
    return value


def _quoted(names: Sequence[str]) -> str:
    return _few([repr(name) for name in names])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
