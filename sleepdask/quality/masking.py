"""Features without the values of artefact epochs: nothing vanishes silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.features.task import FAILED, MISSING, PARTIAL, STATUS_DTYPE, STATUSES
from sleepdask.io.tables import feature_names
from sleepdask.quality.artefacts import PREFIX, flag_names
from sleepdask.quality.epochs import Onto, epochs_within
from sleepdask.quality.lazily import apply, epoch_channel, nodes_of, with_variables


def mask(
    features: xr.DataTree,
    artefacts: xr.DataTree | None = None,
    *,
    methods: Sequence[str] | None = None,
    unknown: bool = False,
    share: float = 0.0,
) -> xr.DataTree:
    """Make the values of artefact epochs NaN, channel by channel; lazy.

    Parameters
    ----------
    features
        As `extract` gives them.
    artefacts
        As `artefacts` gives them, of the same channels, and of the same epochs or shorter ones; default: `features`
        themselves.
    methods
        Those whose artefacts count, such as ``["std"]``; default: all that are there. An epoch of a channel goes if any
        of them says so.
    unknown
        Whether what is unknown to one of them goes too; else it stays.
    share
        Where artefacts are told in shorter epochs: an epoch is an artefact if more than this share of those that lie in
        it, or reach into it, are; if not, it is unknown if one of them is, or there is none.

    Returns
    -------
    features
        The same, with NaN where a channel has an artefact; what tells artefacts stays as it is. The ``status`` of such
        an epoch is ``missing`` if all channels of the node are masked, and else ``partial``, unless it was ``missing``
        or ``failed`` before; ``reason`` says which channel by which method: ``C3: artefact (std)``, or
        ``artefact (std)`` where it is all of them. The root's ``notes`` tell of the mask.

    Raises
    ------
    ParameterError
        Nothing tells artefacts by these methods, or epochs or channels differ.

    Examples
    --------
    >>> import sleepdask as sd
    >>> features = sd.extract(sd.open_recording("night.edf"), "statistics,hjorth")
    >>> clean = sd.quality.mask(sd.quality.artefacts(features, sd.quality.Deviation(least=5)))
    >>> clean.attrs["notes"][-1]
    'values of artefact epochs (std) are NaN'
    """
    artefacts = features if artefacts is None else artefacts
    nodes, judged = nodes_of(features, "mask"), nodes_of(artefacts, "mask")
    if not 0 <= share < 1:
        raise ParameterError("share must be at least 0 and below 1", where="mask", found=repr(share))
    within = epochs_within(features, artefacts)
    wanted = None if methods is None else {PREFIX + method for method in methods}
    changed = features.copy()
    told: dict[str, None] = {}
    for path, node in nodes.items():
        flags = [] if path not in judged else flag_names(judged[path])
        names = [name for name in flags if wanted is None or name in wanted]
        if names:
            _check_channels(path, node, judged[path])
            onto = None if within is None else Onto(within, share)
            with_variables(changed, path, _masked(node, judged[path], names, onto, unknown=unknown))
            told |= dict.fromkeys(name.removeprefix(PREFIX) for name in names)
    if lacking := (wanted or set()) - {PREFIX + method for method in told} or not told:
        by = "" if lacking is True else f" by {', '.join(sorted(each.removeprefix(PREFIX) for each in lacking))}"
        raise ParameterError(
            f"nothing tells artefacts{by}", where="mask", fix="call sleepdask.quality.artefacts before"
        )
    also = " and unknown" if unknown else ""
    note = f"values of artefact{also} epochs ({', '.join(told)}) are NaN"
    changed.attrs = features.attrs | {"notes": [*features.attrs.get("notes", []), note]}
    return changed


def _check_channels(path: str, node: xr.Dataset, judged: xr.Dataset) -> None:
    if not np.array_equal(node["channel"].values, judged["channel"].values):
        raise ParameterError(
            "artefacts are of other channels than the features",
            where=f"mask, {path}",
            fix="extract both from the same channels",
        )


def _masked(
    node: xr.Dataset, judged: xr.Dataset, names: Sequence[str], onto: Onto | None, *, unknown: bool
) -> dict[str, Any]:
    """Variables of a node, masked."""
    channels = tuple(str(name) for name in node["channel"].values)
    shape = (node.sizes["epoch"], len(channels))
    flags = [epoch_channel(judged, name) for name in names]
    if onto is not None:
        flags = [apply(onto, [each], shape, float) for each in flags]
    clean = apply(_Clean(unknown), flags, shape, bool)
    masked = [name for name in feature_names(node) if not name.startswith(PREFIX)]
    data = {name: apply(_where, [clean, epoch_channel(node, name)], shape, float) for name in masked}
    said = tuple(name.removeprefix(PREFIX) for name in names)
    status, reason = node.variables["status"].data, node.variables["reason"].data
    data["status"] = apply(_status, [status, clean], shape[:1], STATUS_DTYPE)
    data["reason"] = apply(_Reasons(channels, said, unknown), [reason, *flags], shape[:1], object)
    dims = ("epoch", "channel")
    return {name: (dims[: each.ndim], each, node.variables[name].attrs) for name, each in data.items()}


@dataclass(frozen=True)
class _Clean:
    """Which epochs of which channels no method calls an artefact."""

    unknown: bool

    def __call__(self, *flags: NDArray[np.float64]) -> NDArray[np.bool_]:
        bad = [(each == 1) | (np.isnan(each) if self.unknown else False) for each in flags]
        clean: NDArray[np.bool_] = ~np.any(bad, axis=0)
        return clean


def _where(clean: NDArray[np.bool_], values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(clean, values, np.nan)


def _status(status: NDArray[np.str_], clean: NDArray[np.bool_]) -> NDArray[np.str_]:
    settled = np.isin(status, (STATUSES[MISSING], STATUSES[FAILED]))
    masked = np.where(clean.any(axis=1), STATUSES[PARTIAL], STATUSES[MISSING])
    return np.where(settled | clean.all(axis=1), status, masked).astype(STATUS_DTYPE)


@dataclass(frozen=True)
class _Reasons:
    """What was said of each epoch, and which channels are masked."""

    channels: tuple[str, ...]
    methods: tuple[str, ...]
    unknown: bool

    def __call__(self, reason: NDArray[Any], *flags: NDArray[np.float64]) -> NDArray[Any]:
        texts = np.array(reason, dtype=object)
        for method, each in zip(self.methods, flags, strict=True):
            self._add(texts, each == 1, f"artefact ({method})")
            if self.unknown:
                self._add(texts, np.isnan(each), f"artefact unknown ({method})")
        return texts

    def _add(self, texts: NDArray[Any], bad: NDArray[np.bool_], cause: str) -> None:
        for epoch in np.flatnonzero(bad.any(axis=1)):
            whole = bad[epoch].all()
            causes = [cause] if whole else [f"{self.channels[i]}: {cause}" for i in np.flatnonzero(bad[epoch])]
            texts[epoch] = "; ".join(filter(None, [texts[epoch], *causes]))
