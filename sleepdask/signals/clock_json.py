"""A clock as JSON and back: the rule itself, every number exact; of timestamps all but these."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Run
from sleepdask.signals.timestamps import AnyClock, Timestamps

_LIMIT = 2**63


def clock_document(clock: AnyClock) -> dict[str, Any]:
    """Clock as JSON types.

    Returns
    -------
    document
        ``period_ns`` (numerator, denominator), ``dated``, and ``runs``, each as (start in ns, samples, phase): sample
        j of a run lies ``floor((phase + j * numerator) / denominator)`` ns after its start. Of `Timestamps`:
        ``usual_period_ns``, ``gap_ns`` and ``dated``; the times are kept beside it, as an array.

    Examples
    --------
    >>> clock_document(Clock.regular("2024-03-11T23:00", size=10, num=30_000_000_000, den=3001))
    {'period_ns': [30000000000, 3001], 'dated': True, 'runs': [[1710198000000000000, 10, 0]]}
    """
    if isinstance(clock, Timestamps):
        return {"usual_period_ns": clock.period, "gap_ns": clock.gap, "dated": clock.dated}
    return {
        "period_ns": [clock.num, clock.den],
        "dated": clock.dated,
        "runs": [[run.start, run.size, run.phase] for run in clock.runs],
    }


def is_stamped(document: object) -> bool:
    """Whether a document is that of `Timestamps`, which are kept beside it."""
    return isinstance(document, dict) and "usual_period_ns" in document


def clock_from_document(document: object, stamps: NDArray[np.int64] | None = None) -> AnyClock:
    """Clock that a document tells, equal to the one it was made of; `stamps` are those of timestamps.

    Raises
    ------
    ParameterError
        It is no such document, or what it tells is no clock.
    """
    match document:
        case {"usual_period_ns": period, "gap_ns": gap, "dated": bool(dated)} if stamps is not None:
            if stamps.dtype == np.int64 and _is_row([period, gap, 0]):
                return Timestamps(stamps, period, gap, dated)
        case {"period_ns": [num, den], "dated": bool(dated), "runs": [*rows]} if all(
            map(_is_row, [[num, den, 0], *rows])
        ):
            runs = tuple(Run(*row) for row in rows)
            if den > 0 and all(abs(run.start + run.size * num // den) + 1 < _LIMIT for run in runs):
                return Clock(runs, num, den, dated)
    raise ParameterError(
        "this does not describe a clock",
        expected="period_ns, dated and runs (or usual_period_ns, gap_ns and dated), integers of 64 bits",
        found=_short(document),
    )


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(type(n) is int and abs(n) < _LIMIT for n in row)


def _short(document: object) -> str:
    text = repr(document)
    return text if len(text) < 80 else f"{text[:76]} ..."
