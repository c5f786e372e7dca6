"""What a reader of recordings is: it tells its own files, and opens them lazily."""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr

from sleepdask.findings import Findings
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.source import open_source

HEAD_BYTES = 4096
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class How:
    """How a recording is to be opened; `open_recording` explains each.

    Parameters
    ----------
    dtype
        Of the samples; None: what is usual for the format.
    timezone
        Name of the zone of the device's clock; None: as the files have it.
    annotations
        Whether annotations are wanted.
    keep_identity
        Whether what names people and devices is wanted.
    layout
        What a table that no reader knows holds: a `TableLayout`, its fields, or a YAML file of them.
    """

    dtype: str | None = None
    timezone: str | None = None
    annotations: bool = True
    keep_identity: bool = False
    layout: Any = None


@dataclass(frozen=True)
class Look:
    """A first look at a path: enough to tell what it is.

    Parameters
    ----------
    path
        A file, or a folder of this machine.
    """

    path: Path | RemoteFile

    @cached_property
    def name(self) -> str:
        """Name of the file or folder, in lower case."""
        return named(self.path).name.lower()

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return isinstance(self.path, Path) and self.path.is_dir()

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Files in the folder, sorted by name, without hidden ones; none of a file."""
        if not self.is_folder or not isinstance(self.path, Path):
            return ()
        return tuple(sorted(each for each in self.path.iterdir() if each.is_file() and not each.name.startswith(".")))

    @cached_property
    def head(self) -> bytes:
        """First bytes of the file; none of a folder."""
        if self.is_folder:
            return b""
        with open_source(self.path) as source:
            return source.read(0, HEAD_BYTES)

    @cached_property
    def lines(self) -> list[str]:
        """First lines as text, the last one perhaps cut off; none if it is no text."""
        encoding = next((name for mark, name in _MARKS if self.head.startswith(mark)), "utf-8")
        if encoding != "utf-16" and b"\0" in self.head:
            return []
        return self.head.decode(encoding, errors="replace").splitlines()

    def others(self) -> Iterator[Look]:
        """A look at each file of the folder."""
        return (Look(path) for path in self.files)


class Reader(ABC):
    """Reads recordings of one format. An entry point of the group ``sleepdask.readers`` names a class of this kind."""

    format: ClassVar[str]
    """Name of the format, for people."""

    @abstractmethod
    def recognises(self, look: Look) -> bool:
        """Whether a path is of this format; told from its content, and from its name only where that is the rule."""

    @abstractmethod
    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        """Open a recording lazily; every oddity goes through `findings`, which refuses what the policy does.

        Returns
        -------
        recording
            As `open_recording` describes it, without Dask; ``attrs["findings"]`` has the texts of what was found.

        Raises
        ------
        FileFormatError
            It is damaged, or the policy refuses it.
        """

    def files(self, folder: Path) -> list[Path]:
        """All files that a recording in a folder is made of, which tell whether it is as before; sorted.

        Default: every file in it, at any depth, that is not hidden.
        """
        parts = sorted(part for part in folder.rglob("*") if part.is_file())
        return [part for part in parts if not any(name.startswith(".") for name in part.relative_to(folder).parts)]

    def examine(self, path: Path | RemoteFile, findings: Findings) -> None:
        """Tell all that is odd, without reading more than that needs."""
        self.read(path, How(), findings)
