"""One unit for each channel of a study: what differs is converted exactly, or taken out."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from sleepdask.errors import ParameterError
from sleepdask.signals.conversion import in_units
from sleepdask.signals.recording import SIGNAL, only_channels, with_labels
from sleepdask.signals.units import ratio
from sleepdask.study.layout import Layout


def conversions(layout: Layout, units: Mapping[str, str]) -> dict[str, str]:
    """Unit that the study has, of the channels of a recording that have another one."""
    return {name: units[name] for name, channel in layout.channels.items() if units[name] != channel.unit}


def into_units(recording: xr.DataTree, units: Mapping[str, str]) -> tuple[xr.DataTree, dict[str, str]]:
    """Convert channels into other units; lazy.

    Returns
    -------
    recording
        With these units, and without the channels that no factor converts.
    invalid
        Reason for each channel that was taken out.

    Raises
    ------
    ParameterError
        None is left.
    """
    if not units:
        return recording, {}
    nodes = [with_labels(node.to_dataset(inherit=False)) for node in recording.subtree if SIGNAL in node.data_vars]
    had = {
        str(name): str(unit)
        for node in nodes
        for name, unit in zip(node["channel"].values, node["unit"].values, strict=True)
    }
    invalid = {
        name: f"is in {had[name] or 'no unit'}, which cannot be converted into {unit or 'none'}, that of the study"
        for name, unit in units.items()
        if name in had and ratio(had[name], unit) is None
    }
    if invalid and set(had) <= invalid.keys():
        found = "; ".join(f"{name} {reason}" for name, reason in invalid.items())
        raise ParameterError("no channel has a unit that fits the study", found=found)
    if invalid:
        recording = only_channels(recording, [name for name in had if name not in invalid])
    return in_units(recording, units), invalid
