"""Runs as a process of its own: very many recordings of which nothing is computed, through the runner of a study."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import pyarrow as pa

from benchmarks.peak import peak_above_idle
from benchmarks.work import WORK
from sleepdask.parallel import ParallelConfig, ParallelExecutor
from sleepdask.study.accounts import compile_outcomes, outcome_name, read_outcomes
from sleepdask.study.failures import Limit
from sleepdask.study.files import study_files
from sleepdask.study.layout import Columns
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.plan import StudyPlan
from sleepdask.study.preparing import Prepared
from sleepdask.study.run import Run
from sleepdask.study.table import Entry
from sleepdask.study.task import Job

_CHANNELS = tuple(f"channel {k}" for k in range(8))
_KEY = "0" * 32


def nothing(job: Job) -> RecordingOutcome:
    """Outcome as large as that of a night, and no night."""
    recording_id = job.entry.recording_id
    seen = {"name": f"{recording_id}.edf", "where": "0" * 16, "size": 118_000_000, "changed": "0" * 19, "hash": _KEY}
    return RecordingOutcome(
        recording_id,
        content_key=_KEY,
        feature_keys={"statistics": _KEY, "bandpower": _KEY},
        layout_key=_KEY,
        inputs={"recording": seen},
        channels=_CHANNELS,
        stages={"W": 100, "N1": 50, "N2": 450, "N3": 180, "R": 180},
        epochs=960,
        hours=8.0,
    )


def handed_out(count: int, scheduler: str) -> dict[str, float | str]:
    """Send that many to a scheduler, one a task; seconds, CPU seconds and memory of this process."""
    entries = entries_of(count)
    prepared = Prepared(Columns(pa.schema([]), {}), {}, [Job(entry) for entry in entries], {})
    # with a time limit, each is a task of its own, as a night is that takes a second
    config = ParallelConfig(backend="distributed", scheduler=scheduler, timeout="1h", enable_progress=False)
    ParallelExecutor(config).map_processes(abs, [0, 1])
    with TemporaryDirectory() as folder:
        run = Run(StudyPlan(WORK), entries, study_files(folder), prepared, "", config, Limit())
        run.analysis = nothing  # type: ignore[assignment]
        began, used = perf_counter(), process_time()
        peak = peak_above_idle(lambda: sum(1 for _ in run.iterate()))
        seconds, used = perf_counter() - began, process_time() - used
    if len(run.outcomes) != count:
        raise RuntimeError(f"{len(run.outcomes)} outcomes of {count}")
    return peak | {"seconds": seconds, "cpu": used}


def compiled(count: int, folder: str) -> dict[str, float]:
    """Compile that many outcomes, each a small file; seconds to read them, and to write the table."""
    entries = entries_of(count)
    ids = [entry.recording_id for entry in entries]
    files = study_files(folder)
    for entry in entries:
        path = Path(folder, outcome_name(entry.recording_id))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(nothing(Job(entry)).to_json())
    gc.collect()
    began = perf_counter()
    outcomes = read_outcomes(files, ids)
    read = perf_counter() - began
    began = perf_counter()
    compile_outcomes(files, outcomes, ids)
    return {"read": read, "write": perf_counter() - began, "outcomes": len(outcomes)}


def entries_of(count: int) -> list[Entry]:
    """Rows of a table that names that many nights."""
    return [Entry(f"r{k:07}", (f"/nights/r{k:07}.edf",), covariates={"group": "control"}) for k in range(count)]


if __name__ == "__main__":
    how, number, where = sys.argv[1:]
    print(json.dumps({"handed_out": handed_out, "compiled": compiled}[how](int(number), where)))
