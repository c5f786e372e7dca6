"""What an error says, fit to be written down: short, printable, and without the folders of anybody's machine."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from sleepdask.errors import SleepdaskError
from sleepdask.io.remote.file import RemoteFile, is_url
from sleepdask.study.table import Entry
from sleepdask.viz.style import shortened

_LONGEST_MESSAGE = 2000
_LONGEST_TRACEBACK = 8000
_FRAME = re.compile(r'File "[^"\n]*?((?:[^/"\n]+/){0,2}[^/"\n]+)"')  # of code: the last folders tell whose it is
_QUOTED = re.compile(r"(['\"])/[^'\"\n]*/([^'\"/\n]+)\1")


def message_of(error: BaseException | None) -> str:
    """Text of an error on one line; its class if it has none, or none that can be made."""
    try:
        text = str(error)
    except Exception as broken:
        text = f"(its text cannot be made: {type(broken).__name__})"
    return shortened(text, _LONGEST_MESSAGE) or type(error).__name__


def traceback_of(error: BaseException) -> str:
    """Traceback of an error; of one of our own, which says all itself, none."""
    if isinstance(error, SleepdaskError):
        return ""
    text = "".join(c if c == "\n" or c.isprintable() else " " for c in "".join(traceback.format_exception(error)))
    half = _LONGEST_TRACEBACK // 2
    return text if len(text) <= _LONGEST_TRACEBACK else f"{text[:half]}\n  ...\n{text[-half:]}"


def without_places(text: str, entry: Entry) -> str:
    """Keep of the paths of a recording, and of code, only the ends: folders may be named after people."""
    folders: set[str] = set()
    for path in entry.inputs.values():
        if is_url(path):
            text = text.replace(path, str(RemoteFile(path)))
            continue
        for way in (path, os.path.normpath(path), os.path.realpath(path)):
            folders |= {str(parent) for parent in list(Path(way).parents)[:-1]}
    for folder in sorted(folders, key=len, reverse=True):
        text = re.sub(rf"(?<![\w./-]){re.escape(folder)}(?:/|(?![\w.-]))", _left_of, text)
    return _QUOTED.sub(r"\1\2\1", _FRAME.sub(r'File "\1"', text))


def _left_of(found: re.Match[str]) -> str:
    return "" if found[0].endswith("/") else "(folder)"
