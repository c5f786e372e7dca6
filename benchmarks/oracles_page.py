"""Writes docs/oracles.md, and the deviations that it states: ``python -m benchmarks.oracles_page``."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from benchmarks.oracle_pair import COUNT, EPOCHS, LUNA, TOOLS, Oracle, generated, real, version_of
from benchmarks.oracles import ORACLES
from sleepdask.features import catalogue, create
from sleepdask.features.code import is_ours

PAGE = Path(__file__).parents[1] / "docs" / "oracles.md"
STATED = Path(__file__).with_name("oracles.json")
GENERATED, REAL, FLAT = "generated", "real", "flat"
DATA = "SLEEPDASK_TEST_DATA"
_HEAD = """# Deviations from other tools

What sleepdask gives, and what gives the same elsewhere: the call, and the largest deviation that was found. Where
conventions differ, a preset or a parameter gives those of the other tool, and the last column says what differs by
default or had to be allowed for. A test computes all of it anew, with the tools that are installed, and fails above
what is stated.

- **Generated**: {epochs} epochs of 30 s at 128 Hz, brown noise with slow waves, alpha and spindles, with a fixed seed.
- **Real**: {epochs} epochs of sleep, EEG Fpz-Cz of the night SC4001 of Sleep-EDF, 100 Hz.

Slow calls are tried on the first of these epochs: the number stands in brackets.

Deviations are twice the largest found, rounded up to one digit; what is below 1e-12 is rounding and is stated as that,
as is what is below 1e-8 where the other tool iterates.
They are relative to the value of the other tool, unless it says *absolute*, *of the SD* (a share of the standard
deviation of its values), or how many *epochs differ*. NaN stands in the same places in both, or the test fails;
*equal samples* says what an epoch of equal samples gives where it is NaN here but not there: it is no measurement.

Versions: {versions}.

This page is made by `python -m benchmarks.oracles_page`.
"""
_NONE = "no other tool tried"
_TAIL = """## Not on this page

Columns that were compared with no other tool, but are held to their definitions by their tests: {without}.

Rapid eye movements are found by YASA itself, as spindles and slow waves are; `filters.detrend` and
`filters.rereference` are held to their definitions by their tests; deviations of filters from SciPy up to both ends of
a whole night are [here](filters.md).
"""


def bound(found: float, least: float) -> float:
    """Twice a deviation, rounded up to one digit, and no less than the least: what another processor keeps to."""
    if found <= least / 2:
        return least
    power = 10.0 ** math.floor(math.log10(2 * found))
    return float(f"{math.ceil(2 * found / power) * power:.0e}")


def measured(stated: dict[str, Any]) -> dict[str, Any]:
    """What is to be stated; of tools and data that are not here, what was."""
    versions = {tool: version_of(tool) for tool in TOOLS}
    signals = {GENERATED: generated()}
    if folder := os.environ.get(DATA):
        signals[REAL] = real(Path(folder))
    before = stated.get("deviations", {})
    deviations = {}
    for oracle in ORACLES:
        row = dict(before.get(oracle.name, {}))
        if versions[oracle.tool]:
            for name, signal in signals.items():
                if oracle.real or name == GENERATED:
                    found = oracle.deviation(*signal)
                    row[name] = found if oracle.measure == COUNT else bound(found, oracle.least)
            row[FLAT] = oracle.flat()
        deviations[oracle.name] = row
    kept = {tool: version or stated.get("versions", {}).get(tool) for tool, version in versions.items()}
    return {"versions": kept, "deviations": deviations}


def page(stated: dict[str, Any]) -> str:
    """The page as it has to be."""
    versions = ", ".join(
        version if tool == LUNA else f"{tool} {version}" for tool, version in stated["versions"].items()
    )
    names = [name for name, kind in catalogue().items() if is_ours(kind)]
    parts = [_HEAD.format(epochs=EPOCHS, versions=versions), "## Features", ""]
    rows = []
    for name in names:
        mine = [oracle for oracle in ORACLES if _feature(oracle) == name]
        rows += [_row(oracle, stated) for oracle in mine] or [f"| `{name}` | {_NONE} |  |  |  |  |  |"]
    parts += [*_TABLE, *rows, "", "## Spectra, filters, artefacts, events", "", *_TABLE]
    parts += [_row(oracle, stated) for oracle in ORACLES if _feature(oracle) not in names]
    return "\n".join([*parts, "", _TAIL.format(without=", ".join(f"`{name}`" for name in _without(names)))])


_TABLE = (
    "| here | columns | there | generated | real | equal samples | what differs |",
    "|---|---|---|---|---|---|---|",
)


def _without(names: list[str]) -> list[str]:
    """Columns of the features, as they are by default, that no row has."""
    covered = {column for oracle in ORACLES for column in oracle.columns}
    columns = [output.name for name in names for output in create(name).outputs]
    return [column for column in columns if column not in covered]


def _feature(oracle: Oracle) -> str:
    return oracle.ours.partition(":")[0]


def _row(oracle: Oracle, stated: dict[str, Any]) -> str:
    row = stated["deviations"][oracle.name]
    cells = [f"`{oracle.ours}`", _columns(oracle.columns), f"{oracle.tool}: `{oracle.call}`"]
    cells += [_text(row.get(signal), oracle) for signal in (GENERATED, REAL)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in [*cells, row.get(FLAT, ""), oracle.why]) + " |"


def _columns(columns: tuple[str, ...]) -> str:
    if len(columns) > 6:
        return f"`{columns[0]}` to `{columns[-1]}`, {len(columns)}"
    return ", ".join(f"`{name}`" for name in columns)


def _text(found: float | None, oracle: Oracle) -> str:
    if found is None:
        return "not tried"
    if oracle.measure == COUNT:
        return f"{found:g} epochs differ"
    tried = "" if oracle.epochs == EPOCHS else f" ({oracle.epochs})"
    unit = "" if oracle.measure == "relative" else f" {oracle.measure}"
    return f"< {found:.0e}".replace("e-0", "e-") + unit + tried


def load() -> dict[str, Any]:
    """What the page states."""
    stated: dict[str, Any] = json.loads(STATED.read_text("utf-8"))
    return stated


if __name__ == "__main__":
    new = measured(load() if STATED.exists() else {})
    STATED.write_text(json.dumps(new, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(new), "utf-8")
