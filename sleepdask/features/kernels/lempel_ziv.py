"""How many different words an epoch is made of, once it is made binary."""

from __future__ import annotations

from typing import Any

import numpy as np

from sleepdask.features.base import Bounds, Samples, Values
from sleepdask.features.kernels.rows import whole
from sleepdask.jit import INTEGER, NOTHING, PLACE, REAL, helper, kernel, readable, writable


def word_counts(samples: Samples, starts: Bounds, stops: Bounds, thresholds: Values) -> Values:
    """Count the words of Lempel and Ziv (1976) in "sample above threshold", dims (channel, epoch).

    NaN where a sample is missing or all are equal. `thresholds` has the same dims.
    """
    longest = int((stops - starts).max(initial=0))
    out = np.full((samples.shape[0], starts.size), np.nan)
    _counts(samples, starts, stops, thresholds, np.empty(longest), np.empty((2 * longest + 1, 4), np.int32), out)
    return out


@helper
def _words(row: Any, threshold: float, states: Any) -> int:
    """Count the words of a row.

    A word ends with the first sample that makes it differ from all that was seen before. What was seen is held
    in a suffix automaton (Blumer 1985, doi:10.1016/0304-3975(85)90157-4), which grows by one sample at a time, so
    that the time grows with the row and not with its square. A state is its two next ones, the state of its
    longest suffix that was seen elsewhere too, and the length of its longest word.
    """
    link = 2
    length = 3
    states[0] = -1
    states[0, length] = 0
    count = 1
    last = 0  # the state of all that was seen
    words = 0
    here: Any = 0  # the state of the present word
    size = 0
    for j in range(row.size):
        bit = np.int64(row[j] > threshold)
        here = np.int64(states[here, bit])
        size += 1
        if here < 0:
            words += 1
            here = 0
            size = 0
        new = count
        count += 1
        states[new, 0] = -1
        states[new, 1] = -1
        states[new, link] = 0
        states[new, length] = states[last, length] + 1
        at = np.int64(last)
        while at >= 0 and states[at, bit] < 0:
            states[at, bit] = new
            at = np.int64(states[at, link])
        if at >= 0:
            after = np.int64(states[at, bit])
            if states[after, length] == states[at, length] + 1:
                states[new, link] = after
            else:
                short = count  # takes over the shorter words of `after`
                count += 1
                for k in range(3):
                    states[short, k] = states[after, k]
                states[short, length] = states[at, length] + 1
                states[after, link] = short
                states[new, link] = short
                while at >= 0 and states[at, bit] == after:
                    states[at, bit] = short
                    at = np.int64(states[at, link])
                if here == after and size <= states[short, length]:
                    here = short
        last = new
    return words + (size > 0)


@kernel(
    lambda real: NOTHING(
        readable(real, 2),
        readable(INTEGER, 1),
        readable(INTEGER, 1),
        readable(REAL, 2),
        writable(REAL, 1),
        writable(PLACE, 2),
        writable(REAL, 2),
    )
)
def _counts(samples: Any, starts: Any, stops: Any, thresholds: Any, room: Any, states: Any, out: Any) -> None:
    for channel in range(samples.shape[0]):
        for epoch in range(starts.size):
            size = whole(samples[channel, starts[epoch] : stops[epoch]], room)
            if size:
                out[channel, epoch] = _words(room[:size], thresholds[channel, epoch], states)
