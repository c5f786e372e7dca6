"""ResMed: the files of one night on the SD card of a CPAP device, joined into one recording."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from sleepdask.errors import FileFormatError, ParameterError
from sleepdask.findings import Findings
from sleepdask.io.edf.patients import tell_patients
from sleepdask.io.edf.reader import EdfReader
from sleepdask.io.reader import How, Look, Reader
from sleepdask.io.remote.file import RemoteFile
from sleepdask.signals.joining import join_recordings
from sleepdask.signals.recording import SIGNAL, on_signals

_FILE = re.compile(r"(\d{8}_\d{6})_(BRP|PLD|SAD|SA2|EVE|CSL)\.edf", re.IGNORECASE)
_NOTES = ("EVE", "CSL")  # files of events only
_OXIMETER = ("SAD", "SA2")
_NIGHT = re.compile(r"\d{8}")
_NIGHTS = "datalog"
_NOON = timedelta(hours=12)


class ResmedReader(Reader):
    """A folder of one night, as it is in DATALOG on the SD card."""

    format: ClassVar[str] = "ResMed night"

    def recognises(self, look: Look) -> bool:
        return any(_FILE.fullmatch(path.name) for path in look.files) or bool(_nights(look))

    def read(self, path: Path | RemoteFile, how: How, findings: Findings) -> xr.DataTree:
        files = _files(Look(path), findings)
        findings.format = self.format
        wanted = [file for file in files if how.annotations or _part(file) not in _NOTES]
        if not wanted:
            raise FileFormatError("it holds no samples", where=path, found="events only")
        each = [_opened(file, how, findings.policy) for file in wanted]
        recording = join_recordings(each, recording_id=Path(str(path)).name, policy=findings.policy)
        tell_patients(wanted, findings)
        recording.attrs |= {
            "source": Path(str(path)).name,
            "format": self.format,
            "findings": [*recording.attrs["findings"], *map(str, findings.found)],
        }
        return recording


class Measured(BackendArray):
    """Samples of an oximeter without the numbers below 0 that stand for none, read when indexed."""

    def __init__(self, signal: xr.Variable) -> None:
        self.signal = signal
        self.shape = signal.shape
        self.dtype = np.dtype(signal.dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        support = indexing.IndexingSupport.BASIC
        return np.asarray(indexing.explicit_indexing_adapter(key, self.shape, support, self._read))

    def _read(self, key: tuple[Any, ...]) -> NDArray[Any]:
        values = np.asarray(self.signal[key].values)
        return np.where(values < 0, self.dtype.type(np.nan), values)


def _opened(file: Path, how: How, policy: str) -> xr.DataTree:
    recording = EdfReader().read(file, how, Findings(str(file), policy))
    return on_signals(recording, _measured) if _part(file) in _OXIMETER else recording


def _measured(node: xr.Dataset) -> xr.Dataset:
    signal = node.variables[SIGNAL]
    data = indexing.LazilyIndexedArray(Measured(signal))
    return node.assign({SIGNAL: xr.Variable(signal.dims, data, signal.attrs, signal.encoding)})


def _nights(look: Look) -> list[str]:
    """Folders of nights of a whole card; none of anything else."""
    if not look.is_folder or not isinstance(look.path, Path):
        return []
    folders = [part for part in look.path.iterdir() if part.is_dir()]
    cards = [part for part in folders if part.name.lower() == _NIGHTS]
    if not cards and look.name == _NIGHTS:
        cards = [look.path]
    return sorted(part.name for card in cards for part in card.iterdir() if _NIGHT.fullmatch(part.name))


def _files(look: Look, findings: Findings) -> list[Path]:
    """Files of the one night of a folder.

    A night is named after the day on which it begins, and days change at noon.
    """
    files = [path for path in look.files if _FILE.fullmatch(path.name)]
    if not files:
        nights = _nights(look)
        raise ParameterError(
            "is a card with all its nights",
            where=look.path,
            expected="the folder of one night",
            found=f"{len(nights)} nights, {nights[0]} to {nights[-1]}",
            fix=f"name one, such as {'' if look.name == _NIGHTS else 'DATALOG/'}{nights[-1]}",
        )
    nights = sorted({night for file in files if (night := _night(file))})
    if len(nights) > 1:
        raise FileFormatError(
            "the folder holds several nights",
            where=look.path,
            expected="files of one night, from noon to noon",
            found=", ".join(nights),
            fix="put each into a folder of its own, or name the files of one night",
        )
    if others := [path.name for path in look.files if path not in files]:
        summary = " (STR.edf is a summary of days)" if "str.edf" in map(str.lower, others) else ""
        shown = ", ".join(others[:4]) + (" and more" if len(others) > 4 else "")
        findings.note("others", f"files that are none of the night's: {shown}{summary}", "they are left out")
    return files


def _part(file: Path) -> str:
    return file.stem[-3:].upper()


def _night(file: Path) -> str:
    """Date of the evening, from the name of a file; empty if that has no date."""
    try:
        return f"{datetime.strptime(file.name[:15], '%Y%m%d_%H%M%S') - _NOON:%Y-%m-%d}"
    except ValueError:
        return ""
