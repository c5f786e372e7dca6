"""What is odd about the rows and cells of a table, as findings."""

from __future__ import annotations

from collections.abc import Sequence

from sleepdask.errors import FileFormatError
from sleepdask.findings import Findings
from sleepdask.io.tabular.table import Table


def tell_table(table: Table, names: Sequence[str], findings: Findings) -> None:
    """Tell rows that were left out, and cells that are no numbers, of the columns that are read.

    Raises
    ------
    FileFormatError
        The policy refuses them, or most cells of a column that are not empty are no numbers.
    """
    if table.ragged:
        message = f"{_count(table.ragged, 'row')} with fewer or more cells than there are columns"
        findings.warn("ragged-rows", message, "left out")
    for name in names:
        good, bad = table.cells_of(name)
        if not bad:
            continue
        if bad > good:
            raise FileFormatError(
                f"most cells of column {name!r} are no numbers",
                where=findings.path,
                found=f"{_count(bad, 'text')}, {_count(good, 'number')}",
                fix="leave it out, or say which texts mean that a value is missing, or which decimal point it has",
            )
        findings.warn("bad-cells", f"{_count(bad, 'cell')} that is no number", "missing", where=name)


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"
