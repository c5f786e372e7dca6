"""Features by name: one table that Python, the command line and files all build from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.base import Feature

F = TypeVar("F", bound=Feature)

_FEATURES: dict[str, type[Feature]] = {}


def register(cls: type[F]) -> type[F]:
    """Make a feature available by its name (a class decorator)."""
    _FEATURES[cls.name] = cls
    return cls


def catalogue() -> dict[str, type[Feature]]:
    """All features by name."""
    return dict(sorted(_FEATURES.items()))


def create(name: str, parameters: Mapping[str, Any] | None = None) -> Feature:
    """Build a feature from its name and parameters; texts, also in lists, are turned into the parameters' types.

    Raises
    ------
    ParameterError
        The feature or a parameter is unknown (the nearest name is suggested), or a value does not fit.
    """
    cls = _known(name, _FEATURES, "feature")
    hints = get_type_hints(cls)
    known = {field.name: hints[field.name] for field in fields(cls)}
    values = {}
    for key, value in (parameters or {}).items():
        hint = _known(key, known, "parameter", where=name)
        values[key] = _fitted(value, hint, f"{name}:{key}")
    made: Feature = cls(**values)
    return made


def parse_features(text: str) -> tuple[Feature, ...]:
    """Build features from one line of text, as the command line takes it.

    Features are separated by commas; parameters follow a colon; lists are joined by ``+``.

    Examples
    --------
    >>> import sleepdask.features
    >>> [feature.name for feature in parse_features("bandpower:average=median,relative=no,hjorth")]
    ['bandpower', 'hjorth']
    """
    wanted: list[tuple[str, dict[str, str]]] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, colon, rest = item.partition(":")
        if not colon and "=" in item and wanted:  # a further parameter of the feature before
            rest = item
        else:
            wanted.append((name.strip(), {}))
        for assignment in filter(None, (part.strip() for part in rest.split(":"))):
            key, equals, value = assignment.partition("=")
            if not equals:
                raise ParameterError("a feature parameter needs a value", where=wanted[-1][0], found=repr(assignment))
            wanted[-1][1][key.strip()] = value.strip()
    if not wanted:
        raise ParameterError("no feature is named", expected=f"some of {', '.join(catalogue())}")
    return tuple(create(name, parameters) for name, parameters in wanted)


def _known(name: str, table: Mapping[str, Any], kind: str, where: str = "") -> Any:
    if name in table:
        return table[name]
    raise ParameterError(
        f"unknown {kind} {name!r}",
        where=where,
        expected=f"one of {', '.join(sorted(table))}" if table else "none",
        fix=did_you_mean(name, table),
    )


def _fitted(value: Any, hint: Any, where: str) -> Any:
    """Value with its texts turned into what a parameter is annotated with; lists become tuples."""
    if isinstance(value, str):
        return _convert(value, hint, where)
    if not isinstance(value, list | tuple | Mapping):
        return value
    misfit = ParameterError("value does not fit the parameter", where=where, found=repr(value))
    options = get_args(hint) if get_origin(hint) is UnionType else (hint,)
    kind = Mapping if isinstance(value, Mapping) else tuple
    of = next((get_args(option) for option in options if get_origin(option) is kind), None)
    if of is None:
        if all(option in (str, int, float, bool, NoneType) for option in options):
            raise misfit
        return value
    if isinstance(value, Mapping):
        return {_fitted(k, of[0], where): _fitted(v, of[1], where) for k, v in value.items()}
    parts = (of[0],) * len(value) if of[1:] == (...,) else of
    if len(parts) != len(value):
        raise misfit
    return tuple(_fitted(part, each, where) for part, each in zip(value, parts, strict=True))


def _convert(text: str, hint: Any, where: str) -> Any:
    """Turn a text into the type that a parameter is annotated with."""
    if get_origin(hint) is UnionType:
        if text.lower() == "none" and NoneType in get_args(hint):
            return None
        hint = next(option for option in get_args(hint) if option is not NoneType)
    try:
        if hint not in _FROM_TEXT and get_origin(hint) is tuple:
            return tuple(_convert(part, get_args(hint)[0], where) for part in text.split("+") if part)
        return _FROM_TEXT[hint](text)
    except (ValueError, KeyError) as error:
        raise ParameterError("value does not fit the parameter", where=where, found=repr(text)) from error


def _flag(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


def _band(text: str) -> tuple[str, float, float]:
    name, edges = text.split("@")
    return name, *_edges(edges)


def _edges(text: str) -> tuple[float, float]:
    low, high = text.split("-")
    return float(low), float(high)


_FROM_TEXT: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _flag,
    tuple[str, float, float]: _band,
    tuple[float, float]: _edges,
}
