"""A run of a study: what is to be done goes to the workers, and what comes back is accounted for."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager, suppress
from datetime import UTC, datetime

from sleepdask.errors import OutputError, SleepdaskError, TooSlowError, WorkerLostError
from sleepdask.io.provenance import PACKAGES, versions
from sleepdask.parallel import outcome as parallel
from sleepdask.parallel.config import ParallelConfig
from sleepdask.study.accounts import COMPILED, as_compiled, compile_outcomes, outcome_name, read_outcome, read_outcomes
from sleepdask.study.accounts import FOLDER as OUTCOMES
from sleepdask.study.begun import FOLDER as BEGUN
from sleepdask.study.begun import Begun
from sleepdask.study.failures import Limit
from sleepdask.study.files import StudyFiles
from sleepdask.study.lock import holds, run_lock
from sleepdask.study.outcome import FAILED, LOST, RecordingOutcome
from sleepdask.study.parts import PARTITION, arrays_name, part_name
from sleepdask.study.plan import FORMAT, PLAN, StudyPlan
from sleepdask.study.preparing import Prepared, lost_key, prepare
from sleepdask.study.reporting.report import FILE_NAME as REPORT
from sleepdask.study.scan import states_of
from sleepdask.study.settings import allowed_failures
from sleepdask.study.table import Entry, table_bytes, table_entries
from sleepdask.study.task import Analysis, Job
from sleepdask.study.workers import runs_in_processes, study_executor

TABLE = "recordings.csv"
_RETRIES = 2  # of reading, where the configuration says nothing


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
        self._entries, self._columns = entries, prepared.columns
        self.jobs = prepared.jobs
        self.outcomes: dict[str, RecordingOutcome] = {name: as_compiled(each) for name, each in prepared.done.items()}
        self.analysis = Analysis(plan, prepared.columns.schema, files, token, config.retries or _RETRIES)
        for outcome in self.outcomes.values():
            limit.count(outcome)

    def iterate(self) -> Generator[RecordingOutcome, None, None]:
        """Outcome of each recording as it comes.

        Raises
        ------
        StudyStoppedError
            Too many failed.
        """
        self._limit.check()
        executor = study_executor(self._config)
        use_processes = runs_in_processes(self._config)
        with closing(executor.map_with_progress(self.analysis, self.jobs, use_processes, desc="study")) as results:
            for index, result in results:
                yield self._settled(self.jobs[index], result)
                self._limit.check()

    async def as_completed(self) -> AsyncGenerator[RecordingOutcome, None]:
        """Do the same while the event loop goes on."""
        self._limit.check()
        executor = study_executor(self._config)
        use_processes = runs_in_processes(self._config)
        async with aclosing(executor.as_completed(self.analysis, self.jobs, use_processes, desc="study")) as results:
            async for index, result in results:
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
        self.outcomes[outcome.recording_id] = as_compiled(outcome)
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
            "each worker that ran this died" if lost else f"did not end within {self._config.seconds:g} s",
            attempts=max(1, begun.count),
            seconds=round(result.seconds, 3),
            content_key=lost_key(self._plan, entry),
            inputs=states_of(entry),
        )
        self.analysis.settle(outcome)
        begun.end()
        return outcome

    def write_plan(self, command: Sequence[str]) -> None:
        """Write what is computed, and its table, before anything is; a report that will not be true any more goes."""
        columns, table = self._columns, table_bytes(self._entries, self._files.location)
        changed = _table_in(self._files) != table
        if self.jobs or changed:
            self._files.remove(REPORT)
        document = {
            "format": FORMAT,
            "created": _created(self._files) or datetime.now(UTC).isoformat(timespec="seconds"),
            "command": list(command),
            "versions": versions(PACKAGES),
            **self._plan.document(),
            "recordings": len(self._entries),
            "columns": columns.definitions,
            "schema": {field.name: str(field.type) for field in columns.schema},
        }
        self._files.write(PLAN, json.dumps(document, indent=1, ensure_ascii=False).encode())
        if changed:  # it may be the table that somebody wrote
            self._files.write(TABLE, table)

    def set_aside(self) -> None:
        """Move tables of recordings that the study no longer has out of the way of those who read all of them."""
        ids = {entry.recording_id for entry in self._entries}
        known = {name.removesuffix(".json") for name in self._files.names(OUTCOMES)}
        parts = {name.removeprefix(PARTITION) for name in self._files.names("features") if name.startswith(PARTITION)}
        others = {name for name in known - ids if read_outcome(self._files, name)}  # what else lies there is not ours
        for name in sorted(others | (parts - ids)):
            part = part_name(name)
            with suppress(FileNotFoundError):
                self._files.write(f"removed/{part}", self._files.read(part))
            self._files.remove(outcome_name(name))
            self._files.remove(part.rsplit("/", 1)[0])
            self._files.remove(arrays_name(name))
        todo = {job.entry.recording_id for job in self.jobs}
        for name in set(self._files.names(BEGUN)) - todo:  # its worker died after it had said what became of it
            self._files.remove(f"{BEGUN}/{name}")

    def compile(self, files: StudyFiles) -> None:
        """Bring the outcomes together, those of a run before included."""
        ids = [entry.recording_id for entry in self._entries]
        self.outcomes |= read_outcomes(files, [name for name in ids if name not in self.outcomes])
        compile_outcomes(files, self.outcomes, ids)


@contextmanager
def open_run(
    plan: StudyPlan,
    entries: Sequence[Entry],
    files: StudyFiles,
    config: ParallelConfig,
    *,
    retry_failed: bool = False,
    max_failures: int | str | None = None,
    command: Sequence[str] = (),
) -> Iterator[Run]:
    """Context of a run that has the study for itself; however it ends, what was done is compiled.

    Raises
    ------
    ConcurrencyError
        Another run is at work.
    OutputError
        Nothing can be written there.
    """
    limit = Limit(None if max_failures is None else allowed_failures(max_failures, len(entries)))
    with run_lock(files) as token, _files_of_run(files, token) as own:
        _check_place(entries, files)
        before = read_outcomes(files, [entry.recording_id for entry in entries])
        executor = study_executor(config, scanning=True)
        prepared = prepare(plan, entries, files, before, executor, retry_failed=retry_failed)
        run = Run(plan, entries, own, prepared, token, config, limit)
        run.write_plan(command)
        run.set_aside()
        try:
            yield run
        except BaseException:
            with suppress(OutputError):  # what ended the run says more
                if holds(files, token):  # else it is the account of another run
                    files.end_runs()  # a thread that cannot be stopped must not finish a recording after the account
                    run.compile(files)
            raise
        run.compile(own)


def _check_place(entries: Sequence[Entry], files: StudyFiles) -> None:
    """Refuse a folder that is no study, but has files that a study would replace."""
    if files.exists(PLAN):
        return
    for name in (TABLE, REPORT, COMPILED):
        if files.exists(name) and not (name == TABLE and _table_in(files) == table_bytes(entries, files.location)):
            what = f"the folder is no study, and has a file {name}, which would be lost"
            raise OutputError(what, where=files.location, fix="choose a new folder for the results")


def _table_in(files: StudyFiles) -> bytes:
    """Table in the folder of a study as it would be written; nothing if there is none, or something else."""
    try:
        return table_bytes(table_entries(files.read(TABLE), files.location, where=TABLE), files.location)
    except (FileNotFoundError, SleepdaskError):
        return b""


def _created(files: StudyFiles) -> str | None:
    """When the study was begun, if it was."""
    try:
        created = json.loads(files.read(PLAN))["created"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return created if isinstance(created, str) else None


@contextmanager
def _files_of_run(files: StudyFiles, token: str) -> Iterator[StudyFiles]:
    """Context with the files for a run; what those before left unfinished goes first, what it leaves itself at its end.

    The latter has to wait if the storage is what failed.
    """
    files.end_runs()
    try:
        yield files.of_run(token)
    finally:
        with suppress(OutputError):
            if holds(files, token):  # else another run has begun, and has done so
                files.end_runs()
                if not files.names(BEGUN):
                    files.remove(BEGUN)
