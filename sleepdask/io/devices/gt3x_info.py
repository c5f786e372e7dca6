"""What an ActiGraph says of itself and of its recording: a text of names and values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sleepdask.errors import FileFormatError
from sleepdask.io.devices.zipped import Member, whole_member
from sleepdask.io.remote.file import RemoteFile

NAME = "info.txt"
_TICKS, _TICKS_1970 = 10_000_000, 621_355_968_000_000_000  # in a second, and up to 1970, since the year 1
_DAY = 86_400
_FASTEST = 1000  # Hz
_SCALES = {"NEO": 341.0, "CLE": 341.0, "MRA": 341.0, "MOS": 256.0, "TAS": 256.0}  # parts of a g, by serial number
_IDENTITY = {
    "Serial Number": "serial_number",
    "Subject Name": "name",
    "Sex": "sex",
    "Age": "age",
    "DateOfBirth": "birth_date",
    "Height": "height",
    "Mass": "mass",
    "Race": "race",
    "Limb": "limb",
    "Side": "side",
    "Dominance": "dominance",
}


@dataclass(frozen=True)
class Info:
    """Names and values.

    Parameters
    ----------
    path
        The recording, for errors.
    values
        By name.
    """

    path: str | RemoteFile
    values: dict[str, str]

    @classmethod
    def of(cls, member: Member) -> Info:
        """Info of a member of a ZIP."""
        lines = whole_member(member).decode("utf-8-sig", errors="replace").splitlines()
        pairs = (line.partition(":") for line in lines)
        return cls(member.file.path, {name.strip(): value.strip(" \t\0") for name, _, value in pairs})

    @property
    def identity(self) -> dict[str, str]:
        """What names the person and the device."""
        told = {to: self.values[name] for name, to in _IDENTITY.items() if self.values.get(name)}
        if (born := told.get("birth_date", "")).isdigit() and len(born) == len(str(_TICKS_1970)):
            told["birth_date"] = str(np.datetime64((int(born) - _TICKS_1970) // _TICKS // _DAY, "D"))
        return told

    @property
    def serial(self) -> str:
        """Kind of the device: the first letters of its serial number."""
        return self.values.get("Serial Number", "")[:3].upper()

    @property
    def rate(self) -> int:
        """Samples in a second.

        Raises
        ------
        FileFormatError
            It is no whole number.
        """
        said = self._number("Sample Rate")
        if not said or said % 1 or not 1 <= said <= _FASTEST:
            found = self.values.get("Sample Rate", "none")[:60]
            raise FileFormatError("its rate cannot be read", where=self.path, expected="such as 30", found=found)
        return int(said)

    @property
    def scale(self) -> float | None:
        """Parts of a g that samples count in, by what is written or by the kind of the device; None if unknown."""
        return self._number("Acceleration Scale") or _SCALES.get(self.serial)

    @property
    def start(self) -> int | None:
        """When the recording was to start, local, in seconds since 1970."""
        return self._seconds("Start Date")

    @property
    def bounds(self) -> tuple[int, int]:
        """Between which times samples lie, a day more on each side."""
        ends = [self._seconds(name) for name in ("Last Sample Time", "Stop Date", "Download Date")]
        last = max((end for end in ends if end is not None), default=1 << 32)
        return (self.start or 0) - _DAY, last + _DAY

    def _seconds(self, name: str) -> int | None:
        said = self.values.get(name, "")
        if not said.isascii() or not said.isdigit() or len(said) > len(str(_TICKS_1970)):
            return None
        seconds = (int(said) - _TICKS_1970) // _TICKS
        return seconds if 0 < seconds < 1 << 32 else None

    def _number(self, name: str) -> float | None:
        try:
            said = float(self.values.get(name, "").replace(",", "."))
        except ValueError:
            return None
        return said if math.isfinite(said) and said > 0 else None
