"""Features of epochs: what can be computed, and how a graph is built from it."""

from __future__ import annotations

from sleepdask.features.base import Feature, Output, Sampling
from sleepdask.features.cache import clear_feature_cache, enable_feature_cache, get_cache_stats
from sleepdask.features.entropy import ApproximateEntropy, MultiscaleEntropy, PermutationEntropy, SampleEntropy
from sleepdask.features.fractal import DFA, HiguchiFD, KatzFD, PetrosianFD
from sleepdask.features.lempel_ziv import LempelZiv
from sleepdask.features.registry import catalogue, create, parse_features, register
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.features.time_domain import Hjorth, LineLength, ZeroCrossings

for _feature in (
    Statistics,
    BandPower,
    Hjorth,
    LineLength,
    ZeroCrossings,
    PermutationEntropy,
    SampleEntropy,
    ApproximateEntropy,
    MultiscaleEntropy,
    LempelZiv,
    HiguchiFD,
    PetrosianFD,
    KatzFD,
    DFA,
):
    register(_feature)

__all__ = [
    "DFA",
    "ApproximateEntropy",
    "BandPower",
    "Feature",
    "HiguchiFD",
    "Hjorth",
    "KatzFD",
    "LempelZiv",
    "LineLength",
    "MultiscaleEntropy",
    "Output",
    "PermutationEntropy",
    "PetrosianFD",
    "SampleEntropy",
    "Sampling",
    "Statistics",
    "ZeroCrossings",
    "catalogue",
    "clear_feature_cache",
    "create",
    "enable_feature_cache",
    "get_cache_stats",
    "parse_features",
    "register",
]
