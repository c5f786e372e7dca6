"""What a worker does with one recording: its features are computed, written, and accounted for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import sleep
from typing import Any, TypeVar

import pyarrow as pa
import xarray as xr

from sleepdask.errors import BackendError, ChangedFileError, OutputError
from sleepdask.features.extract import extract
from sleepdask.features.plan import plan_extraction
from sleepdask.io.results import write_features
from sleepdask.parallel.outcome import here
from sleepdask.runners import compute_here
from sleepdask.study.accounts import outcome_name, read_outcome
from sleepdask.study.begun import Begun
from sleepdask.study.budget import check_budget
from sleepdask.study.files import StudyFiles, taken_over
from sleepdask.study.inputs import all_look_the_same, hashed
from sleepdask.study.judging import judged
from sleepdask.study.lock import holds
from sleepdask.study.merging import merged
from sleepdask.study.opening import extraction_options, opened
from sleepdask.study.outcome import FAILED, RecordingOutcome
from sleepdask.study.parts import arrays_name, content_of, part_bytes, part_name, read_part
from sleepdask.study.plan import PLAN, StudyPlan, content_key, digest
from sleepdask.study.saying import message_of, traceback_of, without_places
from sleepdask.study.scan import states_of
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
class Product:
    """Features of a recording, and the file of their table."""

    features: xr.DataTree
    table: bytes


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
        self._check_run()
        usage = Usage()
        begun = Begun(self.files, job.entry.recording_id)
        done = read_outcome(self.files, job.entry.recording_id)
        if done is not None and done != job.before:  # of this run: its worker died before it could say so
            begun.end()
            return done
        attempts = begun.again()
        outcome, product = self._attempt(job)
        if not outcome.worker:  # else nothing was computed
            outcome = outcome.but(
                attempts=attempts, worker=here(), seconds=round(usage.seconds, 3), peak_memory=usage.peak_memory
            )
        if product is not None:
            outcome = outcome.but(table_size=len(product.table))
        self.settle(outcome, product)
        begun.end()
        return outcome

    def settle(self, outcome: RecordingOutcome, product: Product | None = None) -> None:
        """Write features and the outcome that says so, in this order; what is no longer true goes first."""
        self._check_run()
        name = outcome.recording_id
        part = part_name(name)
        if product is not None or not outcome.has_features:
            self.files.remove(outcome_name(name))  # it would be of another table
            self.files.remove(arrays_name(name))
        if product is not None:
            self.files.write(part, product.table)
            if self.plan.arrays:
                self.files.write_folder(arrays_name(name), partial(write_features, product.features, kind="zarr"))
        elif not outcome.has_features:
            self.files.remove(part.rsplit("/", 1)[0])
        self.files.write(outcome_name(name), outcome.to_json())

    def _check_run(self) -> None:
        if holds(self.files, self.token):
            return
        if not self.files.exists(PLAN):
            fix = "put it where all workers see it under one name"
            raise OutputError("a worker does not see the files of the study", where=self.files.location, fix=fix)
        raise taken_over(self.files.location)

    def _attempt(self, job: Job) -> tuple[RecordingOutcome, Product | None]:
        """Outcome of a recording and what to write; None where there is nothing, or what is there stays."""
        entry = job.entry
        outcome = RecordingOutcome(entry.recording_id, layout_key=layout_key(self.schema))
        try:
            known = {} if job.before is None else job.before.inputs
            inputs = self._patiently(lambda: {r: hashed(path, known.get(r)) for r, path in entry.inputs.items()})
            keys = self.plan.keys(entry, {role: each["hash"] for role, each in inputs.items()}, job.units)
            outcome = outcome.but(
                inputs=inputs,
                bytes_read=sum(each["size"] for each in inputs.values()),
                feature_keys={name: key for name, key in keys.items() if name},
                content_key=content_key(keys),
            )
            done = self._analysed(job, outcome)
            if not _are_unchanged(entry, inputs):
                fix = "run the study again once its files are whole"
                raise ChangedFileError("a file was changed while it was read", where=entry.recording_id, fix=fix)
            return done
        except (Exception, SystemExit) as error:  # a feature may call what ends a program
            lasting = not isinstance(error, _NOT_ITS_OWN) and _are_unchanged(entry, outcome.inputs)
            failure = outcome.but(
                status=FAILED,
                content_key=outcome.content_key if lasting else "",
                error_type=type(error).__name__,
                message=without_places(message_of(error), entry),
                traceback=without_places(traceback_of(error), entry),
            )
            return failure, None

    def _analysed(self, job: Job, outcome: RecordingOutcome) -> tuple[RecordingOutcome, Product | None]:
        before = job.before or RecordingOutcome("")
        same = before.content_key == outcome.content_key and _names(before) == _names(outcome)
        old = self._part(before) if before.has_features else None
        if same and not job.again and (old is not None or before.status == FAILED):
            # its files were touched or moved, or the study has other columns now, or wants arrays too
            relaid = before.but(inputs=outcome.inputs, layout_key=outcome.layout_key)
            stays = before.layout_key == outcome.layout_key and self._has_arrays(outcome)
            return relaid, None if stays or old is None else self._product(old, relaid)
        keys = set() if job.again or before.epochs_failed else set(before.feature_keys.values())
        features, missing, invalid = self._features(job, outcome, old, keys)
        outcome = judged(outcome, features, missing, invalid)
        return outcome, self._product(features, outcome) if outcome.has_features else None

    def _product(self, features: xr.DataTree, outcome: RecordingOutcome) -> Product:
        return Product(features, part_bytes(features, self.schema, outcome.content_key))

    def _has_arrays(self, outcome: RecordingOutcome) -> bool:
        """Whether there are arrays, if there should be."""
        return not self.plan.arrays or self.files.exists(arrays_name(outcome.recording_id))

    def _part(self, outcome: RecordingOutcome) -> xr.DataTree | None:
        """Features that were computed before; None if their table is not there, damaged, or another one."""
        try:
            data = self.files.read(part_name(outcome.recording_id))
            whole = len(data) == outcome.table_size and content_of(data) == outcome.content_key
            return read_part(data) if whole else None
        except Exception:  # Arrow has many
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
            except (FileNotFoundError, PermissionError):
                raise
            except OSError:
                sleep(_BACKOFF_SECONDS * 2**attempt)
        return read()


def _are_unchanged(entry: Entry, inputs: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether files look as they did before they were read: none was still being written, replaced, or went away."""
    states = states_of(entry)
    return bool(states) and all_look_the_same(states, inputs)


def _names(outcome: RecordingOutcome) -> dict[str, Any]:
    """Names of the files: they stand in the table."""
    return {role: state.get("name") for role, state in outcome.inputs.items()}


def layout_key(schema: pa.Schema) -> str:
    """Hash of the columns of a table."""
    return digest([[each.name, str(each.type)] for each in schema])
