"""Marks functions that take about no time, for whoever runs graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__takes_no_time__"


def light(function: Function) -> Function:
    """Mark a function that brings small results together: a task of its own would cost more than the call.

    Examples
    --------
    >>> @light
    ... def both(a, b):
    ...     return a, b
    >>> is_light(both), is_light(sorted)
    (True, False)
    """
    setattr(function, _MARK, True)
    return function


def is_light(function: object) -> bool:
    """Whether a function was marked so."""
    return getattr(function, _MARK, False) is True
