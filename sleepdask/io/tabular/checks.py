"""Whether a table has the columns that are wanted of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sleepdask.errors import FileFormatError, did_you_mean

_SHOWN = 12


def check_columns(wanted: Iterable[str], names: Sequence[str], where: object, cut: str = "") -> None:
    """Refuse a table that has not all columns that are wanted; `cut` says how it was cut into columns."""
    for name in wanted:
        if name not in names:
            shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
            fix = did_you_mean(name, names)
            raise FileFormatError(
                f"it has no column {name!r}",
                where=where,
                found=f"{shown}{f' (cut at {cut!r})' if cut else ''}",
                fix=fix,
            )
