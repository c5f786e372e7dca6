"""All formats of scores, in the order in which a file is tried against them."""

from __future__ import annotations

from sleepdask.errors import ParameterError, did_you_mean
from sleepdask.io.scores import bids, edf, noxturnal, nsrr, profusion, remlogic, stage_list, table, visbrain
from sleepdask.io.scores.base import ScoreFormat
from sleepdask.io.scores.file import ScoreFile

_ALL: tuple[ScoreFormat, ...] = (
    edf.FORMAT,
    profusion.FORMAT,
    nsrr.FORMAT,
    remlogic.FORMAT,
    noxturnal.FORMAT,
    visbrain.FORMAT,
    bids.FORMAT,
    table.FORMAT,
    stage_list.FORMAT,
)
FORMATS = {one.name: one for one in _ALL}


def format_of(file: ScoreFile, name: str | None = None) -> ScoreFormat:
    """Format of a file by its content, or the one that is asked for.

    Raises
    ------
    ParameterError
        There is no format of that name.
    FileFormatError
        The file is of no known format.
    """
    if name is not None:
        if name not in FORMATS:
            fix = did_you_mean(name, FORMATS)
            raise ParameterError("unknown format of scores", expected=", ".join(FORMATS), found=repr(name), fix=fix)
        return FORMATS[name]
    for one in FORMATS.values():
        if one.fits(file):
            return one
    raise file.refusal(
        "the file is of no known format of scores",
        expected="; ".join(one.looks_for for one in FORMATS.values()),
        fix="say which with format= (--format) if it is one of them",
    )
