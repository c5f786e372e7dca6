"""`SignalCollection`: signals and features of one recording under keys, with all that was done to them."""

from __future__ import annotations

from sleepdask.collection.collection import SignalCollection
from sleepdask.collection.metadata import CollectionMetadata, FeatureMetadata, Parent, Step, TimeSeriesMetadata
from sleepdask.collection.operations import Operation, operations, register_operation
from sleepdask.collection.views import EpochFeatures, Signal

__all__ = [
    "CollectionMetadata",
    "EpochFeatures",
    "FeatureMetadata",
    "Operation",
    "Parent",
    "Signal",
    "SignalCollection",
    "Step",
    "TimeSeriesMetadata",
    "operations",
    "register_operation",
]
