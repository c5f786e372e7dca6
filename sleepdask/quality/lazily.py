"""Functions of whole nights, on what may not be computed yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import is_dask_collection

from sleepdask.errors import ParameterError
from sleepdask.io.tables import feature_nodes, is_features


def apply(function: Callable[..., Any], arrays: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """Call a function on arrays as a whole: at once if all are in memory, else once they are.

    Parameters
    ----------
    function
        Takes the arrays, and gives one of that shape and dtype.
    arrays
        Of NumPy or Dask.
    shape, dtype
        Of the result.
    """
    if not any(map(is_dask_collection, arrays)):
        return function(*arrays)
    whole = [
        each.rechunk(-1, method="tasks") if is_dask_collection(each) else da.from_array(each, chunks=-1)
        for each in arrays
    ]
    names = [tuple(f"{i}-{k}" for k in range(each.ndim)) for i, each in enumerate(whole)]
    pairs = [part for each, name in zip(whole, names, strict=True) for part in (each, name)]
    axes = tuple(f"new-{k}" for k in range(len(shape)))
    meta = np.empty((0,) * len(shape), dtype)
    result: da.Array = da.blockwise(
        _whole,
        axes,
        *pairs,
        function=function,
        dtype=dtype,
        meta=meta,
        new_axes=dict(zip(axes, shape, strict=True)),
        concatenate=True,
        align_arrays=False,
    )
    return result


def _whole(*arrays: Any, function: Callable[..., Any]) -> Any:
    return function(*arrays)


def epoch_channel(node: xr.Dataset, name: str) -> Any:
    """Data of a variable, dims (epoch, channel), lazy if it is."""
    return node.variables[name].transpose("epoch", "channel").data


def with_variables(features: xr.DataTree, path: str, variables: Mapping[str, Any]) -> None:
    """Put variables into a node of a tree that is a copy of our own."""
    node = cast(xr.DataTree, features[path])
    node.dataset = node.to_dataset(inherit=False).assign(variables)


def nodes_of(features: xr.DataTree, what: str) -> dict[str, xr.Dataset]:
    """Nodes of a tree of features, by name.

    Raises
    ------
    ParameterError
        It is none.
    """
    nodes = feature_nodes(features) if is_features(features) else {}
    if not nodes:
        raise ParameterError(
            f"{what} needs features", expected="the tree that extract gives, as a whole", found=type(features).__name__
        )
    return nodes
