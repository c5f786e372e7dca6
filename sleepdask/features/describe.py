"""What the catalogue says of each feature, as plain JSON types."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import fields
from typing import Any, get_type_hints

from sleepdask.features.base import Feature
from sleepdask.features.costs import cost_of
from sleepdask.features.registry import catalogue

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
TYPICAL = 3000  # samples of an epoch of 30 s at 100 Hz


def describe_features() -> list[dict[str, Any]]:
    """All features of the catalogue, in order of their names."""
    return [describe_feature(kind) for kind in catalogue().values()]


def describe_feature(kind: type[Feature]) -> dict[str, Any]:
    """One feature: its name, what it gives and takes with default parameters, where it is defined, what it costs.

    ``microseconds`` is the time that one epoch of one channel takes (30 s at 100 Hz) on the machine that the package's
    table of costs was made on; None where that does not know the feature.
    """
    made = kind()
    cost = cost_of(made)
    return {
        "name": kind.name,
        "family": kind.family,
        "version": kind.version,
        "summary": summary(kind),
        "outputs": [
            {"name": o.name, "units": o.units, "definition": o.definition, "reference": o.reference}
            for o in made.outputs
        ],
        "parameters": parameters(kind),
        "needs_fixed_rate": kind.needs_fixed_rate,
        "minimal_rate": float(made.minimal_rate),
        "minimal_window": float(made.minimal_window),
        "microseconds": None if cost is None else round(cost.seconds(TYPICAL) * 1e6, 1),
    }


def summary(kind: type[Feature]) -> str:
    """First line of a feature's text."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def explanation(kind: type[Feature]) -> dict[str, str]:
    """Sections of a feature's text by their titles, the one before the first under ""; without examples."""
    parts = _SECTION.split(inspect.getdoc(kind) or "")
    sections = {"": parts[0].strip()} | {
        title: text.strip("\n") for title, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {title: text for title, text in sections.items() if title != "Examples" and text}


def parameters(kind: type[Feature]) -> list[dict[str, Any]]:
    """Parameters with their kinds, and the defaults that a feature made without any has."""
    hints, made = get_type_hints(kind), kind()
    return [
        {"name": each.name, "type": _kind_text(hints[each.name]), "default": _plain(getattr(made, each.name))}
        for each in fields(kind)
    ]


def _kind_text(hint: Any) -> str:
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    return text.replace("typing.", "").replace("collections.abc.", "")


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
