"""Whether files are of one person: compared in memory, so that nothing of it is kept or told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations

from sleepdask.findings import Findings
from sleepdask.io.edf.identity import PATIENT
from sleepdask.io.remote.file import RemoteFile, named
from sleepdask.io.source import open_source

_FIELDS = 4  # code, sex, birth date, name, in EDF+; what follows is the maker's own, such as a checksum
_UNKNOWN = "x"


def tell_patients(paths: Sequence[str | os.PathLike[str] | RemoteFile], findings: Findings) -> None:
    """Tell if the headers of some files name different people; a field that is left open fits everyone."""
    known = [(named(path).name, _patient(path)) for path in paths]
    for (first, one), (second, other) in combinations(known, 2):
        if any(a != b and _UNKNOWN not in (a, b) for a, b in zip(one, other, strict=False)):
            message = f"the headers of {first} and {second} do not name the same person"
            findings.warn("patients", message, "they are joined; check that both are of this night")
            return


def _patient(path: str | os.PathLike[str] | RemoteFile) -> list[str]:
    with open_source(path) as file:
        raw = file.read(0, PATIENT.stop)
    return raw[PATIENT].decode("latin-1").replace("\0", " ").casefold().split()[:_FIELDS]
