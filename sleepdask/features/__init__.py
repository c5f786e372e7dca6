"""Features of epochs: what can be computed, and how a graph is built from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sleepdask.features.aperiodic import Aperiodic
from sleepdask.features.base import Feature, Output, Sampling
from sleepdask.features.cache import clear_feature_cache, enable_feature_cache, get_cache_stats
from sleepdask.features.irasa import Irasa
from sleepdask.features.peaks import SpectralPeak
from sleepdask.features.registry import catalogue, create, parse_features, register
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.features.time_domain import Hjorth

if TYPE_CHECKING:
    from sleepdask.features.aperiodic_spectra import irasa_spectra
    from sleepdask.features.spectrogram import spectra

for _feature in (Statistics, BandPower, SpectralPeak, Aperiodic, Irasa, Hjorth):
    register(_feature)

__all__ = [
    "Aperiodic",
    "BandPower",
    "Feature",
    "Hjorth",
    "Irasa",
    "Output",
    "Sampling",
    "SpectralPeak",
    "Statistics",
    "catalogue",
    "clear_feature_cache",
    "create",
    "enable_feature_cache",
    "get_cache_stats",
    "irasa_spectra",
    "parse_features",
    "register",
    "spectra",
]


def __getattr__(name: str) -> Any:
    # They load Dask and xarray, which features alone do without.
    if name == "irasa_spectra":
        from sleepdask.features.aperiodic_spectra import irasa_spectra

        return irasa_spectra
    if name == "spectra":
        from sleepdask.features.spectrogram import spectra

        return spectra
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
