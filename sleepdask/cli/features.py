"""``sleepdask features``: what can be computed."""

from __future__ import annotations

from typing import Any

import click

from sleepdask.cli.output import DONE, output_options, show
from sleepdask.cli.own import import_option
from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.features.describe import describe_features, explanation
from sleepdask.features.registry import catalogue, families

_RANGE = "tuple[float, float]"


@click.command("features")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@import_option
@output_options
def command(*, names: tuple[str, ...], quiet: bool, as_json: bool) -> int:
    """List the features there are by families; of each NAME, a feature or family, tell all.

    Names and families are what --features of other verbs takes, and all.
    """
    chosen = _chosen(names)
    document = {"features": [each for each in describe_features() if not names or each["name"] in chosen]}
    text = "\n\n".join(map(_explained, document["features"])) if names else _listed(document["features"])
    show(document, text, as_json=as_json)
    return DONE


def _chosen(names: tuple[str, ...]) -> set[str]:
    known, groups = catalogue(), families()
    chosen: set[str] = set()
    for name in names:
        if name not in known and name not in groups:
            both = [*known, *groups]
            raise ParameterError(
                f"unknown feature {name!r}", expected=f"one of {', '.join(both)}", fix=did_you_mean(name, both)
            )
        chosen |= {name} if name in known else set(groups[name])
    return chosen


def _listed(features: list[dict[str, Any]]) -> str:
    lines = []
    width = max(len(each["name"]) for each in features)
    for family in sorted({each["family"] for each in features}):
        lines += ["", family]
        for each in (each for each in features if each["family"] == family):
            count = len(each["outputs"])
            facts = [f"{count} column{'s'[: count - 1]}", *_needs(each), *_cost(each)]
            lines += [f"  {each['name']:<{width}}  {each['summary']}", f"  {'':<{width}}  {', '.join(facts)}"]
    return "\n".join(lines[1:])


def _explained(each: dict[str, Any]) -> str:
    facts = ", ".join([f"family {each['family']}", f"version {each['version']}", *_needs(each), *_cost(each)])
    sections = explanation(catalogue()[each["name"]])
    lines = [f"{each['name']}  ({facts})", "", sections.pop("", ""), "", "Columns"]
    for output in each["outputs"]:
        lines.append(f"  {output['name']}  [{output['units']}]  {output['definition']}")
        lines += [f"      {output['reference']}"] if output["reference"] else []
    if each["parameters"]:
        lines += ["", "Defaults"]
        lines += [f"  {p['name']}: {p['type']} = {default_text(p)}" for p in each["parameters"]]
    for title, text in sections.items():
        lines += ["", title, *(f"  {line}".rstrip() for line in text.splitlines())]
    return "\n".join(lines)


def _needs(each: dict[str, Any]) -> list[str]:
    needs = [f"at least {each['minimal_rate']:g} Hz"] if each["minimal_rate"] else []
    needs += [f"epochs of at least {each['minimal_window']:g} s"] if each["minimal_window"] else []
    return needs + ([] if each["needs_fixed_rate"] else ["also of samples at any times"])


def _cost(each: dict[str, Any]) -> list[str]:
    return [] if each["microseconds"] is None else [f"about {each['microseconds']:g} us an epoch"]


def default_text(parameter: dict[str, Any]) -> str:
    """Default of a parameter as the command line takes it, where it can be written so."""
    return _text(parameter["default"], is_range=_RANGE in parameter["type"].split(" | "))


def _text(value: Any, *, is_range: bool = False) -> str:
    if is_range and value is not None:
        return f"{value[0]:g}-{value[1]:g}"
    if isinstance(value, list):
        return "+".join(_part(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def _part(value: Any) -> str:
    """Part of a list: a band with its name, a range, or anything else."""
    if isinstance(value, list):
        return f"{value[0]}@{value[1]:g}-{value[2]:g}" if len(value) == 3 else _text(value, is_range=True)
    return _text(value)
