"""Frequency bands and the settings that usually go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sleepdask.errors import ParameterError

Band = tuple[str, float, float]


@dataclass(frozen=True)
class Preset:
    """Bands in Hz, and how power in them is estimated."""

    bands: tuple[Band, ...]
    window: str
    detrend: bool
    average: str
    integration: str


_COMMON = (
    ("delta", 0.5, 4.0),
    ("theta", 4.0, 8.0),
    ("alpha", 8.0, 12.0),
    ("sigma", 12.0, 16.0),
    ("beta", 16.0, 30.0),
    ("gamma", 30.0, 40.0),
)
_LUNA = (
    ("slow", 0.5, 1.0),
    ("delta", 1.0, 4.0),
    ("theta", 4.0, 8.0),
    ("alpha", 8.0, 12.0),
    ("sigma", 12.0, 15.0),
    ("beta", 15.0, 30.0),
    ("gamma", 30.0, 50.0),
)

PRESETS = {
    "default": Preset(_COMMON, "hann", detrend=True, average="mean", integration="sum"),
    "yasa": Preset(_COMMON, "hamming", detrend=True, average="median", integration="simpson"),
    "luna": Preset(_LUNA, "tukey50", detrend=False, average="mean", integration="sum"),
}


def check_bands(
    feature: str, bands: Iterable[Band] | Mapping[str, tuple[float, float]], resolution: float
) -> tuple[Band, ...]:
    """Return bands as a tuple of (name, low, high); raise `ParameterError` where they make no sense.

    `resolution` is the least width in Hz that a band may have.
    """
    rows = [(name, *edges) for name, edges in bands.items()] if isinstance(bands, Mapping) else list(bands)
    checked: list[Band] = []
    for row in rows:
        try:
            name, low, high = row
            band = (str(name), float(low), float(high))
        except (TypeError, ValueError):
            raise ParameterError(
                "not a band", where=feature, expected="(name, low, high) in Hz", found=repr(row)
            ) from None
        if not band[0] or band[0] in [other[0] for other in checked]:
            raise ParameterError("bands need names, each its own", where=feature, found=repr(row))
        if not (np.isfinite(band[2]) and 0 <= band[1] < band[2]):
            raise ParameterError(
                "band without width", where=feature, expected="0 <= low < high, in Hz", found=repr(row)
            )
        if band[2] - band[1] < resolution * (1 - 1e-9):
            raise ParameterError(
                "band narrower than the frequency resolution",
                where=feature,
                expected=f"at least {resolution:g} Hz",
                found=repr(row),
                fix="widen the band or lengthen the segment",
            )
        checked.append(band)
    if not checked:
        raise ParameterError("no band given", where=feature)
    return tuple(checked)
