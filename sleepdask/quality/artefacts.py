"""Artefact epochs: a second pass over the features of a night, which is lazy as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature
from sleepdask.quality.lazily import apply, epoch_channel, nodes_of, with_variables
from sleepdask.quality.night import Values
from sleepdask.quality.rules import UNKNOWN, Rule, rule_of

PREFIX = "artefact_"


def artefact_features(method: str | Rule = "std") -> tuple[Feature, ...]:
    """Features that a method needs: what to `extract` before `artefacts` can tell.

    Examples
    --------
    >>> [feature.name for feature in artefact_features("buckelmueller")]
    ['bandpower', 'bandpower']
    """
    return rule_of(method).features


def artefacts(
    features: xr.DataTree, method: str | Rule = "std", *, signal_types: Sequence[str] | None = ("eeg",)
) -> xr.DataTree:
    """Tell artefact epochs, channel by channel; lazy, over features only.

    Parameters
    ----------
    features
        As `extract` gives them, with those of `artefact_features` among them.
    method
        ``"std"`` (`Deviation`), ``"buckelmueller"``, or one of these rules with parameters of your own.
    signal_types
        Types of the channels that are judged; None: all. A limb that twitches, or a saturation that drops, is unlike
        the rest of the night too, and no artefact.

    Returns
    -------
    features
        The same with one more variable in each node that has what the method needs: ``artefact_<method>``, dims (epoch,
        channel), float64, 1 artefact, 0 clean, NaN unknown. What is unknown is not clean: features are missing, or
        there is too little to compare with, or the channel is not of these types. Its `definition` says all that
        counts. Tables, files and studies take it as they take any feature.

    Raises
    ------
    ParameterError
        No channel of these types has the features, or the method is unknown.

    Examples
    --------
    >>> import sleepdask as sd
    >>> night = sd.open_recording("night.edf")
    >>> features = sd.extract(night, sd.quality.artefact_features("buckelmueller"), hypnogram=None)
    >>> features = sd.quality.artefacts(features, "buckelmueller")
    >>> features["256Hz/artefact_buckelmueller"].dims
    ('epoch', 'channel')
    """
    rule = rule_of(method)
    stages = tuple(features.coords["stage"].values.tolist()) if "stage" in features.coords else ()
    staged = rule.by_stage(np.array(stages, dtype=str))
    changed = features.copy()
    found = False
    for path, node in nodes_of(features, "artefacts").items():
        columns = rule.columns(frozenset(map(str, node.data_vars)))
        chosen = _chosen(node, signal_types)
        if not columns or not any(chosen):
            continue
        found = True
        shape = (len(stages), len(chosen))
        flags = apply(_Night(rule, columns, stages, chosen), [epoch_channel(node, c) for c in columns], shape, float)
        attrs = {
            "units": "1",
            "definition": rule.definition(columns, staged=staged),
            "reference": rule.reference,
            "feature": PREFIX + rule.name,
            "version": rule.version,
            "parameters": json.dumps(rule.parameters),
        }
        with_variables(changed, path, {PREFIX + rule.name: (("epoch", "channel"), flags, attrs)})
    if not found:
        kinds = "" if signal_types is None else f" of the types {', '.join(signal_types)}"
        raise ParameterError(
            f"no channel{kinds} has the features that {rule.name!r} needs",
            where="artefacts",
            fix=f"extract with sleepdask.quality.artefact_features({rule.name!r}), or give other signal_types",
        )
    return changed


def flag_names(node: xr.Dataset) -> list[str]:
    """Variables of a node that tell artefacts."""
    return [str(name) for name in node.data_vars if str(name).startswith(PREFIX)]


@dataclass(frozen=True)
class _Night:
    """Decides on all epochs of all chosen channels of a node."""

    rule: Rule
    columns: tuple[str, ...]
    stages: tuple[str, ...]
    chosen: tuple[bool, ...]

    def __call__(self, *arrays: NDArray[Any]) -> Values:
        stages = np.array(self.stages, dtype=str)
        flags = np.full(arrays[0].shape, UNKNOWN)
        for channel in np.flatnonzero(self.chosen):
            columns = {
                name: np.ascontiguousarray(values[:, channel], np.float64)
                for name, values in zip(self.columns, arrays, strict=True)
            }
            flags[:, channel] = self.rule.flags(columns, stages)
        return flags


def _chosen(node: xr.Dataset, signal_types: Sequence[str] | None) -> tuple[bool, ...]:
    if signal_types is None:
        return (True,) * node.sizes["channel"]
    kinds = node["signal_type"].values.tolist() if "signal_type" in node.coords else [""] * node.sizes["channel"]
    wanted = {signal_types} if isinstance(signal_types, str) else set(signal_types)
    return tuple(str(kind) in wanted for kind in kinds)
