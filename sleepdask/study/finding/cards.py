"""Memory cards of ResMed devices: all files from noon to noon are one night.

Names such as ``20260310_000159_BRP.edf`` hold the start of a session and what is in the file: flow and pressure (BRP),
values every 2 s (PLD), oximetry (SAD, SA2), events (EVE), Cheyne-Stokes respiration (CSL). A card has a folder a night,
named by the day on which it began.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import PurePosixPath

_NAME = re.compile(r"(\d{8}_\d{6})_(?:BRP|PLD|SAD|SA2|EVE|CSL|AEV)\.edf", re.IGNORECASE)
_DAY = re.compile(r"\d{8}")
_CARD = "datalog"
_NOON = timedelta(hours=12)


def card_night(path: PurePosixPath) -> PurePosixPath | None:
    """Card and night that a file belongs to, as a path such as ``P01/20260309``; None if it is of no card.

    Examples
    --------
    >>> card_night(PurePosixPath("P01/DATALOG/20260309/20260310_000159_BRP.edf"))
    PurePosixPath('P01/20260309')
    >>> card_night(PurePosixPath("20260310_130000_BRP.edf"))
    PurePosixPath('20260310')
    """
    found = _NAME.fullmatch(path.name)
    if not found:
        return None
    try:
        begun = datetime.strptime(found[1], "%Y%m%d_%H%M%S")
    except ValueError:
        return None
    night = f"{begun - _NOON:%Y%m%d}"
    folder = path.parent
    if _DAY.fullmatch(folder.name):
        night, folder = folder.name, folder.parent
    if folder.name.casefold() == _CARD:
        folder = folder.parent
    return folder / night
