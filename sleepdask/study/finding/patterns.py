"""Rules of the user about paths: texts with fields in braces, such as ``{recording_id}/night{night}.edf``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sleepdask.errors import ParameterError
from sleepdask.study.table import RESERVED

_ID = RESERVED[0]
_PIECES = re.compile(r"\{([^{}]*)\}|(\*\*/)|(\*)|(\?)|([{}])|([^*?{}]+)")
_FIELD = re.compile(r"[^\W\d]\w*", re.ASCII)
_WILD = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class Pattern:
    """A pattern of paths.

    Parameters
    ----------
    text
        Fields in braces stand for one character or more, but no ``/``; one that is repeated for the same text. ``*`` is
        any text without ``/``, ``?`` one character, ``**/`` any folders or none. Without ``/`` the pattern is about
        names, in whatever folder; with it about paths below the folder that is searched. Upper and lower case differ.

    Raises
    ------
    ParameterError
        There is no field ``{recording_id}``, one has the name of another column, two touch, or a brace is alone.

    Examples
    --------
    >>> Pattern("{recording_id}/night{night}.edf").fields("P01/night2.edf")
    {'recording_id': 'P01', 'night': '2'}
    """

    text: str

    def __post_init__(self) -> None:
        names = self.names
        if _ID not in names:
            raise self._error(f"there is no {{{_ID}}} in it", "such as '{recording_id}-PSG.edf'")
        for name in names:
            if not _FIELD.fullmatch(name):
                raise self._error(f"a field has no name that a column can have: {{{name}}}", "letters, digits and _")
            if name in RESERVED and name != _ID:
                raise self._error(f"{{{name}}} is the name of a column of the table", "another name")
        if "}{" in self.text:
            raise self._error("nothing parts two fields", "a text between them")
        if any(piece[4] for piece in _PIECES.findall(self.text)):
            raise self._error("a brace is alone", "fields such as {night}")

    @property
    def names(self) -> list[str]:
        """Names of its fields, in order."""
        return list(dict.fromkeys(re.findall(r"\{([^{}]*)\}", self.text)))

    @property
    def joins(self) -> bool:
        """Whether several files may be of one recording: something in the pattern may differ that is no field."""
        return "*" in self.text or "?" in self.text

    def fields(self, path: str) -> dict[str, str] | None:
        """Text of each field in a path, None if it does not fit; `ParameterError` if it fits in two ways."""
        found = re.fullmatch(self._regex({}), path)
        if found is None:
            return None
        fields = found.groupdict()
        for name, value in fields.items():
            if other := re.fullmatch(self._regex({name: _other_than(value)}), path):
                two = f"{name} {value!r} or {other[name]!r}"
                fix = "put more of the path into the pattern"
                raise ParameterError(
                    f"the pattern {self.text!r} fits in two ways", where=path, expected="one", found=two, fix=fix
                )
        return fields

    def fits(self, path: str, fields: Mapping[str, str]) -> bool:
        """Whether a path fits with known texts in place of the fields; a number is never cut, P1 is not in P10."""
        known = {name: re.escape(value) + (r"(?!\d)" if value[-1:].isdigit() else "") for name, value in fields.items()}
        begun = {n: (r"(?<!\d)" if fields[n][:1].isdigit() else "") + text for n, text in known.items()}
        return re.fullmatch(self._regex(begun), path) is not None

    def _regex(self, fields: Mapping[str, str]) -> str:
        """Regular expression, in which each field is as given, or any text."""
        made, seen = "" if "/" in self.text else _WILD["**/"], set()
        for name, *wild, _, literal in _PIECES.findall(self.text):
            if name:
                made += f"(?P={name})" if name in seen else f"(?P<{name}>{fields.get(name, '[^/]+')})"
                seen.add(name)
            else:
                made += _WILD.get("".join(wild), "") or re.escape(literal)
        return made

    def _error(self, what: str, expected: str) -> ParameterError:
        return ParameterError(what, where=f"the pattern {self.text!r}", expected=expected)


def _other_than(value: str) -> str:
    """Regular expression of a text without ``/`` that is another one."""
    size = len(value)
    shorter = f"[^/]{{1,{size - 1}}}|" if size > 1 else ""
    return f"(?:{shorter}[^/]{{{size + 1},}}|(?!{re.escape(value)})[^/]{{{size}}})"
