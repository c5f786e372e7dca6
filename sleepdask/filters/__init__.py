"""Zero-phase filters, resampling and references, on whole recordings of any length."""

from __future__ import annotations

from sleepdask.filters.operations import bandpass, detrend, highpass, lowpass, notch
from sleepdask.filters.referencing import rereference
from sleepdask.filters.resampling import resample

__all__ = [
    "bandpass",
    "detrend",
    "highpass",
    "lowpass",
    "notch",
    "rereference",
    "resample",
]
