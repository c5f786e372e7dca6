"""Runners: the only place where lazy objects are computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
import xarray as xr
from dask.base import is_dask_collection

from sleepdask.errors import ParameterError
from sleepdask.events.table import event_table, is_events
from sleepdask.features.cache import cache_key, recall, remember
from sleepdask.features.warm import warm_kernels
from sleepdask.io.remote.file import locate, named
from sleepdask.io.store.writing import staged_store
from sleepdask.io.tables import flat_table, is_features
from sleepdask.parallel.backends import backend_name, open_backend
from sleepdask.parallel.config import BackendName, ParallelConfig
from sleepdask.parallel.graphs import compute_on, persist_on
from sleepdask.parallel.progress import ProgressOption
from sleepdask.parallel.settings import resolve
from sleepdask.quality.table import is_table

_FEWEST_EPOCHS = 20


def compute(
    *objects: Any,
    backend: BackendName | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    security: Any = None,
    config: ParallelConfig | None = None,
    progress: ProgressOption = None,
) -> Any:
    """Compute trees, Datasets or DataArrays, all in one pass.

    Parameters
    ----------
    *objects
        What to compute. A `DataTree` is no Dask collection, so ``dask.compute`` would leave it lazy.
    backend, workers, scheduler, security, config
        Where to run, instead of what `ParallelConfig` says that holds here. No value depends on it. A scheduler at
        ``"tls://..."`` wants `security`, such as the folder of `parallel.make_tls`.
    progress
        True, False, ``"tqdm"``, ``"rich"``, or an object with the methods of `parallel.Progress`; default a bar
        on a terminal or in a notebook, if the configuration enables it.

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
    config = resolve(config, backend=backend, workers=workers, scheduler=scheduler, security=security)
    keys = [cache_key(item) for item in objects]
    results = [recall(key) for key in keys]
    missing = [i for i, result in enumerate(results) if result is None]
    if missing:
        for i, result in zip(missing, _run(compute_on, [objects[i] for i in missing], config, progress), strict=True):
            results[i] = result
            remember(keys[i], result)
    return _one_or_all(results)


def compute_here(features: xr.DataTree) -> xr.DataTree:
    """Compute in this thread, past the cache of features: for a task that is one of many on its worker."""
    done: xr.DataTree = _run(compute_on, [features], ParallelConfig(backend="sync"), progress=False)[0]
    return done


def persist(
    *objects: Any,
    backend: BackendName | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    security: Any = None,
    config: ParallelConfig | None = None,
    progress: ProgressOption = None,
) -> Any:
    """Compute and keep in memory as Dask collections; parameters as in `compute`.

    Examples
    --------
    >>> import xarray as xr
    >>> kept = persist(xr.DataArray([1.0, 2.0], dims="t").chunk(), backend="sync")
    >>> len(kept.data.dask)
    1
    """
    config = resolve(config, backend=backend, workers=workers, scheduler=scheduler, security=security)
    return _one_or_all(_run(persist_on, objects, config, progress))


def save_recording(
    recording: xr.DataTree,
    path: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    force: bool = False,
    backend: BackendName | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    security: Any = None,
    config: ParallelConfig | None = None,
    progress: ProgressOption = None,
) -> None:
    """Store a recording in Zarr, chunk by chunk in parallel; `open_recording` gives back an equal one.

    Samples are stored as they are, of the dtype that they have, and come back with the same bits. A task reads, and
    writes, one shard: about 16 MiB of samples, whole epochs of 30 s, one file. The store appears whole or not at all.

    Parameters
    ----------
    recording
        As `open_recording` gives it; best with ``chunks=None``, as it is then cut exactly where shards begin. It may
        have been changed: channels selected or renamed, units converted, signals filtered.
    path
        Folder to make; its name ends in ``.zarr``. Workers on other machines must see the same path.
    source
        File or URL that the recording was opened from: its name, size, time of change and SHA-256 are stored with it
        (of a URL, the version that its server tells).
    force
        Replace a store that is already there, once the new one is whole.
    backend, workers, scheduler, security, config, progress
        As in `compute`.

    Raises
    ------
    ParameterError
        The recording holds something that cannot be stored, such as an attribute that has no equal in JSON.
    OutputError
        The store is already there and `force` is False, or cannot be written.

    Examples
    --------
    >>> import sleepdask as sd
    >>> sd.save_recording(sd.open_recording("night.edf", chunks=None), "night.zarr", source="night.edf")
    >>> night = sd.open_recording("night.zarr")
    >>> night.attrs["provenance"]["source"]["name"], night["1Hz"].sizes["time"]
    ('night.edf', 360)
    """
    config = resolve(config, backend=backend, workers=workers, scheduler=scheduler, security=security)
    with staged_store(recording, Path(path), source=named(locate(source)) if source else None, force=force) as writes:
        if not writes:
            return
        if len(writes) == sum(write.size for write in writes) == 1:  # one shard needs no cluster to be started
            config = replace(config, backend="sync")
        with open_backend(config, prepare=warm_kernels) as engine:
            compute_on(engine, writes, config, progress)


def to_dataframe(features: xr.DataTree | xr.Dataset, *, flat: bool = False, **where: Any) -> pd.DataFrame:
    """Turn features, events, or what is told of quality into a table; what is lazy is computed first.

    Parameters
    ----------
    features
        As `extract` gives them; or the table that `quality.table` gives, which becomes one row a channel; or events as
        `events.detect` gives them, which become one row each: ``start`` (of the
        dtype of the times of features), ``duration`` in s, ``channel``, ``stage``, and what their kind has besides.
        ``attrs`` of the table then hold ``units``, ``definitions``, ``parameters`` and where it comes from.
    flat
        False: columns are a MultiIndex (signal, feature), rows a MultiIndex (epoch, start, stage), so that
        ``table.groupby("stage").mean(numeric_only=True)`` works. True: the columns of the written table,
        ``epoch``, ``start``, ``stage``, ``<channel>/<feature>``, ``<node>/coverage``, ``<node>/status``.
    **where
        Backend, workers, scheduler, security, config and progress of `compute`.

    Raises
    ------
    ParameterError
        This is no such tree, but one of its nodes, say: they do not know the stages.

    Examples
    --------
    >>> import sleepdask as sd
    >>> table = to_dataframe(sd.extract(sd.open_recording("night.edf"), sd.features.Hjorth()))
    >>> table["C3-M2"].columns.tolist()
    ['hjorth_activity', 'hjorth_mobility', 'hjorth_complexity']
    """
    if is_table(features):
        return cast(xr.Dataset, compute(features, **where)).to_dataframe()
    if is_events(features):
        return event_table(compute(features, **where))
    if not is_features(features):
        found = f"a node, {features.path}" if isinstance(features, xr.DataTree) else type(features).__name__
        raise ParameterError("this is no table of features", expected="the tree of extract, as a whole", found=found)
    table = flat_table(compute(features, **where))
    if flat:
        return table
    table = table.set_index(["epoch", "start", "stage"])
    table.columns = pd.MultiIndex.from_tuples(
        [tuple(name.rsplit("/", 1)) for name in table.columns], names=["signal", "feature"]
    )
    return table


def _run(runner: Any, objects: Sequence[Any], config: ParallelConfig, progress: ProgressOption) -> list[Any]:
    parts = [_collections(item) for item in objects]
    collections = [one for part in parts for one in part.values()]
    few = config.backend == "auto" and backend_name(config) == "threads" and all(map(_is_small, objects))
    if few or not any(map(is_dask_collection, collections)):  # what is in memory needs no cluster to be started
        config = replace(config, backend="sync")
    with open_backend(config, prepare=warm_kernels) as backend:
        done = iter(runner(backend, collections, config, progress))
    return [_rebuilt(item, {name: next(done) for name in part}) for item, part in zip(objects, parts, strict=True)]


def _is_small(item: Any) -> bool:
    """Whether there are too few epochs to share among workers."""
    return item.sizes.get("epoch", _FEWEST_EPOCHS) < _FEWEST_EPOCHS  # type: ignore[no-any-return]


def _one_or_all(results: Sequence[Any]) -> Any:
    return results[0] if len(results) == 1 else tuple(results)


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
