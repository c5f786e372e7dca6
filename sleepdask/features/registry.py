"""Features by name: one table that Python, the command line and files all build from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features import brought
from sleepdask.features.base import Feature
from sleepdask.features.code import is_ours
from sleepdask.features.selection import Selection, joined

F = TypeVar("F", bound=Feature)

ALL = "all"
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)

_FEATURES: dict[str, type[Feature]] = {}


def register(cls: type[F]) -> type[F]:
    """Make a feature available by its name (a class decorator); a later one of the same name takes its place.

    Raises
    ------
    ParameterError
        The name, or that of the family, cannot be written where features are chosen; it is that of a feature of the
        package; or a parameter has no default.
    """
    for text in (cls.name, cls.family):
        if not isinstance(text, str) or not _NAME.fullmatch(text) or text == ALL:
            expected = f"a letter, then letters, digits and _; not {ALL!r}"
            raise ParameterError("a feature and its family need other names", expected=expected, found=repr(text))
    held = _FEATURES.get(cls.name)
    if held is not None and is_ours(held) and not is_ours(cls):
        raise ParameterError(f"there is a feature {cls.name!r} in the package", fix="choose another name")
    for each in fields(cls):
        if each.default is MISSING and each.default_factory is MISSING:
            raise ParameterError(f"parameter {each.name!r} needs a default", where=cls.name)
    _FEATURES[cls.name] = cls
    return cls


def catalogue() -> dict[str, type[Feature]]:
    """All features by name: ours, those of other packages, and those that were made here."""
    _bring()
    return dict(sorted(_FEATURES.items()))


def families() -> dict[str, list[str]]:
    """Names of the features of each family, in order."""
    found: dict[str, list[str]] = {}
    for name, cls in catalogue().items():
        found.setdefault(cls.family, []).append(name)
    return dict(sorted(found.items()))


def create(name: str, parameters: Mapping[str, Any] | None = None) -> Feature:
    """Build a feature from its name and parameters; texts, also in lists, are turned into the parameters' types.

    Raises
    ------
    ParameterError
        The feature or a parameter is unknown (the nearest name is suggested), or a value does not fit.
    """
    cls = _known(name, catalogue(), "feature")
    hints = get_type_hints(cls)
    known = {field.name: hints[field.name] for field in fields(cls)}
    values = {}
    for key, value in (parameters or {}).items():
        hint = _known(key, known, "parameter", where=name)
        values[key] = _fitted(value, hint, f"{name}:{key}")
    made: Feature = cls(**values)
    return made


def parse_features(text: str) -> Selection:
    """Build features from one line of text, as the command line takes it.

    Features are separated by commas; parameters follow a colon; lists are joined by ``+``. In the place of a feature
    may stand a family, such as ``spectral``, or ``all``: they mean all of their features with default parameters, less
    those that the line also names. A word that names both means the feature. Of features chosen so, `extract` leaves
    out those that need longer epochs, with a note, instead of refusing.

    Raises
    ------
    ParameterError
        A name or parameter is unknown, a value does not fit, or a family was given parameters.

    Examples
    --------
    >>> import sleepdask.features
    >>> [feature.name for feature in parse_features("bandpower:average=median,relative=no,hjorth")]
    ['bandpower', 'hjorth']
    >>> [feature.name for feature in parse_features("time_domain")][:1]
    ['hjorth']
    """
    known = catalogue()
    groups = families() | {ALL: list(known)}
    asked = _asked(text)
    if not asked:
        raise ParameterError("no feature is named", expected=f"some of {', '.join([*known, *groups])}")
    parts = []
    for name, parameters in asked:
        _known(name, known | groups, "feature")
        if name in known:
            parts.append(Selection([create(name, parameters)]))
            continue
        if parameters:
            raise ParameterError(
                "parameters are those of one feature",
                where=name,
                expected=f"one of {', '.join(groups[name])}",
                fix=f"add such as '{groups[name][0]}:parameter=value' beside it",
            )
        group = [create(each) for each in groups[name]]
        parts.append(Selection(group, by_group=group))
    return joined(parts)


def _asked(text: str) -> list[tuple[str, dict[str, str]]]:
    """Names of a line, each with the texts of its parameters."""
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
    return wanted


@cache
def _bring() -> None:
    brought.bring(register)


def _known(name: str, table: Mapping[str, Any], kind: str, where: str = "") -> Any:
    if name in table:
        return table[name]
    raise ParameterError(
        f"unknown {kind} {name!r}",
        where=where,
        expected=f"one of {', '.join(sorted(table))}" if table else "none",
        fix=did_you_mean(name, table) or ("import the module that makes it" if kind == "feature" else ""),
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
