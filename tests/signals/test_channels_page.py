"""The page on units and channels says what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

from sleepdask.signals.channels import load_channel_table
from sleepdask.signals.plausibility import PLAUSIBLE
from sleepdask.signals.types import TYPES
from sleepdask.signals.units import CONFUSING, UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "channels.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """Rows of the first table under a heading, without its two lines of head."""
    lines = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


def test_units() -> None:
    sizes = [
        [code(unit.name), unit.dimension, "" if unit.factor is None else str(unit.factor), code(*unit.words)]
        for unit in UNITS
    ]
    assert table("Units") == sizes


def test_spellings_with_two_readings() -> None:
    assert table("Spellings with two readings") == [[code(text), said] for text, (_, said) in CONFUSING.items()]


def test_types() -> None:
    assert table("Signal types") == [
        [code(name), each.meaning, ", ".join(each.dimensions) or "any"] for name, each in TYPES.items()
    ]


def test_ranges() -> None:
    assert table("Units that are hard to believe") == [
        [code(kind), f"{row.least:,g} to {row.most:,g} {row.unit}"] for kind, row in PLAUSIBLE.items()
    ]


def test_names() -> None:
    names = load_channel_table()
    rows = [[code(name), code(names.types[name])] for name in dict.fromkeys(names.names.values())]
    assert table("Canonical names") == rows
