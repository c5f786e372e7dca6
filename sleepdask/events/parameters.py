"""What the detectors of YASA can be told: each parameter with its default, and what it may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sleepdask.errors import ParameterError, did_you_mean

Check = Callable[[Any], Any]


@dataclass(frozen=True)
class Parameter:
    """Default of a parameter, what it may be in words, and the function that brings a value into its one form.

    The function raises `ValueError` or `TypeError` for what it may not be.
    """

    default: Any
    expected: str
    check: Check


def fitted(parameters: Mapping[str, Any], known: Mapping[str, Parameter], where: str) -> dict[str, Any]:
    """All parameters, those that are not given by default.

    Raises
    ------
    ParameterError
        One is unknown, or not what it may be.
    """
    for name in parameters:
        if name not in known:
            raise ParameterError(
                f"unknown parameter {name!r}",
                where=where,
                expected=f"some of {', '.join(known)}",
                fix=did_you_mean(name, known),
            )
    values = {}
    for name, parameter in known.items():
        value = parameters.get(name, parameter.default)
        try:
            values[name] = parameter.check(value)
        except (TypeError, ValueError):
            raise ParameterError(
                f"{name} out of range", where=where, expected=parameter.expected, found=repr(value)
            ) from None
    return values


def span(default: tuple[float, float], unit: str, *, open_ended: bool = False, optional: bool = False) -> Parameter:
    """Lowest and highest value; the highest may be infinite (`open_ended`), or both None (`optional`)."""
    expected = f"(low, high) in {unit}, 0 <= low < high{', high may be inf' if open_ended else ''}"

    def check(value: Any) -> tuple[float | None, float | None]:
        low, high = value
        if optional and low is None and high is None:
            return None, None
        low, high = _number(low), _number(high)
        if not 0 <= low < high or not (open_ended or isfinite(high)):
            raise ValueError
        return low, high

    return Parameter(default, expected + (", or (None, None) for no limit" if optional else ""), check)


def number(default: float, low: float, high: float, unit: str) -> Parameter:
    """A number between two others, which it may be."""
    return Parameter(default, f"{low:g} to {high:g} {unit}".strip(), lambda value: _between(value, low, high))


def flag() -> Parameter:
    """Yes or no, no by default."""

    def check(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError
        return value

    return Parameter(default=False, expected="True or False", check=check)


def several(defaults: Mapping[str, Any], check_each: Mapping[str, Check], expected: str) -> Parameter:
    """A mapping; what it does not name is as by default."""

    def check(value: Any) -> dict[str, Any]:
        given = dict({} if value is None else value)
        if set(given) - set(defaults):
            raise ValueError
        return {name: check_each[name](given.get(name, default)) for name, default in defaults.items()}

    return Parameter(None, expected, check)


def thresholds() -> Parameter:
    """Thresholds of spindles, of which at least one is not None."""
    inner = several(
        {"rel_pow": 0.2, "corr": 0.65, "rms": 1.5},
        {name: lambda value: None if value is None else _between(value, 0, 100) for name in ("rel_pow", "corr", "rms")},
        "a mapping with some of rel_pow, corr, rms, each a number or None, not all None",
    )

    def check(value: Any) -> dict[str, Any]:
        values: dict[str, Any] = inner.check(value)
        if all(each is None for each in values.values()):
            raise ValueError
        return values

    return Parameter(None, inner.expected, check)


def coupling() -> Parameter:
    """Settings of the coupling of slow waves and spindles."""
    sigma = span((12, 16), "Hz")
    return several(
        {"freq_sp": sigma.default, "time": 1.0, "p": 0.05},
        {
            "freq_sp": sigma.check,
            "time": lambda value: _between(value, 0.1, 60),
            "p": lambda value: None if value is None else _between(value, 0, 1),
        },
        "a mapping with some of freq_sp (low, high in Hz), time (0.1 to 60 s), p (0 to 1, or None)",
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _between(value: Any, low: float, high: float) -> float:
    if not low <= _number(value) <= high:
        raise ValueError
    return float(value)
