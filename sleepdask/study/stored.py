"""What the folder of a study says it is: its plan and its table, read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.files import StudyFiles
from sleepdask.study.plan import PLAN
from sleepdask.study.run import TABLE
from sleepdask.study.table import Entry, table_entries

T = TypeVar("T")


def stored_plan(files: StudyFiles, make: Callable[[dict[str, Any]], T], *, where: object) -> tuple[dict[str, Any], T]:
    """Document ``study.json``, and what `make` makes of it.

    Raises
    ------
    ParameterError
        There is no study.
    FileFormatError
        It was not written by sleepdask, or is damaged.
    """
    try:
        document = json.loads(files.read(PLAN))
        return document, make(document)
    except FileNotFoundError:
        raise ParameterError("there is no study", where=where, expected=f"a folder with {PLAN}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise FileFormatError("the plan of the study cannot be read", where=where, found=found) from error


def stored_entries(files: StudyFiles, *, where: object) -> list[Entry]:
    """Rows of the copy of the table; `ParameterError` if it is gone."""
    try:
        table = files.read(TABLE)
    except FileNotFoundError:
        raise ParameterError("the study has lost its table", where=where, expected=TABLE) from None
    return table_entries(table, files.location, where=f"{where}/{TABLE}")
