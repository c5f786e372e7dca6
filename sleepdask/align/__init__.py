"""Signals of different devices on one clock, and how far the clocks of two devices are apart."""

from __future__ import annotations

from sleepdask.align.combining import combine_signals
from sleepdask.align.grid import alignment_clock
from sleepdask.align.offsets import Offset, estimate_offset
from sleepdask.align.shifting import shift_clock
from sleepdask.align.signals import align_signals

__all__ = [
    "Offset",
    "align_signals",
    "alignment_clock",
    "combine_signals",
    "estimate_offset",
    "shift_clock",
]
