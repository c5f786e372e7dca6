"""A second pass: features of a night in the light of its other epochs. Lazy, and over features only, never samples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sleepdask.errors import ParameterError
from sleepdask.features.base import check_choice
from sleepdask.io.tables import NOT_FEATURES, is_features
from sleepdask.parallel.light import light
from sleepdask.times import Duration, duration_ns

_SPREADS = {
    "iqr": ("interquartile range / 1.349", 1.3489795003921634),
    "mad": ("1.4826 x median absolute deviation", 0.6744897501960817),
}
_KINDS = {"centred": "c", "trailing": "p"}
_WEIGHTS = {"centred": "triangular", "trailing": "mean"}
_SHORT = re.compile(r"[^0-9A-Za-z]+")

Values = NDArray[np.float64]


def robust_zscore(features: xr.DataTree, *, spread: str = "iqr", suffix: str = "_robust") -> xr.DataTree:
    """Features less their median over the night, in robust standard deviations; each channel for itself.

    Parameters
    ----------
    features
        As `extract` gives them, lazy or computed.
    spread
        "iqr": the distance of the quartiles / 1.349. "mad": 1.4826 times the median absolute deviation. Both are the
        standard deviation where values are normal.
    suffix
        Put behind the names of features; empty: they keep their names.

    Returns
    -------
    features
        Tree of the same epochs and channels with these features alone, lazy if it was given so; `join_features` puts
        several such trees together. ``units`` are 1, ``definition`` tells what was done.

    Notes
    -----
    NaN and infinite values are left out and give NaN. A feature whose spread is zero, such as a constant, is NaN.
    Quantiles are interpolated linearly.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.arange(15_000.0)}, rate=100)
    >>> level = sd.extract(night, sd.features.Statistics(aggregations=("mean",)))
    >>> sd.compute(robust_zscore(level), backend="sync")["100Hz/mean_robust"].values.round(3).ravel().tolist()
    [-1.349, -0.674, 0.0, 0.674, 1.349]
    """
    check_choice("robust_zscore", "spread", spread, tuple(_SPREADS))
    told, width = _SPREADS[spread]
    definition = f"{{}}; less its median over the night, divided by its {told}"
    return _each(features, "robust_zscore", {"spread": spread, "width": width}, suffix, definition, units="1")


def scale_5_95(features: xr.DataTree, *, suffix: str = "_norm") -> xr.DataTree:
    """Features less their median over the night, in distances of their 5th and 95th percentiles; by channels.

    That is how YASA normalises a night. Parameters, result, and what becomes of NaN and constants, are as in
    `robust_zscore`.

    References
    ----------
    Vallat & Walker 2021, doi:10.7554/eLife.70092.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.arange(15_000.0)}, rate=100)
    >>> level = sd.extract(night, sd.features.Statistics(aggregations=("mean",)))
    >>> sd.compute(scale_5_95(level), backend="sync")["100Hz/mean_norm"].values.round(3).ravel().tolist()
    [-0.556, -0.278, 0.0, 0.278, 0.556]
    """
    definition = "{}; less its median over the night, divided by the distance of its 5th and 95th percentile"
    return _each(features, "scale_5_95", {}, suffix, definition, units="1")


def smooth(
    features: xr.DataTree,
    window: int | Duration,
    *,
    kind: str = "centred",
    weights: str | None = None,
    suffix: str | None = None,
) -> xr.DataTree:
    """Features averaged over neighbouring epochs; each channel for itself.

    Parameters
    ----------
    features
        As `extract` gives them, lazy or computed.
    window
        A whole number: epochs that count. A text or timedelta: the time that they span, such as ``"7.5min"`` (15 epochs
        of 30 s). It is an odd number of epochs for "centred".
    kind
        "centred": as many epochs before as after. "trailing": the epoch and those before it.
    weights
        "mean": all the same. "triangular": falling linearly from the epoch itself, to 1 / (k + 1) of it at the last of
        k to a side. Default "triangular" for centred and "mean" for trailing, as YASA has it.
    suffix
        Put behind the names; default ``_c`` (centred) or ``_p`` (past) and the window, such as ``_c7_5min``, ``_p4``.

    Returns
    -------
    features
        As of `robust_zscore`; units stay.

    Notes
    -----
    At the edges of the night, and beside epochs that are NaN or infinite, the mean is that of the others in the window.
    An epoch that is NaN or infinite itself stays NaN: nothing is made up for it.

    Raises
    ------
    ParameterError
        The window is no whole number of epochs, or even though it is centred.

    References
    ----------
    Vallat & Walker 2021, doi:10.7554/eLife.70092 (7.5 min centred, triangular; 2 min past).

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.repeat([0.0, 0, 4, 0, 0], 3000)}, rate=100)
    >>> level = sd.extract(night, sd.features.Statistics(aggregations=("mean",)))
    >>> sd.compute(smooth(level, "90s"), backend="sync")["100Hz/mean_c90s"].values.ravel().tolist()
    [0.0, 1.0, 2.0, 1.0, 0.0]
    """
    check_choice("smooth", "kind", kind, tuple(_KINDS))
    weights = _WEIGHTS[kind] if weights is None else weights
    check_choice("smooth", "weights", weights, ("mean", "triangular"))
    count = _epochs(features, window)
    if kind == "centred" and count % 2 == 0:
        raise ParameterError(
            "a centred window has an odd number of epochs", where="smooth", found=f"{window!r}, {count} epochs"
        )
    side = count // 2 if kind == "centred" else count - 1
    slopes = side + 1 - np.abs(np.arange(count) - side) if weights == "triangular" else np.ones(count)
    text = _SHORT.sub("_", str(window)).strip("_")
    suffix = f"_{_KINDS[kind]}{text}" if suffix is None else suffix
    shape = "" if weights == "mean" else f"{weights} "
    definition = f"{{}}; {kind} {shape}mean over {count} epochs, NaN left out"
    return _each(features, "smooth", {"weights": tuple(slopes.tolist()), "before": side}, suffix, definition)


def lag(features: xr.DataTree, epochs: int = 1, *, suffix: str | None = None) -> xr.DataTree:
    """Features of an earlier epoch, so that a row also holds what was before; each channel for itself.

    Parameters
    ----------
    features
        As `extract` gives them, lazy or computed.
    epochs
        How many epochs earlier; later, if it is negative.
    suffix
        Put behind the names; default such as ``_lag1``, or ``_lead1`` for later ones.

    Returns
    -------
    features
        As of `robust_zscore`; units stay. NaN where the night has no such epoch.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.repeat([1.0, 2, 3], 3000)}, rate=100)
    >>> level = sd.extract(night, sd.features.Statistics(aggregations=("mean",)))
    >>> sd.compute(lag(level, 1), backend="sync")["100Hz/mean_lag1"].values.ravel().tolist()
    [nan, 1.0, 2.0]
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs == 0:
        raise ParameterError("epochs must be a whole number, not 0", where="lag", found=repr(epochs))
    suffix = f"_{'lag' if epochs > 0 else 'lead'}{abs(epochs)}" if suffix is None else suffix
    definition = f"{{}}; {abs(epochs)} epoch{'s' * (abs(epochs) > 1)} {'earlier' if epochs > 0 else 'later'}"
    return _each(features, "lag", {"by": epochs}, suffix, definition)


def join_features(*trees: xr.DataTree) -> xr.DataTree:
    """Put features of the same epochs and channels side by side; lazy.

    Coverage, status and reason are those of the first tree.

    Raises
    ------
    ParameterError
        Epochs, nodes or channels differ, or two trees have a feature of one name.

    Examples
    --------
    >>> import numpy as np
    >>> import sleepdask as sd
    >>> night = sd.recording_from_arrays({"C3": np.arange(9000.0)}, rate=100)
    >>> level = sd.extract(night, sd.features.Statistics(aggregations=("mean",)))
    >>> sd.to_dataframe(join_features(level, lag(level)), backend="sync")["C3"].columns.tolist()
    ['mean', 'mean_lag1']
    """
    if not trees:
        raise ParameterError("no features are given", where="join_features")
    first, *others = [_checked(tree, "join_features") for tree in trees]
    nodes = _nodes(first)
    for other in others:
        _check_same(first, other)
        for name, node in _nodes(other).items():
            new = {each: value for each, value in node.data_vars.items() if each not in NOT_FEATURES}
            if twice := [str(each) for each in new if each in nodes[name].data_vars]:
                raise ParameterError(
                    "two trees have a feature of one name",
                    where=name,
                    found=", ".join(twice),
                    fix="give a suffix",
                )
            nodes[name] = nodes[name].assign({each: value.variable for each, value in new.items()})
    return _tree(first, nodes)


def _each(
    features: xr.DataTree, step: str, told: dict[str, Any], suffix: str, definition: str, units: str | None = None
) -> xr.DataTree:
    """Tree with each feature replaced by what one step makes of it."""
    features = _checked(features, step)
    nodes = {}
    for name, node in _nodes(features).items():
        made: dict[str, xr.Variable] = {}
        for each, value in node.data_vars.items():
            if each in NOT_FEATURES:
                made[str(each)] = value.variable
            elif value.dtype.kind == "f":
                attrs = dict(value.attrs) | {"definition": definition.format(value.attrs.get("definition", each))}
                attrs |= {} if units is None else {"units": units}
                variable = value.variable.transpose("epoch", ...)
                made[f"{each}{suffix}"] = xr.Variable(variable.dims, _lazily(variable.data, step, told), attrs)
        nodes[name] = xr.Dataset(made, coords=node.coords, attrs=node.attrs)
    return _tree(features, nodes)


def _nodes(features: xr.DataTree) -> dict[str, xr.Dataset]:
    found = [node for node in features.subtree if "status" in node.data_vars]
    return {node.path.strip("/"): node.to_dataset(inherit=False) for node in found}


def _tree(features: xr.DataTree, nodes: dict[str, xr.Dataset]) -> xr.DataTree:
    return xr.DataTree.from_dict({"/": features.to_dataset(inherit=False)} | nodes, name=features.name)


def _lazily(values: Any, step: str, told: dict[str, Any]) -> Any:
    if not isinstance(values, da.Array):
        return _made(values, step, told)
    whole = values.rechunk(dict.fromkeys(range(values.ndim), -1), method="tasks")
    return da.map_blocks(_made, whole, step, told, dtype=np.float64, meta=np.empty((0,) * values.ndim))


@light
def _made(values: NDArray[Any], step: str, told: dict[str, Any]) -> Values:
    columns = np.asarray(values, np.float64)
    return _STEPS[step](columns.reshape(len(columns), -1), told).reshape(columns.shape)


def _zscore(columns: Values, told: dict[str, Any]) -> Values:
    from sleepdask.features.kernels import nights as kernel

    if told["spread"] == "mad":
        return kernel.less_middle_by_deviation(columns, told["width"])
    return kernel.less_middle(columns, 0.25, 0.75, told["width"])


def _scaled(columns: Values, told: dict[str, Any]) -> Values:
    from sleepdask.features.kernels import nights as kernel

    return kernel.less_middle(columns, 0.05, 0.95, 1.0)


def _smoothed(columns: Values, told: dict[str, Any]) -> Values:
    from sleepdask.features.kernels import nights as kernel

    return kernel.weighted_mean(columns, np.array(told["weights"]), told["before"])


def _lagged(columns: Values, told: dict[str, Any]) -> Values:
    from sleepdask.features.kernels import nights as kernel

    return kernel.shifted(columns, told["by"])


_STEPS: dict[str, Callable[[Values, dict[str, Any]], Values]] = {
    "robust_zscore": _zscore,
    "scale_5_95": _scaled,
    "smooth": _smoothed,
    "lag": _lagged,
}


def _checked(features: xr.DataTree, where: str) -> xr.DataTree:
    if not is_features(features):
        found = type(features).__name__ if not isinstance(features, xr.DataTree) else f"a node, {features.path}"
        raise ParameterError("these are no features", where=where, expected="the tree of extract", found=found)
    return features


def _check_same(first: xr.DataTree, other: xr.DataTree) -> None:
    if not first.coords["start"].equals(other.coords["start"]):
        raise ParameterError("the epochs differ", where="join_features")
    nodes = _nodes(first)
    for name, node in _nodes(other).items():
        if name not in nodes or not node["channel"].equals(nodes[name]["channel"]):
            raise ParameterError("the channels differ", where=f"join_features, {name}")


def _epochs(features: xr.DataTree, window: int | Duration) -> int:
    """Epochs that a window spans."""
    if isinstance(window, int) and not isinstance(window, bool):
        count = window
    elif isinstance(window, float | bool):
        expected = "a whole number of epochs, or a time such as '7.5min'"
        raise ParameterError("the window is neither", where="smooth", expected=expected, found=repr(window))
    else:
        step = round(_checked(features, "smooth").attrs["step_seconds"] * 1e9)
        count, rest = divmod(duration_ns(window, "window"), step)
        if rest:
            raise ParameterError(
                "the window is no whole number of epochs",
                where="smooth",
                expected=f"a multiple of {step / 1e9:g} s",
                found=repr(window),
            )
    if count < 1:
        raise ParameterError("the window must hold at least one epoch", where="smooth", found=repr(window))
    return count
