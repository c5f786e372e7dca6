"""Files in the folder of a recording that are not read."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sleepdask.findings import Findings
from sleepdask.io.reader import Look
from sleepdask.io.remote.file import RemoteFile

_DOCUMENTS = (".md", ".pdf", ".html", ".docx")
_ABOUT = ("readme", "license", "info")


def tell_others(look: Look, read: Collection[Path | RemoteFile], findings: Findings) -> None:
    """Tell how many other files are in a folder, but for documents; not their names, which may hold serial numbers."""
    others = [path for path in look.files if path not in read and not _is_document(path)]
    if others:
        said = "1 file of another kind" if len(others) == 1 else f"{len(others)} files of other kinds"
        findings.note("others", said, "left out")


def _is_document(path: Path) -> bool:
    return path.suffix.lower() in _DOCUMENTS or path.stem.lower() in _ABOUT
