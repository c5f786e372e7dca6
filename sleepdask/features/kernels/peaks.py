"""Peaks of spectra, between their bins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sleepdask.jit import INTEGER, NOTHING, REAL, readable, single, writable


@single(NOTHING(readable(REAL, 2), readable(INTEGER, 2), writable(REAL, 3)))
def highest_peaks(power: Any, spans: Any, out: Any) -> None:
    """Find the highest local maximum in each of some half-open ranges of bins.

    Writes its place in bins and its power into `out`, dims (epoch, range, value), both at the vertex of the parabola
    through the logarithms of the bin and its neighbours; at the bin itself where a neighbour has no power, NaN where
    there is no local maximum. A range may touch neither end of the spectrum.
    """
    for epoch in range(power.shape[0]):
        row = power[epoch]
        for which in range(spans.shape[0]):
            best = -1
            for k in range(spans[which, 0], spans[which, 1]):
                if row[k - 1] < row[k] < np.inf and row[k] >= row[k + 1] and (best < 0 or row[k] > row[best]):
                    best = k
            if best < 0:
                out[epoch, which, 0] = np.nan
                out[epoch, which, 1] = np.nan
                continue
            place = np.float64(best)
            height = row[best]
            if row[best - 1] > 0 and row[best + 1] > 0:
                left = math.log(row[best - 1] / height)
                right = math.log(row[best + 1] / height)
                shift = 0.5 * (left - right) / (left + right)
                place += shift
                height *= math.exp(-0.25 * (left - right) * shift)
            out[epoch, which, 0] = place
            out[epoch, which, 1] = height
