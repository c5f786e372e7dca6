"""Features of epochs: what can be computed, and how a graph is built from it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sleepdask.features.aperiodic import Aperiodic
from sleepdask.features.base import Feature, Output, Sampling
from sleepdask.features.cache import clear_feature_cache, enable_feature_cache, get_cache_stats
from sleepdask.features.entropy import ApproximateEntropy, MultiscaleEntropy, PermutationEntropy, SampleEntropy
from sleepdask.features.fractal import DFA, HiguchiFD, KatzFD, PetrosianFD
from sleepdask.features.irasa import Irasa
from sleepdask.features.lempel_ziv import LempelZiv
from sleepdask.features.own import feature
from sleepdask.features.peaks import SpectralPeak
from sleepdask.features.quality import Amplitude, Clipping, FlatLine, LineNoise
from sleepdask.features.registry import catalogue, create, families, parse_features, register
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.features.time_domain import Hjorth, LineLength, ZeroCrossings

if TYPE_CHECKING:
    from sleepdask.features.aperiodic_spectra import irasa_spectra
    from sleepdask.features.second_pass import join_features, lag, robust_zscore, scale_5_95, smooth
    from sleepdask.features.spectrogram import spectra

_HOME = {  # of what loads Dask, which features alone do without
    **dict.fromkeys(("join_features", "lag", "robust_zscore", "scale_5_95", "smooth"), "second_pass"),
    "irasa_spectra": "aperiodic_spectra",
    "spectra": "spectrogram",
}

for _feature in (
    *(Statistics, Hjorth, LineLength, ZeroCrossings),
    *(BandPower, SpectralPeak, Aperiodic, Irasa),
    *(PermutationEntropy, SampleEntropy, ApproximateEntropy, MultiscaleEntropy, LempelZiv),
    *(HiguchiFD, PetrosianFD, KatzFD, DFA),
    *(FlatLine, Clipping, Amplitude, LineNoise),
):
    register(_feature)

__all__ = [
    "DFA",
    "Amplitude",
    "Aperiodic",
    "ApproximateEntropy",
    "BandPower",
    "Clipping",
    "Feature",
    "FlatLine",
    "HiguchiFD",
    "Hjorth",
    "Irasa",
    "KatzFD",
    "LempelZiv",
    "LineLength",
    "LineNoise",
    "MultiscaleEntropy",
    "Output",
    "PermutationEntropy",
    "PetrosianFD",
    "SampleEntropy",
    "Sampling",
    "SpectralPeak",
    "Statistics",
    "ZeroCrossings",
    "catalogue",
    "clear_feature_cache",
    "create",
    "enable_feature_cache",
    "families",
    "feature",
    "get_cache_stats",
    "irasa_spectra",
    "join_features",
    "lag",
    "parse_features",
    "register",
    "robust_zscore",
    "scale_5_95",
    "smooth",
    "spectra",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
