"""Small files of devices, read as one text."""

from __future__ import annotations

from pathlib import Path

from sleepdask.errors import FileFormatError
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source

_LARGEST = 256 << 20  # bytes; a year of heart rate every 5 s is less


def whole_bytes(path: Path | RemoteFile) -> bytes:
    """All bytes of a file.

    Raises
    ------
    FileFormatError
        It is empty, or larger than any of its kind.
    """
    with open_source(path) as source:
        if not source.size:
            raise FileFormatError("the file is empty", where=path)
        if source.size > _LARGEST:
            most = f"at most {_LARGEST >> 20} MiB"
            raise FileFormatError("the file is too large for its kind", where=path, expected=most, found=source.size)
        return source.read(0, source.size)


def whole_text(path: Path | RemoteFile) -> str:
    """All text of a file, which has to be UTF-8.

    Raises
    ------
    FileFormatError
        It is empty, too large, or not UTF-8.
    """
    raw = whole_bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {raw[error.start]:#04x} at {error.start}"
        raise FileFormatError("the text is no UTF-8", where=path, found=found, fix="export it again") from error
    if "\0" in text:
        raise FileFormatError("the text has NUL bytes", where=path, fix="copy or export it again")
    return text
