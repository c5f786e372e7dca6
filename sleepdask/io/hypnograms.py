"""Reading hypnogram files."""

from __future__ import annotations

import os
from pathlib import Path

import xarray as xr

from sleepdask.errors import FileFormatError
from sleepdask.hypnogram import hypnogram_from_annotations
from sleepdask.io.edf.backend import open_edf
from sleepdask.signals.recording import ANNOTATIONS


def read_hypnogram(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read the sleep stages that a file scores.

    Parameters
    ----------
    path
        An EDF+ file with annotations such as ``Sleep stage 2`` (Rechtschaffen & Kales) or ``Sleep stage N2``
        (AASM). Stages 3 and 4 become N3; ``Sleep stage ?`` and movement time count as not scored.

    Returns
    -------
    hypnogram
        Dataset along `score`: ``onset`` (datetime64, clock time), ``duration`` (timedelta64), ``stage`` and
        ``label``; ``attrs["findings"]`` tells what was odd.

    Raises
    ------
    FileFormatError
        The file is no EDF+, or holds no sleep stage.

    Examples
    --------
    >>> import sleepdask as sd
    >>> sd.read_hypnogram("hypnogram.edf")["stage"].values[:2].tolist()
    ['W', 'N1']
    """
    recording = open_edf(path)
    if ANNOTATIONS not in recording.children:
        raise FileFormatError(
            "the file holds no annotations",
            where=path,
            expected="an EDF+ file",
            found=recording.attrs["format"],
        )
    hypnogram = hypnogram_from_annotations(recording[ANNOTATIONS].to_dataset(), source=Path(path).name)
    if not hypnogram.sizes["score"]:
        raise FileFormatError("the only score has no duration", where=path)
    return hypnogram
