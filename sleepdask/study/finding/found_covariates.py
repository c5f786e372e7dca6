"""What patterns and tables of participants say of recordings, as columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Finding
from sleepdask.study.cells import typed
from sleepdask.study.finding.gathering import listed
from sleepdask.study.finding.participants import NAME, Participants, read_participants
from sleepdask.study.finding.recognising import Night
from sleepdask.study.table import MARKS, RESERVED

Tables = Sequence[tuple[Participants, Collection[int]]]


def own_tables(roots: Sequence[Path], findings: list[Finding]) -> Tables:
    """Table of participants of each folder that has one, with the number of the folder."""
    tables = []
    for number, root in enumerate(roots):
        if (root / NAME).is_file():
            try:
                tables.append((read_participants(root / NAME), [number]))
            except FileFormatError as error:
                message = f"{error.args[0]}; found {error.found}" if error.found else str(error.args[0])
                findings.append(Finding("warning", "participants", message, "no covariates are taken from it", NAME))
    return tables


def covariates_of(
    nights: Sequence[Night], tables: Tables, notes: list[str], findings: list[Finding]
) -> dict[str, list[Any]]:
    """Columns of all recordings, typed as those of a table that is read; marks are texts.

    Parameters
    ----------
    nights
        Recordings, with their fields.
    tables
        Each with the numbers of the folders for whose recordings it is.
    notes, findings
        Take what could not be joined.

    Raises
    ------
    ParameterError
        A field of the pattern is also a column of the participants.
    """
    fields = list(dict.fromkeys(name for night in nights for name in night.fields if name != RESERVED[0]))
    columns = {name: [night.fields.get(name, "") for night in nights] for name in fields}
    for table, roots in tables:
        if both := sorted(set(table.columns) & set(fields) - {"participant_id"}):
            fix = "give the field another name"
            raise ParameterError("is a column of the participants and a field of the pattern", where=both[0], fix=fix)
        whose = _rows(nights, table, roots, notes, findings)
        for name in table.columns:
            column = columns.setdefault(name, [""] * len(nights))
            for k, key in whose.items():
                column[k] = table.rows[key][name]
    return {name: cells if name in MARKS else typed(cells) for name, cells in columns.items()}


def _rows(
    nights: Sequence[Night], table: Participants, roots: Collection[int], notes: list[str], findings: list[Finding]
) -> dict[int, str]:
    """Key of the row of each recording that has one, by number; what has none, or several, is told."""
    whose: dict[int, str] = {}
    without: list[str] = []
    for k, night in enumerate(nights):
        if night.files[0].root not in roots:
            continue
        keys = table.of(night.recording_id, night.place, night.fields)
        if len(keys) == 1:
            whose[k] = keys[0]
        elif keys:
            message = f"it could be of the participants {' and '.join(keys)}"
            reading = "it has the covariates of neither"
            findings.append(Finding("warning", "several-participants", message, reading, night.recording_id))
        else:
            without.append(night.recording_id)
    if without:
        message = f"recordings without a row in {table.path.name}: {listed(without)}"
        findings.append(Finding("warning", "no-participant", message, "their covariates are missing"))
    used = set(whose.values())
    if unused := [key for key in table.rows if key not in used]:
        notes.append(f"rows of {table.path.name} without a recording: {listed(unused)}")
    if table.left_out:
        notes.append(f"columns of {table.path.name} that are left out: {', '.join(table.left_out)}")
    return whose
