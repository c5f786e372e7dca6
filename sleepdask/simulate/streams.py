"""Independent random streams, named so that adding one never changes another."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the random generator that belongs to `name` in the night with this seed."""
    # The key comes from the name, not from the order of creation: channels may be added or moved freely.
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()),)))
