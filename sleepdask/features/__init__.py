"""Features of epochs: what can be computed, and how a graph is built from it."""

from __future__ import annotations

from sleepdask.features.base import Feature, Output, Sampling
from sleepdask.features.cache import clear_feature_cache, enable_feature_cache, get_cache_stats
from sleepdask.features.own import feature
from sleepdask.features.registry import catalogue, create, families, parse_features, register
from sleepdask.features.second_pass import join_features, lag, robust_zscore, scale_5_95, smooth
from sleepdask.features.spectral import BandPower
from sleepdask.features.statistics import Statistics
from sleepdask.features.time_domain import Hjorth

for _feature in (Statistics, BandPower, Hjorth):
    register(_feature)

__all__ = [
    "BandPower",
    "Feature",
    "Hjorth",
    "Output",
    "Sampling",
    "Statistics",
    "catalogue",
    "clear_feature_cache",
    "create",
    "enable_feature_cache",
    "families",
    "feature",
    "get_cache_stats",
    "join_features",
    "lag",
    "parse_features",
    "register",
    "robust_zscore",
    "scale_5_95",
    "smooth",
]
