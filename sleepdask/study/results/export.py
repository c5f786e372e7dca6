"""The features of a study as one table for other programs: a row a recording, or a row for each stage and column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sleepdask.errors import OutputError, ParameterError
from sleepdask.hypnogram import STAGES, UNSCORED
from sleepdask.io.atomic import staged_outputs
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.settings import resolve
from sleepdask.study.accounts import COMPILED
from sleepdask.study.files import Folder
from sleepdask.study.finished import FinishedStudy
from sleepdask.study.results.batches import Batch, cut, in_order, run_batches
from sleepdask.study.results.columns import feature_columns, select_columns
from sleepdask.study.results.covariates import check_names, covariate_names, covariate_table
from sleepdask.study.results.moments import Moments
from sleepdask.study.results.reading import PartReader
from sleepdask.study.results.tablefile import check_suffix, table_file
from sleepdask.study.run import TABLE

ALL = "all"  # epochs, scored or not
PENDING = "pending"  # status of a recording that is not done
_LONG = pa.schema(
    [
        *((name, pa.string()) for name in ("recording_id", "stage", "column")),
        ("epochs", pa.int64()),
        *((name, pa.float64()) for name in ("mean", "std", "median")),
    ]
)
_OURS = (TABLE, COMPILED)


@dataclass(frozen=True)
class Exported:
    """A table that was written: where, and how large it is."""

    path: Path
    rows: int
    columns: int


@dataclass(frozen=True)
class _Pieces:
    """A table about to be written: its columns, and its rows piece by piece."""

    schema: pa.Schema
    rows: Iterator[pa.Table]


def export(
    study: FinishedStudy,
    *,
    wide: Path | None = None,
    long: Path | None = None,
    summary: Path | None = None,
    by: Sequence[str] = ("stage",),
    columns: str | Sequence[str] | None = None,
    force: bool = False,
    config: ParallelConfig | None = None,
) -> list[Exported]:
    """Write tables of the features of a study, each whole or not at all; `.csv` or `.parquet`.

    Parameters
    ----------
    study
        As `open_study_folder` gives it.
    wide
        A row for each recording of the table: ``recording_id``; ``status`` ("pending" if it is not done); covariates;
        ``epochs``, and ``epochs|W``, ``epochs|N1``, ... of each stage; then ``<column>|W``, ..., ``<column>|all``, the
        means over the epochs of each stage, and of all, scored or not.
    long
        A row for each recording, stage ("" where not scored) and column that has a value: ``epochs`` that have one,
        ``mean``, ``std`` (of a sample), ``median``.
    summary
        What `summarise` gives.
    by
        Stage and covariates that `summary` groups by.
    columns
        Names or globs of feature columns; default all.
    force
        Replace tables that are already there.
    config
        Where to run.

    Raises
    ------
    ParameterError
        No table is asked for, or one in an unknown format; a pattern means no column.
    OutputError
        A table is already there, would replace a file of the study, or cannot be written.
    FileFormatError
        A table of features is missing, damaged, or of an earlier plan.
    """
    config = resolve(config)
    names = select_columns(feature_columns(study.schema), columns)
    makers: list[tuple[Path | None, Callable[[], _Pieces]]] = [
        (wide, lambda: _wide(study, names, config)),
        (long, lambda: _long(study, names, config)),
        (summary, lambda: _summary(study, names, by, config)),
    ]
    wanted = [(Path(path), maker) for path, maker in makers if path is not None]
    if not wanted:
        raise ParameterError("no table is asked for", fix="name one, such as wide='table.csv'")
    _check_targets([path for path, _ in wanted], study)
    written = []
    with ExitStack() as stack:
        staged = [stack.enter_context(staged_outputs(path.parent, [path.name], force=force)) for path, _ in wanted]
        for (path, maker), paths in zip(wanted, staged, strict=True):
            pieces = maker()
            with table_file(paths[path.name], pieces.schema) as table:
                for rows in pieces.rows:
                    table.write(rows)
            written.append(Exported(path, table.rows, len(pieces.schema)))
    return written


def _check_targets(paths: Sequence[Path], study: FinishedStudy) -> None:
    if len({path.absolute() for path in paths}) < len(paths):
        raise ParameterError("two tables would be one file", found=", ".join(map(str, paths)))
    for path in paths:
        check_suffix(path)
        if path.is_dir():
            raise OutputError("is a folder, not a table", where=path)
        if isinstance(study.files, Folder):
            root, target = Path(study.files.location).resolve(), path.absolute().resolve()
            if target.is_relative_to(root) and (target.parent != root or target.name in _OURS):
                raise OutputError("is a place of the study's own files", where=path, fix="name one outside of it")


def _wide(study: FinishedStudy, columns: Sequence[str], config: ParallelConfig) -> _Pieces:
    ids = [entry.recording_id for entry in study.entries]
    names = covariate_names(study.covariates)
    counts = ["epochs", *(f"epochs|{stage}" for stage in STAGES)]
    means = [f"{column}|{stage}" for column in columns for stage in (*STAGES, ALL)]
    check_names(names, ["recording_id", "status", *counts, *means])
    statuses = [study.outcomes[name].status if name in study.outcomes else PENDING for name in ids]
    known = covariate_table(study.covariates, ids, names).reset_index()
    known.insert(1, "status", np.array(statuses, object))
    known["status"] = known["status"].astype("str")
    head = pa.Table.from_pandas(known, preserve_index=False)
    head = head.cast(pa.schema([(each.name, _plain(each.type)) for each in head.schema]))
    fields = [*((name, pa.int64()) for name in counts), *((name, pa.float64()) for name in means)]
    schema = pa.schema([*((each.name, each.type) for each in head.schema), *fields])
    there = set(study.ids)
    batches = cut(ids, [name in there for name in ids])
    task = _WideTask(PartReader(study.files, study.schema), tuple(columns))

    def rows() -> Iterator[pa.Table]:
        results = in_order(run_batches(task, batches, config, "wide"))
        for batch, (counted, values) in zip(batches, results, strict=True):
            none = ~np.array(batch.keys, bool)
            arrays = head.slice(batch.first, len(batch.ids)).columns
            arrays += [pa.array(column, pa.int64(), mask=none) for column in counted.T]
            arrays += [pa.array(column, pa.float64(), from_pandas=True) for column in values.T]
            yield pa.Table.from_arrays(arrays, schema=schema)

    return _Pieces(schema, rows())


@dataclass(frozen=True)
class _WideTask:
    """Counts (recording, stage) and means (recording, column and stage) of a batch."""

    reader: PartReader
    columns: tuple[str, ...]

    def __call__(self, batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        counts = np.zeros((len(batch.ids), 1 + len(STAGES)), np.int64)
        means = np.full((len(batch.ids), len(self.columns), len(STAGES) + 1), np.nan)
        for k, (name, there) in enumerate(zip(batch.ids, batch.keys, strict=True)):
            if not there:
                continue
            epochs = self.reader.values(name, self.columns)
            counts[k, 0] = epochs.stages.size
            for i, stage in enumerate(STAGES):
                mine = epochs.stages == stage
                counts[k, 1 + i] = mine.sum()
                means[k, :, i] = Moments.of(epochs.values[:, mine]).means
            means[k, :, -1] = Moments.of(epochs.values).means
        return counts, means.reshape(len(batch.ids), -1)


def _long(study: FinishedStudy, columns: Sequence[str], config: ParallelConfig) -> _Pieces:
    task = _LongTask(PartReader(study.files, study.schema), tuple(columns))
    results = in_order(run_batches(task, cut(study.ids), config, "long"))
    return _Pieces(_LONG, results)


@dataclass(frozen=True)
class _LongTask:
    """Rows of a batch."""

    reader: PartReader
    columns: tuple[str, ...]

    def __call__(self, batch: Batch) -> pa.Table:
        parts = [rows for name in batch.ids for rows in self._rows(name)]
        return pa.concat_tables([_LONG.empty_table(), *parts]).combine_chunks()

    def _rows(self, recording_id: str) -> Iterator[pa.Table]:
        epochs = self.reader.values(recording_id, self.columns)
        for stage in (*STAGES, UNSCORED):
            values = epochs.values[:, epochs.stages == stage]
            moments = Moments.of(values)
            there = np.flatnonzero(moments.count)
            if there.size:
                arrays = [
                    pa.array([recording_id] * there.size),
                    pa.array([stage] * there.size),
                    pa.array([self.columns[k] for k in there]),
                    pa.array(moments.count[there]),
                    *(pa.array(each[there], from_pandas=True) for each in (moments.means, moments.std)),
                    pa.array(_medians(values[there], moments.count[there])),
                ]
                yield pa.Table.from_arrays(arrays, schema=_LONG)


def _medians(values: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Medians of rows that have so many values; NaN, which sorting puts last, does not count."""
    ascending = np.sort(values, axis=1)
    row = np.arange(len(values))
    medians: NDArray[np.float64] = (ascending[row, (count - 1) // 2] + ascending[row, count // 2]) / 2
    return medians


def _summary(study: FinishedStudy, columns: Sequence[str], by: Sequence[str], config: ParallelConfig) -> _Pieces:
    table = pa.Table.from_pandas(study.summary(by, columns, config=config), preserve_index=False)
    schema = pa.schema([(each.name, _plain(each.type)) for each in table.schema])
    return _Pieces(schema, iter([table.cast(schema)]))


def _plain(kind: Any) -> pa.DataType:
    """Type in which a column is written: one for all texts."""
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_null(kind) else kind
