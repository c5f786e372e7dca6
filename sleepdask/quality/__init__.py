"""What of a recording can be trusted: artefact epochs, features without them, and a verdict for each channel.

All of it is made of features, epoch by epoch, and lazy: a second pass over numbers that are few, never over samples.
"""

from __future__ import annotations

from sleepdask.quality.artefacts import artefact_features, artefacts
from sleepdask.quality.masking import mask
from sleepdask.quality.rules import Buckelmueller, Deviation, Rule
from sleepdask.quality.table import quality_features, table
from sleepdask.quality.verdicts import Thresholds

__all__ = [
    "Buckelmueller",
    "Deviation",
    "Rule",
    "Thresholds",
    "artefact_features",
    "artefacts",
    "mask",
    "quality_features",
    "table",
]
