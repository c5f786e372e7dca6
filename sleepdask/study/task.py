"""What a worker does with one recording: its features are computed, written, and accounted for."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import sleep
from typing import Any, TypeVar

import pyarrow as pa
import xarray as xr

from sleepdask.errors import BackendError, OutputError, SleepdaskError
from sleepdask.features.extract import extract
from sleepdask.features.plan import plan_extraction
from sleepdask.io.results import write_features
from sleepdask.parallel.outcome import here
from sleepdask.runners import compute_here
from sleepdask.study.accounts import outcome_name, read_outcome
from sleepdask.study.begun import Begun
from sleepdask.study.budget import check_budget
from sleepdask.study.files import StudyFiles, taken_over
from sleepdask.study.inputs import hashed
from sleepdask.study.judging import judged
from sleepdask.study.lock import holds
from sleepdask.study.merging import merged
from sleepdask.study.opening import extraction_options, opened, without_places
from sleepdask.study.outcome import FAILED, RecordingOutcome
from sleepdask.study.parts import arrays_name, part_bytes, part_name, read_part
from sleepdask.study.plan import StudyPlan, digest
from sleepdask.study.table import Entry
from sleepdask.study.units import into_units
from sleepdask.study.usage import Usage

R = TypeVar("R")
_BACKOFF_SECONDS = 0.5
_NOT_ITS_OWN = (OSError, MemoryError, BackendError)  # of the machine, not of the files: the next run tries again


@dataclass(frozen=True)
class Job:
    """A recording to analyse.

    Parameters
    ----------
    entry
        Its row.
    units
        Of the channels whose unit is not that of the study.
    before
        What became of it in an earlier run.
    again
        Compute all of it anew, whatever there is.
    """

    entry: Entry
    units: Mapping[str, str] = field(default_factory=dict)
    before: RecordingOutcome | None = None
    again: bool = False


@dataclass(frozen=True)
class Analysis:
    """What is done with every recording of a run; called with a `Job` on a worker.

    Parameters
    ----------
    plan
        What to compute.
    schema
        Columns of all tables.
    files
        Where they go.
    token
        Of the run: when another one has taken over, nothing is written any more.
    retries
        How often reading is tried again where the system, not the file, is at fault.
    """

    plan: StudyPlan
    schema: pa.Schema
    files: StudyFiles
    token: str
    retries: int = 0

    def __call__(self, job: Job) -> RecordingOutcome:
        """Analyse a recording and write what comes of it; an `OutputError` alone is raised."""
        usage = Usage()
        begun = Begun(self.files, job.entry.recording_id)
        done = read_outcome(self.files, job.entry.recording_id)
        if done is not None and done != job.before:  # of this run: its worker died before it could say so
            begun.end()
            return done
        attempts = begun.again()
        outcome, features = self._attempt(job)
        outcome = outcome.but(
            attempts=attempts, worker=here(), seconds=round(usage.seconds, 3), peak_memory=usage.peak_memory
        )
        self.settle(outcome, features)
        begun.end()
        return outcome

    def settle(self, outcome: RecordingOutcome, features: xr.DataTree | None = None) -> None:
        """Write features and the outcome that says so, in this order; what is no longer true goes first."""
        if not holds(self.files, self.token):
            raise taken_over(self.files.location)
        name = outcome.recording_id
        part = part_name(name)
        if features is not None or not outcome.has_features:
            self.files.remove(outcome_name(name))  # it would be of another table
            self.files.remove(arrays_name(name))
        if features is not None:
            self.files.write(part, part_bytes(features, self.schema))
            if self.plan.arrays:
                self.files.write_folder(arrays_name(name), partial(write_features, features, kind="zarr"))
        elif not outcome.has_features:
            self.files.remove(part.rsplit("/", 1)[0])
        self.files.write(outcome_name(name), outcome.to_json())

    def _attempt(self, job: Job) -> tuple[RecordingOutcome, xr.DataTree | None]:
        """Outcome of a recording and features to write; None where there are none, or those that are there stay."""
        entry = job.entry
        outcome = RecordingOutcome(entry.recording_id, layout_key=layout_key(self.schema))
        try:
            known = {} if job.before is None else job.before.inputs
            inputs = {role: hashed(path, known.get(role)) for role, path in entry.inputs.items()}
            keys = self.plan.keys(entry, {role: each["hash"] for role, each in inputs.items()}, job.units)
            outcome = outcome.but(
                inputs=inputs,
                bytes_read=sum(each["size"] for each in inputs.values()),
                feature_keys={name: key for name, key in keys.items() if name},
                content_key=digest(sorted(keys.values())),
            )
            return self._analysed(job, outcome)
        except OutputError:
            raise
        except Exception as error:
            failure = outcome.but(
                status=FAILED,
                content_key="" if isinstance(error, _NOT_ITS_OWN) else outcome.content_key,
                error_type=type(error).__name__,
                message=without_places(str(error) or type(error).__name__, entry),
                traceback=without_places(_traceback(error), entry),
            )
            return failure, None

    def _analysed(self, job: Job, outcome: RecordingOutcome) -> tuple[RecordingOutcome, xr.DataTree | None]:
        before = job.before or RecordingOutcome("")
        same = before.content_key == outcome.content_key
        old = self._part(outcome) if before.has_features else None
        if same and not job.again and (old is not None or before.status == FAILED):
            # its files were touched or moved, or the study has other columns now, or wants arrays too
            relaid = before.but(inputs=outcome.inputs, layout_key=outcome.layout_key)
            stays = before.layout_key == outcome.layout_key and self._has_arrays(outcome)
            return relaid, None if stays else old
        keys = set() if job.again or before.epochs_failed else set(before.feature_keys.values())
        features, missing, invalid = self._features(job, outcome, old, keys)
        outcome = judged(outcome, features, missing, invalid)
        return outcome, features if outcome.has_features else None

    def _has_arrays(self, outcome: RecordingOutcome) -> bool:
        """Whether there are arrays, if there should be."""
        return not self.plan.arrays or self.files.exists(arrays_name(outcome.recording_id))

    def _part(self, outcome: RecordingOutcome) -> xr.DataTree | None:
        """Features that were computed before; None if their table is not there, or damaged."""
        try:
            return read_part(self.files.read(part_name(outcome.recording_id)))
        except (OSError, ValueError):
            return None

    def _features(
        self, job: Job, outcome: RecordingOutcome, old: xr.DataTree | None, keys: Collection[str]
    ) -> tuple[xr.DataTree, tuple[str, ...], dict[str, str]]:
        """All features, those with one of the keys from before; channels that are missing; and that cannot be used."""
        recording, missing, notes = self._patiently(lambda: opened(self.plan, job.entry))
        recording, invalid = into_units(recording, job.units)
        options = self._patiently(lambda: extraction_options(self.plan, job.entry, recording))
        whole = plan_extraction(recording, self.plan.features, **options)
        check_budget(whole)
        planned = {feature for node in whole.nodes.values() for feature in node.task.features}
        names = [name for name, feature in self.plan.names.items() if feature in planned]
        todo = names if old is None else [name for name in names if outcome.feature_keys[name] not in keys]
        features = self._computed(recording, todo, options)
        if old is not None and len(todo) < len(names):
            features = merged(whole, features, old)
            if features is None:  # the old table is not what it should be
                features = self._computed(recording, names, options)
        assert features is not None
        features.attrs = whole.attrs | {"notes": [*whole.attrs["notes"], *notes]}
        return features, missing, invalid

    def _computed(self, recording: xr.DataTree, names: list[str], options: Mapping[str, Any]) -> xr.DataTree | None:
        features = [self.plan.names[name] for name in names]
        return self._patiently(lambda: compute_here(extract(recording, features, **options))) if names else None

    def _patiently(self, read: Callable[[], R]) -> R:
        """Try again where the system failed: a network drive, a server; not where the file is at fault."""
        for attempt in range(self.retries):
            try:
                return read()
            except (FileNotFoundError, PermissionError, OutputError):
                raise
            except OSError:
                sleep(_BACKOFF_SECONDS * 2**attempt)
        return read()


def _traceback(error: BaseException) -> str:
    """Traceback of an error; of one of our own, which says all itself, none."""
    return "" if isinstance(error, SleepdaskError) else "".join(traceback.format_exception(error))


def layout_key(schema: pa.Schema) -> str:
    """Hash of the columns of a table."""
    return digest([[each.name, str(each.type)] for each in schema])
