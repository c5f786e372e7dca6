"""Writes docs/features.md out of the catalogue: ``python tests/helpers/features_page.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sleepdask.cli.features import default_text
from sleepdask.features import catalogue
from sleepdask.features.code import is_ours
from sleepdask.features.describe import describe_feature

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
_HEAD = """# Features

All features that come with the package, by families; your own are made [so](own-features.md). `sleepdask features`
lists them, `sleepdask features NAME` explains one, and `--features` takes names, families and `all`. Of one word that
is both, such as `statistics`, the feature is meant. Parameters belong to names alone.

What a node of a recording lacks (a rate, samples at a fixed rate) leaves a feature out there, with a note. `{unit}` is
the unit of the channel. Times are those of one epoch of one channel, 30 s at 100 Hz, on one core of the machine that
`sleepdask/features/costs.json` was measured on.

What other tools give for the same is on the page of [deviations](oracles.md).

This page is made by `tests/helpers/features_page.py`.
"""


def page() -> str:
    """The page as it has to be."""
    features = [describe_feature(kind) for kind in catalogue().values() if is_ours(kind)]
    families = sorted({each["family"] for each in features})
    parts = [_HEAD]
    for family in families:
        parts.append(f"## Family {family}\n")
        parts += [_section(each) for each in features if each["family"] == family]
    return "\n".join(parts)


def _section(each: dict[str, Any]) -> str:
    lines = [f"### {each['name']}", "", each["summary"], "", f"{_facts(each)}", ""]
    lines += _table(
        ["column", "units", "definition", "source"],
        [[f"`{o['name']}`", o["units"], o["definition"], o["reference"]] for o in each["outputs"]],
    )
    if each["parameters"]:
        rows = [[f"`{p['name']}`", f"`{p['type']}`", f"`{default_text(p)}`"] for p in each["parameters"]]
        lines += ["", *_table(["parameter", "kind", "default"], rows)]
    return "\n".join([*lines, ""])


def _facts(each: dict[str, Any]) -> str:
    facts = [f"Version {each['version']}"]
    facts += [f"at least {each['minimal_rate']:g} Hz"] if each["minimal_rate"] else []
    facts += [f"epochs of at least {each['minimal_window']:g} s"] if each["minimal_window"] else []
    facts.append("samples at a fixed rate" if each["needs_fixed_rate"] else "samples at any times")
    facts += [] if each["microseconds"] is None else [f"about {each['microseconds']:.2g} microseconds"]
    return "; ".join(facts) + "."


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [_line(head), "|" + "---|" * len(head), *map(_line, cells)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
