"""Where two clocks run on beside each other, and after how many samples they lie to each other as before."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from math import lcm

from sleepdask.signals.clock import Clock
from sleepdask.signals.timestamps import AnyClock


def turn_of(source: AnyClock, target: AnyClock) -> tuple[int, int] | None:
    """Samples of each in the shortest time of whole nanoseconds that is a whole number of periods of both.

    Within a run of each, what lies around a sample of the one lies so around every such number of samples later, to the
    nanosecond. None if one of them follows no rule.

    Examples
    --------
    >>> turn_of(Clock.regular(0, 9, 40_000_000), Clock.regular(0, 9, 10_000_000))
    (1, 4)
    """
    if not (isinstance(source, Clock) and isinstance(target, Clock)):
        return None
    turn = lcm(source.num, target.num)  # of two fractions in lowest terms, the least that both divide, if whole
    return turn * source.den // source.num, turn * target.den // target.num


def steady_spans(source: Clock, target: Clock) -> list[tuple[int, int]]:
    """Stretches of the target within one run of it, and between the first and the last sample of one of the source.

    Examples
    --------
    >>> steady_spans(Clock.regular(15, 4, 10), Clock.regular(0, 9, 10))
    [(2, 5)]
    """
    cuts = source.first
    lows, highs = (target.searchsorted(source.times(each).astype(target.dtype)) for each in (cuts[:-1], cuts[1:] - 1))
    runs = target.first.tolist()
    spans = list[tuple[int, int]]()
    for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
        edges = [low, *runs[bisect_right(runs, low) : bisect_left(runs, high)], high]
        spans += [(begin, end) for begin, end in pairwise(edges) if begin < end]
    return spans
