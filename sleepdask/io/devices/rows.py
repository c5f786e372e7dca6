"""Rows of small text tables of devices, in which a row may lack cells at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sleepdask.findings import Findings
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source

_LINE = 4096  # bytes, more than any line has


@dataclass(frozen=True)
class Rows:
    """Cells of a table.

    Parameters
    ----------
    cells
        Of each row, as many as there are columns; empty where the row ends before.
    short, long
        Number of rows with fewer cells, and with more; what is more is cut off.
    bad
        Number of cells by column, so far, that are neither a number nor empty.
    """

    cells: list[list[str]]
    short: int
    long: int
    bad: dict[str, int]

    @classmethod
    def of(cls, lines: Sequence[str], delimiter: str, columns: int) -> Rows:
        """Cut lines into cells; empty lines are none."""
        split = [[cell.strip() for cell in line.split(delimiter)] for line in lines if line.strip()]
        short = sum(len(row) < columns for row in split)
        long = sum(any(row[columns:]) for row in split)  # a delimiter at the end adds nothing
        return cls([(row + [""] * columns)[:columns] for row in split], short, long, {})

    def texts(self, column: int) -> list[str]:
        """Cells of a column."""
        return [row[column] for row in self.cells]

    def numbers(self, column: int, name: str) -> NDArray[np.float64]:
        """Numbers of a column, dims (row,); NaN where there is none, and where it is not finite."""
        texts = self.texts(column)
        values = np.full(len(texts), np.nan)
        bad = 0
        for k, text in enumerate(texts):
            if not text:
                continue
            try:
                value = float(text) if "_" not in text else np.inf
            except ValueError:
                value = np.inf
            if np.isfinite(value):
                values[k] = value
            else:
                bad += 1
        self.bad[name] = bad
        return values

    def tell(self, findings: Findings, where: str, *, short: bool = True) -> None:
        """Tell of rows with too few or too many cells, and of cells that are no numbers."""
        if short and self.short:
            findings.warn("short-row", f"{_rows(self.short)} with too few cells", "missing there", where=where)
        if self.long:
            findings.warn("long-row", f"{_rows(self.long)} with too many cells", "cut off", where=where)
        tell_bad(self.bad, findings)


def whole_lines(text: str, findings: Findings, where: str) -> list[str]:
    """Lines of a text; the last one is left out, and told, if it has no end: it may be cut off within a number."""
    lines = text.splitlines()
    if lines and not text.endswith(("\n", "\r")):
        tell_cut_off(findings, where)
        return lines[:-1]
    return lines


def last_line(path: Path | RemoteFile) -> str:
    """What follows the last end of a line in a file; empty if it ends with one, as it should."""
    with open_source(path) as source:
        tail = source.read(max(0, source.size - _LINE), _LINE)
    return tail[max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1 :].decode("utf-8", "replace")


def tell_cut_off(findings: Findings, where: str) -> None:
    """Tell that the last line has no end."""
    findings.warn("cut-off", "its last line has no end", "left out, as it may be cut off", where=where)


def tell_bad(bad: dict[str, int], findings: Findings) -> None:
    """Tell of cells, counted by channel, that are no numbers."""
    for name, count in bad.items():
        if count:
            said = "1 cell that is" if count == 1 else f"{count:,} cells that are"
            findings.warn("no-number", f"{said} no number", "missing there", where=name)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"
