"""The work that is timed: from file to table, as a user writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import sleepdask as sd
from sleepdask.features import BandPower, Feature, Hjorth, Statistics, enable_feature_cache

EPOCH_SECONDS = 30
SEGMENT_SECONDS = 4
BANDS = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
OURS = "sleepdask, 2 threads"
POWER = BandPower(bands=BANDS, segment=SEGMENT_SECONDS, relative=False, edges=(), entropy=False)
WORK: tuple[Feature, ...] = (Statistics(aggregations=("mean", "std", "min", "max")), POWER)
DEFAULTS: tuple[Feature, ...] = (Statistics(), BandPower(), Hjorth())


def file_to_table(
    path: Path,
    *,
    backend: str = "threads",
    workers: int = 2,
    scheduler: Any = None,
    features: Sequence[Feature] = WORK,
) -> pd.DataFrame:
    """Open, extract, compute, make the table."""
    compute_every_time()
    recording = sd.open_recording(path, workers=workers)
    lazy = sd.extract(recording, features, epoch=EPOCH_SECONDS, workers=workers)
    return sd.to_dataframe(lazy, backend=backend, workers=workers, scheduler=scheduler, progress=False)


def compute_every_time() -> None:
    """Let no process that times work find it done: without this, all repeats but the first would be a look-up."""
    enable_feature_cache(False)
