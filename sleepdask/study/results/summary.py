"""What the features of a whole study are like, group by group, without ever holding its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from sleepdask.hypnogram import STAGES
from sleepdask.parallel.config import BackendName, ParallelConfig
from sleepdask.parallel.settings import resolve
from sleepdask.study.files import StudyFiles
from sleepdask.study.results.batches import Batch, cut, run_batches
from sleepdask.study.results.columns import feature_columns, select_columns, unknown
from sleepdask.study.results.covariates import Covariates, check_names, covariate_names, covariate_table
from sleepdask.study.results.moments import Moments
from sleepdask.study.results.reading import PartReader
from sleepdask.study.results.sketch import Sketch
from sleepdask.study.results.tree import FixedTree

STAGE = "stage"
QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}
STATISTICS = ("column", "recordings", "epochs", "mean", "std", "std_between", *QUANTILES)
Key = tuple[Any, ...]  # values of `by`


def summarise(
    files: StudyFiles,
    ids: Sequence[str],
    schema: pa.Schema,
    covariates: Covariates,
    *,
    by: str | Sequence[str] = (STAGE,),
    columns: str | Sequence[str] | None = None,
    backend: BackendName | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    security: Any = None,
    config: ParallelConfig | None = None,
    recordings_per_task: int | None = None,
) -> pd.DataFrame:
    """Summarise features of all recordings by stage and covariates.

    Each table is read once, by some worker, which returns counts, means and quantile sketches. These are merged in an
    order that the order of the recordings alone decides: the result has the same bits on every backend, and takes
    memory for groups and columns, not for recordings.

    Parameters
    ----------
    files
        Of the study.
    ids
        Recordings that have a table, in the order of the study's table.
    schema
        Of each table.
    covariates
        By id.
    by
        ``"stage"`` and names of covariates; none at all for one group.
    columns
        Names or globs of feature columns, such as ``"*/bandpower_delta"``; default all.
    backend, workers, scheduler, security, config
        Where to run, as in `compute`.
    recordings_per_task
        Default as many as keep workers busy, 32 at most.

    Returns
    -------
    summary
        A row for each group that has an epoch, and each column: the values of `by`; ``column``; ``recordings`` and
        ``epochs`` that have a value; ``mean`` and ``std`` of all epochs together; ``std_between``, that of the means of
        the recordings; ``min``, ``q05``, ``q25``, ``q50``, ``q75``, ``q95``, ``max``. Both deviations are those of a
        sample, NaN below two. Quantiles are within 0.5 %, the rest is exact. Epochs whose node has the status missing
        or failed, and NaN, do not count. Epochs not scored have the stage "", recordings that lack a covariate are a
        group of their own: "" among texts, NaN among numbers.

    Raises
    ------
    ParameterError
        A name in `by` is neither stage nor a covariate, or a pattern means no column.
    FileFormatError
        A table is missing, damaged, or of an earlier plan.
    """
    config = resolve(config, backend=backend, workers=workers, scheduler=scheduler, security=security)
    by = [by] if isinstance(by, str) else list(dict.fromkeys(by))
    known = _groups(covariates, ids, by)
    names = select_columns(feature_columns(schema), columns)
    task = _Task(PartReader(files, schema), tuple(names), by.index(STAGE) if STAGE in by else None)
    keys = list(known.itertuples(index=False, name=None)) if known.shape[1] else [()] * len(ids)
    tree: FixedTree[dict[Key, Group]] = FixedTree(_merged)
    for _, nodes in run_batches(task, cut(ids, keys, recordings_per_task), config, "summary"):
        for node in nodes:
            tree.add(*node)
    return _frame(tree.result() or {}, by, names, known)


@dataclass(frozen=True)
class Group:
    """What is known of the columns of one group: of its epochs, and of the means of its recordings."""

    pooled: Moments
    between: Moments
    sketch: Sketch

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Group:
        """Group of epochs of one recording, dims (column, epoch)."""
        pooled = Moments.of(values)
        return cls(pooled, Moments.of(pooled.means[:, None]), Sketch.of(values))

    def merge(self, other: Group) -> Group:
        """Group of the epochs of both, which are of other recordings."""
        return Group(
            self.pooled.merge(other.pooled), self.between.merge(other.between), self.sketch.merge(other.sketch)
        )


@dataclass(frozen=True)
class _Task:
    """Summarises a batch: gives nodes of the tree that merges all recordings."""

    reader: PartReader
    columns: tuple[str, ...]
    stage_at: int | None

    def __call__(self, batch: Batch) -> list[tuple[int, int, dict[Key, Group]]]:
        tree: FixedTree[dict[Key, Group]] = FixedTree(_merged)
        for k, (name, key) in enumerate(zip(batch.ids, batch.keys, strict=True)):
            tree.add(0, batch.first + k, dict(self._groups(name, key)))
        return list(tree.nodes())

    def _groups(self, recording_id: str, key: Key) -> Iterator[tuple[Key, Group]]:
        epochs = self.reader.values(recording_id, self.columns)
        if self.stage_at is None:
            if epochs.stages.size:
                yield key, Group.of(epochs.values)
            return
        for stage in np.unique(epochs.stages).tolist():
            whole = (*key[: self.stage_at], stage, *key[self.stage_at :])
            yield whole, Group.of(epochs.values[:, epochs.stages == stage])


def _merged(one: dict[Key, Group], other: dict[Key, Group]) -> dict[Key, Group]:
    both = {key: group.merge(other[key]) if key in other else group for key, group in one.items()}
    return both | {key: group for key, group in other.items() if key not in one}


def _groups(covariates: Covariates, ids: Sequence[str], by: Sequence[str]) -> pd.DataFrame:
    """Covariates that are grouped by; missing is "" among texts, None among numbers, as NaN is not equal to itself."""
    known = [STAGE, *covariate_names(covariates)]
    for name in by:
        if name not in known:
            raise unknown("cannot group by", name, known)
    check_names([name for name in by if name != STAGE], STATISTICS)
    table = covariate_table(covariates, ids, [name for name in by if name != STAGE])
    for name in table.columns:
        missing = table[name].isna()
        if table[name].dtype == "str":
            table[name] = table[name].fillna("")
        elif missing.any():
            table[name] = table[name].astype(object).where(~missing, None)
    return table


def _frame(groups: dict[Key, Group], by: Sequence[str], columns: Sequence[str], known: pd.DataFrame) -> pd.DataFrame:
    keys = sorted(groups, key=lambda key: [_place(name, value) for name, value in zip(by, key, strict=True)])
    parts: dict[str, list[NDArray[Any]]] = {name: [np.empty(0)] for name in STATISTICS[1:]}
    for key in keys:
        group = groups[key]
        parts["recordings"].append(group.between.count)
        parts["epochs"].append(group.pooled.count)
        parts["mean"].append(group.pooled.means)
        parts["std"].append(group.pooled.std)
        parts["std_between"].append(group.between.std)
        for name, values in zip(QUANTILES, group.sketch.quantiles(list(QUANTILES.values())).T, strict=True):
            parts[name].append(values)
    given: dict[str, Any] = {}
    for k, name in enumerate(by):
        values = [key[k] for key in keys]
        text = name == STAGE or known[name].dtype == "str"
        kind: Any = "str" if text else np.int64 if known[name].dtype == np.int64 else np.float64  # with NaN for None
        given[name] = pd.Series(values, dtype=kind).repeat(len(columns)).array
    given["column"] = pd.array(list(columns) * len(keys), dtype="str")
    for name, each in parts.items():
        given[name] = np.concatenate(each).astype(np.int64 if name in ("recordings", "epochs") else np.float64)
    return pd.DataFrame(given)


def _place(name: str, value: Any) -> tuple[int, Any]:
    """Place of a group among others: stages as they are scored, else ascending; what is missing comes last."""
    if value is None or value == "":
        return 2, 0
    if name == STAGE:
        return (0, STAGES.index(value)) if value in STAGES else (1, value)
    return 0, value
