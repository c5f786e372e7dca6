"""Writing several results so that either all of them appear, whole, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sleepdask.errors import OutputError


def check_outputs(folder: Path, names: Sequence[str], *, force: bool) -> None:
    """Refuse early what `staged_outputs` would refuse late.

    Raises
    ------
    OutputError
        The folder is a file, cannot be written, or holds one of the results and `force` is False.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError("the output is a file, not a folder", where=folder)
    there = [name for name in names if os.path.lexists(folder / name)]
    if there and not force:
        raise OutputError(
            "results are already there",
            where=folder,
            found=", ".join(there),
            fix="use --force to replace them",
        )
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError("the output folder cannot be written", where=existing)


@contextmanager
def staged_outputs(folder: Path, names: Sequence[str], *, force: bool = False) -> Iterator[dict[str, Path]]:
    """Temporary path for each result, renamed to the result once the block has ended without an error.

    Parameters
    ----------
    folder
        Where the results go; made if needed, and removed again if nothing was put into it.
    names
        File or folder names of the results.
    force
        Replace results that are already there.

    Raises
    ------
    OutputError
        As in `check_outputs`, or the system refuses to write.
    """
    check_outputs(folder, names, force=force)
    made = _make(folder)
    mark = uuid4().hex[:8]
    paths = {name: folder / f".{mark}-{name}" for name in names}
    try:
        yield paths
        for path in paths.values():
            _flush(path)
        for name, path in paths.items():
            _replace(path, folder / name, folder / f".{mark}-old-{name}")
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"results cannot be written: {error.strerror or error}", where=folder) from error
    finally:
        for path in paths.values():
            _remove(path)
        for parent in made:
            if not any(parent.iterdir()):
                parent.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make a folder with its parents, and tell which were new, innermost first."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid4().hex[:8]}-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"the output folder cannot be written: {error.strerror}", where=folder) from error
    return missing


def _flush(path: Path) -> None:
    """Bring a file, or all files of a folder, onto the disk before it gets its name."""
    for part in [path] if path.is_file() else sorted(path.rglob("*")):
        if part.is_file():
            with part.open("rb") as file:
                os.fsync(file.fileno())


def _replace(path: Path, target: Path, aside: Path) -> None:
    if target.is_dir() and not target.is_symlink():  # a folder cannot be renamed over another
        target.rename(aside)
        path.rename(target)
        shutil.rmtree(aside)
    else:
        path.replace(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
