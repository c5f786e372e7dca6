"""Runners: the only place where lazy objects are computed."""

from __future__ import annotations

from typing import Any, TypeVar

import pandas as pd
import xarray as xr
from dask.base import compute as dask_compute
from dask.base import persist as dask_persist

from sleepdask.errors import ParameterError
from sleepdask.io.tables import flat_table
from sleepdask.parallel.backends import schedule
from sleepdask.parallel.config import ParallelConfig
from sleepdask.parallel.progress import progress_bar

T = TypeVar("T", xr.DataTree, xr.Dataset, xr.DataArray)


def compute(
    *objects: Any,
    backend: str = "auto",
    workers: int | None = None,
    config: ParallelConfig | None = None,
    progress: bool | None = None,
) -> Any:
    """Compute trees, Datasets or DataArrays, all in one pass.

    Parameters
    ----------
    *objects
        What to compute. A `DataTree` is no Dask collection, so ``dask.compute`` would leave it lazy.
    backend, workers, config
        Where to run; `config` says it all at once. No value depends on it.
    progress
        Show a bar; default on a terminal only.

    Returns
    -------
    computed
        The same object in memory, or a tuple of them if several are given.

    Examples
    --------
    >>> import xarray as xr
    >>> tree = xr.DataTree.from_dict({"/a": xr.Dataset({"x": ("t", [1.0, 2.0])}).chunk()})
    >>> float(compute(tree, backend="sync")["a/x"].sum())
    3.0
    """
    config = config or ParallelConfig(backend=backend, workers=workers)
    return _run(dask_compute, objects, config, progress=progress)


def persist(
    *objects: Any,
    backend: str = "auto",
    workers: int | None = None,
    config: ParallelConfig | None = None,
    progress: bool | None = None,
) -> Any:
    """Compute and keep in memory as Dask collections; parameters as in `compute`.

    Examples
    --------
    >>> import xarray as xr
    >>> kept = persist(xr.DataArray([1.0, 2.0], dims="t").chunk(), backend="sync")
    >>> len(kept.data.dask)
    1
    """
    config = config or ParallelConfig(backend=backend, workers=workers)
    return _run(dask_persist, objects, config, progress=progress)


def to_dataframe(features: xr.DataTree, *, flat: bool = False, **where: Any) -> pd.DataFrame:
    """Turn features into a table; lazy ones are computed first.

    Parameters
    ----------
    features
        As `extract` gives them.
    flat
        False: columns are a MultiIndex (signal, feature), rows a MultiIndex (epoch, start, stage), so that
        ``table.groupby("stage").mean(numeric_only=True)`` works. True: the columns of the written table,
        ``epoch``, ``start``, ``stage``, ``<channel>/<feature>``, ``<node>/coverage``, ``<node>/status``.
    **where
        Backend, workers, config and progress of `compute`.

    Examples
    --------
    >>> import sleepdask as sd
    >>> table = to_dataframe(sd.extract(sd.open_recording("night.edf"), sd.features.Hjorth()))
    >>> table["C3-M2"].columns.tolist()
    ['hjorth_activity', 'hjorth_mobility', 'hjorth_complexity']
    """
    table = flat_table(compute(features, **where))
    if flat:
        return table
    table = table.set_index(["epoch", "start", "stage"])
    table.columns = pd.MultiIndex.from_tuples(
        [tuple(name.rsplit("/", 1)) for name in table.columns], names=["signal", "feature"]
    )
    return table


def _run(runner: Any, objects: tuple[Any, ...], config: ParallelConfig, *, progress: bool | None) -> Any:
    parts = [_collections(item) for item in objects]
    with progress_bar("compute", wanted=progress):
        done = iter(runner(*(collection for part in parts for collection in part.values()), **schedule(config)))
    results = tuple(
        _rebuilt(item, {name: next(done) for name in part}) for item, part in zip(objects, parts, strict=True)
    )
    return results[0] if len(results) == 1 else results


def _collections(item: Any) -> dict[str, xr.Dataset | xr.DataArray]:
    if isinstance(item, xr.DataTree):
        return {node.relative_to(item): node.to_dataset(inherit=node is item) for node in item.subtree}
    if isinstance(item, xr.Dataset | xr.DataArray):
        return {"": item}
    raise ParameterError("cannot compute this", expected="a DataTree, Dataset or DataArray", found=type(item).__name__)


def _rebuilt(item: Any, parts: dict[str, Any]) -> Any:
    if not isinstance(item, xr.DataTree):
        return parts[""]
    return xr.DataTree.from_dict({("/" if path == "." else path): part for path, part in parts.items()}, name=item.name)
