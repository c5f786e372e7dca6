"""What the columns of a study mean, and what made them: from its plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sleepdask.errors import SleepdaskError
from sleepdask.features.registry import create
from sleepdask.signals.types import signal_type
from sleepdask.viz.style import shortened, unit_text

LONGEST = 400
_DOI = re.compile(r"\bdoi:\s*(10\.\d{4,9}/\S*[^\s.,;)])", re.IGNORECASE)


@dataclass(frozen=True)
class Reference:
    """A source: its text, and the address of its DOI if it has one."""

    text: str
    link: str


@dataclass(frozen=True)
class Definition:
    """What a column is, and in how many channels there is one."""

    name: str
    units: str
    text: str
    reference: Reference
    channels: int


@dataclass(frozen=True)
class Definitions:
    """Definitions, features with version and parameters, options, versions, sources; all as texts."""

    columns: tuple[Definition, ...]
    features: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    options: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    sources: tuple[Reference, ...]


@dataclass(frozen=True)
class Column:
    """One column of features: channel, its signal type, name, the feature it comes from, units, definition."""

    name: str
    channel: str
    signal_type: str
    output: str
    feature: str
    units: str
    definition: str


def definitions(plan: Mapping[str, Any]) -> Definitions:
    """Gather them from the document ``study.json``."""
    found: dict[tuple[str, str, str, str], int] = {}
    for name, about in plan.get("columns", {}).items():
        texts = (str(about.get(key, "")) for key in ("units", "definition", "reference"))
        key = (name.rsplit("/", 1)[-1], *texts)
        found[key] = found.get(key, 0) + 1
    columns = tuple(
        Definition(
            shortened(name, 80), unit_text(shortened(units, 40)), shortened(text, LONGEST), reference(source), count
        )
        for (name, units, text, source), count in found.items()
    )
    sources = dict.fromkeys(column.reference for column in columns if column.reference.text)
    return Definitions(
        columns=columns,
        features=tuple(_feature(each) for each in plan.get("features", ())),
        options=tuple((shortened(key, 60), plain(value)) for key, value in _options(plan)),
        versions=tuple((shortened(str(key), 40), plain(value)) for key, value in plan.get("versions", {}).items()),
        sources=tuple(sorted(sources, key=lambda each: each.text.casefold())),
    )


def columns_of(plan: Mapping[str, Any]) -> list[Column]:
    """Columns of features in the order of the plan, each with the signal type of its channel and its feature."""
    owners = owners_of(plan)
    columns = []
    for name, about in plan.get("columns", {}).items():
        channel, _, output = name.rpartition("/")
        owner = str(about.get("feature") or owners.get(output, output))
        units, text = str(about.get("units", "")), str(about.get("definition", ""))
        columns.append(Column(name, channel, signal_type(channel), output, owner, units, text))
    return columns


def owners_of(plan: Mapping[str, Any]) -> dict[str, str]:
    """Feature of each name of a column, as far as the features of the plan are known here.

    Examples
    --------
    >>> owners_of({"features": [{"feature": "hjorth", "version": 1, "parameters": {}}]})["hjorth_mobility"]
    'hjorth'
    """
    import sleepdask.features  # noqa: F401 - registers the features

    owners: dict[str, str] = {}
    for each in plan.get("features", ()):
        try:
            parameters = {key: _tuples(value) for key, value in each["parameters"].items()}
            outputs = create(each["feature"], parameters).outputs
        except (SleepdaskError, KeyError, TypeError, ValueError, AttributeError):
            continue  # one of another version, or of a module that is not imported here
        owners |= {output.name: str(each["feature"]) for output in outputs}
    return owners


def reference(text: str) -> Reference:
    """Source with the address of its DOI.

    Examples
    --------
    >>> reference("Welch 1967, doi:10.1109/TAU.1967.1161901").link
    'https://doi.org/10.1109/TAU.1967.1161901'
    """
    found = _DOI.search(text)
    return Reference(shortened(text, LONGEST), f"https://doi.org/{quote(found[1], safe='/():;.-_')}" if found else "")


def plain(value: Any) -> str:
    """Value of a parameter in one line.

    Examples
    --------
    >>> plain(["a", 1]), plain([["delta", 0.5, 4], ["theta", 4, 8]]), plain(None), plain(True)
    ('a, 1', 'delta 0.5 4; theta 4 8', 'none', 'yes')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping) and all(isinstance(each, str | int | float) for each in value.values()):
        return shortened(", ".join(f"{key}: {each}" for key, each in value.items()), LONGEST)
    if isinstance(value, list | tuple) and all(isinstance(each, str | int | float) for each in value):
        return shortened(", ".join(str(each) for each in value), LONGEST) or "none"
    if isinstance(value, list | tuple) and all(isinstance(each, list | tuple) for each in value):
        return shortened("; ".join(" ".join(str(part) for part in each) for each in value), LONGEST)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shortened(text, LONGEST)


def _options(plan: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What was asked for beside features; of what was not, such as units of channels, nothing is said."""
    told = {**plan.get("options", {}), **{name: plan.get(name) for name in ("policy", "timezone", "dtype")}}
    told |= {f"channels: {name}": value for name, value in plan.get("harmonisation", {}).items()}
    return [(str(name), value) for name, value in told.items() if value not in (None, "", [], {})]


def _feature(document: Mapping[str, Any]) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    parameters = document.get("parameters", {})
    return (
        shortened(str(document.get("feature", "")), 60),
        plain(document.get("version", "")),
        tuple((shortened(str(key), 60), plain(value)) for key, value in parameters.items()),
    )


def _tuples(value: Any) -> Any:
    """Lists as tuples, all the way down: JSON has no tuples."""
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
