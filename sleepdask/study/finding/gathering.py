"""All files of folders: those that look like recordings, those that may hold scores, and what each of them holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from sleepdask.errors import ParameterError
from sleepdask.findings import Finding
from sleepdask.io.folders import recording_files
from sleepdask.io.store.reading import is_store
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.parallel.settings import get_parallel_config
from sleepdask.study.finding.looking import Look, look_at_recording, look_at_scores
from sleepdask.study.finding.names import RECORDING_SUFFIXES, SCORE_SUFFIXES

_FEW = 5
_UNSEEN = Look("other")


@dataclass(frozen=True)
class FoundFile:
    """A file.

    Parameters
    ----------
    path
        Absolute.
    place
        Relative to the folder that all folders are in.
    below
        Relative to the folder that was searched.
    root
        Number of that.
    look
        What it holds.
    """

    path: Path
    place: PurePosixPath
    below: PurePosixPath
    root: int
    look: Look = _UNSEEN


@dataclass
class Gathered:
    """Files of some folders: recordings by their looks, and all others."""

    roots: list[Path]
    recordings: list[FoundFile] = field(default_factory=list)
    others: list[FoundFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def gather(given: Sequence[str | os.PathLike[str]]) -> Gathered:
    """Look at all files of folders, at any depth, in parallel; hidden ones and links to folders are left out.

    Raises
    ------
    ParameterError
        One of them is no folder.
    """
    roots = [_root(Path(each)) for each in given]
    found = Gathered(roots)
    common = Path(os.path.commonpath(roots))
    hidden: list[PurePosixPath] = []
    linked: list[Path] = []
    lost: set[Path] = set()
    known: set[Path] = set()
    for number, root in enumerate(roots):
        like = {path for path in recording_files(root, devices=False) if isinstance(path, Path)}
        for path in sorted(like | set(_files(root, linked, found.findings))):
            below, place = (PurePosixPath(path.relative_to(each).as_posix()) for each in (root, common))
            file = FoundFile(path, place, below, number)
            is_lost = path not in like and path.is_symlink() and not path.exists()
            if path in known:
                continue
            known.add(path)
            if any(part.startswith(".") for part in below.parts):
                hidden += [place] if path in like else []
            elif path in like or (is_lost and path.name.lower().endswith(RECORDING_SUFFIXES)):
                lost |= {path} if is_lost else set()
                found.recordings.append(file)
            elif path.is_file():
                found.others.append(file)
    if hidden:
        found.notes.append(f"hidden files that are left out: {listed(hidden)}")
    if linked:
        found.notes.append(f"links to folders that are not followed: {listed([path.name for path in linked])}")
    nowhere = Look("unreadable", trouble="it is a link that leads nowhere")
    found.recordings = [
        replace(file, look=nowhere) if file.path in lost else file for file in looked_at(found.recordings, scores=False)
    ]
    may_score = [file.path.name.lower().endswith(SCORE_SUFFIXES) for file in found.others]
    scored = iter(looked_at([f for f, may in zip(found.others, may_score, strict=True) if may], scores=True))
    found.others = [next(scored) if may else file for file, may in zip(found.others, may_score, strict=True)]
    return found


def looked_at(files: Sequence[FoundFile], *, scores: bool) -> list[FoundFile]:
    """Files with what they hold."""
    config = replace(get_parallel_config(), on_error="raise", timeout=None)  # no file fails
    look = look_at_scores if scores else look_at_recording
    desc = "scores" if scores else "recordings"
    looks = ParallelExecutor(config).map_threaded(look, [file.path for file in files], desc=desc)
    return [replace(file, look=each) for file, each in zip(files, looks, strict=True)]


def listed(names: Sequence[object]) -> str:
    """Name the first few, and count the rest."""
    rest = len(names) - _FEW
    return ", ".join(map(str, names[:_FEW])) + (f" and {rest} more" if rest > 0 else "")


def _root(path: Path) -> Path:
    if not path.is_dir() or is_store(path):
        what = "is a recording, not a folder of them" if path.exists() else "no such folder"
        raise ParameterError(what, where=path, expected="a folder with recordings in it", fix="check the path")
    return path.resolve()


def _files(root: Path, linked: list[Path], findings: list[Finding]) -> Iterator[Path]:
    """All files at any depth but those of stores."""

    def refused(error: OSError) -> None:
        where = Path(str(error.filename)).relative_to(root).as_posix()
        message = f"the folder cannot be read: {error.strerror}"
        findings.append(Finding("error", "unreadable-folder", message, "what is in it is left out", where))

    for folder, inner, names in os.walk(root, onerror=refused):
        paths = [Path(folder, name) for name in inner]
        linked += [path for path in paths if path.is_symlink()]
        inner[:] = sorted(path.name for path in paths if not is_store(path))
        yield from (Path(folder, name) for name in names)
