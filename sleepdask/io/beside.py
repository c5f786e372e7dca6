"""Sources of other devices: where each is, and the name that its channels begin with."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleepdask.io.remote.file import RemoteFile, is_url
from sleepdask.signals.combining import NAME, check_name
from sleepdask.signals.renaming import numbered

Location = str | os.PathLike[str] | RemoteFile
Sources = Mapping[str, Any] | Sequence[Any] | Location

_NAMED = re.compile(rf"({NAME})=(.+)", re.DOTALL)


@dataclass(frozen=True)
class Beside:
    """A file or folder that another device wrote at the same time.

    Parameters
    ----------
    path
        Path or URL.
    name
        What its channels and nodes begin with; empty: they keep their names. Several of one name are files of one
        source, which are joined by the clock.
    """

    path: Location
    name: str = ""

    def __post_init__(self) -> None:
        check_name(self.name)

    @classmethod
    def of(cls, text: str, folder: str | os.PathLike[str] = "") -> Beside:
        """Source of a text such as ``watch.csv`` or ``watch=watch.csv``; a path is relative to the folder.

        Examples
        --------
        >>> Beside.of("watch=night/watch.csv")
        Beside(path='night/watch.csv', name='watch')
        """
        named = _NAMED.fullmatch(text)
        if named and not os.path.exists(Path(folder, text)):  # noqa: PTH110 - False for a name too long
            return cls(_in(named[2], folder), named[1])
        return cls(_in(text, folder))

    def __str__(self) -> str:
        """Itself as a text that `of` reads."""
        path = str(self.path)
        if self.name:
            return f"{self.name}={path}"
        return f"./{path}" if _NAMED.fullmatch(path) else path


def sources(also: Sources) -> list[Beside]:
    """Sources as `open_recording` takes them: one, several, or several by name."""
    if isinstance(also, Mapping):
        return [Beside(path, str(name)) for name, paths in also.items() for path in _several(paths)]
    return [each if isinstance(each, Beside) else Beside(each) for each in _several(also)]


def by_source(each: Iterable[Beside]) -> list[tuple[str, list[Location]]]:
    """Name and files of each source: those of one name together, each other one alone."""
    groups: list[tuple[str, list[Location]]] = []
    for one in each:
        known = next((files for name, files in groups if one.name and name == one.name), None)
        if known is None:
            groups.append((one.name, [one.path]))
        else:
            known.append(one.path)
    return groups


def by_role(each: Iterable[Beside]) -> dict[str, Location]:
    """Paths by their role among the inputs of a recording: also, also #2, or with their names, such as also watch."""
    roles: dict[str, Location] = {}
    for one in each:
        wanted = f"also {one.name}" if one.name else "also"
        roles[next(role for role in numbered(wanted) if role not in roles)] = one.path
    return roles


def _several(paths: Any) -> Sequence[Any]:
    return [paths] if isinstance(paths, str | os.PathLike | RemoteFile | Beside) else list(paths)


def _in(path: str, folder: str | os.PathLike[str]) -> str:
    return path if is_url(path) or not os.fspath(folder) else str(Path(folder) / path)
