"""Tables of participants: what they say of people goes with their recordings, where it is sure whose these are."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.study.cells import read_columns
from sleepdask.study.finding.names import entities

NAME = "participants.tsv"
KEYS = ("recording_id", "participant_id")
_SUBJECT = "sub-"
_MISSING = "n/a"
_PATHS = ("path", "hypnogram")
_IDENTIFYING = frozenset(
    (
        "name", "names", "first_name", "last_name", "surname", "given_name", "family_name", "patient_name",
        "birth_date", "birthdate", "date_of_birth", "dob", "address", "street", "phone", "telephone", "email",
        "e_mail", "mrn", "ssn",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Participants:
    """A table of participants.

    Parameters
    ----------
    path
        The file.
    key
        Column that names the rows, one of `KEYS`.
    rows
        Cells of each row by column, by the text of its key; the key is one of them.
    left_out
        Columns that are not taken over, as they would tell who people are, or where files are.
    """

    path: Path
    key: str
    rows: Mapping[str, Mapping[str, str]]
    left_out: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Columns that become covariates, or ``lights_off`` and ``lights_on``."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row if name != "recording_id"))

    def of(self, recording_id: str, path: PurePosixPath, fields: Mapping[str, str]) -> list[str]:
        """Keys of the rows that may be those of a recording: of the first rule by which there is any.

        Its id, or participant in a pattern, is the key; its BIDS name holds it; one of its folders has its name; the
        id begins with it, and a number is not cut.
        """
        if self.key == "recording_id":
            return [recording_id] if recording_id in self.rows else []
        plain = _plain(recording_id)
        said = {_plain(fields["participant_id"])} if "participant_id" in fields else set()
        named = {_plain(name.partition("_")[0]) for name in (entities(path.name),) if name}
        inside = {_plain(part) for part in path.parts[:-1]}
        for names in (said, {plain}, named, inside):
            if found := sorted(self._by_plain[name] for name in names & self._by_plain.keys()):
                return found
            if said:
                return []
        return [
            self._by_plain[plain[:n]] for n in range(1, len(plain)) if plain[:n] in self._by_plain and _ends(plain, n)
        ]

    @cached_property
    def _by_plain(self) -> dict[str, str]:
        return {_plain(key): key for key in self.rows}


def read_participants(path: str | os.PathLike[str]) -> Participants:
    """Read a table of participants: TSV or CSV, UTF-8, with a column ``participant_id`` or ``recording_id``.

    "n/a", as BIDS has it, is missing.

    Raises
    ------
    ParameterError
        There is no such file.
    FileFormatError
        It is no such table, or has two rows of one participant.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ParameterError("no such table of participants", where=path, fix="check the path") from None
    except OSError as error:
        raise FileFormatError("the table cannot be read", where=path, found=error.strerror or str(error)) from error
    first = raw.partition(b"\n")[0]
    delimiter = next((mark for mark in "\t;," if mark.encode() in first), ",")
    columns = read_columns(raw, path, delimiter=delimiter)
    key = next((name for name in KEYS if name in columns), None)
    if key is None:
        raise FileFormatError(
            "no column tells whose the rows are", where=path, expected=" or ".join(KEYS), found=", ".join(columns)
        )
    names = [cell.strip() for cell in columns[key]]
    plain = [name if key == "recording_id" else _plain(name) for name in names]
    if twice := sorted({name for name in plain if plain.count(name) > 1 or not name}) if _repeats(plain) else []:
        fix = "keep one row of each, or name rows by recording_id"
        raise FileFormatError(f"a {key} is empty or repeats", where=path, found=", ".join(map(repr, twice)), fix=fix)
    left_out = [name for name in columns if name in _PATHS or _is_identifying(name)]
    kept = {name: cells for name, cells in columns.items() if name not in left_out}
    rows = {
        name: {column: "" if cells[k].strip() == _MISSING else cells[k].strip() for column, cells in kept.items()}
        for k, name in enumerate(names)
    }
    return Participants(path, key, rows, tuple(left_out))


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names) or "" in names


def _is_identifying(column: str) -> bool:
    return re.sub(r"[\s.-]+", "_", column.strip().lower()) in _IDENTIFYING


def _plain(name: str) -> str:
    return name.removeprefix(_SUBJECT)


def _ends(text: str, n: int) -> bool:
    """Whether a name may end after `n` characters: nothing is cut, P1 ends in P1-n2 and P1n2, but not in P10."""
    return _kind(text[n - 1]) != _kind(text[n])


def _kind(character: str) -> str:
    return "digit" if character.isdigit() else "letter" if character.isalpha() else character
