"""What the folder of a study holds, finished or not: its recordings, what became of them, and their features."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from sleepdask.study.accounts import read_outcomes
from sleepdask.study.files import StudyFiles, study_files
from sleepdask.study.outcome import RecordingOutcome
from sleepdask.study.reporting.report import report_data, write_report
from sleepdask.study.results.covariates import Covariates, covariate_table
from sleepdask.study.results.dataset import features, open_dataset
from sleepdask.study.results.summary import STAGE, summarise
from sleepdask.study.stored import stored_entries, stored_plan
from sleepdask.study.table import Entry

if TYPE_CHECKING:
    import dask.dataframe as dd

_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=(.+))?\]")


@dataclass(frozen=True)
class FinishedStudy:
    """Recordings of a study, and what has been computed of them; nothing is computed here.

    Parameters
    ----------
    files
        Of the study.
    plan
        The document ``study.json``.
    entries
        Rows of its table.
    outcomes
        What became of each recording that is done, by id.
    schema
        Of the table of features of each recording.

    Examples
    --------
    >>> from sleepdask.study.files import Folder
    >>> columns = pa.schema([("stage", pa.string()), ("C3-M2/mean", pa.float64())])
    >>> FinishedStudy(Folder("study"), {}, [Entry("P1", ("night.edf",))], {}, columns).ids
    []
    """

    files: StudyFiles
    plan: Mapping[str, Any]
    entries: Sequence[Entry]
    outcomes: Mapping[str, RecordingOutcome]
    schema: pa.Schema

    @property
    def ids(self) -> list[str]:
        """Recordings that have features, in the order of the table."""
        outcomes = self.outcomes
        names = (entry.recording_id for entry in self.entries)
        return [name for name in names if name in outcomes and outcomes[name].has_features]

    @property
    def covariates(self) -> Covariates:
        """Covariates by id."""
        return {entry.recording_id: entry.covariates for entry in self.entries}

    def dataset(self) -> ds.Dataset:
        """Features as a dataset of Arrow: `open_dataset`."""
        return open_dataset(self.files, self.ids, self.schema)

    def features(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        covariates: Sequence[str] | None = None,
        recordings_per_partition: int | None = None,
    ) -> dd.DataFrame:
        """Table of all epochs, lazy: as `features` of the module `dataset`; `covariates` are names, default all."""
        known = self.covariates
        if covariates is not None:
            covariate_table(known, (), covariates)  # refuses those that there are not
            known = {key: {name: values.get(name) for name in covariates} for key, values in known.items()}
        return features(
            self.files,
            self.ids,
            self.schema,
            columns=columns,
            covariates=known,
            recordings_per_partition=recordings_per_partition,
        )

    def summary(
        self, by: str | Sequence[str] = ("stage",), columns: str | Sequence[str] | None = None, **where: Any
    ) -> pd.DataFrame:
        """Summary by stage and covariates: `summarise`; `where` says where to run, as in `compute`."""
        return summarise(self.files, self.ids, self.schema, self.covariates, by=by, columns=columns, **where)

    def report(self, by: str | Sequence[str] | None = None, **where: Any) -> str:
        """Write ``report.html`` into the study, and tell where it is.

        Parameters
        ----------
        by
            Covariates that distributions are told apart by; default ``group``, if there is such a one.
        **where
            Where to read all tables, as in `compute`.
        """
        if by is None:
            by = ["group"] if any("group" in entry.covariates for entry in self.entries) else []
        names = [STAGE, *([by] if isinstance(by, str) else by)]
        summary = self.summary(names, **where) if self.ids else None
        outcomes = list(self.outcomes.values())
        name = self.files.location.rsplit("/", 1)[-1]  # folders above may be named after people
        coverage = {outcome.recording_id: outcome.coverage for outcome in outcomes}
        data = report_data(outcomes, self.entries, self.plan, summary, location=name, coverage=coverage)
        return write_report(self.files, data)


def open_study_folder(
    location: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> FinishedStudy:
    """Open what a study wrote, while it runs or after.

    Parameters
    ----------
    location
        Folder, or URL, that the study was run into.
    storage_options
        For the file system of a URL.

    Raises
    ------
    ParameterError
        There is no study.
    FileFormatError
        It was not written by sleepdask, or is damaged.
    """
    return finished(study_files(location, storage_options))


def finished(files: StudyFiles) -> FinishedStudy:
    """Read what a study wrote; errors as of `open_study_folder`."""
    where = files.location
    plan, schema = stored_plan(files, _schema, where=where)
    return FinishedStudy(files, plan, stored_entries(files, where=where), read_outcomes(files), schema)


def _schema(plan: Mapping[str, Any]) -> pa.Schema:
    return pa.schema([(name, _type(text)) for name, text in plan["schema"].items()])


def _type(text: str) -> pa.DataType:
    if found := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(*found.groups())
    return pa.type_for_alias(text)
