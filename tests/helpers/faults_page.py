"""Writes the table of docs/faults.md: ``python tests/helpers/faults_page.py``.

Other readers are asked as far as they are there; the columns of those that are not stay as they are.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from edf_fault_table import TABLE
from edf_faults import Fault
from edf_readings import PEERS, ours, peer_version, readings_of

from sleepdask.findings import POLICIES
from sleepdask.io.diagnose import diagnose_file

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
OURS = "sleepdask"
_BEGIN, _END = "<!-- made by tests/helpers/faults_page.py -->\n", "<!-- end of what is made -->\n"
_VERSION = re.compile(r"(\w+) (\d+(?:\.\d+)+)")

Column = dict[str, str]


def our_column(folder: Path) -> Column:
    """What this package makes of each fault, by its title."""
    return {fault.title: _our_cell(fault, fault.write(folder)) for fault in _faults()}


def peer_column(peer: str, folder: Path) -> Column:
    """What another reader makes of each fault, by its title."""
    paths = [fault.write(folder) for fault in _faults()]
    readings = readings_of(peer, paths)
    return {fault.title: fault.verdict(reading) for fault, reading in zip(_faults(), readings, strict=True)}


def versions() -> dict[str, str]:
    """Version of each reader that the page says it was made with."""
    named = dict(_VERSION.findall(_made().split("\n## ", 1)[0]))
    return {peer: named.get(peer, "") for peer in PEERS}


def column(reader: str) -> Column:
    """Column of a reader as the page has it."""
    rows = [_cells(line) for line in _made().splitlines() if line.startswith("| ")]
    heads = [row for row in rows if row[0] == "fault"]
    number = heads[0].index(reader) if heads else 0
    return {row[0]: row[number] for row in rows if row[0] != "fault" and number}


def write() -> None:
    """Make the table anew."""
    said = versions()
    with TemporaryDirectory() as folder:
        columns = {OURS: our_column(Path(folder))}
        for peer in PEERS:
            there = peer_version(peer)
            columns[peer] = peer_column(peer, Path(folder)) if there else column(peer)
            said[peer] = there or said[peer]
    text = PAGE.read_text("utf-8")
    head, tail = text.split(_BEGIN)[0], text.split(_END)[1]
    PAGE.write_text(f"{head}{_BEGIN}{_table(columns, said)}{_END}{tail}", "utf-8")


def _table(columns: dict[str, Column], said: dict[str, str]) -> str:
    lines = ["Read by " + ", ".join(f"{peer} {said[peer]}" for peer in PEERS) + ".", ""]
    for section, faults in TABLE.items():
        lines += [f"## {section}", "", _line(["fault", *columns]), "|" + "---|" * (1 + len(columns))]
        for fault in faults:
            cells = [each.get(fault.title, "").replace("|", "/") for each in columns.values()]
            lines.append(_line([fault.title, *cells]))
        lines.append("")
    return "\n".join(lines)


def _our_cell(fault: Fault, path: Path) -> str:
    """Say what the default policy makes of a file, and what another one would."""
    seen = diagnose_file(path)
    told = ", ".join(f"`{code}`" for code in dict.fromkeys(finding.code for finding in seen.findings))
    if seen.policy not in POLICIES:
        return "refuses"
    if seen.policy == "repair":
        guessed = fault.verdict(ours(path, "repair"))
        return f"refuses; `repair` guesses: {told}" if guessed.endswith("guesses") else guessed
    said = fault.verdict(ours(path)).replace(", warns", "")
    if said == "right" and fault.missing:
        said = "right: all missing"
    return f"{said}, tells {told}" if told else said


def _faults() -> list[Fault]:
    return [fault for faults in TABLE.values() for fault in faults]


def _made() -> str:
    return PAGE.read_text("utf-8").split(_BEGIN)[1].split(_END)[0]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


if __name__ == "__main__":
    write()
