"""Artefacts that are told in short epochs, on longer ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.quality.night import Values


def epochs_within(features: xr.DataTree, artefacts: xr.DataTree) -> tuple[tuple[int, int], ...] | None:
    """For each epoch of features the half-open range of those of artefacts that it shares time with.

    None if their epochs are the same.

    Raises
    ------
    ParameterError
        They are longer, or none of them shares time with any.
    """
    mine, theirs = features.coords["start"].values, artefacts.coords["start"].values
    long, short = (tree.attrs.get("epoch_seconds") for tree in (features, artefacts))
    if long == short and np.array_equal(mine, theirs):
        return None
    if long is None or short is None or short > long or mine.dtype != theirs.dtype:
        raise ParameterError(
            "artefacts are of other epochs than the features",
            where="mask",
            expected="the same epochs, or shorter ones",
            found="epochs of " + " and ".join(f"{each} s" for each in (short, long)),
            fix="extract both from the same recording",
        )
    starts, others = mine.astype(np.int64), theirs.astype(np.int64)
    first = np.searchsorted(others, starts - round(short * 1e9), side="right")
    after = np.searchsorted(others, starts + round(long * 1e9), side="left")
    if not (after > first).any():
        raise ParameterError(
            "artefacts and features share no time", where="mask", fix="extract both from one recording"
        )
    return tuple(zip(first.tolist(), after.tolist(), strict=True))


@dataclass(frozen=True)
class Onto:
    """Flags of long epochs, made of those of the short ones in them; dims (epoch, channel)."""

    within: tuple[tuple[int, int], ...]
    share: float

    def __call__(self, flags: NDArray[np.float64]) -> Values:
        out = np.full((len(self.within), flags.shape[1]), np.nan)
        for epoch, (first, after) in enumerate(self.within):
            if after > first:
                part = flags[first:after]
                bad = (part == 1).mean(axis=0) > self.share
                out[epoch] = np.where(bad, 1.0, np.where(np.isnan(part).any(axis=0), np.nan, 0.0))
        return out
