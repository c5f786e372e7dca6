"""What a header says of the patient, the staff and the device: read only on purpose, and told from what may be shown.

Source: Kemp & Olivan 2003, doi:10.1016/S1388-2457(03)00123-8, on the subfields of EDF+.
"""

from __future__ import annotations

import os
import re
from datetime import date
from typing import Any

from sleepdask.io.edf.fields import decode_text
from sleepdask.io.edf.startdate import MONTHS
from sleepdask.io.remote.file import RemoteFile
from sleepdask.io.source import open_source

# Position and width of the two fields in the file.
PATIENT, RECORDING = slice(8, 88), slice(88, 168)

_PATIENT_PARTS = ("code", "sex", "birthdate", "name")
_RECORDING_PARTS = ("startdate", "admin_code", "technician", "equipment")
_UNKNOWN = "X"
_DATE = re.compile(rf"(\d\d)-({'|'.join(MONTHS)})-(\d{{4}})", re.ASCII | re.IGNORECASE)

# A number announced as a serial one, or one of so many digits that it counts no property of a sensor.
_SERIAL = re.compile(
    r"((?<![a-z])(?:s/?n|srn|s\.n\.|serial(?: ?n(?:o|r|umber)?)?)[ .:=#-]*)(?=[a-z0-9/_-]*[0-9])([a-z0-9][a-z0-9/_-]*)"
    r"|(?<![0-9.])(?:[a-z]{0,4}[0-9]{5,}[a-z0-9]*)(?![0-9.])",
    re.IGNORECASE,
)
HIDDEN = "#"


def read_identity(path: str | os.PathLike[str] | RemoteFile, *, plus: bool) -> dict[str, Any]:
    """Read what the header of an EDF file says of the patient and of who recorded, with what.

    Parameters
    ----------
    path
        The file.
    plus
        Whether it is EDF+ (or BDF+), whose fields have parts.

    Returns
    -------
    dict
        ``patient`` and ``recording``, the two fields as they are; in EDF+ also ``code``, ``sex``, ``birthdate`` (ISO
        8601 where it is a date), ``name``, ``startdate``, ``admin_code``, ``technician``, ``equipment``, and
        ``patient_more`` and ``recording_more``: only those that are known.
    """
    with open_source(path) as file:
        raw = file.read(0, RECORDING.stop)
    patient, recording = (decode_text(raw[field]).strip(" \0") for field in (PATIENT, RECORDING))
    identity: dict[str, Any] = {"patient": patient, "recording": recording}
    if plus:
        identity |= _parts(patient, _PATIENT_PARTS, "patient_more")
        identity |= _parts(recording.removeprefix("Startdate "), _RECORDING_PARTS, "recording_more")
    return identity


def without_serials(text: str) -> str:
    """Text with what looks like the serial number of a device replaced by `HIDDEN`.

    Examples
    --------
    >>> without_serials("AgAgCl, 0.00001 Hz, S/N: A12-77, 992901397")
    'AgAgCl, 0.00001 Hz, S/N: #, #'
    """
    return _SERIAL.sub(lambda found: f"{found[1] or ''}{HIDDEN}", text)


def _parts(text: str, names: tuple[str, ...], more: str) -> dict[str, str]:
    """Parts of a field by name; what follows the last of them is one more."""
    words = text.split()
    known = dict(zip((*names, more), [*words[: len(names)], " ".join(words[len(names) :])], strict=False))
    return {name: _told(name, word) for name, word in known.items() if word and word != _UNKNOWN}


def _told(name: str, word: str) -> str:
    if name in ("birthdate", "startdate") and (found := _DATE.fullmatch(word)):
        try:
            return str(date(int(found[3]), MONTHS.index(found[2].upper()) + 1, int(found[1])))
        except ValueError:
            return word
    return word.replace("_", " ")
