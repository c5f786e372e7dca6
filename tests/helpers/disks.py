"""Small file systems, for tests of what happens when one is full or must not be written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


class Disk:
    """A file system of its own, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def resize(self, size: str) -> None:
        """Make it larger, or smaller."""
        _mount("-o", f"remount,size={size}", str(self.folder))

    def fill(self, name: str) -> None:
        """Write a file that leaves no room."""
        with suppress(OSError), (self.folder / name).open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass

    def remount(self, how: str) -> bool:
        """Make it "ro" or "rw"; false if somebody is just writing."""
        return _mounted("-o", f"remount,{how}", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Disk]:
    """Context with a file system of that size; skips the test where none can be mounted."""
    folder.mkdir()
    if not _mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)):
        pytest.skip("no file system can be mounted here: that needs root, or CAP_SYS_ADMIN in a container")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mounted(*options: str) -> bool:
    try:
        return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _mount(*options: str) -> None:
    assert _mounted(*options)
