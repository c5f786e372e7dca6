"""The table of a study: one row a recording, with its files and what else is known of it."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.io.beside import Beside, by_role
from sleepdask.io.cells import escaped
from sleepdask.io.remote.file import is_url
from sleepdask.signals.renaming import numbered
from sleepdask.study.cells import read_columns, typed

SEPARATOR = ";"  # between the files of one recording
MARKS = ("lights_off", "lights_on")
ALSO = "also"
RESERVED = ("recording_id", "path", ALSO, "hypnogram", *MARKS)
_SAFE = re.compile(r"\w(?:[\w .+@-]*[\w+@-])?")
_LONGEST = 128  # bytes: file systems allow 255 for a name, and the names that hold an id are longer
_UNSAFE_START = re.compile(r"[=+@\s'\"-]")  # of a path: a formula to a spreadsheet, or not kept by a reader


@dataclass(frozen=True)
class Entry:
    """One row: a recording, its files, and its covariates.

    Parameters
    ----------
    recording_id
        A text that is safe as the name of a folder.
    paths
        Files of the recording, several if they are joined: absolute paths, or URLs.
    also
        What other devices recorded at the same time, with the same kind of paths.
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
    also: tuple[Beside, ...] = ()

    @property
    def inputs(self) -> dict[str, str]:
        """All its files by role: recording, recording #2, ..., also, also watch, ..., hypnogram."""
        recording = dict(zip(numbered("recording"), self.paths, strict=False))
        others = {role: str(path) for role, path in by_role(self.also).items()}
        return recording | others | ({"hypnogram": self.hypnogram} if self.hypnogram else {})


def read_table(path: str | os.PathLike[str]) -> list[Entry]:
    r"""Read a table of recordings (CSV, UTF-8).

    Parameters
    ----------
    path
        Its columns: ``recording_id`` and ``path`` (of a file, or several joined by ``;``), and, if wanted,
        ``also`` (what other devices recorded at the same time: paths, or ``name=path``, joined by ``;``),
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
    columns = read_columns(raw, where)
    lacking = [name for name in ("recording_id", "path") if name not in columns]
    if lacking:
        found = ", ".join(columns)
        fix = "part columns by commas" if ";" in found or "\t" in found else "name them in its first line"
        raise FileFormatError("columns are missing", where=where, expected=", ".join(lacking), found=found, fix=fix)
    ids = columns["recording_id"]
    check_ids(ids, where)
    covariates = {name: typed(cells) for name, cells in columns.items() if name not in RESERVED}
    cells = {name: [cell.strip() for cell in columns.get(name, [""] * len(ids))] for name in RESERVED[1:]}
    return [
        Entry(
            recording_id,
            _files(cells["path"][k], Path(folder), f"{where}, {recording_id}"),
            _located(cells["hypnogram"][k], Path(folder)) if cells["hypnogram"][k] else None,
            {name: cells[name][k] for name in MARKS if cells[name][k]},
            {name: values[k] for name, values in covariates.items()},
            _others(cells[ALSO][k], Path(folder), f"{where}, {recording_id}"),
        )
        for k, recording_id in enumerate(ids)
    ]


def check_ids(ids: list[str], where: object) -> None:
    """Refuse ids that are no safe name of a folder, or the same name on some machine.

    Raises
    ------
    FileFormatError
        An id is empty, too long, holds a character that is not safe, or repeats, upper and lower case and the ways to
        write one letter being equal.
    """
    if not ids:
        raise FileFormatError("the table has no row", where=where)
    seen: dict[str, str] = {}
    for each in ids:
        if not is_safe_id(each):
            expected = f"at most {_LONGEST} bytes of letters, digits, and _ - . + @ or blanks between them"
            raise FileFormatError("a recording_id is not safe as the name of a folder", where=where, expected=expected,
                                  found=repr(each))  # fmt: skip
        folded = folded_id(each)
        if folded in seen:
            found = each if seen[folded] == each else f"{seen[folded]} and {each}, one name to some file systems"
            raise FileFormatError(
                "a recording_id repeats", where=where, found=found, fix="give each row one of its own"
            )
        seen[folded] = each


def is_safe_id(text: str) -> bool:
    """Whether a text can be an id: it is safe as the name of a folder, and no formula to a spreadsheet."""
    return bool(_SAFE.fullmatch(text)) and len(text.encode()) <= _LONGEST


def folded_id(text: str) -> str:
    """Text that is equal for ids that some file system takes for one name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _files(text: str, folder: Path, where: str) -> tuple[str, ...]:
    return tuple(_located(part, folder) for part in _split(text, folder, where))


def _others(text: str, folder: Path, where: str) -> tuple[Beside, ...]:
    return tuple(Beside.of(part, folder) for part in _split(text, folder, where)) if text else ()


def _split(text: str, folder: Path, where: str) -> list[str]:
    whole = _located(text, folder)
    parts = [part.strip() for part in text.split(SEPARATOR)]
    if len(parts) > 1 and not is_url(whole) and os.path.exists(whole):  # noqa: PTH110 - False for a name too long
        parts = [text]
    if not all(parts):
        raise FileFormatError("a path is empty", where=where)
    return parts


def _located(text: str, folder: Path) -> str:
    return text if is_url(text) else str(folder / text)


def table_bytes(entries: Sequence[Entry], location: str | os.PathLike[str]) -> bytes:
    """Write rows as a table that lies at a location; `read_table` reads it again.

    Quoted as RFC 4180 asks for. No cell is a formula to a spreadsheet: a path gets ``./`` before it, a covariate an
    apostrophe.

    Raises
    ------
    ParameterError
        A path ends in a blank, or one of several holds the ``;`` that parts them.
    """
    location = os.fspath(location)
    names = dict.fromkeys(name for entry in entries for name in entry.covariates)
    columns = [name for name in RESERVED if name != ALSO or any(entry.also for entry in entries)]
    lines = [_line([*columns, *map(escaped, names)])]
    for entry in entries:
        paths = [path_in_table(path, location) for path in entry.paths]
        hypnogram = [] if entry.hypnogram is None else [path_in_table(entry.hypnogram, location)]
        also = [(one.name, path_in_table(str(one.path), location)) for one in entry.also]
        several = [each for each in (paths, [path for _, path in also]) if len(each) > 1]
        if lost := [path for path in (*paths, *hypnogram, *(path for _, path in also)) if path[-1:].isspace()] or [
            path for each in several for path in each if SEPARATOR in path
        ]:
            what = f"the table cannot hold a path that ends in a blank, or one of several with {SEPARATOR!r} in it"
            raise ParameterError(what, where=entry.recording_id, found=repr(lost[0]), fix="rename it")
        cells = {
            "recording_id": entry.recording_id,
            "path": SEPARATOR.join(paths),
            ALSO: SEPARATOR.join(str(Beside(path, name)) for name, path in also),
            "hypnogram": "".join(hypnogram),
            **entry.marks,
        }
        covariates = [_cell(entry.covariates.get(name)) for name in names]
        lines.append(_line([*(cells.get(name, "") for name in columns), *covariates]))
    return "".join(lines).encode()


def _line(cells: Sequence[str]) -> str:
    """Line of a table; the writer quotes a lone CR only where it is part of the end of a line."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return f"{line.getvalue()[:-2]}\n"


def path_in_table(path: str, location: str | os.PathLike[str]) -> str:
    """Path as a table in a folder of this machine has it: relative to that, by the folders that links lead to."""
    location = os.fspath(location)
    if is_url(path) or is_url(location):
        return path
    given = Path(path)
    relative = Path(os.path.relpath(given.parent.resolve() / given.name, Path(location).resolve())).as_posix()
    return f"./{relative}" if _UNSAFE_START.match(relative) else relative


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return escaped(value) if isinstance(value, str) else str(value)
