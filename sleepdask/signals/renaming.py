"""Recordings under canonical channel names; lazy, as names are no samples."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import xarray as xr

from sleepdask.findings import Finding
from sleepdask.signals.channels import ChannelTable, load_channel_table
from sleepdask.signals.index import DIM, ClockIndex, clock_of
from sleepdask.signals.recording import BESIDE, SIGNAL, on_signals, with_labels
from sleepdask.signals.types import UNKNOWN, contradicts, signal_type
from sleepdask.signals.units import dimension, normal_unit


def channel_names(recording: xr.DataTree, table: ChannelTable | None = None) -> dict[str, str]:
    """Name that `rename_channels` gives to each channel of a recording.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    table
        As `load_channel_table` gives it; default the table of the package.

    Returns
    -------
    names
        New name by present name, in the order of the recording. A label that the table does not know stays as it
        is. Of channels that would share a name, the first has it, the next get `` #2``, `` #3``. Where labels begin
        with the name of a source (`combine_recordings`), so do the new ones.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"EEG C3-A2": [0.0], "C3:M2": [0.0], "X1": [0.0]}, rate=100)
    >>> channel_names(night)
    {'EEG C3-A2': 'C3-M2', 'C3:M2': 'C3-M2 #2', 'X1': 'X1'}
    """
    table = load_channel_table() if table is None else table
    wanted = {
        str(label): _canonical(str(label), node, table)
        for node in _nodes(recording)
        for label in node["channel"].values
    }
    taken = {label for label, name in wanted.items() if name is None}
    names = {}
    for label, name in wanted.items():
        free = label if name is None else next(each for each in numbered(name) if each not in taken)
        taken.add(free)
        names[label] = free
    return names


def rename_channels(recording: xr.DataTree, table: ChannelTable | None = None) -> xr.DataTree:
    """Put a recording under canonical channel names; no sample is read.

    Parameters
    ----------
    recording
        As `open_recording` gives it.
    table
        As `load_channel_table` gives it; default the table of the package.

    Returns
    -------
    recording
        The same with canonical names in ``channel`` and the present ones in the coordinate ``label`` (which keeps
        what it holds if it is there already). ``signal_type`` is what the table says, unless the unit of the channel
        contradicts it; one that neither the table nor the label tells is told from the canonical name.
        ``attrs["findings"]`` tells of such a unit, and of channels numbered because they share a name.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = rename_channels(sd.recording_from_arrays({"EEG C3-A2": [0.0], "X1": [0.0]}, rate=100))
    >>> night["100Hz"]["channel"].values.tolist(), night["100Hz"]["label"].values.tolist()
    (['C3-M2', 'X1'], ['EEG C3-A2', 'X1'])
    """
    table = load_channel_table() if table is None else table
    names = channel_names(recording, table)
    findings: list[Finding] = []
    renamed = on_signals(recording, lambda node: _renamed(node, names, table, findings))
    told = [*recording.attrs.get("findings", []), *map(str, findings)]
    renamed.attrs = {**recording.attrs, "findings": told}
    return renamed


def _nodes(recording: xr.DataTree) -> list[xr.Dataset]:
    return [with_labels(node.to_dataset(inherit=False)) for node in recording.subtree if SIGNAL in node.data_vars]


def _parted(label: str, node: xr.Dataset) -> tuple[str, str]:
    """Name of the source that a label begins with, if it does, and the label itself."""
    source = node.attrs.get(BESIDE, {}).get("name", "")
    prefix = f"{source} " if source and label.startswith(f"{source} ") else ""
    return prefix, label.removeprefix(prefix)


def _canonical(label: str, node: xr.Dataset, table: ChannelTable) -> str | None:
    """Name of a label by the table, behind that of its source; None if the table does not know it."""
    prefix, plain = _parted(label, node)
    name = table.name(plain)
    return None if name is None else prefix + name


def _renamed(node: xr.Dataset, names: dict[str, str], table: ChannelTable, findings: list[Finding]) -> xr.Dataset:
    node = with_labels(node)
    labels = [str(label) for label in node["channel"].values]
    blank = np.full(len(labels), "")
    units, types = (node[name].values if name in node.coords else blank for name in ("unit", "signal_type"))
    rate = clock_of(node).rate if isinstance(node.xindexes.get(DIM), ClockIndex) else None
    spelled, kinds = [], []
    for label, unit, kind in zip(labels, units.tolist(), types.tolist(), strict=True):
        prefix, plain = _parted(label, node)
        canonical = table.name(plain)
        name = None if canonical is None else prefix + canonical
        if name is not None and names[label] not in (name, label):
            message = f"{name!r} is the name of another channel too"
            findings.append(_finding("channel-name", message, f"it is called {names[label]!r}", label))
        stated = table.types.get(canonical or "", kind)
        if canonical is not None and stated in (UNKNOWN, ""):
            stated = signal_type(canonical, unit, rate)
        if stated != kind and contradicts(stated, dimension(unit)):
            message = f"the channel table says {stated}, but its unit is {unit}"
            findings.append(_finding("channel-type", message, f"its type stays {kind or 'unknown'}", label))
            stated = kind
        spelled.append(normal_unit(unit, stated))
        kinds.append(stated)
    new = {"channel": [names[label] for label in labels], "unit": spelled, "signal_type": kinds}
    new |= {} if "label" in node.coords else {"label": labels}
    return node.assign_coords({name: ("channel", np.array(values, dtype=str)) for name, values in new.items()})


def numbered(name: str) -> Iterator[str]:
    """The name itself, then what the second channel of this name is called, the third, and so on."""
    return (name if k == 1 else f"{name} #{k}" for k in count(1))


def _finding(code: str, message: str, reading: str, label: str) -> Finding:
    return Finding("warning", code, message, reading, f"channel {label}")
