"""Writing several results so that either all of them appear, whole, or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sleepdask.errors import OutputError


def check_outputs(folder: Path, names: Iterable[str], *, force: bool) -> None:
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
def staged_outputs(
    folder: Path, names: Sequence[str], *, stale: Iterable[str] = (), force: bool = False
) -> Iterator[dict[str, Path]]:
    """Temporary path for each result, renamed to the result once the block has ended without an error.

    Parameters
    ----------
    folder
        Where the results go; made if needed, and removed again if nothing was put into it.
    names
        File or folder names of the results.
    stale
        Names of results that would no longer belong to these: removed together with what is replaced.
    force
        Replace results that are already there.

    Raises
    ------
    OutputError
        As in `check_outputs`, or the system refuses to write.
    """
    replaced = dict.fromkeys((*names, *stale))
    check_outputs(folder, replaced, force=force)
    made = _make(folder)
    mark = uuid4().hex[:8]
    paths = {name: folder / f".{mark}-{name}" for name in names}
    try:
        yield paths
        for path in paths.values():
            _flush(path)
        _move_all({path: folder / name for name, path in paths.items()}, [folder / name for name in replaced], mark)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"results cannot be written: {error.strerror or error}", where=folder) from error
    finally:
        for path in paths.values():
            _remove(path)
        _remove_empty(made)


def _make(folder: Path) -> list[Path]:
    """Make a folder with its parents, and tell which were new, innermost first."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid4().hex[:8]}-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        _remove_empty(missing)
        raise OutputError(f"the output folder cannot be written: {error.strerror}", where=folder) from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _flush(path: Path) -> None:
    """Bring a file, or all files of a folder, onto the disk before it gets its name."""
    for part in [path] if path.is_file() else sorted(path.rglob("*")):
        if part.is_file():
            with part.open("rb") as file:
                os.fsync(file.fileno())


def _move_all(targets: dict[Path, Path], replaced: Sequence[Path], mark: str) -> None:
    """Rename all, with what was there before set aside; if one rename fails, everything is put back."""
    back: list[tuple[Path, Path]] = []
    aside = []
    try:
        for path in targets:
            path.stat()  # one that was not written fails before anything is moved
        for target in replaced:
            if os.path.lexists(target):
                old = target.with_name(f".{mark}-old-{target.name}")
                target.rename(old)
                back.append((old, target))
                aside.append(old)
        for path, target in targets.items():
            path.rename(target)
            back.append((target, path))
    except OSError:
        for moved, origin in reversed(back):
            moved.rename(origin)
        raise
    for old in aside:
        _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
