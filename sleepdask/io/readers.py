"""The readers of recordings there are: ours, and those that other packages bring."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from sleepdask.errors import FileFormatError, ParameterError, SleepdaskError
from sleepdask.io.reader import Look, Reader
from sleepdask.io.remote.file import RemoteFile

GROUP = "sleepdask.readers"
_DEVICES = "sleepdask.io.devices"
_TABLES = (".csv", ".tsv", ".txt", ".parquet")


@dataclass(frozen=True)
class _BuiltIn:
    """A reader of ours: where it is, and names without which nothing is looked at, so that few modules are loaded.

    Parameters
    ----------
    target
        Module and class.
    suffixes
        Ends of names of its files; none: any.
    folders
        Whether it reads folders.
    """

    target: str
    suffixes: tuple[str, ...] = ()
    folders: bool = False

    def may_be(self, look: Look) -> bool:
        if look.is_folder:
            return self.folders
        return not self.suffixes or look.name.endswith(self.suffixes)

    @property
    def reader(self) -> Reader:
        return _loaded(self.target)


_BUILT_IN = (
    _BuiltIn("sleepdask.io.store.reader:StoreReader", folders=True),
    _BuiltIn(f"{_DEVICES}.withings:WithingsReader", (".csv",), folders=True),
    _BuiltIn(f"{_DEVICES}.fitbit:FitbitReader", (".json",), folders=True),
    _BuiltIn(f"{_DEVICES}.polar:PolarReader", (".txt", ".csv"), folders=True),
    _BuiltIn(f"{_DEVICES}.empatica:EmpaticaReader", (".csv",), folders=True),
    _BuiltIn(f"{_DEVICES}.enchanted_wave:EnchantedWaveReader", (".csv", ".txt")),
    _BuiltIn(f"{_DEVICES}.actiwatch:ActiwatchReader", (".awd",)),
    _BuiltIn(f"{_DEVICES}.motionwatch:MotionWatchReader", (".mtn",)),
    _BuiltIn(f"{_DEVICES}.axivity:AxivityReader", (".cwa",)),
    _BuiltIn(f"{_DEVICES}.geneactiv:GeneactivReader", (".bin",)),
    _BuiltIn(f"{_DEVICES}.actigraph:ActigraphReader", (".gt3x",)),
    _BuiltIn(f"{_DEVICES}.resmed:ResmedReader", folders=True),
    _BuiltIn(f"{_DEVICES}.apple_watch:AppleWatchReader", (".txt", ".csv"), folders=True),
    _BuiltIn(f"{_DEVICES}.checkme:CheckmeReader", (".csv",)),
    _BuiltIn("sleepdask.io.edf.reader:EdfReader"),
)
"""In this order; the first one that recognises a path reads it."""


def reader_of(path: Path | RemoteFile, layout: Any = None) -> Reader:
    """Reader of a file or folder: the first one that recognises it, those of other packages before ours.

    Parameters
    ----------
    path
        The file or folder.
    layout
        Says what a table holds, as `open_recording` explains; where there is one, no other reader is asked for tables.

    Raises
    ------
    ParameterError
        There is no such file, or it is a folder that no reader knows.
    FileFormatError
        No reader knows the file.
    """
    look = Look(path)
    if layout is not None and look.name.endswith(_TABLES) and not look.is_folder:
        from sleepdask.io.devices.table import TableReader  # its libraries are not needed for other files

        return TableReader(layout)
    failed: list[str] = []
    for reader in _brought():
        if _recognises(reader, look, failed):
            return reader
    for built_in in _BUILT_IN:
        if built_in.may_be(look) and built_in.reader.recognises(look):
            return built_in.reader
    raise _unknown(look, failed)


def _recognises(reader: Reader, look: Look, failed: list[str]) -> bool:
    """Whether a reader of another package knows a path; one that fails does not keep the others from theirs."""
    try:
        return bool(reader.recognises(look))
    except (SleepdaskError, OSError):
        raise
    except Exception as error:
        failed.append(f"{reader.format} ({type(reader).__module__}) failed: {type(error).__name__}: {error}")
        return False


def is_known(path: Path) -> bool:
    """Whether any reader recognises a path."""
    try:
        return reader_of(path) is not None
    except (ParameterError, FileFormatError, OSError):
        return False


def files_of(path: Path) -> list[Path]:
    """All files of a recording: one that is a file, or those in a folder as its reader tells; of any folder, all."""
    if not path.is_dir():
        return [path]
    try:
        return reader_of(path).files(path)
    except (ParameterError, FileFormatError):
        return sorted(part for part in path.rglob("*") if part.is_file())


@cache
def _brought() -> tuple[Reader, ...]:
    """Readers of other packages, by name; one that cannot be loaded is left out, with a warning."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        try:
            reader = point.load()()
            if not isinstance(reader, Reader):
                raise TypeError("it is no sleepdask.io.reader.Reader")
        except Exception as error:
            message = f"the reader {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}"
            warnings.warn(message, stacklevel=2)
        else:
            found.append(reader)
    return tuple(found)


@cache
def _loaded(target: str) -> Reader:
    module, _, name = target.partition(":")
    reader: Reader = getattr(import_module(module), name)()
    return reader


def _unknown(look: Look, failed: Sequence[str]) -> ParameterError | FileFormatError:
    if look.is_folder:
        fix = "name the files in it, all those of one night, such as BRP.edf and PLD.edf"
        return ParameterError("is a folder", where=look.path, expected="one file, or several of one night", fix=fix)
    fix = (
        "scores are read with read_hypnogram (sleepdask hypnogram, --hypnogram); of any other table say what its"
        " columns are with layout= (--layout)"
    )
    what = "a table that no reader knows" if look.name.endswith(_TABLES) else "a file that no reader knows"
    what = "; ".join([what, *failed])
    expected = "an EDF or BDF file, or what a device wrote"
    return FileFormatError(
        "this kind of recording is not read", where=look.path, expected=expected, found=what, fix=fix
    )
