"""A study: the one object that plans, runs, resumes and reads."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, closing
from typing import TYPE_CHECKING, Any

import pandas as pd

from sleepdask.features.registry import parse_features
from sleepdask.parallel.config import BackendName, ParallelConfig
from sleepdask.parallel.settings import resolve
from sleepdask.study.accounts import outcomes_frame, read_outcomes
from sleepdask.study.awaiting import in_threads
from sleepdask.study.checking import Checked, check_all
from sleepdask.study.config import StudyConfig, load_study_config
from sleepdask.study.files import StudyFiles, study_files
from sleepdask.study.finished import finished
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.plan import StudyPlan
from sleepdask.study.preparing import Prepared, prepare
from sleepdask.study.progress import standing
from sleepdask.study.reporting.report import FILE_NAME as REPORT
from sleepdask.study.run import Run, open_run
from sleepdask.study.stored import stored_entries, stored_plan
from sleepdask.study.table import Entry, read_table
from sleepdask.study.workers import study_executor

if TYPE_CHECKING:
    import dask.dataframe as dd
    import pyarrow.dataset as ds

DEFAULT_FEATURES = "statistics,bandpower,hjorth"


class Study:
    r"""Recordings, what is computed of each, and where it goes; made by `from_table` or `open`.

    Parameters
    ----------
    entries
        Rows of the table.
    plan
        What is computed.
    files
        Where results go.
    config, max_failures
        How it runs, unless a call says otherwise.
    command
        Words of the command line that it comes from, kept with the results.

    Examples
    --------
    >>> import sleepdask as sd
    >>> from pathlib import Path
    >>> _ = Path("recordings.csv").write_text("recording_id,path,hypnogram\nN1,night.edf,hypnogram.edf\n")
    >>> study = sd.Study.from_table("recordings.csv", "study", features="hjorth")
    >>> study.run(backend="sync")[["recording_id", "status", "epochs"]].values.tolist()
    [['N1', 'ok', 12]]
    >>> study.run(backend="sync")["attempts"].tolist()  # there is nothing left to do
    [1]
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        plan: StudyPlan,
        files: StudyFiles,
        config: ParallelConfig | None = None,
        max_failures: int | str | None = None,
        command: Sequence[str] = (),
    ) -> None:
        self._entries, self._plan, self._files = list(entries), plan, files
        self._config, self._max_failures, self._command = config, max_failures, tuple(command)

    @classmethod
    def from_table(
        cls,
        table: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        config: StudyConfig | str | os.PathLike[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        command: Sequence[str] = (),
        **settings: Any,
    ) -> Study:
        """Make a study of a table of recordings.

        Parameters
        ----------
        table
            CSV file: `read_table` says what it holds.
        output
            Folder for the results, new or of an earlier run; or the URL of an object store.
        config
            What is computed and how: a `StudyConfig`, or a YAML file that holds one.
        storage_options
            For the file system of a URL.
        command
            Words of the command line that it comes from, kept with the results.
        **settings
            Fields of `StudyConfig`, in place of those of `config`: features (default statistics, bandpower and
            hjorth), epoch, channels, aliases, montage, ..., and those of its `run`, such as workers. Columns
            ``lights_off`` and ``lights_on`` of the table hold for one recording.

        Raises
        ------
        ParameterError, FileFormatError
            The table, or a setting, is not as described.
        """
        if not isinstance(config, StudyConfig):
            config = StudyConfig() if config is None else load_study_config(config)
        chosen = config.merged(**settings)
        plan = StudyPlan(
            chosen.features or parse_features(DEFAULT_FEATURES),
            chosen.options,
            **chosen.opening,
            harmonisation=chosen.harmonisation(),
            arrays=bool(chosen.arrays),
            preprocessing=chosen.preprocessing(),
        )
        files = study_files(output, storage_options)
        return cls(read_table(table), plan, files, chosen.parallel(), chosen.max_failures, command)

    @classmethod
    def open(cls, output: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Study:
        """Open a study that was begun, to read it, or to go on.

        Raises
        ------
        ParameterError
            There is no study.
        """
        files = study_files(output, storage_options)
        _, plan = stored_plan(files, StudyPlan.from_document, where=output)
        return cls(stored_entries(files, where=output), plan, files)

    @property
    def recording_ids(self) -> list[str]:
        """Ids in the order of the table."""
        return [entry.recording_id for entry in self._entries]

    @property
    def has_report(self) -> bool:
        """Whether ``report.html`` is there."""
        return self._files.exists(REPORT)

    @property
    def plan(self) -> StudyPlan:
        """What is computed of each recording."""
        return self._plan

    def run(
        self,
        *,
        retry_failed: bool = False,
        max_failures: int | str | None = None,
        backend: BackendName | None = None,
        workers: int | None = None,
        scheduler: Any = None,
        security: Any = None,
        config: ParallelConfig | None = None,
    ) -> pd.DataFrame:
        """Analyse all that is not done, and account for every recording.

        A recording is done if its files, the features and all that they depend on are those of before. One that failed
        is not tried again unless its files or the plan have changed, or `retry_failed` is true.

        Parameters
        ----------
        retry_failed
            Also analyse again what is not "ok".
        max_failures
            Recordings that may fail, as a number or a share such as ``"5%"``; when more do, the run ends.
        backend, workers, scheduler, security, config
            Where to run, as in `compute`; default processes of this machine, or the active Client.

        Returns
        -------
        outcomes
            As `outcomes` gives them.

        Raises
        ------
        StudyStoppedError
            More than `max_failures` failed; what is done is kept.
        ConcurrencyError
            Another run of this study is at work.
        OutputError
            The output cannot be written; what is done is kept.
        """
        for _ in self.iterate(
            retry_failed=retry_failed,
            max_failures=max_failures,
            backend=backend,
            workers=workers,
            scheduler=scheduler,
            security=security,
            config=config,
        ):
            pass
        return self.outcomes()

    def iterate(
        self,
        *,
        retry_failed: bool = False,
        max_failures: int | str | None = None,
        config: ParallelConfig | None = None,
        **where: Any,
    ) -> Generator[RecordingOutcome, None, None]:
        """Analyse as `run` does, and yield each outcome as it comes; leaving the loop drops what has not begun."""
        opening = self._run(resolve(config or self._config, **where), retry_failed, max_failures)
        with opening as run, closing(run.iterate()) as outcomes:
            yield from outcomes

    async def run_async(
        self,
        *,
        retry_failed: bool = False,
        max_failures: int | str | None = None,
        config: ParallelConfig | None = None,
        **where: Any,
    ) -> AsyncGenerator[RecordingOutcome, None]:
        r"""Analyse as `iterate` does, while the event loop goes on.

        Whoever leaves the loop early closes it (``contextlib.aclosing``), as Python else does so when it likes.

        Examples
        --------
        >>> import asyncio
        >>> import sleepdask as sd
        >>> from pathlib import Path
        >>> _ = Path("recordings.csv").write_text("recording_id,path\nN1,night.edf\n")
        >>> async def statuses():
        ...     study = sd.Study.from_table("recordings.csv", "study", features="hjorth")
        ...     return [outcome.status async for outcome in study.run_async(backend="threads")]
        >>> asyncio.run(statuses())
        ['ok']
        """
        opening = self._run(resolve(config or self._config, **where), retry_failed, max_failures)
        async with in_threads(opening) as run, aclosing(run.as_completed()) as outcomes:
            async for outcome in outcomes:
                yield outcome

    def prepared(self, *, retry_failed: bool = False, config: ParallelConfig | None = None, **where: Any) -> Prepared:
        """Tell what `run` would do: headers are read, nothing is computed, and nothing is written."""
        config = resolve(config or self._config, **where)
        before = read_outcomes(self._files, self.recording_ids)
        executor = study_executor(config, scanning=True)
        return prepare(
            self._plan, self._entries, self._files, before, executor, retry_failed=retry_failed, remember=False
        )

    def check(self, *, config: ParallelConfig | None = None, **where: Any) -> list[Checked]:
        """Look at all recordings as `run` would open them, before anything is computed; `where` as in `run`."""
        executor = study_executor(resolve(config or self._config, **where), scanning=True)
        return check_all(self._plan, self._entries, executor)

    def standing(self) -> dict[str, Any]:
        """How far the study is, as JSON types: counts by status, what is left, what failed of which cause."""
        return standing(self._files, self.recording_ids, read_outcomes(self._files, self.recording_ids))

    def features(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        covariates: Sequence[str] | None = None,
        recordings_per_partition: int | None = None,
    ) -> dd.DataFrame:
        """Table of all epochs of all recordings that have features; lazy.

        Parameters
        ----------
        columns
            Names or globs of feature columns, such as ``"*/bandpower_delta"``; default all.
        covariates
            Columns of the table of recordings to take along; default all.
        recordings_per_partition
            Default as many as make some 16 MiB.

        Returns
        -------
        features
            A Dask DataFrame with ``recording_id``, the covariates, ``epoch``, ``start``, ``stage`` and the chosen
            columns. What is not needed is not read.
        """
        return finished(self._files).features(
            columns, covariates=covariates, recordings_per_partition=recordings_per_partition
        )

    def dataset(self) -> ds.Dataset:
        """Give the same as a dataset of Arrow, for what reads such: Polars, DuckDB, pandas."""
        return finished(self._files).dataset()

    def summary(
        self, by: str | Sequence[str] = ("stage",), columns: str | Sequence[str] | None = None, **where: Any
    ) -> pd.DataFrame:
        """Summarise features by stage and covariates, without ever holding the whole table.

        Parameters
        ----------
        by
            ``"stage"`` and columns of the table of recordings, such as ``["stage", "group"]``.
        columns
            Names or globs of feature columns; default all.
        **where
            Backend, workers, scheduler, security and config, as in `compute`.

        Returns
        -------
        summary
            A row for each group and column: recordings, epochs, mean, std, std_between, min, q05, q25, q50, q75, q95,
            max; `sleepdask.study.results.summary.summarise` says what they are.
        """
        return finished(self._files).summary(by, columns, **self._where(where))

    def report(self, by: str | Sequence[str] | None = None, **where: Any) -> str:
        """Write ``report.html``, one page about all of the study, and tell where it is.

        Distributions are told apart by the covariates `by`; default ``group``, if there is such a one.
        """
        return finished(self._files).report(by, **self._where(where))

    def outcomes(self) -> pd.DataFrame:
        """What became of each recording that is done: a row each, in the order of the table.

        Returns
        -------
        outcomes
            Columns recording_id, status (ok, partial, failed, lost), error_type, message, traceback, attempts, worker,
            seconds, peak_memory and bytes_read (bytes), epochs, epochs_failed, content_key.
        """
        return outcomes_frame(read_outcomes(self._files, self.recording_ids), self.recording_ids)

    def _run(
        self,
        config: ParallelConfig,
        retry_failed: bool,  # noqa: FBT001
        max_failures: int | str | None,
    ) -> AbstractContextManager[Run]:
        most = self._max_failures if max_failures is None else max_failures
        return open_run(
            self._plan,
            self._entries,
            self._files,
            config,
            retry_failed=retry_failed,
            max_failures=most,
            command=self._command,
        )

    def _where(self, where: dict[str, Any]) -> dict[str, Any]:
        """Where to run: what a call says, else what the study was made with."""
        return where if "config" in where or self._config is None else where | {"config": self._config}
