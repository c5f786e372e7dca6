"""Which recordings have the same thing wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

_FOLDERS = re.compile(r"\S*/(?=[^/\s]+)")
_FILE = re.compile(r"\S+\.(?:edf|bdf|rec|xml|txt|csv|tsv|zarr|gz)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d.,:T+-]*")


@dataclass
class Cause:
    """What is wrong with some recordings: the message of the first of them, and the ids of all."""

    message: str
    recordings: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Itself as JSON types."""
        return asdict(self)


def grouped(messages: Iterable[tuple[str, str]]) -> list[Cause]:
    """Group ids by their messages, names of files and numbers left aside; the most common cause first.

    Examples
    --------
    >>> for cause in grouped([("a", "a.edf: 3 of 9 records"), ("b", "is empty"), ("c", "c.edf: 7 of 9 records")]):
    ...     print(cause.message, cause.recordings)
    a.edf: 3 of 9 records ['a', 'c']
    is empty ['b']
    """
    causes: dict[str, Cause] = {}
    for recording_id, message in messages:
        causes.setdefault(_alike(message), Cause(message)).recordings.append(recording_id)
    return sorted(causes.values(), key=lambda cause: -len(cause.recordings))


def _alike(message: str) -> str:
    return _NUMBER.sub("#", _FILE.sub("", _FOLDERS.sub("", message)))
