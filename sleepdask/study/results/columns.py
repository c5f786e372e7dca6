"""Which columns of the tables of a study are meant."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.signals.recording import matches

ROW = ("epoch", "start", "stage")  # what each row of a table begins with
_MANY = 12


def feature_columns(schema: pa.Schema) -> list[str]:
    """Columns that hold a feature of a channel: neither those of a row, nor coverage and status of a node.

    Examples
    --------
    >>> feature_columns(pa.schema([("stage", "string"), ("C3-M2/mean", "double"), ("100Hz/coverage", "double")]))
    ['C3-M2/mean']
    """
    return [
        field.name
        for field in schema
        if "/" in field.name and split_column(field.name)[1] not in ("coverage", "status")
    ]


def split_column(name: str) -> tuple[str, str]:
    """Channel and feature of a column, which is split at its last ``/``."""
    channel, _, feature = name.rpartition("/")
    return channel, feature


def select_columns(names: Collection[str], patterns: str | Sequence[str] | None) -> list[str]:
    """Columns that a name or a glob means, in the order of the patterns, and of the columns where one means several.

    Upper and lower case are alike in globs; a name that is there means itself alone. None means all.

    Raises
    ------
    ParameterError
        A pattern means no column.

    Examples
    --------
    >>> select_columns(["C3/mean", "C3/std", "EMG/std"], ["*/std", "C3/mean"])
    ['C3/std', 'EMG/std', 'C3/mean']
    """
    if patterns is None:
        return list(names)
    selected: dict[str, None] = {}
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        found = [pattern] if pattern in names else [name for name in names if matches(name, pattern)]
        if not found:
            raise unknown("no column is meant by", pattern, list(names))
        selected |= dict.fromkeys(found)
    return list(selected)


def unknown(what: str, name: Any, known: Sequence[str]) -> ParameterError:
    """Error that tells what was meant, of the names that are known."""
    some = ", ".join(known[:_MANY]) + (f" and {len(known) - _MANY} more" if len(known) > _MANY else "")
    expected = f"one of {some}" if known else "none, as there is nothing to choose from"
    return ParameterError(f"{what} {name!r}", expected=expected, fix=did_you_mean(str(name), known))
