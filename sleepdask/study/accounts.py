"""The outcomes of a study: read one by one, compiled into one table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sleepdask.errors import FileFormatError
from sleepdask.study.files import StudyFiles
from sleepdask.study.outcome import RecordingOutcome

FOLDER = "outcomes"
COMPILED = "outcomes.parquet"
_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("recording_id", "status", "error_type", "message", "traceback")),
        pa.field("attempts", pa.int64()),
        pa.field("worker", pa.string()),
        pa.field("seconds", pa.float64()),
        *(pa.field(name, pa.int64()) for name in ("peak_memory", "bytes_read", "epochs", "epochs_failed")),
        pa.field("content_key", pa.string()),
    ]
)


def outcome_name(recording_id: str) -> str:
    """File of an outcome within the study."""
    return f"{FOLDER}/{recording_id}.json"


def read_outcomes(files: StudyFiles, ids: Iterable[str] | None = None) -> dict[str, RecordingOutcome]:
    """Outcomes by id, of these recordings or of all; one that is damaged is taken for none."""
    there = [name.removesuffix(".json") for name in files.names(FOLDER) if name.endswith(".json")]
    known = set(there)
    wanted = there if ids is None else [name for name in ids if name in known]
    outcomes = {name: read_outcome(files, name) for name in wanted}
    return {name: outcome for name, outcome in outcomes.items() if outcome is not None}


def read_outcome(files: StudyFiles, recording_id: str) -> RecordingOutcome | None:
    """Outcome of one recording; None if there is none, or a damaged one, or that of another."""
    name = outcome_name(recording_id)
    try:
        outcome = RecordingOutcome.from_json(files.read(name), name)
    except (FileNotFoundError, FileFormatError):
        return None
    return outcome if outcome.recording_id == recording_id else None


def as_compiled(outcome: RecordingOutcome) -> RecordingOutcome:
    """Keep what the table of all outcomes has of one: a quarter of the memory, for each of very many."""
    return RecordingOutcome(**{name: getattr(outcome, name) for name in _SCHEMA.names})


def outcomes_frame(outcomes: Mapping[str, RecordingOutcome], ids: Sequence[str]) -> pd.DataFrame:
    """One row a recording, in the order of the table; those without an outcome are not in it."""
    frame: pd.DataFrame = _table(outcomes, ids).to_pandas()
    return frame


def compile_outcomes(files: StudyFiles, outcomes: Mapping[str, RecordingOutcome], ids: Sequence[str]) -> None:
    """Write the table of all outcomes."""
    sink = pa.BufferOutputStream()
    pq.write_table(_table(outcomes, ids), sink)
    files.write(COMPILED, bytes(sink.getvalue()))


def _table(outcomes: Mapping[str, RecordingOutcome], ids: Sequence[str]) -> pa.Table:
    rows = [outcomes[name] for name in ids if name in outcomes]
    return pa.table({name: [getattr(row, name) for row in rows] for name in _SCHEMA.names}, schema=_SCHEMA)
