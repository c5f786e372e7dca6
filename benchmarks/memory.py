"""How much memory the work takes at its peak, above the same process when it is warm and idle."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

import sleepdask as sd
from benchmarks.children import run_child
from benchmarks.nights import NightFile, longer_night
from benchmarks.peak import peak_above_idle
from benchmarks.table import Aim, Row, row
from benchmarks.timing import Case, Series, take_turns
from benchmarks.work import EPOCH_SECONDS, WORK, file_to_table

_TIMES = 4
_LIMIT_MB = 120
# Decoded samples of one chunk for each of two threads: whether such a block finds a place among those that
# are free already, or takes new memory, is the allocator's luck.
_CHUNKS_MB = 34
_WARM_UP = np.timedelta64(5, "m")


def memory_rows(night: NightFile, repeats: int) -> list[Row]:
    """Measure the night, and one four times as long, each in a process of its own."""
    longer = longer_night(night, _TIMES)
    once, more = f"peak memory, {night.title}", f"peak memory, {_TIMES} times as long"
    cases = [
        Case(once, partial(_measured, night.path), warm=False),
        Case(more, partial(_measured, longer.path), warm=False),
    ]
    series = take_turns(cases, min(repeats, 3))
    peaks = [amount for one in series.values() for amount in one.amounts]
    bound = Aim(f"largest ≤ {_LIMIT_MB} MB", max(peaks), _LIMIT_MB, at_most=True) if peaks else None
    return [
        row(series[once], None, bound, "MB"),
        row(series[more], series[once], _growth(series[more], series[once]), "MB"),
    ]


def _growth(longer: Series, shorter: Series) -> Aim | None:
    if not (longer.amounts and shorter.amounts):
        return None
    return Aim(f"growth ≤ {_CHUNKS_MB} MB", longer.middle - shorter.middle, _CHUNKS_MB, at_most=True)


def _measured(path: Path) -> float:
    printed = run_child([sys.executable, "-m", "benchmarks.memory", path])
    return float(json.loads(printed.strip().splitlines()[-1])["peak_mb"])


def _of_warm_process(path: Path) -> dict[str, float | str]:
    recording = sd.open_recording(path)
    start = np.datetime64(recording.attrs["start"])
    warm = sd.extract(recording, WORK, epoch=EPOCH_SECONDS, end=start + _WARM_UP)
    sd.to_dataframe(warm, backend="threads", workers=2, progress=False)
    return peak_above_idle(partial(file_to_table, path))


if __name__ == "__main__":
    print(json.dumps(_of_warm_process(Path(sys.argv[1]))))
