"""A clock as JSON and back: the rule itself, every number exact."""

from __future__ import annotations

from typing import Any

from sleepdask.errors import ParameterError
from sleepdask.signals.clock import Clock, Run

_LIMIT = 2**63


def clock_document(clock: Clock) -> dict[str, Any]:
    """Clock as JSON types.

    Returns
    -------
    document
        ``period_ns`` (numerator, denominator), ``dated``, and ``runs``, each as (start in ns, samples, phase): sample
        j of a run lies ``floor((phase + j * numerator) / denominator)`` ns after its start.

    Examples
    --------
    >>> clock_document(Clock.regular("2024-03-11T23:00", size=10, num=30_000_000_000, den=3001))
    {'period_ns': [30000000000, 3001], 'dated': True, 'runs': [[1710198000000000000, 10, 0]]}
    """
    return {
        "period_ns": [clock.num, clock.den],
        "dated": clock.dated,
        "runs": [[run.start, run.size, run.phase] for run in clock.runs],
    }


def clock_from_document(document: object) -> Clock:
    """Clock that a document tells, equal to the one it was made of.

    Raises
    ------
    ParameterError
        It is no such document, or what it tells is no clock.
    """
    match document:
        case {"period_ns": [num, den], "dated": bool(dated), "runs": [*rows]} if all(
            map(_is_row, [[num, den, 0], *rows])
        ):
            runs = tuple(Run(*row) for row in rows)
            if den > 0 and all(abs(run.start + run.size * num // den) + 1 < _LIMIT for run in runs):
                return Clock(runs, num, den, dated)
    raise ParameterError(
        "this does not describe a clock",
        expected="period_ns, dated and runs, integers of 64 bits",
        found=_short(document),
    )


def _is_row(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(type(n) is int and abs(n) < _LIMIT for n in row)


def _short(document: object) -> str:
    text = repr(document)
    return text if len(text) < 80 else f"{text[:76]} ..."
