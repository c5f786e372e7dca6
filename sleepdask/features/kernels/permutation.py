"""How often each order of neighbouring samples occurs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.rows import whole
from sleepdask.jit import CODE, INTEGER, NOTHING, REAL, helper, kernel, readable, writable


def permutation_entropies(samples: Samples, starts: Bounds, stops: Bounds, order: int, delay: int) -> Values:
    """Compute the entropy of ordinal patterns in bit, dims (channel, epoch).

    NaN where a sample is missing, all are equal, or there are too few for a pattern.
    """
    longest = int((stops - starts).max(initial=0))
    out = np.full((samples.shape[0], starts.size), np.nan)
    _entropies(samples, starts, stops, order, delay, np.empty(longest), np.empty(longest, np.uint16), out)
    return out


@helper
def _encode(row: Any, order: int, delay: int, codes: Any) -> None:
    """Number the pattern that begins at each sample by how many later samples are smaller than each (Lehmer's code).

    Equal samples count as in their order in time, which is what a stable sort makes of them.
    """
    size = codes.size
    codes[:] = 0
    place = np.uint16(1)
    for i in range(order - 2, -1, -1):
        place = np.uint16(place * (order - 1 - i))
        here = row[i * delay : i * delay + size]
        for j in range(i + 1, order):
            later = row[j * delay : j * delay + size]
            for k in range(size):
                codes[k] += place if later[k] < here[k] else np.uint16(0)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        INTEGER,
        INTEGER,
        writable(REAL, 1),
        writable(CODE, 1),
        writable(REAL, 2),
    )
)
def _entropies(
    samples: Any, starts: Any, stops: Any, order: int, delay: int, room: Any, numbers: Any, out: Any
) -> None:
    patterns = 1
    for k in range(2, order + 1):
        patterns *= k
    # Neighbours often share a pattern: four tables keep one count from waiting for the one before.
    counts = np.empty((4, patterns), np.int64)
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], room)
            found = size - (order - 1) * delay
            if found < 1:
                continue
            codes = numbers[:found]
            _encode(room[:size], order, delay, codes)
            counts[:] = 0
            fours = found // 4 * 4
            for j in range(0, fours, 4):
                counts[0, codes[j]] += 1
                counts[1, codes[j + 1]] += 1
                counts[2, codes[j + 2]] += 1
                counts[3, codes[j + 3]] += 1
            for j in range(fours, found):
                counts[0, codes[j]] += 1
            entropy = 0.0
            for k in range(patterns):
                count = counts[0, k] + counts[1, k] + counts[2, k] + counts[3, k]
                if count:
                    share = count / found
                    entropy -= share * math.log2(share)
            out[channel, epoch] = max(0.0, entropy)
