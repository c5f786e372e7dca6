"""A run of a study: what is to be done goes to the workers, and what comes back is accounted for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from sleepdask.errors import TooSlowError, WorkerLostError
from sleepdask.features.warm import warm_kernels
from sleepdask.io.provenance import PACKAGES, versions
from sleepdask.parallel import outcome as parallel
from sleepdask.parallel.backends import backend_name
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.executor import ParallelExecutor
from sleepdask.study.accounts import FOLDER as OUTCOMES
from sleepdask.study.accounts import compile_outcomes, read_outcomes
from sleepdask.study.begun import Begun
from sleepdask.study.failures import Limit
from sleepdask.study.files import UNFINISHED, StudyFiles
from sleepdask.study.lock import run_lock
from sleepdask.study.outcome import FAILED, LOST, RecordingOutcome
from sleepdask.study.parts import part_name
from sleepdask.study.plan import FORMAT, StudyPlan
from sleepdask.study.preparing import Prepared, lost_key, prepare
from sleepdask.study.scan import states_of
from sleepdask.study.table import Entry, table_bytes
from sleepdask.study.task import Analysis, Job

PLAN = "study.json"
TABLE = "recordings.csv"


class Run:
    """One run; made by `open_run`.

    Parameters
    ----------
    plan, entries, files
        Of the study.
    prepared
        What there is to do.
    token
        Of the lock.
    config
        Where it runs.
    limit
        Failures that end it.
    """

    def __init__(
        self,
        plan: StudyPlan,
        entries: Sequence[Entry],
        files: StudyFiles,
        prepared: Prepared,
        token: str,
        config: ParallelConfig,
        limit: Limit,
    ) -> None:
        self._plan, self._files, self._config, self._limit = plan, files, config, limit
        self._entries = entries
        self.jobs = prepared.jobs
        self.outcomes: dict[str, RecordingOutcome] = dict(prepared.done)
        self.analysis = Analysis(plan, prepared.columns, files, token)
        for outcome in self.outcomes.values():
            limit.count(outcome)

    def iterate(self) -> Iterator[RecordingOutcome]:
        """Outcome of each recording as it comes.

        Raises
        ------
        StudyStoppedError
            Too many failed.
        """
        executor = study_executor(self._config)
        use_processes = runs_in_processes(self._config)
        for index, result in executor.map_with_progress(self.analysis, self.jobs, use_processes, desc="study"):
            yield self._settled(self.jobs[index], result)
            self._limit.check()

    async def as_completed(self) -> AsyncIterator[RecordingOutcome]:
        """Do the same while the event loop goes on."""
        executor = study_executor(self._config)
        use_processes = runs_in_processes(self._config)
        async for index, result in executor.as_completed(self.analysis, self.jobs, use_processes, desc="study"):
            yield self._settled(self.jobs[index], result)
            self._limit.check()

    def _settled(self, job: Job, result: parallel.Outcome[RecordingOutcome]) -> RecordingOutcome:
        """Outcome of a recording; written here if its worker could not."""
        if result.ok:
            outcome = result.unwrap()
        elif isinstance(result.error, WorkerLostError | TooSlowError):
            outcome = self._ended_from_outside(job, result)
        else:  # the store cannot be written: nothing can go on
            return result.unwrap()
        self.outcomes[outcome.recording_id] = outcome
        self._limit.count(outcome)
        return outcome

    def _ended_from_outside(self, job: Job, result: parallel.Outcome[RecordingOutcome]) -> RecordingOutcome:
        """Account for a recording that killed its workers, or took too long."""
        entry = job.entry
        begun = Begun(self._files, entry.recording_id)
        lost = isinstance(result.error, WorkerLostError)
        outcome = RecordingOutcome(
            entry.recording_id,
            LOST if lost else FAILED,
            result.error_type,
            str(result.error.args[0]) if result.error else "",
            attempts=max(1, begun.count),
            seconds=round(result.seconds, 3),
            content_key=lost_key(self._plan, entry),
            inputs=states_of(entry),
        )
        self.analysis.settle(outcome)
        begun.end()
        return outcome

    def write_plan(self) -> None:
        """Write what is computed, and its table, before anything is."""
        columns = self.analysis.columns
        document = {
            "format": FORMAT,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(PACKAGES),
            **self._plan.document(),
            "recordings": len(self._entries),
            "columns": columns.definitions,
            "schema": {field.name: str(field.type) for field in columns.schema},
        }
        self._files.write(PLAN, json.dumps(document, indent=1, ensure_ascii=False).encode())
        self._files.write(TABLE, table_bytes(self._entries, self._files.location))

    def set_aside(self) -> None:
        """Move tables of recordings that the study no longer has out of the way of those who read all of them."""
        ids = {entry.recording_id for entry in self._entries}
        for folder in self._files.names("features"):
            name = folder.removeprefix("recording_id=")
            if name in ids:
                continue
            part = part_name(name)
            with suppress(FileNotFoundError):
                self._files.write(f"removed/{part}", self._files.read(part))
            self._files.remove(f"features/{folder}")
            self._files.remove(f"{OUTCOMES}/{name}.json")

    def compile(self) -> None:
        """Bring the outcomes together, those of a run before included."""
        ids = [entry.recording_id for entry in self._entries]
        self.outcomes |= read_outcomes(self._files, [name for name in ids if name not in self.outcomes])
        compile_outcomes(self._files, self.outcomes, ids)


@contextmanager
def open_run(
    plan: StudyPlan,
    entries: Sequence[Entry],
    files: StudyFiles,
    config: ParallelConfig,
    *,
    retry_failed: bool = False,
    max_failures: int | str | None = None,
) -> Iterator[Run]:
    """Context of a run that has the study for itself; however it ends, what was done is compiled.

    Raises
    ------
    ConcurrencyError
        Another run is at work.
    OutputError
        Nothing can be written there.
    """
    limit = Limit.of(max_failures, len(entries))
    with run_lock(files) as token:
        files.remove(UNFINISHED)
        before = read_outcomes(files, [entry.recording_id for entry in entries])
        executor = study_executor(config, scanning=True)
        prepared = prepare(plan, entries, files, before, executor, retry_failed=retry_failed)
        run = Run(plan, entries, files, prepared, token, config, limit)
        run.write_plan()
        run.set_aside()
        try:
            yield run
        finally:
            run.compile()


def study_executor(config: ParallelConfig, *, scanning: bool = False) -> ParallelExecutor:
    """Executor that takes one recording at a time, on as many workers as a graph has."""
    workers = config.graph_workers
    one_each = replace(
        config,
        chunk_size=10 if scanning else 1,
        max_workers_cpu=workers,
        max_workers_io=workers,
        on_error="raise" if scanning else "return",
        retries=0,
    )
    return ParallelExecutor(one_each, prepare=warm_kernels)


def runs_in_processes(config: ParallelConfig) -> bool:
    """Whether recordings go to processes, here or elsewhere: unless threads, or none of both, are asked for."""
    return config.backend != "threads" and backend_name(config, "cpu") != "sync"
