"""The table of a study: one row a recording, with its files and what else is known of it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.remote.file import is_url

SEPARATOR = ";"  # between the files of one recording
RESERVED = ("recording_id", "path", "hypnogram", "lights_off", "lights_on")
_SAFE = re.compile(r"\w(?:[\w .+@-]*[\w+@-])?")
_LONGEST = 128


@dataclass(frozen=True)
class Entry:
    """One row: a recording, its files, and its covariates.

    Parameters
    ----------
    recording_id
        A text that is safe as the name of a folder.
    paths
        Files of the recording, several if they are joined: absolute paths, or URLs.
    hypnogram
        File with its scores, or None.
    marks
        ``lights_off`` and ``lights_on``, as far as given: texts as `extract` takes them.
    covariates
        All other columns.
    """

    recording_id: str
    paths: tuple[str, ...]
    hypnogram: str | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    covariates: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, str]:
        """All its files by role: recording, recording #2, ..., hypnogram."""
        names = ("recording", *(f"recording #{k}" for k in range(2, len(self.paths) + 1)))
        return dict(zip(names, self.paths, strict=True)) | ({"hypnogram": self.hypnogram} if self.hypnogram else {})


def read_table(path: str | os.PathLike[str]) -> list[Entry]:
    r"""Read a table of recordings (CSV, UTF-8).

    Parameters
    ----------
    path
        Its columns: ``recording_id`` and ``path`` (of a file, or several joined by ``;``), and, if wanted,
        ``hypnogram``, ``lights_off`` and ``lights_on``. Paths are relative to the table. Any other column is a
        covariate: numbers where all its values are, else texts; an empty cell is missing.

    Raises
    ------
    ParameterError
        There is no such file.
    FileFormatError
        It is no such table; an id is empty, repeats, or is not safe as the name of a folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("recordings.csv").write_text("recording_id,path,group\n007,night.edf,control\n")
    >>> [entry] = read_table("recordings.csv")
    >>> entry.recording_id, entry.covariates
    ('007', {'group': 'control'})
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ParameterError("no such table", where=path, fix="sleepdask study find makes one of a folder") from None
    except OSError as error:
        raise FileFormatError("the table cannot be read", where=path, found=error.strerror or str(error)) from error
    return table_entries(raw, path.absolute().parent, where=path)


def table_entries(raw: bytes, folder: str | os.PathLike[str], *, where: object) -> list[Entry]:
    """Rows of a table that lies in a folder; as `read_table`."""
    try:
        table = pd.read_csv(
            io.BytesIO(raw), dtype="str", keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True
        )
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise FileFormatError("cannot be read as a table", where=where, found=str(error)) from error
    lacking = [name for name in ("recording_id", "path") if name not in table.columns]
    if lacking:
        found = ", ".join(table.columns)
        raise FileFormatError("columns are missing", where=where, expected=", ".join(lacking), found=found)
    check_ids(table["recording_id"].tolist(), where)
    covariates = pd.DataFrame({name: _typed(table[name]) for name in table.columns if name not in RESERVED})
    columns = {str(name): list(covariates[name]) for name in covariates}
    rows: list[dict[str, str]] = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    return [
        Entry(
            row["recording_id"],
            _files(row["path"], Path(folder), f"{where}, {row['recording_id']}"),
            _located(row["hypnogram"].strip(), Path(folder)) if row.get("hypnogram", "").strip() else None,
            {name: row[name].strip() for name in ("lights_off", "lights_on") if row.get(name, "").strip()},
            {name: values[k] for name, values in columns.items()},
        )
        for k, row in enumerate(rows)
    ]


def check_ids(ids: list[str], where: object) -> None:
    """Refuse ids that are no safe name of a folder, or the same name on some machine.

    Raises
    ------
    FileFormatError
        An id is empty, too long, holds a character that is not safe, or repeats, upper and lower case being equal.
    """
    if not ids:
        raise FileFormatError("the table has no row", where=where)
    seen: dict[str, str] = {}
    for each in ids:
        if not _SAFE.fullmatch(each) or len(each) > _LONGEST:
            expected = f"1 to {_LONGEST} letters, digits, and _ - . + @ or blanks between them"
            raise FileFormatError("a recording_id is not safe as the name of a folder", where=where, expected=expected,
                                  found=repr(each))  # fmt: skip
        folded = each.casefold()
        if folded in seen:
            found = each if seen[folded] == each else f"{seen[folded]} and {each}, one name to some file systems"
            raise FileFormatError(
                "a recording_id repeats", where=where, found=found, fix="give each row one of its own"
            )
        seen[folded] = each


def _files(text: str, folder: Path, where: str) -> tuple[str, ...]:
    whole = _located(text.strip(), folder)
    parts = [part.strip() for part in text.split(SEPARATOR)]
    if len(parts) == 1 or (not is_url(whole) and Path(whole).exists()):
        parts = [text.strip()]
    if not all(parts):
        raise FileFormatError("a path is empty", where=where)
    return tuple(_located(part, folder) for part in parts)


def _located(text: str, folder: Path) -> str:
    return text if is_url(text) else str(folder / text)


def _typed(column: pd.Series[str]) -> pd.Series[Any]:
    """Numbers where all values are; an id-like text such as "007" stays a text."""
    filled = column[column != ""]
    if filled.str.fullmatch(r"0\d+").any():
        return column.where(column != "", None)
    numbers = pd.to_numeric(filled, errors="coerce")
    if len(filled) and numbers.notna().all():
        return numbers.reindex(column.index)
    return column.where(column != "", None)


def table_bytes(entries: Sequence[Entry], location: str) -> bytes:
    """Write rows as a table that lies at a location; `read_table` reads it again."""
    names = dict.fromkeys(name for entry in entries for name in entry.covariates)
    rows = [
        {
            "recording_id": entry.recording_id,
            "path": SEPARATOR.join(_from(path, location) for path in entry.paths),
            "hypnogram": "" if entry.hypnogram is None else _from(entry.hypnogram, location),
            **{name: entry.marks.get(name, "") for name in ("lights_off", "lights_on")},
            **{name: entry.covariates.get(name) for name in names},
        }
        for entry in entries
    ]
    return pd.DataFrame(rows).to_csv(index=False).encode()


def _from(path: str, location: str) -> str:
    """Path relative to a folder of this machine."""
    return path if is_url(path) or is_url(location) else Path(os.path.relpath(path, location)).as_posix()
