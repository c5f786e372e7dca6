"""The words of the command line, as far as they may be kept with results."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sleepdask.io.remote.file import RemoteFile
from sleepdask.zones import is_zone

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*")


def command_words() -> list[str]:
    """Words of the command that runs, without folders."""
    return ["sleepdask", *map(named_word, sys.argv[1:])]


def named_word(word: str) -> str:
    """Keep of a path or URL only its name, as folders may be named after people, and queries hold credentials."""
    if url := _URL.search(word):
        return RemoteFile(url[0]).name
    return Path(word).name if "/" in word and not is_zone(word.removeprefix("--timezone=")) else word
