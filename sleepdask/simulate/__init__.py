"""Synthetic nights and cohorts: realistic, seeded polysomnograms and hypnograms, written as EDF+ files."""

from __future__ import annotations

from sleepdask.simulate.cohort import simulate_cohort
from sleepdask.simulate.montage import PSG_MONTAGE, REFERENCE_MONTAGE, SMALL_MONTAGE, Channel
from sleepdask.simulate.night import Night, simulate_night

__all__ = [
    "PSG_MONTAGE",
    "REFERENCE_MONTAGE",
    "SMALL_MONTAGE",
    "Channel",
    "Night",
    "simulate_cohort",
    "simulate_night",
]
