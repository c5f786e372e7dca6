"""Spindles, slow waves and rapid eye movements, found by YASA: as tables of events, and as densities of epochs."""

from __future__ import annotations

from sleepdask.events.density import densities
from sleepdask.events.searching import detect

__all__ = ["densities", "detect"]
