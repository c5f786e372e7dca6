"""A row for each channel of a recording: what is wrong with it, and a verdict; lazy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.features.base import Feature
from sleepdask.features.extract import extract
from sleepdask.features.quality import Amplitude, Clipping, FlatLine, LineNoise
from sleepdask.features.statistics import Statistics
from sleepdask.quality.artefacts import artefact_features, artefacts, flag_names
from sleepdask.quality.lazily import apply, epoch_channel, nodes_of
from sleepdask.quality.rules import Rule
from sleepdask.quality.verdicts import Channel, Thresholds, Values, row, verdict
from sleepdask.signals.conversion import in_units
from sleepdask.signals.recording import SIGNAL, signal_nodes
from sleepdask.signals.units import dimension

_LINES = (50.0, 60.0)
_SHARES = {
    "missing": "expected samples that are missing / expected samples of all epochs",
    "flat": "epochs with more than {flat:g} of their samples flat, or of EEG with a standard deviation below"
    " {silent:g} uV / epochs where this is known",
    "clipped": "epochs with more than {clipped:g} of their samples clipped / epochs where this is known",
    "beyond_limit": "epochs of EEG with more than {beyond_limit:g} of their samples beyond the limit of amplitude /"
    " epochs where this is known",
    "artefact": "epochs that any method calls an artefact / epochs where this is known",
    "constant": "epochs whose samples are all equal / epochs where this is known",
    "usable": "epochs where something is known, not more than {missing:g} of the samples are missing, and that are"
    " neither flat, clipped, beyond the limit nor artefacts / epochs",
}
_NEEDED = ("missing_fraction", "std", "flat_fraction", "clipping_fraction", "amplitude_beyond_limit")


def quality_features(
    *, flat: float = 5.0, limit: float = 250.0, lines: Sequence[float] = _LINES
) -> tuple[Feature, ...]:
    """Features that `table` is made of.

    Parameters
    ----------
    flat
        Shortest flat stretch in seconds.
    limit
        Largest amplitude of EEG in uV, from the median of the epoch.
    lines
        Frequencies of the power line in Hz.

    Examples
    --------
    >>> [feature.name for feature in quality_features()]
    ['flat', 'clipping', 'amplitude', 'line_noise', 'statistics']
    """
    statistics = Statistics(("std", "missing_fraction"), ddof=0)
    return (FlatLine(flat), Clipping(), Amplitude(limit), LineNoise(tuple(lines)), statistics)


def table(
    source: xr.DataTree,
    *,
    method: str | Rule | None = "std",
    thresholds: Thresholds | None = None,
    features: Sequence[Feature] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Judge every channel of a recording; lazy.

    Parameters
    ----------
    source
        A recording as `open_recording` gives it, of any clock; or features as `extract` gives them, with those of
        `quality_features` among them, and what `artefacts` gives: then only `thresholds` counts. Best with
        ``min_coverage=0``, as an epoch without a value counts as missing as a whole.
    method
        How artefact epochs of EEG are told, as in `artefacts`; None: not at all.
    thresholds
        From what on an epoch, or a channel, is bad; default `Thresholds()`.
    features
        Instead of `quality_features()`.
    **options
        Grid and channels as in `extract`: `epoch`, `start`, `end`, `hypnogram`, `channels`, ... With a
        hypnogram the epochs of a stage are compared with each other only.

    Returns
    -------
    table
        Dims (channel,). Coordinates ``channel``, ``node``, ``signal_type``, ``unit``, ``sampling_frequency`` (Hz).
        Variables, each with its `definition` and `units`: ``epochs``; ``missing``, ``flat``, ``clipped``,
        ``beyond_limit``, ``artefact``, ``constant``, ``usable`` (shares); ``line_noise_50_ratio``,
        ``line_noise_50_share`` and the like (medians over epochs); ``verdict`` (good, fair, poor, bad; present,
        unknown) and ``reason``. NaN is what cannot be known: flat stretches and line noise without a fixed rate, or
        where the rate is too low; flat and clipped stretches of what is no wave; amplitude of what is no EEG in uV.
        ``sd.to_dataframe(table)`` makes a pandas table of it.

    Raises
    ------
    ParameterError
        As in `extract`; or the features given are none of those that tell quality.

    Notes
    -----
    EEG in other units of voltage is judged in uV.

    Examples
    --------
    >>> import sleepdask as sd
    >>> table = sd.to_dataframe(sd.quality.table(sd.open_recording("night.edf")))
    >>> table.loc["C3-M2", "verdict"]
    'good'
    """
    limits = Thresholds() if thresholds is None else thresholds
    if isinstance(source, xr.DataTree) and any(SIGNAL in node.data_vars for node in source.subtree):
        source = _measured(source, method, tuple(features or quality_features()), options)
    parts = []
    for path, node in nodes_of(source, "table").items():
        names = [name for name in _NEEDED if name in node]
        names += [str(name) for name in node.data_vars if str(name).startswith("line_noise_")] + flag_names(node)
        if names:
            parts.append(_judged(path, node, names, limits))
    if not parts:
        raise ParameterError(
            "none of the features tells quality",
            where="table",
            expected=f"some of {', '.join(_NEEDED)}",
            fix="extract with sleepdask.quality.quality_features(), or give the recording",
        )
    whole = xr.concat(parts, "channel", data_vars="all", coords="all", join="outer", combine_attrs="override")
    return whole.assign_attrs(
        recording_id=source.attrs.get("recording_id", ""),
        epoch_seconds=source.attrs.get("epoch_seconds", np.nan),
        notes=list(source.attrs.get("notes", [])),
        findings=list(source.attrs.get("findings", [])),
    )


def is_table(item: object) -> bool:
    """Whether this is what `table` gives, computed or not."""
    return isinstance(item, xr.Dataset) and set(item.dims) == {"channel"} and "verdict" in item.data_vars


def _measured(
    recording: xr.DataTree, method: str | Rule | None, features: tuple[Feature, ...], options: dict[str, Any]
) -> xr.DataTree:
    """Features of a recording that tell its quality, its EEG in uV."""
    taken = {output.name for feature in features for output in feature.outputs}
    needed = () if method is None else artefact_features(method)
    wanted = (*features, *(each for each in needed if not taken & {output.name for output in each.outputs}))
    tree = extract(in_units(recording, _to_microvolt(recording)), wanted, **({"min_coverage": 0.0} | options))
    has_eeg = any("eeg" in node["signal_type"].values for node in nodes_of(tree, "table").values())
    return artefacts(tree, method) if method is not None and has_eeg else tree


def _to_microvolt(recording: xr.DataTree) -> dict[str, str]:
    units = {}
    for node in signal_nodes(recording).values():
        for name, kind, unit in zip(
            node["channel"].values.tolist(),
            node["signal_type"].values.tolist(),
            node["unit"].values.tolist(),
            strict=True,
        ):
            if kind == "eeg" and dimension(unit) == "voltage":
                units[str(name)] = "uV"
    return units


def _judged(path: str, node: xr.Dataset, names: list[str], limits: Thresholds) -> xr.Dataset:
    """Rows of the channels of a node."""
    channels = _channels(node)
    lines = [name for name in names if name.startswith("line_noise_")]
    columns = (*("missing", "flat", "clipped", "beyond_limit", "artefact"), *lines, "constant", "usable")
    rows = apply(
        _Rows(tuple(names), tuple(channels), columns, limits),
        [epoch_channel(node, name) for name in names],
        (len(columns), len(channels)),
        float,
    )
    words = apply(_Words(columns, limits), [rows], (2, len(channels)), object)
    told = {name: text.format(**vars(limits)) for name, text in _SHARES.items()}
    told |= {name: f"median over epochs of {node[name].attrs.get('definition', name)}" for name in lines}
    numbers = {name: ("channel", rows[i], {"units": "1", "definition": told[name]}) for i, name in enumerate(columns)}
    said = {
        "verdict": f"good from {limits.good:.0%} usable epochs on, fair from {limits.fair:.0%}, poor from"
        f" {limits.poor:.0%}, else bad; at most fair with line noise: median share from {limits.line_share:g} on and"
        f" ratio from {limits.line_ratio:g} on; bad if constant all night; present, not good, if only what is missing"
        " can be judged; unknown if nothing can",
        "reason": "why it is not good",
    }
    texts = {name: ("channel", words[i], {"definition": text}) for i, (name, text) in enumerate(said.items())}
    count = np.full(len(channels), node.sizes["epoch"])
    coords = {
        "channel": node["channel"].values.astype(object),
        "node": ("channel", np.array([path] * len(channels), dtype=object)),
        "signal_type": ("channel", np.array([each.signal_type for each in channels], dtype=object)),
        "unit": ("channel", np.array([each.unit for each in channels], dtype=object)),
        "sampling_frequency": ("channel", np.array([each.rate for each in channels]), {"units": "Hz"}),
    }
    return xr.Dataset({"epochs": ("channel", count, {"units": "1"})} | numbers | texts, coords=coords)


def _channels(node: xr.Dataset) -> list[Channel]:
    size, rate = node.sizes["channel"], float(node.attrs.get("sampling_frequency", np.nan))
    kinds, units = (
        [str(each) for each in node[name].values] if name in node.coords else [""] * size
        for name in ("signal_type", "unit")
    )
    return [Channel(kind, unit, rate) for kind, unit in zip(kinds, units, strict=True)]


@dataclass(frozen=True)
class _Rows:
    """Summarises the epochs of every channel of a node, dims (column, channel)."""

    names: tuple[str, ...]
    channels: tuple[Channel, ...]
    columns: tuple[str, ...]
    limits: Thresholds

    def __call__(self, *arrays: NDArray[Any]) -> Values:
        out = np.empty((len(self.columns), len(self.channels)))
        for i, channel in enumerate(self.channels):
            values = {
                name: np.ascontiguousarray(each[:, i], np.float64)
                for name, each in zip(self.names, arrays, strict=True)
            }
            found = row(values, channel, self.limits)
            out[:, i] = [found[column] for column in self.columns]
        return out


@dataclass(frozen=True)
class _Words:
    """Verdict and reason of each channel, dims (2, channel)."""

    columns: tuple[str, ...]
    limits: Thresholds

    def __call__(self, rows: Values) -> NDArray[Any]:
        out = np.empty((2, rows.shape[1]), object)
        for i in range(rows.shape[1]):
            out[:, i] = verdict(dict(zip(self.columns, rows[:, i].tolist(), strict=True)), self.limits)
        return out
