"""Steps of the second pass out of a text, as the command line takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from typing import Any

import xarray as xr

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.second_pass import join_features, lag, robust_zscore, scale_5_95, smooth

Step = Callable[[xr.DataTree], xr.DataTree]

STEPS: dict[str, Callable[..., xr.DataTree]] = {
    each.__name__: each for each in (robust_zscore, scale_5_95, smooth, lag)
}
_NUMBERS = ("window", "epochs")


def parse_steps(text: str) -> tuple[Step, ...]:
    """Build steps, one after the other, from a text: joined by ``+``, parameters after a colon.

    Raises
    ------
    ParameterError
        A step or parameter is unknown, or one that is needed is not there.

    Examples
    --------
    >>> [step.func.__name__ for step in parse_steps("smooth:window=7.5min+scale_5_95")]
    ['smooth', 'scale_5_95']
    """
    steps = []
    for item in text.split("+"):
        name, *assignments = (part.strip() for part in item.split(":"))
        if name not in STEPS:
            expected = f"one of {', '.join(STEPS)}"
            raise ParameterError(f"unknown second pass {name!r}", expected=expected, fix=did_you_mean(name, STEPS))
        known = list(signature(STEPS[name]).parameters.values())[1:]
        given: dict[str, Any] = {}
        for assignment in assignments:
            key, _, value = (part.strip() for part in assignment.partition("="))
            if key not in [each.name for each in known]:
                expected = f"some of {', '.join(each.name for each in known)}"
                raise ParameterError(f"unknown parameter {key!r}", where=name, expected=expected)
            given[key] = int(value) if key in _NUMBERS and value.lstrip("-").isdecimal() else value
        for each in known:
            if each.default is each.empty and each.name not in given:
                raise ParameterError(f"parameter {each.name!r} is needed", where=name)
        steps.append(partial(STEPS[name], **given))
    return tuple(steps)


def with_second_pass(features: xr.DataTree, texts: Sequence[str]) -> xr.DataTree:
    """Features, and beside them what the steps of each text make of them; lazy."""
    made = [features]
    for text in texts:
        passed = features
        for step in parse_steps(text):
            passed = step(passed)
        made.append(passed)
    return join_features(*made) if texts else features
